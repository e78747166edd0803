"""Is the owner of a lock file alive? Seen without getting in its way.

Every lock in a run folder is a `flock`; `fcntl` locks are another kind, so `F_OFD_GETLK`
does not see them. Trying `LOCK_SH` does, but holds the file for some microseconds, and a
writer that starts in that moment with `LOCK_EX | LOCK_NB` would be refused. So:

1. `/proc/locks`, one read for all runs (16 µs), says "held" for every lock whose owner
   this process may see; nothing is touched.
2. What is not listed may still be held: by a process of another pid namespace, or by one
   whose first owner is dead, or on a file system that names inodes differently. A file
   changed in the last two seconds counts as held (its writer may be just about to lock
   it); only an older one is tried with `LOCK_SH | LOCK_NB`, and let go at once.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from opengraphs.store.plainfile import open_plain

_PROC_LOCKS = Path("/proc/locks")
YOUNG_S = 2.0


class Locks:
    """A look at the locks of this machine; `refresh` before each round of questions."""

    def __init__(self, table: Path = _PROC_LOCKS) -> None:
        self._table = table
        self._held: frozenset[tuple[int, int]] = frozenset()

    def refresh(self) -> None:
        """Read the kernel's table anew; where there is none every file is tried."""
        try:
            lines = self._table.read_text().splitlines()
        except OSError:
            lines = []
        self._held = frozenset(key for line in lines if (key := _flock_key(line)) is not None)

    def held(self, path: Path) -> bool | None:
        """True: somebody holds it, or may be about to. False: nobody. None: no such file."""
        try:
            facts = path.stat()
        except OSError:
            return None
        if (facts.st_dev, facts.st_ino) in self._held:
            return True
        if time.time() - facts.st_ctime < YOUNG_S:
            return True
        return _try(path)


def _flock_key(line: str) -> tuple[int, int] | None:
    """`1: FLOCK ADVISORY WRITE 11871 fe:00:2146536 0 EOF` → (device, inode); waiters are none."""
    fields = line.split()
    if len(fields) < 6 or fields[1] != "FLOCK":
        return None
    try:
        major, minor, inode = fields[5].split(":")
        return os.makedev(int(major, 16), int(minor, 16)), int(inode)
    except ValueError:
        return None


def _try(path: Path) -> bool | None:
    try:
        fd = open_plain(path)
    except PermissionError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks: nothing can be held there
    finally:
        os.close(fd)
    return False
