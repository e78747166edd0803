"""Which event files belong to one run of TensorBoard.

A run is a folder with event files right in it. Two calls of a writer put files of the same
run into folders below: `add_scalars` one for each of its curves, `add_hparams` one for its
values. They are told by what their first summary says and read as part of the run; any other
folder below is a run of its own, as in TensorBoard.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from opengraphs.sources.eventfile import HEAD_BYTES
from opengraphs.sources.plain import head as head_of
from opengraphs.sources.tfevents import read_head
from opengraphs.sources.tfrecord import Framing
from opengraphs.sources.tfvalues import HPARAMS

MARK = "tfevents"
MAX_DEPTH = 4
MAX_FOLDERS = 500
"""Folders below a run that are looked at."""
_SETTLED_S = 2.0
"""Times of folders are coarse: what changed this shortly ago may change again unseen."""
_NAME = re.compile(r"tfevents\.(\d{9,11})\.(.+?)(?:\.\d+){0,2}(?:\.v2)?$", re.ASCII)


class Member(NamedTuple):
    """An event file of a run. name: relative to the run's folder. rename: from its names to the run's."""

    name: str
    path: str
    rename: Callable[[str], str]


class Origin(NamedTuple):
    """What a file's name says: when (epoch seconds) and on which host its writer began."""

    created_at: int | None
    host: str


def origin(name: str) -> Origin:
    """Of a file named as TensorBoard's writers do; empty where it is not."""
    found = _NAME.search(name)
    return Origin(int(found[1]), found[2]) if found else Origin(None, "")


def event_files(folder: str) -> list[str]:
    """Names of the event files right in a folder.

    Raises:
        OSError: it cannot be listed.
    """
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if MARK in entry.name and _is_file(entry)]


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def in_order(name: str) -> tuple[int, list[tuple[int, str]]]:
    """Sort key: by the time in a file's name, then by name with its numbers as numbers."""
    parts = re.split(r"(\d+)", name, flags=re.ASCII)
    return origin(name).created_at or 0, [
        (int(part), "") if part.isdecimal() and len(part) < 19 else (-1, part) for part in parts
    ]


class _First(NamedTuple):
    tag: str | None
    is_known: bool


def _first_tag(folder: str, names: list[str]) -> _First:
    """What the oldest file's first summary is called."""
    data = head_of(Path(folder, min(names, key=in_order)), HEAD_BYTES)
    frames = Framing().split(data)
    found = read_head(data, frames.spans, is_all=len(data) == HEAD_BYTES)
    return _First(found.tag, found.is_known)


def has_values(folder: str, names: list[str]) -> bool:
    """Whether files hold more than the event that opens each."""
    for name in names:
        data = head_of(Path(folder, name), HEAD_BYTES)
        if len(Framing().split(data).spans) > 1:
            return True
    return False


def kinship(below: str, tag: str) -> Callable[[str], str] | None:
    """How names change on the way from a folder below into the run; None: it is a run of its own.

    Args:
        below: path of the folder, relative to the run's, with `/`.
        tag: of the first summary in it.
    """
    if tag.startswith(HPARAMS):
        return str
    for stem in (tag.replace("/", "_") + "_", tag + "/"):  # torch; tensorboardX
        curve = below.removeprefix(stem)
        if curve and curve != below:
            return lambda name: f"{name}/{curve}"
    return None


def run_folder(folder: Path) -> Path:
    """The folder of the run that a folder's event files belong to: itself, or one above.

    Raises:
        OSError: a folder cannot be listed.
    """
    names = event_files(str(folder))
    tag = _first_tag(str(folder), names).tag if names else None
    if tag:
        for parent in list(folder.parents)[:MAX_DEPTH]:
            own = event_files(str(parent))
            if own and kinship(folder.relative_to(parent).as_posix(), tag) and has_values(str(parent), own):
                return parent
    return folder


class EventFolder:
    """The event files of one run, listed again only when a folder changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._members: list[Member] = []
        self._times: dict[str, int] = {}
        """Folders that were looked into and their mtime (ns), -1 for one to look at again."""

    def members(self) -> list[Member]:
        """All files of the run in the order in which they were begun.

        Raises:
            OSError: the run's own folder cannot be listed.
        """
        if not self._times or any(_mtime(folder) != then for folder, then in self._times.items()):
            self._times = {}
            found = list(self._own())
            if has_values(str(self.path), [member.name for member in found]):
                found += self._below()
            self._members = sorted(found, key=lambda member: in_order(member.name.rpartition("/")[2]))
        return self._members

    def _own(self) -> Iterator[Member]:
        folder = str(self.path)
        self._looked_into(folder)
        names = event_files(folder)
        if not has_values(folder, names):
            self._times[folder] = -1
        for name in names:
            yield Member(name, f"{folder}/{name}", str)

    def _below(self) -> Iterator[Member]:
        waiting = [(str(self.path), "", 0)]
        while waiting and len(self._times) < MAX_FOLDERS:
            folder, below, depth = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            except OSError:
                continue
            for name in names:
                path, relative = f"{folder}/{name}", f"{below}{name}"
                try:
                    files = event_files(path)
                except OSError:
                    continue
                self._looked_into(path)
                if not files:
                    if depth + 1 < MAX_DEPTH:
                        waiting.append((path, f"{relative}/", depth + 1))
                    continue
                yield from self._kin(path, relative, files)

    def _kin(self, path: str, relative: str, files: list[str]) -> Iterator[Member]:
        first = _first_tag(path, files)
        if not first.is_known:
            self._times[path] = -1
        rename = kinship(relative, first.tag) if first.tag else None
        if rename is not None:
            for name in files:
                yield Member(f"{relative}/{name}", f"{path}/{name}", rename)

    def _looked_into(self, folder: str) -> None:
        changed = _mtime(folder)
        self._times[folder] = changed if abs(time.time() - changed / 1e9) > _SETTLED_S else -1


def _mtime(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return -2
