"""One file exchanged for another text, or left as it is.

The new text is written beside the file under a name of its own, and takes the file's name in one step.
Killed anywhere, the file is the old one or the new one; what may be left over is `.NAME.og-….tmp`, which
`sweep` finds. What can still be lost is a save by somebody else that takes the name within the same
microseconds; a save into the old file in that time is noticed and put back.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from opengraphs.guard.finding import Refused, refused
from opengraphs.guard.paths import Target, folder_of, look, open_target, opened
from opengraphs.guard.rules import Policy, parts_of, permit_write

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP}
"""File systems that sync no folders."""
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}


def replace(policy: Policy, target: Target, text: str) -> Target:
    """Give a file another text, if it is still what it was when it was looked at.

    Owner and mode stay; file and folder are on the disk when it returns.

    Args:
        target: from `open_target`.

    Returns:
        The file as it is now.

    Raises:
        Refused: rule `changed` when the file is another by now; `disk_full`, `read_only`, `write_failed`,
            or a rule of `open_target`. The file then is as it was.
    """
    data = _encoded(policy, target.path, text)
    parts = parts_of(target.path)
    permit_write(policy, parts)
    with folder_of(policy, parts) as folder, _told(target.path):
        _unchanged(policy, folder, target)
        with opened(policy, folder, target.path) as (old, facts):
            _exchange(policy, folder, target, data, facts)
            _keep_a_save(folder, target, old)
            _sync(folder, target, facts)
    return _as_written(policy, target.path, data)


def sweep(policy: Policy, path: str) -> list[str]:
    """Remove what writes of this file left behind when they were killed, and return the names.

    Raises:
        Refused: as `replace`.
    """
    parts = parts_of(path)
    permit_write(policy, parts)
    with folder_of(policy, parts) as folder, _told(path):
        left = [name for name in os.listdir(folder) if _is_temp(name, parts[-1])]  # noqa: PTH208  # a descriptor
        for name in left:
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid():
                os.unlink(name, dir_fd=folder)
    return left


def _encoded(policy: Policy, path: str, text: str) -> bytes:
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise refused("not_utf8", "the new text cannot be written as UTF-8", path) from None
    if "\0" in text:
        raise refused("binary", "the new text has NUL bytes in it", path)
    if len(data) > policy.max_bytes:
        raise refused("too_big", f"the new text is larger than {policy.max_bytes} bytes", path)
    return data


def _temp(name: str) -> str:
    short = name.encode()[:200].decode("utf-8", "ignore")
    return f".{short}.og-{secrets.token_hex(6)}.tmp"


def _is_temp(temp: str, name: str) -> bool:
    short = name.encode()[:200].decode("utf-8", "ignore")
    return re.fullmatch(rf"\.{re.escape(short)}\.og-[0-9a-f]{{12}}\.tmp", temp) is not None


def _exchange(policy: Policy, folder: int, target: Target, data: bytes, facts: os.stat_result) -> None:
    name = target.path.rpartition("/")[2]
    temp = _temp(name)
    try:
        _write_new(folder, temp, data, facts)
        _unchanged(policy, folder, target)
        _same_folder(policy, folder, target.path)
        os.replace(temp, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _unlink(folder, temp)
        raise


def _write_new(folder: int, temp: str, data: bytes, like: os.stat_result) -> None:
    fd = os.open(temp, _NEW, 0o600, dir_fd=folder)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        made = os.fstat(fd)
        if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
            os.fchown(fd, like.st_uid, like.st_gid)
        os.fchmod(fd, stat.S_IMODE(like.st_mode))
        os.fsync(fd)
    finally:
        os.close(fd)


def _unchanged(policy: Policy, folder: int, target: Target) -> None:
    try:
        now = look(policy, folder, target.path)
    except Refused as gone:
        if gone.finding.rule != "not_found":
            raise
        raise refused("changed", "the file was removed meanwhile", target.path) from None
    if (now.sha256, now.dev, now.inode, now.mode) != (target.sha256, target.dev, target.inode, target.mode):
        raise refused("changed", "the file was changed meanwhile; nothing was written", target.path)


def _same_folder(policy: Policy, folder: int, path: str) -> None:
    """The names on the way still lead to the folder that is open."""
    with folder_of(policy, parts_of(path)) as again:
        then, now = os.fstat(folder), os.fstat(again)
    if (then.st_dev, then.st_ino) != (now.st_dev, now.st_ino):
        raise refused("changed", "the folder was exchanged meanwhile; nothing was written", path)


def _keep_a_save(folder: int, target: Target, old: int) -> None:
    """Undo it where somebody saved into the old file between the last look and the exchange."""
    os.lseek(old, 0, os.SEEK_SET)
    data = b""
    while chunk := os.read(old, 1 << 18):
        data += chunk
    if hashlib.sha256(data).hexdigest() != target.sha256:
        _put_back(folder, target.path, data, os.fstat(old))
        raise refused("changed", "somebody saved the file meanwhile; their text was kept", target.path)


def _sync(folder: int, target: Target, facts: os.stat_result) -> None:
    """The file's new name is on the disk, or the file is the old one again."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno in _NO_SYNC:
            return
        _put_back(folder, target.path, target.text.encode(), facts)
        raise


def _put_back(folder: int, path: str, data: bytes, like: os.stat_result) -> None:
    name = path.rpartition("/")[2]
    temp = _temp(name)
    _write_new(folder, temp, data, like)
    os.replace(temp, name, src_dir_fd=folder, dst_dir_fd=folder)


def _as_written(policy: Policy, path: str, data: bytes) -> Target:
    now = open_target(policy, path)
    if now.sha256 != hashlib.sha256(data).hexdigest():
        raise refused("changed", "the file was changed right after it was written", path)
    return now


def _unlink(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        pass  # `sweep` finds it


@contextmanager
def _told(path: str) -> Iterator[None]:
    """What the system says about a write, in the guard's words."""
    try:
        yield
    except OSError as error:
        raise _reason(error, path) from error


def _reason(error: OSError, path: str) -> Refused:
    if error.errno in _FULL:
        return refused("disk_full", "there is no space left for the new text; the file is as it was", path)
    if error.errno in _CLOSED:
        return refused("read_only", "the folder cannot be written; the file is as it was", path)
    return refused("write_failed", f"the file could not be written: {error.strerror}", path)
