"""How far a source was read, in one file beside the copies, replaced as a whole.

The reader's cursor and the lengths of the copies' files are of one moment. What a kill left
behind it is cut off at the next start, so each record is copied exactly once.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import msgspec

SCHEMA = 1
_LAST_S = 253402300799.0
"""The end of the year 9999: whatever a file calls a time, it becomes a run id."""
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class RunProgress(msgspec.Struct, omit_defaults=True):
    """One run of a source.

    marks: lengths of its copy's files. facts: a hash of each fact as the source gave it last.
    last_s: time of its youngest record, 0.0 before the first. told: the status that the source
    told, "" for none. gone: it was removed at its source.
    """

    run_id: str
    marks: dict[str, int] = {}
    facts: dict[str, str] = {}
    last_s: float = 0.0
    told: str = ""
    points: int = 0
    gone: bool = False


class SourceProgress(msgspec.Struct, omit_defaults=True):
    """One source. cursor: its reader's, None to begin. place: id of what it was found below."""

    schema: int
    format: str
    path: str
    place: str = ""
    cursor: dict[str, Any] | None = None
    runs: dict[str, RunProgress] = {}

    @property
    def source_id(self) -> str:
        return source_id(self.format, self.path)


def source_id(format_name: str, path: str) -> str:
    """Short, and the same each time."""
    return hashlib.blake2b(f"{format_name}\0{path}".encode("utf-8", "replace"), digest_size=6).hexdigest()


def run_id_of(format_name: str, path: str, key: str, *, created_s: float, attempt: int = 0) -> str:
    """The run id of a copy: UTC of its creation, and four letters that follow from where it comes from."""
    seed = f"{format_name}\0{path}\0{key}\0{attempt or ''}".encode("utf-8", "replace")
    number = int.from_bytes(hashlib.blake2b(seed, digest_size=8).digest(), "big")
    letters = ""
    for _ in range(4):
        number, index = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[index]
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(max(0.0, min(created_s, _LAST_S))))
    return f"{stamp}-{letters}"


def load(file: Path) -> SourceProgress | None:
    """None where there is none, or it does not parse: the source is read from its start then."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=SourceProgress)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.schema == SCHEMA else None


def save(file: Path, progress: SourceProgress) -> None:
    """Replace the file.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temp = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temp.write_bytes(msgspec.json.encode(progress))
    temp.replace(file)
