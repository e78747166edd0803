"""The complete lines of a file that grows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.sources.followed import SLICE_BYTES, FollowedFile
from opengraphs.sources.mishaps import Mishaps

MAX_LINE = 1 << 20


class Lines(NamedTuple):
    """Lines without their ends, the first at `offset`. tail: what follows them without an end, at the file's end."""

    offset: int
    lines: list[bytes]
    tail: bytes
    at_end: bool

    def offset_of(self, index: int) -> int:
        """Where a line begins, in bytes."""
        return self.offset + sum(len(line) + 1 for line in self.lines[:index])


class LineFile:
    """Reads on by whole lines; one longer than `MAX_LINE` is passed over and counted."""

    def __init__(self, path: Path, saved: Mapping[str, Any] | None, mishaps: Mishaps) -> None:
        saved = saved or {}
        self.file = FollowedFile(str(path), saved.get("place"))
        self._path, self._mishaps = path, mishaps
        self._in_long = bool(saved.get("in_long"))

    def saved(self) -> dict[str, Any]:
        return {"place": self.file.place(), "in_long": self._in_long}

    def rewind(self) -> None:
        self.file.rewind()
        self._in_long = False

    def next(self) -> Lines:
        """The next piece's lines; they are taken.

        Raises:
            Rewritten: what was read is not there any more.
            OSError: the file cannot be read.
        """
        piece = self.file.piece(SLICE_BYTES)
        if b"\n" not in piece.data and not piece.at_end:
            piece = self.file.piece(MAX_LINE)
        start = piece.offset
        data = piece.data
        if self._in_long:
            end = data.find(b"\n") + 1
            if not end:
                self.file.take(piece, len(data))
                return Lines(start, [], b"", piece.at_end)
            data = data[end:]
            start += end
            self._in_long = False
        whole = data.rfind(b"\n") + 1
        if not whole and len(data) >= MAX_LINE:
            self._mishaps.add(self._path, f"a line of more than {MAX_LINE} bytes", offset=start)
            self._in_long = True
            self.file.take(piece, len(piece.data))
            return Lines(start, [], b"", piece.at_end)
        self.file.take(piece, start - piece.offset + whole)
        lines = data[: whole - 1].split(b"\n") if whole else []
        return Lines(start, lines, data[whole:] if piece.at_end else b"", piece.at_end)

    def take_tail(self, lines: Lines) -> None:
        """Count the tail as read: it is whole though it has no end.

        Raises: OSError
        """
        self.file.skip(len(lines.tail))

    def left(self) -> float:
        size = self.file.size
        return max(0.0, 1 - self.file.offset / size) if size else 0.0
