"""`agent/actions/<action_id>.jsonl`: a record is on the disk before what it announces is begun."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opengraphs.errors import StoreError
from opengraphs.guard.durable import sync_folder

FOLDER = "actions"


class Journal:
    """The records of one action: `{"time", "step", "phase", …}`, phase `intent`, `done` or `failed`."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError when it cannot be read."""
        self.path = path
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise _trouble(error, path) from error
        self._end = data.rfind(b"\n") + 1
        self.records = [_record(line, path) for line in data[: self._end].splitlines()]

    def append(self, now: float, step: str, phase: str, **fields: Any) -> dict[str, Any]:
        """Add a record; what a killed writer left of one is cut first.

        Raises:
            StoreError: it is not on the disk.
        """
        record = {"time": now, "step": step, "phase": phase, **fields}
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        try:
            self._write(line)
        except OSError as error:
            raise _trouble(error, self.path) from error
        self._end += len(line)
        self.records.append(record)
        return record

    def last(self, step: str, **fields: Any) -> dict[str, Any] | None:
        """The newest record of a step whose fields are so."""
        return next(self._of(step, fields), None)

    def _of(self, step: str, fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for record in reversed(self.records):
            if record["step"] == step and all(record.get(name) == value for name, value in fields.items()):
                yield record

    def _write(self, line: bytes) -> None:
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, self._end)
            view, at = memoryview(line), self._end
            while view:
                written = os.pwrite(fd, view, at)
                view, at = view[written:], at + written
            os.fsync(fd)
        finally:
            os.close(fd)
        if is_new:
            sync_folder(self.path.parent)
            sync_folder(self.path.parent.parent)


def _record(line: bytes, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if isinstance(record, dict) and {"time", "step", "phase"} <= record.keys():
            return record
    except ValueError:
        pass
    raise StoreError("the journal of an action is damaged; nothing is done by it", path=str(path))


def _trouble(error: OSError, path: Path) -> StoreError:
    return StoreError(f"the journal of an action cannot be kept: {error.strerror}", path=str(path))
