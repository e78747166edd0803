"""Places of foreign formats below a folder, found by name first and by a look inside second.

A walk can be stopped at any time and goes on where it was: what is found soon is shown at
once, and the rest of a large tree is looked at behind. Folders are taken breadth first, so
what lies near comes first.
"""

from __future__ import annotations

import fnmatch
import os
import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from opengraphs.sdk.layout import RUN_JSON
from opengraphs.sources.base import Format

MAX_DEPTH = 4
"""Folders below the one that was named. Below one of ROOTS it counts from there again."""
MAX_FOUND = 5000
"""A walk ends with so many: more would not be looked at one by one."""
ROOTS = frozenset(
    ("runs", "logs", "log", "outputs", "output", "results", "experiments", "checkpoints", "multirun")
) | {"lightning_logs", "tb_logs", "tensorboard", "ray_results", "wandb", "mlruns"}
"""Folders that tools make for runs, and in which these lie deeper."""
SKIPPED = frozenset((".git", "node_modules", ".venv", "venv", "site-packages", "__pycache__", ".opengraphs"))
_BREATH = 256
"""Names between two looks at the clock."""


class Found(NamedTuple):
    """A source: the format that reads it, and the path that its reader takes."""

    format: Format
    path: Path


class _Folder(NamedTuple):
    path: str
    left: int
    """So many levels below it are looked at."""


class Walk:
    """A look below one folder, in pieces. One thread at a time.

    Attributes:
        found: the sources so far, in the order in which they were met.
        is_done: everything was looked at, or MAX_FOUND were found.
        looked: names that were looked at.
        unreadable: folders that could not be listed.
    """

    def __init__(self, root: Path, formats: Sequence[Format]) -> None:
        self.found: list[Found] = []
        self.is_done = False
        self.looked = 0
        self.unreadable = 0
        self._formats = formats
        self._wanted = _names(formats)
        self._met: set[tuple[str, str]] = set()
        self._seen: set[tuple[int, int]] = set()
        self._steps = self._walk(root)

    def advance(self, budget_s: float) -> list[Found]:
        """Look on for about `budget_s` seconds; what was found meanwhile."""
        first, end = len(self.found), time.monotonic() + budget_s
        for _ in self._steps:
            if len(self.found) >= MAX_FOUND:
                break
            if time.monotonic() >= end:
                return self.found[first:]
        self.is_done = True
        return self.found[first:]

    def _walk(self, root: Path) -> Iterator[None]:
        if self._offer(os.fspath(root)):
            return
        folders = deque([_Folder(os.fspath(root), MAX_DEPTH)])
        while folders:
            folder = folders.popleft()
            if self._is_new(folder.path):
                yield from self._look_into(folder, folders)
        places = [format_ for format_ in self._formats if format_.names]  # the others read files
        if not self.found and (named := identify(root, places)) is not None:
            self._take(named)

    def _is_new(self, path: str) -> bool:
        """Whether this folder was not looked into before; links may lead back."""
        try:
            found = os.stat(path)  # noqa: PTH116  (walks go over many thousand folders)
        except OSError:
            return False
        key = (found.st_dev, found.st_ino)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _look_into(self, folder: _Folder, folders: deque[_Folder]) -> Iterator[None]:
        names: list[str] = []
        below: list[str] = []
        try:
            with os.scandir(folder.path) as entries:
                for entry in entries:
                    if (len(names) + len(below)) % _BREATH == _BREATH - 1:
                        yield
                    if _is_text(entry.name):
                        (below if _is_folder(entry) else names).append(entry.name)
        except OSError:
            self.unreadable += 1
            return
        self.looked += len(names) + len(below)
        if RUN_JSON in names:
            return  # a run of og itself
        for name in sorted(filter(self._wanted.match, names)):
            self._offer(f"{folder.path}/{name}")
            yield
        for name in sorted(below):
            yield
            path = f"{folder.path}/{name}"
            is_wanted = self._wanted.match(name) is not None
            if name in SKIPPED or (name.startswith(".") and not is_wanted):
                continue
            if is_wanted and self._offer(path):
                continue  # its reader takes all of it
            left = max(folder.left, MAX_DEPTH + 1) if name in ROOTS else folder.left
            if left > 0:
                folders.append(_Folder(path, left - 1))

    def _offer(self, path: str) -> bool:
        """Offer a path to the formats; True when it was taken."""
        place = Path(path)
        for format_ in self._formats:
            if not _fits(place.name, format_):
                continue
            taken = format_.accepts(place)
            if taken is None:
                continue
            self._take(Found(format_, taken))
            return True
        return False

    def _take(self, found: Found) -> None:
        key = (found.format.name, os.fspath(found.path))
        if key not in self._met:
            self._met.add(key)
            self.found.append(found)


def identify(path: Path, formats: Sequence[Format]) -> Found | None:
    """The format of a place that somebody named, whatever its name; None when nobody reads it."""
    fitting = [format_ for format_ in formats if _fits(path.name, format_)]
    others = [format_ for format_ in formats if format_ not in fitting]
    for format_ in (*fitting, *others):
        taken = format_.accepts(path)
        if taken is not None:
            return Found(format_, taken)
    return None


def looked_for(formats: Sequence[Format]) -> str:
    """What sources look like, for a place where none was found."""
    return "; ".join(f"{format_.title} ({format_.looks_for})" for format_ in formats if format_.names)


def _is_text(name: str) -> bool:
    """Whether a name can stand in JSON: what is followed is told by its path."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _fits(name: str, format_: Format) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in format_.names)


def _names(formats: Sequence[Format]) -> re.Pattern[str]:
    patterns = {pattern for format_ in formats for pattern in format_.names}
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in sorted(patterns)) or r"(?!)")
