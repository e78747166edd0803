"""File locks as signs of life: who holds one is alive, and the kernel lets go when he dies.

`flock` belongs to the open file: it survives `exec`, is shared with forked children
until they close the descriptor, and never blocks a reader.
"""

from __future__ import annotations

import os
import sys
import time

if sys.platform == "win32":  # no flock there: a run has its heartbeat only
    LOCK_EX = LOCK_NB = LOCK_UN = 0

    def flock(fd: int, operation: int, /) -> None:
        """Every lock is granted."""

else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock


_TRIES = 5
_PAUSE_S = 0.002


def try_lock(fd: int) -> bool:
    """Take the lock of an open file without waiting for its owner.

    A reader that asks whether somebody holds the lock does so by holding it for some
    microseconds itself, so a refusal counts only after a few tries in 8 ms.

    Returns:
        False when another process holds it. True also where the file system or the
        system has no such locks.
    """
    for attempt in range(_TRIES):
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)
        except OSError:
            return True
        else:
            return True
    return False


def unlock_and_close(fd: int) -> None:
    """Let go of the lock, also in forked children that still hold the descriptor, and close."""
    try:
        flock(fd, LOCK_UN)
    except OSError:
        pass
    close(fd)


def close(fd: int) -> None:
    """Close a descriptor; one that is closed already is no error."""
    try:
        os.close(fd)
    except OSError:
        pass
