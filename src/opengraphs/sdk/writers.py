"""The journals of one process in a run folder: metrics, events, samples, system."""

from __future__ import annotations

import os
import time

from . import layout, warn
from .filesystem import choose_mode
from .journal import Journal, is_written
from .plain import plain
from .window import Sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from .ranks import Place

_SMALL = Sizes(first=16 << 10, largest=1 << 20)


class Writers:
    """Opens journals under a name that no other process of the run has.

    Attributes:
        name: `a<attempt>-r<rank>`, behind the prefix.
        mode: `mapped` or `append`, as the metric journal is really written.
    """

    def __init__(self, run_dir: str, place: Place, *, attempt: int, prefix: str = "") -> None:
        """Claim the first free attempt from `attempt` on.

        A name that exists belongs to another process of this rank, alive or dead: a script
        that ran before in the same run, or one beside it.

        Args:
            prefix: `mirror-` for what is captured. Processes come and go beside the one that
                trains, so beside a name whose process lives theirs ends in `-f<pid>`, as that
                of a forked child: side by side, and not one the restart of the other.

        Raises:
            OSError: the run folder cannot be written.
        """
        self._run_dir = run_dir
        self._rank = place.rank
        self._prefix = prefix
        self._mode = choose_mode(run_dir)
        self._extra: Dict[str, Journal] = {}
        for folder in layout.RUN_FOLDERS:
            os.makedirs(os.path.join(run_dir, folder), exist_ok=True)
        self.attempt, self.metrics = self._claim(attempt)
        self.name = self.metrics.writer
        self.mode = self.metrics.mode
        self.events = self._open(layout.EVENTS, self.name)

    def _claim(self, attempt: int) -> tuple[int, Journal]:
        folder = os.path.join(self._run_dir, layout.METRICS)
        while True:
            name = "%sa%d-r%d" % (self._prefix, attempt, self._rank)
            try:
                return attempt, self._create(folder, name)
            except FileExistsError:
                if self._prefix and is_written(folder, name):
                    return attempt, self._create_beside(folder, name)
                attempt += 1

    def _create(self, folder: str, name: str) -> Journal:
        journal = Journal(folder, name, mode=self._mode, upkeep=True, is_new=True)
        self._watch(journal)
        return journal

    def _create_beside(self, folder: str, name: str) -> Journal:
        number = 1
        while True:
            beside = "%s-f%d" % (name, os.getpid())
            try:
                return self._create(folder, beside if number == 1 else "%s.%d" % (beside, number))
            except FileExistsError:  # a process of the same number, before the machine gave it out again
                number += 1

    def _open(self, folder: str, writer: str) -> Journal:
        journal = Journal(
            os.path.join(self._run_dir, folder), writer, mode=self._mode, upkeep=True, sizes=_SMALL
        )
        self._watch(journal)
        return journal

    def _watch(self, journal: Journal) -> None:
        journal.on_drop = self._on_drop
        journal.on_space = self._on_space

    def _on_drop(self, error: OSError) -> None:
        warn.complain(
            "dropped",
            "records are dropped until they can be written again (%s): %s"
            % (error.strerror or error, self._run_dir),
            error,
        )

    def _on_space(self, dropped: int) -> None:
        self.event("status", {"dropped": dropped, "reason": "no space"})

    def event(self, kind: str, payload: Dict[str, Any]) -> None:
        """Append an event; its values may be anything."""
        self.events.append({"time": time.time(), "kind": kind, **plain(payload)})

    def samples(self) -> Journal:
        """The journal of samples, opened when first asked for."""
        return self._extra.get(layout.SAMPLES) or self._add(layout.SAMPLES, self.name)

    def system(self) -> Journal:
        """The journal of system figures that the script itself measures."""
        return self._extra.get(layout.SYSTEM) or self._add(layout.SYSTEM, "sdk-" + self.name)

    def _add(self, folder: str, writer: str) -> Journal:
        journal = self._open(folder, writer)
        self._extra[folder] = journal
        return journal

    def close(self) -> None:
        """Cut all files at their ends, sync and seal them."""
        for journal in (self.metrics, *self._extra.values(), self.events):
            journal.close()


class NoWriters:
    """In place of `Writers` when there is nowhere to write; its own journal of every kind.

    Args:
        reason: told once when something comes; None keeps silent.
    """

    name = "a0-r0"
    mode = "append"
    attempt = 0

    def __init__(self, reason: Optional[str] = None) -> None:
        self._reason = reason
        self.metrics = self

    def put(self, _body: bytes) -> None:
        """Nothing."""
        if self._reason:
            warn.complain("nowhere", self._reason)

    def append(self, _record: Dict[str, Any]) -> None:
        """Nothing."""
        self.put(b"")

    def event(self, _kind: str, _payload: Dict[str, Any]) -> None:
        """Nothing."""
        self.put(b"")

    def samples(self) -> NoWriters:
        """A journal that swallows everything."""
        return self

    def system(self) -> NoWriters:
        """A journal that swallows everything."""
        return self

    def close(self) -> None:
        """Nothing."""


def first_attempt(run_dir: str, rank: int) -> int:
    """The attempt after the last one of this rank in a run; 0 when there is none."""
    last = -1
    try:
        names = os.listdir(os.path.join(run_dir, layout.METRICS))
    except OSError:
        return 0
    for name in names:
        found = layout.split_segment(name)
        attempt = _attempt(found[0], rank) if found else None
        last = last if attempt is None else max(last, attempt)
    return last + 1


def _attempt(writer: str, rank: int) -> Optional[int]:
    """`a3-r0` → 3 for rank 0; None for other writers."""
    head, dash, tail = writer.partition("-r")
    is_mine = bool(dash) and tail == str(rank) and head.startswith("a") and head[1:].isdigit()
    return int(head[1:]) if is_mine else None
