"""Run folders of runs that og did not start: written from what a foreign program recorded or sent.

One `RunCopy` is the only writer of its files in the folder, which bear its writer's name, and
of run.json. It buffers; what `flush` returned is in the page cache. The sizes that `flush`
returns (marks), kept beside the place in the source up to which was read, make the two one:
after a kill the files are cut back to the marks and reading goes on from there, so that each
record is copied once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from opengraphs.records import RunFacts, Status
from opengraphs.sdk import jsonfile, layout
from opengraphs.sdk.plain import plain
from opengraphs.store.folder import RunFolder, list_segments
from opengraphs.store.runjson import complete, read_run_json

BUFFER_BYTES = 1 << 20
"""More than this is written without waiting for `flush`; marks are made by `flush` alone."""
_encode = msgspec.json.Encoder().encode
_JOURNALS = (layout.METRICS, layout.SYSTEM, layout.EVENTS, layout.SAMPLES)


class RunCopy:
    """Writes one run folder. One thread at a time.

    Attributes:
        folder: the run folder.
        facts: run.json as it is or will be after the next `flush`.
    """

    def __init__(self, path: Path, facts: RunFacts, writer: str) -> None:
        """Use `open`."""
        self.folder = RunFolder(path)
        self.facts = facts
        self._writer = writer
        self._files: dict[str, _File] = {}
        self._has_news = False

    @classmethod
    def open(
        cls, path: Path, facts: RunFacts, *, writer: str, marks: Mapping[str, int] | None = None
    ) -> RunCopy:
        """Make the folder, or go on writing one.

        Args:
            path: `<store>/runs/<run_id>`; its parents are made.
            facts: what is known; what run.json has already stays where `facts` is silent.
            writer: name of the journals: letters, digits, `-` and `_`.
            marks: as the last `flush` returned them that counts: what was written after it is
                cut off. None keeps everything but a torn last line.

        Raises:
            OSError: the folder cannot be written.
        """
        path.mkdir(parents=True, exist_ok=True)  # the folders in it are made for what comes into them
        known = read_run_json(path / layout.RUN_JSON).facts
        copy = cls(path, complete(cast("RunFacts", {**known, **facts}), path.name), writer)
        copy._has_news = copy.facts != known
        copy._cut_back(marks)
        return copy

    @classmethod
    def join(cls, path: Path, *, writer: str) -> RunCopy:
        """Write beside others into a run folder whose run.json belongs to somebody else.

        Facts have no place there (`set_facts`, `finish`): say them as events.

        Raises:
            OSError: there is no such folder, or it cannot be written.
        """
        copy = cls(path, read_run_json(path / layout.RUN_JSON).facts, writer)
        copy._cut_back(None)
        return copy

    def _cut_back(self, marks: Mapping[str, int] | None) -> None:
        for name in self._own_files():
            path = self.folder.path / name
            if marks is None:
                _cut_torn_line(path, is_text=name == layout.STDOUT_LOG)
            elif name in marks:
                if path.stat().st_size > marks[name]:
                    os.truncate(path, marks[name])
            else:
                path.unlink()

    def lacks(self, marks: Mapping[str, int]) -> bool:
        """Whether a file is shorter than its mark (a power cut, somebody's hand): begin anew then."""
        for name, size in marks.items():
            try:
                if (self.folder.path / name).stat().st_size < size:
                    return True
            except FileNotFoundError:
                return True
        return False

    def _own_files(self) -> Iterator[str]:
        """Names, relative to the folder, of what this writer has written so far."""
        for kind in _JOURNALS:
            for number in list_segments(self.folder.path / kind).get(self._writer, ()):
                yield f"{kind}/{layout.segment_name(self._writer, number)}"
        if self.folder.stdout_log.exists():
            yield layout.STDOUT_LOG

    # -- records ---------------------------------------------------------------------------------

    def set_facts(self, **changes: Any) -> None:
        """Members of run.json that are new; written by the next `flush`."""
        facts = cast("RunFacts", {**self.facts, **changes})
        if facts != self.facts:
            self.facts = facts
            self._has_news = True

    def finish(self, status: Status, *, ended_at_s: float | None, exit_code: int | None = None) -> None:
        """The run ended, as far as its source tells."""
        ended_at = None if ended_at_s is None else layout.utc_iso(ended_at_s)
        self.set_facts(status=status, ended_at=ended_at, exit_code=exit_code)

    def metrics(
        self,
        step: int,
        time: float,
        metrics: Mapping[str, float],
        *,
        source: str | None = None,
        rank: int | None = None,
        log_id: str | None = None,
    ) -> None:
        """One metric record; values that are not finite become what stands for them.

        `log_id`, here and below: the sender's own name of the record, kept in its line.
        """
        record: dict[str, Any] = {"step": step, "time": time, "metrics": metrics}
        if not math.isfinite(sum(metrics.values())):
            record["metrics"] = {key: _wire(value) for key, value in metrics.items()}
        if rank:
            record["rank"] = rank
        if source is not None:
            record["source"] = source
        if log_id:
            record["log_id"] = log_id
        self._put(layout.METRICS, _encode(record))

    def system(
        self, time: float, metrics: Mapping[str, float], *, host: str = "", log_id: str | None = None
    ) -> None:
        """Figures of the machine at one time."""
        record: dict[str, Any] = {
            "time": time,
            "metrics": {key: _wire(value) for key, value in metrics.items()},
        }
        if host:
            record["host"] = host
        if log_id:
            record["log_id"] = log_id
        self._put(layout.SYSTEM, _encode(record))

    def event(self, time: float, kind: str, payload: Mapping[str, Any]) -> None:
        """One line of events/."""
        self._put(layout.EVENTS, _encode({**plain(payload), "time": time, "kind": kind}))

    def sample(
        self, time: float, step: int, name: str, columns: Mapping[str, Any], *, log_id: str | None = None
    ) -> None:
        """One line of samples/."""
        record = {"time": time, "step": step, "rank": 0, "name": name, "columns": plain(columns)}
        if log_id:
            record["log_id"] = log_id
        self._put(layout.SAMPLES, _encode(record))

    def log(self, data: bytes) -> None:
        """More of the run's output."""
        self._file(layout.STDOUT_LOG, None).put(data)

    def _put(self, kind: str, line: bytes) -> None:
        self._file(kind, self._writer).put(line + b"\n")

    def _file(self, kind: str, writer: str | None) -> _File:
        found = self._files.get(kind)
        if found is None:
            found = self._files[kind] = _File(self.folder.path, kind, writer)
        return found

    # -- keeping ---------------------------------------------------------------------------------

    def flush(self) -> dict[str, int]:
        """Bring everything into the page cache; the size of every file of this writer.

        Raises:
            OSError: something could not be written; it stays buffered, the files end with whole records.
        """
        for file in self._files.values():
            file.flush()
        if self._has_news:
            jsonfile.write_json(str(self.folder.run_json), cast("dict[str, Any]", self.facts))
            self._has_news = False
        return {name: (self.folder.path / name).stat().st_size for name in self._own_files()}

    def reset(self) -> None:
        """Remove what was copied of metrics, system, events, samples and log; facts stay."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        for name in list(self._own_files()):
            (self.folder.path / name).unlink()

    def close(self) -> None:
        """Let go of the files. What was not flushed is lost."""
        for file in self._files.values():
            file.close()
        self._files.clear()


class _File:
    """The end of one file; journals go on in the next segment when one is full."""

    def __init__(self, folder: Path, kind: str, writer: str | None) -> None:
        self._base = folder / kind
        self._writer = writer
        numbers = list_segments(self._base).get(writer, [0]) if writer is not None else [0]
        self._number = numbers[-1]
        self._fd = -1
        self._size = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def put(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        self._make_ready()
        data = b"".join(self._waiting)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError:
            os.ftruncate(self._fd, self._size)
            self._waiting = [data]
            raise
        self._size += len(data)
        self._waiting.clear()
        self._waiting_bytes = 0

    def _make_ready(self) -> None:
        """Open the file; another one for what would be too much in this one."""
        if self._writer is not None and self._fd >= 0 and self._size >= layout.SEGMENT_BYTES:
            self.close()
            self._number += 1
        if self._fd < 0:
            path = (
                self._base
                if self._writer is None
                else self._base / layout.segment_name(self._writer, self._number)
            )
            path.parent.mkdir(exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(path, flags, 0o644)
            self._size = os.fstat(self._fd).st_size

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _wire(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _cut_torn_line(path: Path, *, is_text: bool) -> None:
    """Cut a last line that lacks its end; text may end anywhere."""
    if is_text:
        return
    with path.open("rb+") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - (64 << 10))
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
