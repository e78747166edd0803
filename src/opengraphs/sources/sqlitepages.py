"""Table rows of a SQLite database in WAL mode, read without SQLite and so without its files.

SQLite's own read-only connection to a WAL database makes `-wal` and `-shm` where there are
none and leaves them, writes read marks into a `-shm` that is there, and as long as it lives
keeps the writer from folding its log back when it ends. `immutable=1` does none of that, and
does not see the log. Here the log is an overlay over the pages: whole transactions of the
present generation, by checksum, newest page first; then a plain walk of the table's tree.

Layouts: https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any

WAL_HEADER = 32
FRAME_HEADER = 24
MAX_DEPTH = 40
MAX_PAYLOAD = 16 << 20
"""A record above this is left out: nothing that a tracker logs is so large."""

_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
_SKIP_WORDS = frozenset({"PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT"})


class DamagedError(Exception):
    """The pages contradict each other: torn by a writer at work, or broken."""


class Wal:
    """Where the newest committed version of each page lies in a `-wal` file.

    Kept between reads: only frames that were added are checked and indexed.
    """

    def __init__(self) -> None:
        self.pages: dict[int, int] = {}
        self._header = b""
        self._order = ""
        self._page_size = 0
        self._sums = (0, 0)
        self._end = WAL_HEADER
        self._pending_bytes = 0

    def refresh(self, fd: int) -> None:
        """Index the transactions that were added, or a new generation from its start."""
        header = os.pread(fd, WAL_HEADER, 0)
        if header != self._header:
            self._forget(header)
        if not self._order:
            return
        pending: dict[int, int] = {}
        sums = self._sums
        while True:
            frame = os.pread(fd, FRAME_HEADER + self._page_size, self._end + self._pending_bytes)
            if len(frame) < FRAME_HEADER + self._page_size or frame[8:16] != header[16:24]:
                break
            number, commit = struct.unpack_from(">II", frame)
            sums = self._checksum(frame[:8] + frame[FRAME_HEADER:], sums)
            if sums != struct.unpack_from(">II", frame, 16):
                break
            pending[number] = self._end + self._pending_bytes + FRAME_HEADER
            self._pending_bytes += len(frame)
            if commit:
                self.pages.update(pending)
                pending.clear()
                self._sums = sums
                self._end += self._pending_bytes
                self._pending_bytes = 0
        self._pending_bytes = 0

    def _forget(self, header: bytes) -> None:
        self.pages.clear()
        self._header = header
        self._end = WAL_HEADER
        self._pending_bytes = 0
        self._sums = (0, 0)
        self._order = ""
        self._page_size = 0
        if len(header) < WAL_HEADER:
            return
        magic, _version, page_size = struct.unpack_from(">III", header)
        order = _MAGIC.get(magic, "")
        if not order or page_size < 512 or page_size > 65536 or page_size & (page_size - 1):
            return
        self._order = order
        self._sums = self._checksum(header[:24], (0, 0))
        if self._sums == struct.unpack_from(">II", header, 24):
            self._page_size = page_size
        else:
            self._order = ""

    def _checksum(self, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
        first, second = sums
        words = struct.unpack(f"{self._order}{len(data) // 4}I", data)
        for left, right in zip(words[::2], words[1::2], strict=True):
            first = (first + left + second) & 0xFFFFFFFF
            second = (second + right + first) & 0xFFFFFFFF
        return first, second


class Pages:
    """The pages of a database at one moment, its log laid over them.

    Raises:
        DamagedError: not a database, or one in an encoding other than UTF-8.
    """

    def __init__(self, db: int, wal: int | None, overlay: dict[int, int]) -> None:
        self._db, self._wal, self._overlay = db, wal, overlay
        head = self._first_page()
        if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
            raise DamagedError("not a SQLite database")
        size = struct.unpack_from(">H", head, 16)[0]
        self.page_size = 65536 if size == 1 else size
        self._usable = self.page_size - head[20]
        if self.page_size < 512 or self._usable < 480:
            raise DamagedError("no page size")
        if struct.unpack_from(">I", head, 56)[0] not in {0, 1}:
            raise DamagedError("text is not in UTF-8")
        self.user_version = struct.unpack_from(">I", head, 60)[0]

    def tables(self) -> dict[str, tuple[int, list[str]]]:
        """{table: (root page, columns)}, as the schema says."""
        found: dict[str, tuple[int, list[str]]] = {}
        for _rowid, row in self.rows(1, 0):
            if len(row) >= 5 and row[0] == "table" and isinstance(row[1], str) and isinstance(row[3], int):
                found[row[1]] = (row[3], columns_of(row[4] if isinstance(row[4], str) else ""))
        return found

    def rows(self, root: int, after: int) -> Iterator[tuple[int, list[Any]]]:
        """(rowid, values) of a table in order, from behind `after`.

        A row shorter than the table's columns was written before the columns were added. One
        beyond `MAX_PAYLOAD` comes as an empty list.
        """
        return self._walk(root, after, 0)

    def last_rowid(self, root: int) -> int:
        """The highest rowid of a table, 0 where it is empty."""
        number = root
        for _depth in range(MAX_DEPTH):
            page = self._page(number)
            start = 100 if number == 1 else 0
            if page[start] == 5:
                number = struct.unpack_from(">I", page, start + 8)[0]
                continue
            count = struct.unpack_from(">H", page, start + 3)[0]
            if page[start] != 13 or start + 8 + 2 * count > len(page):
                raise DamagedError(f"page {number} is no table page")
            if not count:
                return 0
            cell = struct.unpack_from(">H", page, start + 6 + 2 * count)[0]
            return _varint(page, _varint(page, cell)[1])[0]
        raise DamagedError("a tree without an end")

    def _walk(self, number: int, after: int, depth: int) -> Iterator[tuple[int, list[Any]]]:
        if depth > MAX_DEPTH:
            raise DamagedError("a tree without an end")
        page = self._page(number)
        start = 100 if number == 1 else 0
        kind = page[start]
        count = struct.unpack_from(">H", page, start + 3)[0]
        pointers_at = start + (12 if kind == 5 else 8)
        if kind not in {5, 13} or pointers_at + 2 * count > len(page):
            raise DamagedError(f"page {number} is no table page")
        pointers = struct.unpack_from(f">{count}H", page, pointers_at)
        if kind == 13:
            yield from self._leaf(page, pointers, after)
            return
        for pointer in pointers:
            key, _at = _varint(page, pointer + 4)
            if key > after:
                yield from self._walk(struct.unpack_from(">I", page, pointer)[0], after, depth + 1)
        yield from self._walk(struct.unpack_from(">I", page, start + 8)[0], after, depth + 1)

    def _leaf(self, page: bytes, pointers: tuple[int, ...], after: int) -> Iterator[tuple[int, list[Any]]]:
        for pointer in pointers:
            size, at = _varint(page, pointer)
            rowid, at = _varint(page, at)
            if rowid > after:
                yield rowid, [] if size > MAX_PAYLOAD else _record(self._payload(page, at, size))

    def _payload(self, page: bytes, at: int, size: int) -> bytes:
        usable = self._usable
        if size <= usable - 35:
            return page[at : at + size]
        least = (usable - 12) * 32 // 255 - 23
        here = least + (size - least) % (usable - 4)
        here = least if here > usable - 35 else here
        parts = [page[at : at + here]]
        left = size - here
        following = struct.unpack_from(">I", page, at + here)[0]
        while left > 0:
            more = self._page(following)
            following = struct.unpack_from(">I", more)[0]
            parts.append(more[4 : 4 + min(left, usable - 4)])
            left -= len(parts[-1])
        return b"".join(parts)

    def _first_page(self) -> bytes:
        return self._at(1, 100)

    def _page(self, number: int) -> bytes:
        page = self._at(number, self.page_size) if number > 0 else b""
        if len(page) < self.page_size:
            raise DamagedError(f"page {number} is not there")
        return page

    def _at(self, number: int, size: int) -> bytes:
        place = self._overlay.get(number)
        if place is not None and self._wal is not None:
            return os.pread(self._wal, size, place)
        return os.pread(self._db, size, 0 if number == 1 else (number - 1) * self.page_size)


def columns_of(sql: str) -> list[str]:
    """Column names in a CREATE TABLE statement; nothing of it is executed."""
    begin, end = sql.find("("), sql.rfind(")")
    lines = sql[begin + 1 : end].splitlines() if 0 <= begin < end else []
    body = "\n".join(line.partition("--")[0] for line in lines)
    names: list[str] = []
    depth, part = 0, ""
    for character in body + ",":
        depth += (character == "(") - (character == ")")
        if character != "," or depth:
            part += character
            continue
        words = part.split()
        if words and words[0].partition("(")[0].upper() not in _SKIP_WORDS:
            names.append(words[0].strip("\"'`[]"))
        part = ""
    return names


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    try:
        for count in range(9):
            byte = data[at + count]
            if count == 8:
                value = value << 8 | byte
                break
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                break
    except IndexError:
        raise DamagedError("a number beyond its page") from None
    return value - (1 << 64) if value >= 1 << 63 else value, at + count + 1


def _record(payload: bytes) -> list[Any]:
    head, at = _varint(payload, 0)
    if not 0 < head <= len(payload):
        raise DamagedError("a record without a head")
    values: list[Any] = []
    body = head
    while at < head:
        kind, at = _varint(payload, at)
        value, size = _value(payload, body, kind)
        values.append(value)
        body += size
    return values


_INT_SIZES = (0, 1, 2, 3, 4, 6, 8)


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind >= 12:
        size = (kind - 12) // 2
        data = payload[at : at + size]
        return data if kind % 2 == 0 else data.decode("utf-8", "replace"), size
    if 1 <= kind <= 6:
        size = _INT_SIZES[kind]
        return int.from_bytes(payload[at : at + size], "big", signed=True), size
    if kind == 7:
        data = payload[at : at + 8]
        return struct.unpack(">d", data)[0] if len(data) == 8 else None, 8
    return {8: 0, 9: 1}.get(kind), 0
