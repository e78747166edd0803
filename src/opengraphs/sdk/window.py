"""A mapping of a stretch of a journal's file, and the sizes such stretches have.

A line is two `mmap.write` calls, body then newline, driven by one C call: no signal
handler, finaliser or other thread comes between, so there is no half-made state that a
lock would have to guard, and a killed process leaves a line without its newline at worst.
`mmap.write` refuses what does not fit and moves nothing.
"""

from __future__ import annotations

import mmap

from . import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    from .segment import Segment

NEWLINE = b"\n"


class Sizes:
    """Bytes: what is reserved first, the largest window, the cut between segments, the overlap.

    A line up to `overlap` long finds room in the window that was prepared for it.
    """

    __slots__ = ("first", "largest", "overlap", "segment")

    def __init__(
        self,
        first: int = 256 << 10,
        largest: int = 8 << 20,
        segment: int = layout.SEGMENT_BYTES,
        overlap: int = 64 << 10,
    ) -> None:
        self.first = first
        self.largest = largest
        self.segment = segment
        self.overlap = overlap


class Window:
    """A mapping of `base` to `limit` of a segment. `write` appends, and refuses what does not fit."""

    __slots__ = ("base", "limit", "links", "map", "segment", "told", "write")

    def __init__(self, segment: Segment, base: int, limit: int) -> None:
        self.segment = segment
        self.base = base
        self.limit = limit
        self.map = mmap.mmap(segment.fd, limit - base, offset=base)
        self.write: Callable[[bytes], int] = self.map.write
        self.told: Optional[int] = None
        """A position at or before the end, noted when the window was closed to writers."""
        self.links: Dict[str, Any] = {}
        """`end`: what `seal` found; `next`: the window that follows. Each set once, by `setdefault`."""

    def seal(self) -> int:
        """Refuse every further line; returns the offset in the file where the content ends.

        The position is moved to the end of the mapping, so that no line fits any more.
        A line may slip in just before, so the end is looked for: JSON never holds a NUL.
        Only the first look counts, because the next window overlaps this one.
        """
        if "end" not in self.links:
            if self.told is None:
                self.told = self.map.tell()
            self.map.seek(0, 2)
            found = self.map.find(b"\0", self.told)
            self.links.setdefault("end", self.limit if found < 0 else self.base + found)
        end: int = self.links["end"]
        return end

    def end(self) -> int:
        """Offset in the file where the content ends now."""
        position = self.base + self.map.tell()
        return position if self.told is None else self.seal()

    def is_torn(self) -> bool:
        """Full to the last byte, and that is no newline: the next window has to begin with it."""
        return self.end() == self.limit and self.map[-1] != NEWLINE[0]

    def fits(self, after: Window, need: int) -> bool:
        """Whether `need` bytes can be written here once `after` is left."""
        is_torn = after.is_torn()
        if self.segment is not after.segment:
            return not is_torn and need <= self.limit
        offset = after.end()
        return self.base <= offset and offset + is_torn + need <= self.limit

    def begin(self, after: Window) -> None:
        """Stand where `after`, which is sealed and which `fits` was asked about, ended."""
        if self.segment is after.segment:
            self.map.seek(after.end() - self.base)
            if after.is_torn():
                self.write(NEWLINE)


class _Closed:
    """Stands behind the last window of a closed journal: takes nothing, has no successor."""

    links: Dict[str, Any] = {}

    def write(self, _line: bytes) -> int:
        raise ValueError("the journal is closed")


CLOSED: Any = _Closed()
