"""Files of a project, opened such that no link and no race leads anywhere else.

Every folder on the way is opened by its name in the folder above, without following links. What is
checked is therefore what is read, and what is written lands in the folder that was checked, whatever
happens to the names meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from opengraphs.guard.finding import Refused, refused
from opengraphs.guard.globs import folded
from opengraphs.guard.rules import Policy, parts_of, permit_read, permit_write

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PASSED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Folders above the project: they may be passed, not read."""
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK a pipe in the place of a file would hold the daemon."""


class Target(NamedTuple):
    """A file as it was when it was looked at. mode: its permission bits; sha256: of its bytes."""

    path: str
    text: str
    sha256: str
    mode: int
    dev: int
    inode: int


def open_target(policy: Policy, path: str) -> Target:
    """A file that may be changed, with its text.

    Raises:
        Refused: it may not, or is not what it seems; each reason has its rule.
    """
    parts = parts_of(path)
    permit_write(policy, parts)
    with folder_of(policy, parts) as folder:
        return look(policy, folder, path)


def open_readable(policy: Policy, path: str) -> str:
    """The text of a file that may be read.

    Raises:
        Refused: as `open_target`, but for a wider choice of files.
    """
    parts = parts_of(path)
    permit_read(policy, parts)
    with folder_of(policy, parts) as folder:
        return look(policy, folder, path).text


@contextmanager
def folder_of(policy: Policy, parts: tuple[str, ...]) -> Iterator[int]:
    """The open folder that holds the last of `parts`.

    Raises:
        Refused: a name on the way is no folder, or one like another.
    """
    path = "/".join(parts)
    here = _open_root(policy.root)
    try:
        for name in parts[:-1]:
            _sole_name(here, name, path)
            below = _open_folder(here, name, path)
            os.close(here)
            here = below
        _sole_name(here, parts[-1], path)
        yield here
    finally:
        os.close(here)


def look(policy: Policy, folder: int, path: str) -> Target:
    """The file of `path` in its open folder, checked and read.

    Raises:
        Refused: it is no plain text file of this user, or has another name somewhere.
    """
    with opened(policy, folder, path) as (fd, facts):
        data = _read(fd, policy.max_bytes, path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise refused("not_utf8", "the file is not UTF-8", path) from None
    if "\0" in text:
        raise refused("binary", "the file has NUL bytes in it: no text", path)
    digest = hashlib.sha256(data).hexdigest()
    return Target(path, text, digest, stat.S_IMODE(facts.st_mode), facts.st_dev, facts.st_ino)


@contextmanager
def opened(policy: Policy, folder: int, path: str) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of the file of `path`, and its facts; raises as `look`."""
    name = path.rpartition("/")[2]
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        _plain_file(seen, path)
        fd = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        raise _no_file(error, path) from None
    try:
        facts = os.fstat(fd)
        if (facts.st_dev, facts.st_ino) != (seen.st_dev, seen.st_ino):
            raise refused("changed", "the file was exchanged while it was opened", path)
        _ours(policy, facts, path)
        yield fd, facts
    finally:
        os.close(fd)


def _plain_file(facts: os.stat_result, path: str) -> None:
    if stat.S_ISLNK(facts.st_mode):
        raise refused("symlink", "the file is a link", path)
    if not stat.S_ISREG(facts.st_mode):
        raise refused("not_regular", "not a plain file", path)


def _ours(policy: Policy, facts: os.stat_result, path: str) -> None:
    _plain_file(facts, path)
    if facts.st_nlink != 1:
        raise refused("hard_link", "the file has another name elsewhere (a hard link)", path)
    if facts.st_uid != os.geteuid():
        raise refused("other_owner", "the file belongs to somebody else", path)
    if facts.st_size > policy.max_bytes:
        raise refused("too_big", f"the file is larger than {policy.max_bytes} bytes", path)


def _read(fd: int, most: int, path: str) -> bytes:
    data = b""
    try:
        while len(data) <= most and (chunk := os.read(fd, 1 << 18)):
            data += chunk
    except OSError as error:
        raise _no_file(error, path) from None
    if len(data) > most:
        raise refused("too_big", f"the file is larger than {most} bytes", path)
    return data


def _open_root(root: Path) -> int:
    """The project's folder, reached without any link."""
    here = os.open("/", _PASSED)
    names = root.parts[1:] if root.is_absolute() else ()
    try:
        for number, name in enumerate(names, 1):
            below = os.open(name, _FOLDER if number == len(names) else _PASSED, dir_fd=here)
            os.close(here)
            here = below
        if names:
            kept, here = here, -1
            return kept
    except OSError:
        pass
    finally:
        if here >= 0:
            os.close(here)
    raise refused("root", f"{root} is no folder, or is reached through a link", "")


def _open_folder(at: int, name: str, path: str) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=at)
    except OSError as error:
        problem = error
    try:
        facts = os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError as error:
        raise _no_file(error, path) from None
    if stat.S_ISLNK(facts.st_mode):
        raise refused("symlink", f"the folder {name} is a link", path)
    if not stat.S_ISDIR(facts.st_mode):
        raise refused("not_folder", f"{name} is no folder", path)
    raise _no_file(problem, path)


def _no_file(error: OSError, path: str) -> Refused:
    if isinstance(error, FileNotFoundError):
        return refused("not_found", "there is no such file", path)
    return refused("unreadable", f"the file cannot be opened: {error.strerror}", path)


def _sole_name(folder: int, name: str, path: str) -> None:
    """Raises Refused where another name in the folder can be taken for this one, or it is spelled otherwise."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise _no_file(error, path) from None
    like = [one for one in names if folded(one) == folded(name)]
    if like and name not in like:
        raise refused("spelling", f"the name is written {ascii(like[0])[1:-1]}", path)
    if len(like) > 1:
        other = next(one for one in like if one != name)
        raise refused("lookalike", f"{ascii(other)[1:-1]} beside it can be taken for it", path)
