"""Open what ought to be a plain file, whatever stands there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_plain(path: Path | str, flags: int = os.O_RDONLY, mode: int = 0o644) -> int:
    """A descriptor of a regular file.

    A FIFO would keep its opener waiting for ever and a device has no end, so neither is
    waited for nor read.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a plain file", str(path))
