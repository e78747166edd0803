"""Is the owner of a lock file alive? Seen without getting in its way.

Every lock in a run folder is a `flock`; `fcntl` locks are another kind, so `F_OFD_GETLK`
does not see them. Trying `LOCK_SH` does, but holds the file for some microseconds, and a
writer that starts in that moment with `LOCK_EX | LOCK_NB` would be refused. So:

1. A lock that was seen held before, by a process that is still there, is tried with
   `LOCK_SH | LOCK_NB`: refused means that it is still held, and nothing was touched.
2. `/proc/locks`, one read for all runs, says "held" for every lock whose owner this
   process may see; nothing is touched. The kernel stops all lockers of the machine for
   it, which takes 8 to 20 ms where there are several cores, so it is read only for a
   question that needs it: a store without live runs asks none.
3. What is not listed may still be held: by a process of another pid namespace, or by one
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
        self._owners: dict[tuple[int, int], int] = {}
        """Owner of each lock in the table as last read, by device and inode."""
        self._is_fresh = True

    def refresh(self) -> None:
        """What is answered from now on is true now, or later than now."""
        self._is_fresh = False

    def held(self, path: Path) -> bool | None:
        """True: somebody holds it, or may be about to. False: nobody. None: no such file."""
        try:
            facts = path.stat()
        except OSError:
            return None
        key = (facts.st_dev, facts.st_ino)
        if not self._is_fresh:
            if _lives(self._owners.get(key, 0)) and _try(path):
                return True
            self._read()
        if key in self._owners:
            return True
        if time.time() - facts.st_ctime < YOUNG_S:
            return True
        return _try(path)

    def _read(self) -> None:
        """The kernel's table; where there is none every file is tried."""
        try:
            lines = self._table.read_text().splitlines()
        except OSError:
            lines = []
        self._owners = dict(owned for line in lines if (owned := _flock(line)) is not None)
        self._is_fresh = True


def _flock(line: str) -> tuple[tuple[int, int], int] | None:
    """`1: FLOCK ADVISORY WRITE 11871 fe:00:2146536 0 EOF` → (device, inode), owner; waiters are none."""
    fields = line.split()
    if len(fields) < 6 or fields[1] != "FLOCK":
        return None
    try:
        major, minor, inode = fields[5].split(":")
        return (os.makedev(int(major, 16), int(minor, 16)), int(inode)), int(fields[4])
    except ValueError:
        return None


def _lives(pid: int) -> bool:
    """Whether there is such a process; of owners in other namespaces (0, -1) nothing is known."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


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
