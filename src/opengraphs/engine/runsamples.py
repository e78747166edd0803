"""Logged samples: where each line is, so that a window is read and never the whole file."""

from __future__ import annotations

from bisect import insort
from typing import Any, NamedTuple

from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder, segment_path
from opengraphs.store.jsonl import moment_of, parse_object, parse_piece
from opengraphs.store.watch import JournalWatch


class _Place(NamedTuple):
    """Sorts by time; the rest decides between equals and says where the line is."""

    time: float
    writer: str
    segment: int
    offset: int
    length: int


class RunSamples:
    """Follows `samples/*.jsonl` of one run; keeps about 150 bytes a sample. May raise OSError."""

    def __init__(self, folder: RunFolder, fds: FdPool, *, reopen: bool = False) -> None:
        self._folder = folder.samples
        self._fds = fds
        self._reopen = reopen
        self._begin()

    def _begin(self) -> None:
        self._watch = JournalWatch(self._folder, self._fds, reopen=self._reopen)
        self._places: list[_Place] = []

    def refresh(self) -> None:
        """Take in new lines."""
        self._watch.refresh()
        for tail in self._watch.news():
            while (piece := tail.read()) is not None:
                records, _ = parse_piece(piece)
                for offset, value in records:
                    length = piece.data.index(b"\n", offset - piece.offset) - (offset - piece.offset)
                    insort(self._places, _Place(moment_of(value), tail.writer, piece.segment, offset, length))

    def verify(self) -> None:
        """Begin again if a file is not what was read."""
        if self._watch.lost():
            self._begin()

    def window(self, start: int, limit: int) -> dict[str, Any]:
        """Samples `start` … in order of time; negative `start` counts from the end."""
        total = len(self._places)
        first = max(0, total + start) if start < 0 else start
        chosen = self._places[first : first + limit]
        end = first + len(chosen)
        samples = [sample for place in chosen if (sample := self._read(place)) is not None]
        return {"samples": samples, "total": total, "next": end if chosen and end < total else None}

    def _read(self, place: _Place) -> dict[str, Any] | None:
        import os

        opened = self._fds.get(segment_path(self._folder, place.writer, place.segment))
        return parse_object(os.pread(opened.fd, place.length, place.offset))
