"""The journals behind all mirrors of this process, opened through the SDK with the first record.

Imported when something is mirrored for the first time: until then a training process has
loaded nothing of the SDK. `ogd` believes the SDK and the run's owner before anything here.
"""

from __future__ import annotations

import os
import time
from _thread import RLock

from opengraphs.sdk import checkpoints, encode, keeper, layout, ranks, values, writers
from opengraphs.sdk.jsonfile import read_json
from opengraphs.sdk.redact import redact_config

from . import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

PROGRESS_S = 1.0
JOINTS = {"wandb": "."}
"""How a library itself writes the names of nested metrics."""
LEVELS = ("info", "warn", "error")
_lock = RLock()
_channel: Optional[Channel] = None


def channel() -> Channel:
    """The channel of this process.

    Raises:
        OSError: the run folder cannot be written.
    """
    global _channel
    if _channel is None:
        with _lock:
            if _channel is None:
                _channel = Channel(os.environ["OG_RUN_DIR"])
    return _channel


def is_open() -> bool:
    """Whether anything was mirrored in this process."""
    return _channel is not None


def close() -> None:
    """At the end of the process: cut, sync and seal what was written."""
    if _channel is not None:
        _channel.close()


class Channel:
    """Writes `mirror-a<attempt>-r<rank>` journals of one run folder. Threads may share it."""

    def __init__(self, run_dir: str) -> None:
        """Claim a name that no other process of the run has.

        Raises:
            OSError: the run folder cannot be written, or is gone.
        """
        if not os.path.isdir(run_dir):
            raise FileNotFoundError("the run folder is gone: %s" % run_dir)
        place = ranks.find_place()
        self._run_dir = run_dir
        self._rank = place.rank
        self._writers = writers.Writers(run_dir, place, attempt=place.attempt, prefix="mirror-")
        self._journal = self._writers.metrics
        self._told_hooks: Dict[str, str] = {}
        self._progress: Optional[Dict[str, Any]] = None
        self._is_progress_told = True
        self._progress_at = 0.0
        self._is_closed = False
        self._join(place)
        keeper.keeper().add(self._tend)

    def _join(self, place: ranks.Place) -> None:
        facts = {"rank": place.rank, "world_size": place.world_size, "pid": os.getpid()}
        self.event("rank", {**facts, "host": layout.host_name(), "journal": self._writers.mode})

    # -- records ---------------------------------------------------------------------------------

    def put(self, line: bytes) -> None:
        """Append a line of metrics that is encoded already."""
        self._journal.put(line)

    def encoder(self, source: str) -> encode.Encode:
        """The encoder of metric lines of this source."""
        return encode.metric_encoder(self._rank, source)

    def log_any(self, source: str, metrics: Mapping[str, Any], step: int) -> None:
        """The slow way: numbers are picked out of whatever was given."""
        found = values.numbers(metrics, lambda *_: None, joint=JOINTS.get(source, "/"))
        if not found:
            return
        record: Dict[str, Any] = {"step": step, "time": time.time()}
        record["metrics"] = {key: values.wire(value) for key, value in found.items()}
        if self._rank > 0:
            record["rank"] = self._rank
        record["source"] = source
        self._journal.put(encode.line(record))

    def event(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Append an event; before it, which hooks are active, when that has changed."""
        if self._told_hooks != guard.ACTIVE:
            self._tell_hooks()
        self._writers.event(kind, dict(payload))

    def config(self, found: Mapping[str, Any]) -> None:
        """Append settings; what looks like a secret is left out."""
        self.event("config", {"config": redact_config(found)})

    def name(self, text: str) -> None:
        """Rename the run, unless its user has: the name that og makes ends as the run's id does."""
        known = read_json(os.path.join(self._run_dir, layout.RUN_JSON)).get("name", "")
        if text and str(known).endswith("-" + os.path.basename(self._run_dir).rpartition("-")[2]):
            self.event("name", {"name": text})

    def alert(self, source: str, title: str, text: str, level: str, step: int) -> None:
        """Append an alert that the script raised through `source`."""
        known = str(getattr(level, "value", level)).lower()
        known = "warn" if known == "warning" else known
        payload: Dict[str, Any] = {
            "alert_id": "%s-%s-%s" % (source, layout.new_run_id().rpartition("-")[2], self._writers.name),
            "detector": "script",
            "metric": None,
            "level": known if known in LEVELS else "info",
            "state": "fired",
            "onset_step": step,
            "step": step,
            "title": str(title),
            "text": str(text or ""),
            "evidence": {},
        }
        self.event("alert", payload)

    def checkpoint(self, path: Any, step: int, metrics: Mapping[str, Any]) -> None:
        """Append a checkpoint event."""
        found = values.numbers(metrics, lambda *_: None)
        letters = layout.new_run_id().rpartition("-")[2]
        self.event(
            "checkpoint",
            {
                "checkpoint_id": "%s-%d-%s" % (self._writers.name, step, letters),
                "step": step,
                **checkpoints.describe(os.fspath(path)),
                "metrics": {key: values.wire(value) for key, value in found.items()},
            },
        )

    def system(self, metrics: Mapping[str, Any]) -> None:
        """Append figures of the machine."""
        found = values.numbers(metrics, lambda *_: None)
        record = {key: values.wire(value) for key, value in found.items()}
        if record:
            host = layout.host_name()
            self._writers.system().append({"time": time.time(), "host": host, "metrics": record})

    def progress(self, step: Optional[int], total: Optional[int], unit: str) -> None:
        """Remember how far the training is; it is written when it is due."""
        known = (self._progress or {}).get("total") if total is None else int(total)
        before = self._progress
        self._progress = {"step": None if step is None else int(step), "total": known, "unit": unit}
        self._is_progress_told = False
        if before is None or known != before["total"] or time.monotonic() - self._progress_at >= PROGRESS_S:
            self._tell_progress()

    def _tell_progress(self) -> None:
        if not self._is_progress_told:
            self._is_progress_told, self._progress_at = True, time.monotonic()
            self.event("progress", {"progress": self._progress})

    def _tell_hooks(self) -> None:
        self._told_hooks = dict(guard.ACTIVE)
        self._writers.event("hooks", guard.hooks_now())

    # -- life ------------------------------------------------------------------------------------

    def _tend(self, now: float) -> None:
        """The keeper's round."""
        if self._told_hooks != guard.ACTIVE:
            self._tell_hooks()
        if now - self._progress_at >= PROGRESS_S:
            self._tell_progress()

    def close(self) -> None:
        """Write what is still to be told, and close the journals. Later records are dropped."""
        if self._is_closed:
            return
        self._is_closed = True
        keeper.keeper().remove(self._tend)
        self._tell_progress()
        self._writers.close()
