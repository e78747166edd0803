"""Watch all journals of one folder for a next byte.

Stores into a mapping raise no file event and move neither mtime nor size, so the only
witness of a new line is the byte behind the last one read: one `pread` a journal (see
`JournalTail.peek`). New files do move the folder's mtime: one `stat` a folder.
"""

from __future__ import annotations

import time
from pathlib import Path

from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import list_segments
from opengraphs.store.tail import JournalTail

_SETTLED_NS = 100_000_000
"""A folder's mtime has the grain of the kernel's clock: one younger than this when we
listed may hide a file made in the same tick, so it is listed again."""


class JournalWatch:
    """The tails of one folder's journals, kept up with the files there.

    Raises nothing for a folder that does not exist; OSError when one cannot be listed.
    """

    def __init__(self, folder: Path, fds: FdPool, *, reopen: bool = False) -> None:
        self.folder = folder
        self.tails: dict[str, JournalTail] = {}
        self._fds = fds
        self._reopen = reopen
        self._seen_ns = -1

    def refresh(self) -> tuple[list[str], list[str]]:
        """List the folder again if it changed: (writers that are new, writers that are gone)."""
        mtime_ns = self._mtime_ns()
        if mtime_ns == self._seen_ns:
            return [], []
        now_ns = time.time_ns()
        segments = list_segments(self.folder)
        added = [writer for writer in segments if writer not in self.tails]
        gone = [writer for writer in self.tails if writer not in segments]
        for writer in gone:
            del self.tails[writer]
        for writer in added:
            self.tails[writer] = JournalTail(self.folder, writer, self._fds, reopen=self._reopen)
        for writer, numbers in segments.items():
            self.tails[writer].see(numbers)
        self._seen_ns = mtime_ns if now_ns - mtime_ns > _SETTLED_NS else -1
        return added, gone

    def _mtime_ns(self) -> int:
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return -2

    def news(self) -> list[JournalTail]:
        """The journals in which something stands that was not read."""
        return [tail for tail in self.tails.values() if tail.peek()]

    def lost(self) -> list[str]:
        """Writers whose file shrank, was replaced or vanished: to be read from the start."""
        return [writer for writer, tail in self.tails.items() if not tail.verify()]
