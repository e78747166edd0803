"""Disk space ahead of the log, so that a `print` does not fail the moment the disk is full.

The training writes its output straight into stdout.log, and Python raises out of
`print` when that write finds no space. The runner therefore keeps some megabytes
allocated beyond the log's end: the size of the file does not change, appends go into
them, and what is left is given back when the run ends. File systems that cannot do
this (network mounts, macOS) simply have no such room.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

ROOM_BYTES = 4 << 20

_RESERVE_BEYOND_END = 0x4030582A  # FS_IOC_RESVSP64: fallocate(FALLOC_FL_KEEP_SIZE) without ctypes
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SPACE = struct.Struct("hhqqiI16x")


class LogRoom:
    """Keeps `ROOM_BYTES` ahead of one growing file, as long as the disk has them."""

    def __init__(self, fd: int) -> None:
        """`fd` is the log, open for writing."""
        self._fd = fd
        self._end = 0
        self._works = os.uname().sysname == "Linux"

    def top_up(self) -> None:
        """Allocate ahead once half of the room is used. Costs one fstat when it is not."""
        if not self._works:
            return
        try:
            size = os.fstat(self._fd).st_size
            if self._end - size < ROOM_BYTES // 2:
                fcntl.ioctl(self._fd, _RESERVE_BEYOND_END, _SPACE.pack(0, 0, size, ROOM_BYTES, 0, 0))
                self._end = size + ROOM_BYTES
        except OSError as error:
            self._works = error.errno in _FULL  # there may be space later; what is not offered will not be


def give_back(fd: int) -> None:
    """Free what lies beyond the file's end. Only when nobody writes any more: a late append would be cut off."""
    try:
        os.ftruncate(fd, os.fstat(fd).st_size)
    except OSError:
        pass
