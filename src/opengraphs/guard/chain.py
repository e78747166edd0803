"""The audit's chain of records: how one is written, and what is wrong with those that stand there.

A record ends with `prev`, the hash of the record before it (64 zeros for the first), and `hash`, the
SHA-256 of `prev` and of the record without both as JSON with sorted keys. A line is exactly what the
writer makes of a record, so that nothing can be added to it that a parser would not see.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FILE, HEAD, BLOBS = "audit.jsonl", "audit.head", "blobs"
START = "0" * 64
GAP = "gap"
"""Kind of the record by which a writer states that it found records missing."""
RESERVED = frozenset({"seq", "time", "kind", "prev", "hash", "blobs", "redacted"})
MOST_DEEP = 32
"""Lists in lists beyond it are left out: no plan needs them, and no reader could show them."""
_INT64 = 1 << 63
_SHA = re.compile(r"[0-9a-f]{64}")


class Head(NamedTuple):
    """What audit.head says the last record is; seq 0: that there is none."""

    seq: int
    hash: str


class Link(NamedTuple):
    """One line of the file. record: None when it is not what a writer would write."""

    number: int
    raw: bytes
    record: dict[str, Any] | None


class Checked(NamedTuple):
    """records: that could be read. broken: why the chain does not hold, "" when it does."""

    records: int
    intact: bool
    broken: str


def sealed(fields: Mapping[str, Any], *, prev: str) -> dict[str, Any]:
    """A record with its place in the chain."""
    body = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return {**fields, "prev": prev, "hash": hashlib.sha256(f"{prev}{body}".encode()).hexdigest()}


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as it stands in the file."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def plain(value: Any, *, depth: int = 0) -> Any:
    """`value` as JSON can hold it without a loss that would change its hash."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else hex(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= MOST_DEEP:
        return "(too deep)"
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth=depth + 1) for item in value]
    return plain(str(value))


def links(folder: Path) -> Iterator[Link]:
    """The complete lines of the file, in order; none where there is no file."""
    try:
        file = (folder / FILE).open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, raw in enumerate(file, 1):
            if raw.endswith(b"\n"):
                yield Link(number, raw, parsed(raw))


def parsed(raw: bytes) -> dict[str, Any] | None:
    """The record of a line; None when it is none, or was touched."""
    try:
        record = json.loads(raw)
        if not isinstance(record, dict) or line_of(record) != raw:
            return None
        inner = {key: value for key, value in record.items() if key not in ("prev", "hash")}
        same = sealed(inner, prev=record["prev"]) == record and isinstance(record["seq"], int)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return record if same else None


def read_head(folder: Path) -> Head | None:
    """What audit.head says; None when it is missing or says nothing."""
    try:
        value = json.loads((folder / HEAD).read_bytes())
        seq, digest = value["seq"], value["hash"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Head(seq, digest) if isinstance(seq, int) and isinstance(digest, str) else None


def verify(folder: Path) -> Checked:
    """Whether every record is there, unchanged and in its place, and every text that they refer to.

    A line that is being written, or was when its writer was killed, is not a record yet.

    Cost: reads the file and each blob once.
    """
    head = read_head(folder)  # before the file: a living writer writes it last
    last, count, met_head = Head(0, START), 0, head is None or head.seq == 0
    for link in links(folder):
        trouble = _place(link, last) or _blobs(folder, link.record or {})
        if link.record is None or trouble:
            return Checked(count, False, f"line {link.number}: {trouble}")
        count += 1
        last = Head(link.record["seq"], link.record["hash"])
        met_head = met_head or last == head
    return _ended(count, last, head, met_head=met_head)


def _place(link: Link, last: Head) -> str:
    record = link.record
    if record is None:
        return "not as it was written; it was changed, or damaged"
    if record["kind"] == GAP:
        return f"records were missing when ogd opened the file: {record.get('text', '')}"
    if record["prev"] != last.hash or record["seq"] != last.seq + 1:
        return f"does not follow record {last.seq}; records were removed, added or moved"
    return ""


def _blobs(folder: Path, record: Mapping[str, Any]) -> str:
    for name in record.get("blobs") or ():
        if not isinstance(name, str) or not _SHA.fullmatch(name):
            return "refers to a blob by no name"
        try:
            data = (folder / BLOBS / name).read_bytes()
        except OSError:
            return f"its blob {name[:12]}… is missing"
        if hashlib.sha256(data).hexdigest() != name:
            return f"its blob {name[:12]}… was changed"
    return ""


def _ended(count: int, last: Head, head: Head | None, *, met_head: bool) -> Checked:
    if head is None and count > 1:
        return Checked(count, False, f"{HEAD} is missing; whether the last records are there cannot be told")
    if head is not None and head.seq > last.seq:
        gone = head.seq - last.seq
        return Checked(count, False, f"the last {gone} of {head.seq} records are gone")
    if not met_head:
        return Checked(count, False, f"{HEAD} names another record {head.seq if head else 0}")
    return Checked(count, True, "")


def read(folder: Path, start: int, limit: int) -> list[dict[str, Any]]:
    """At most `limit` records from number `start` on, as they stand in the file; lines that are none are left out."""
    found: list[dict[str, Any]] = []
    for link in links(folder):
        if len(found) >= limit:
            break
        if link.record is not None and link.record["seq"] >= start:
            found.append(link.record)
    return found


def last_line(fd: int) -> tuple[bytes, int]:
    """The last complete line of an open file, and where it ends; `b""` and 0 where there is none."""
    size = os.fstat(fd).st_size
    end, block = 0, b""
    at = size
    while at > 0:
        step = min(1 << 16, at)
        at -= step
        block = os.pread(fd, step, at) + block
        end = end or (at + block.rfind(b"\n") + 1 if b"\n" in block else 0)
        if end and (start := block.rfind(b"\n", 0, end - at - 1)) >= 0:
            return block[start + 1 : end - at], end
    return block[: end - at], end
