"""What was asked, answered, decided and done, so that nothing of it can be changed unseen.

One process writes (`ogd`); a record is on the disk when `append` returns. Secrets are hidden before
anything is hashed, so that the chain never has to be broken to take one out.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from opengraphs.errors import ConflictError, DiskFullError, StoreError
from opengraphs.guard.chain import (
    BLOBS,
    FILE,
    GAP,
    HEAD,
    RESERVED,
    START,
    Checked,
    Head,
    last_line,
    line_of,
    parsed,
    plain,
    read,
    read_head,
    sealed,
    verify,
)
from opengraphs.guard.durable import sync_folder
from opengraphs.redaction import Redactor

__all__ = ["KINDS", "OWN_KINDS", "Audit", "Checked", "read", "verify"]

KINDS = (
    "prompt",
    "answer",
    "tool",
    "plan",
    "verdict",
    "approval",
    "decision",
    "snapshot",
    "stopping",
    "patched",
    "smoke",
    "restarting",
    "verifying",
    "keeping",
    "rolling_back",
    "done",
    "mode",
    "killswitch",
    "usage",
    "recovery",
)
"""What is written by the daemon; docs/agent.md says what each is about. Others may come."""
OWN_KINDS = ("repair", GAP)
"""What the audit writes about itself."""
LONG_TEXT = 8192
"""A longer text stands in a blob, and `{"blob", "size_bytes"}` in its place."""
_SHA = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z_]{0,31}")
_OPEN = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Audit:
    """The audit of one run, open for writing."""

    def __init__(self, folder: Path, redactor: Redactor, *, clock: Callable[[], float] = time.time) -> None:
        """Args:
            folder: `agent/` of the run; made when it is missing.

        Raises:
            ConflictError: another process writes it.
            StoreError: it cannot be written.
        """
        self._folder, self._redactor, self._clock = folder, redactor, clock
        self._lock = threading.Lock()
        self._written: set[str] = set()
        self._redacted: dict[str, int] = {}
        self._is_torn = False
        self._fd = -1
        try:
            (folder / BLOBS).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(folder / FILE, _OPEN, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = _found(self._fd, read_head(folder))
            self._last, self._end = found.last, found.end
            self._repair(found)
            sync_folder(folder)
        except OSError as error:
            self.close()
            raise _trouble(error, folder / FILE) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Audit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def seq(self) -> int:
        """Number of the last record; 0 when there is none."""
        return self._last.seq

    def append(self, kind: str, **fields: Any) -> int:
        """Add a record and return its number.

        Args:
            kind: as KINDS, in lower case.
            fields: JSON values; secrets in them are hidden, long texts become blobs. A field that is the
                name of a blob of this audit binds that blob to the record.

        Raises:
            DiskFullError, StoreError: it is not on the disk; the file is as it was.
            ValueError: a kind that is no word, or a kind or field that the audit uses itself.
        """
        if not _KIND.fullmatch(kind) or kind in OWN_KINDS or not RESERVED.isdisjoint(fields):
            raise ValueError(f"no record for an audit: {kind} {sorted(RESERVED & set(fields))}")
        with self._lock:
            try:
                return self._append(kind, fields)
            except OSError as error:
                raise _trouble(error, self._folder / FILE) from error

    def blob(self, text: str) -> str:
        """Keep a text, without its secrets, and return its name: the SHA-256 of what was kept.

        Raises:
            DiskFullError, StoreError: it is not on the disk.
        """
        with self._lock:
            try:
                return self._blob(self._hidden(text))
            except OSError as error:
                raise _trouble(error, self._folder / BLOBS) from error

    def _hidden(self, value: Any) -> Any:
        """`value` without secrets; what was hidden is told with the next record."""
        before = dict(self._redactor.hidden)
        kept = self._redactor.value(plain(value))
        for name, times in self._redactor.hidden:
            if times > before.get(name, 0):
                self._redacted[name] = self._redacted.get(name, 0) + times - before.get(name, 0)
        return kept

    def _append(self, kind: str, fields: Mapping[str, Any]) -> int:
        kept, blobs = self._shortened(self._hidden(fields))
        record = {"seq": self._last.seq + 1, "time": round(self._clock(), 6), "kind": kind, **kept}
        if blobs:
            record["blobs"] = sorted(blobs)
        if self._redacted:
            record["redacted"] = self._redacted
        self._write(sealed(record, prev=self._last.hash))
        self._redacted = {}
        return self._last.seq

    def _shortened(self, value: Any) -> tuple[Any, set[str]]:
        """`value` with its long texts put aside, and the blobs that it refers to."""
        blobs: set[str] = set()

        def walk(item: Any) -> Any:
            if isinstance(item, dict):
                return {key: walk(inner) for key, inner in item.items()}
            if isinstance(item, list):
                return [walk(inner) for inner in item]
            if isinstance(item, str) and len(item) > LONG_TEXT:
                blobs.add(name := self._blob(item))
                return {"blob": name, "size_bytes": len(item.encode())}
            if isinstance(item, str) and _SHA.fullmatch(item) and self._has_blob(item):
                blobs.add(item)
            return item

        return walk(value), blobs

    def _has_blob(self, name: str) -> bool:
        return name in self._written or (self._folder / BLOBS / name).is_file()

    def _blob(self, text: str) -> str:
        data = text.encode()
        name = hashlib.sha256(data).hexdigest()
        path = self._folder / BLOBS / name
        if name not in self._written and not _holds(path, data):
            _put(path, data, durable=True)
        self._written.add(name)
        return name

    def _write(self, record: dict[str, Any]) -> None:
        line = line_of(record)
        if self._is_torn:
            self._cut()
        try:
            self._is_torn = True
            _write_all(self._fd, line)
            os.fsync(self._fd)
            self._is_torn = False
        except OSError:
            self._cut()
            raise
        self._end += len(line)
        self._last = Head(record["seq"], record["hash"])
        try:
            _put(self._folder / HEAD, json.dumps(self._last._asdict()).encode() + b"\n", durable=False)
        except OSError:
            pass  # the record stands; a head that is behind says less, and nothing wrong

    def _cut(self) -> None:
        os.ftruncate(self._fd, self._end)
        self._is_torn = False

    def _repair(self, found: _Found) -> None:
        """Cut what a killed writer left, and state what is not as it was left."""
        if found.torn_bytes:
            os.ftruncate(self._fd, self._end)
            self._append("repair", {"text": f"the last line was cut after {found.torn_bytes} bytes"})
        if found.missing:
            self._append(GAP, {"text": found.missing})


class _Found(NamedTuple):
    """How a file was found. last: what the next record follows. missing: what is not there, "" when all is."""

    last: Head
    end: int
    torn_bytes: int
    missing: str


def _found(fd: int, head: Head | None) -> _Found:
    raw, end = last_line(fd)
    record = parsed(raw) if raw else None
    torn = os.fstat(fd).st_size - end
    if raw and record is None:
        last = Head(head.seq if head else 0, hashlib.sha256(raw).hexdigest())
        return _Found(last, end, torn, "the last line is no record")
    last = Head(record["seq"], record["hash"]) if record else Head(0, START)
    if head is None and last.seq > 1:
        return _Found(last, end, torn, f"{HEAD} was missing; whether records are gone cannot be told")
    if head is not None and head.seq > last.seq:
        missing = f"records {last.seq + 1} to {head.seq} are gone"
        return _Found(Head(head.seq, last.hash), end, torn, missing)
    if head is not None and head.seq == last.seq and head.hash != last.hash:
        return _Found(last, end, torn, f"record {last.seq} is not the one that was written")
    return _Found(last, end, torn, "")


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _put(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace a small file whole."""
    temp = path.with_name(f".{path.name}.tmp")
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _write_all(fd, data)
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    temp.replace(path)
    if durable:
        sync_folder(path.parent)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _trouble(error: OSError, path: Path) -> StoreError:
    if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
        return ConflictError("another process writes this audit", path=str(path))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError("no space left for the audit", hint="free some space", path=str(path))
    return StoreError(f"the audit cannot be written: {error.strerror}", path=str(path))
