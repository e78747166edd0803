"""Open files of followed journals, at most a given number of them."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from opengraphs.store.plainfile import open_plain


class OpenFile(NamedTuple):
    fd: int
    inode: int


class FdPool:
    """Read-only descriptors by path; the one used longest ago is closed first.

    A daemon that follows hundreds of ranks would else hit the usual limit of 1024 open
    files. Opening again costs about 5 µs, so a small pool does no harm.
    """

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._open: OrderedDict[Path, OpenFile] = OrderedDict()

    def get(self, path: Path) -> OpenFile:
        """The open file of `path`; its inode is of when it was opened.

        Raises:
            OSError: it cannot be opened.
        """
        found = self._open.get(path)
        if found is not None:
            self._open.move_to_end(path)
            return found
        fd = open_plain(path)
        found = OpenFile(fd, os.fstat(fd).st_ino)
        self._open[path] = found
        while len(self._open) > self._limit:
            os.close(self._open.popitem(last=False)[1].fd)
        return found

    def drop(self, path: Path) -> None:
        """Close `path` if it is open; the next `get` opens it anew."""
        found = self._open.pop(path, None)
        if found is not None:
            os.close(found.fd)

    def close(self) -> None:
        for path in list(self._open):
            self.drop(path)

    def __len__(self) -> int:
        return len(self._open)
