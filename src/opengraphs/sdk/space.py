"""Disk space, reserved before it is mapped, and writes that reach the disk.

A store into a mapped page that the file system cannot back is SIGBUS, which ends the
training. So a page is mapped only after its space belongs to the file. The only module
that knows how each system reserves space.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

PAGE_BYTES = mmap.ALLOCATIONGRANULARITY
"""Windows begin at multiples of this."""
MADV_POPULATE_WRITE = 23
"""Linux 5.14: fault pages in for writing. Not in `mmap` of any Python yet."""
_PREFAULT_BYTES = 64 << 10
_F_PREALLOCATE = 42
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS, errno.ENODEV)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a full disk, a quota and a file size limit say."""


def page_floor(offset: int) -> int:
    """The last window boundary at or before `offset`."""
    return offset - offset % PAGE_BYTES


def page_ceil(offset: int) -> int:
    """The first window boundary at or after `offset`."""
    return offset + -offset % PAGE_BYTES


def reserve(fd: int, start: int, end: int) -> None:
    """Give bytes `start` to `end` of a file their disk space; they read as NUL.

    Raises:
        OSError: there is not enough space (`FULL`), or the file system failed. The file
            is as long as before.
    """
    before = os.fstat(fd).st_size
    try:
        _reserve_here(fd, start, end)
    except OSError:
        if os.fstat(fd).st_size != before:
            os.ftruncate(fd, before)
        raise


def reserve_most(fd: int, start: int, wanted: int, least: int) -> int:
    """Reserve from `start` on, halving what is asked while the disk is too full for it.

    Args:
        wanted, least: ends, multiples of a page; `start < least <= wanted`.

    Returns:
        The end that was reserved, between `least` and `wanted`.

    Raises:
        OSError: not even `least` can be had.
    """
    end = wanted
    while True:
        try:
            reserve(fd, start, end)
        except OSError as error:
            if end <= least or error.errno not in FULL:
                raise
            end = max(least, page_ceil(start + (end - start) // 2))
        else:
            return end


def _reserve_linux(fd: int, start: int, end: int) -> None:
    try:
        os.posix_fallocate(fd, start, end - start)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _write_zeros(fd, start, end)


def _reserve_macos(fd: int, start: int, end: int) -> None:
    """`F_PREALLOCATE` counts from the present end of the file and does not move it."""
    import fcntl
    import struct

    allocate_all, from_physical_end = 4, 3
    more = end - os.fstat(fd).st_size
    request = struct.pack("=Iiqqq", allocate_all, from_physical_end, 0, max(more, 0), 0)
    try:
        if more > 0:
            fcntl.fcntl(fd, _F_PREALLOCATE, request)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _write_zeros(fd, start, end)
    else:
        if more > 0:
            os.ftruncate(fd, end)


def _write_zeros(fd: int, start: int, end: int) -> None:
    """The last resort: bytes that were written have their space."""
    zeros = bytes(min(end - start, 1 << 20))
    while start < end:
        start += write_at(fd, zeros[: end - start], start)


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes from `offset` on; Windows has no `pread`."""
    if hasattr(os, "pread"):
        return os.pread(fd, length, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


def write_at(fd: int, data: bytes, offset: int) -> int:
    """Write at `offset`; on a descriptor opened with `O_APPEND` that must be the file's end."""
    if hasattr(os, "pwrite"):
        return os.pwrite(fd, data, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.write(fd, data)


def _choose() -> Callable[[int, int, int], None]:
    if sys.platform == "darwin":
        return _reserve_macos
    return _reserve_linux if hasattr(os, "posix_fallocate") else _write_zeros


_reserve_here = _choose()


def prefault(mapping: mmap.mmap, start: int) -> None:
    """Fault the pages from `start` on in for writing, so that `log()` does not have to.

    In pieces, because `mmap.madvise` keeps the GIL (1.4 µs a page): other threads run
    between two pieces. Where the kernel cannot, the first store into a page costs a fault.
    """
    madvise = getattr(mapping, "madvise", None)
    if madvise is None or not sys.platform.startswith("linux"):
        return
    at = page_floor(start)
    try:
        while at < len(mapping):
            madvise(MADV_POPULATE_WRITE, at, min(_PREFAULT_BYTES, len(mapping) - at))
            at += _PREFAULT_BYTES
            time.sleep(0)
    except (OSError, ValueError):
        return


def datasync(fd: int) -> None:
    """Bring a file's content to the disk.

    Raises:
        OSError: the disk failed. What was not synced before may be lost, and asking again
            would only hide that.
    """
    getattr(os, "fdatasync", os.fsync)(fd)
