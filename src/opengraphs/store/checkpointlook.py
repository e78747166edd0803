"""Finding checkpoints: looks at a run's folders, again and again, at the cost of what changed.

A look asks each known folder whether an entry came or went, and each known candidate whether it
was written to: a `stat` each. Only what changed is listed again. A candidate counts when
two looks at least SETTLE_S apart saw the same, and it is whole.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from opengraphs.sdk import layout
from opengraphs.store import checkpointnames as names
from opengraphs.store.checkpointplaces import Place, is_passed_over
from opengraphs.store.checkpoints import Mark, format_of, is_complete, mark_of, step_of

SETTLE_S = 2.0
MAX_DEPTH = 5
MAX_FOLDERS = 400
MAX_ENTRIES = 4000
"""Of one folder: in a longer one the rest is not seen."""
MAX_CANDIDATES = 1000
MAX_CHECKS = 40
"""Candidates whose completeness is looked at in one look: the others have their turn in the next."""
LOOK_S = 0.15
RACY_NS = 2_000_000_000
"""A folder that changed within so long may change again at the same mtime."""
RECHECK_S, MOST_RECHECK_S = 4.0, 300.0
PIN_JSON = "pin.json"
"""In a folder that og itself keeps a checkpoint in."""


class Found(NamedTuple):
    """A whole checkpoint. mtime_s: the newest change of a file in it. named: in a folder that the run names."""

    path: str
    format: str
    step: names.Step | None
    bytes: int
    mtime_s: float
    named: bool


class _Folder(NamedTuple):
    """A listed folder. racy: it had changed just before, so that its stamp says little.

    stamp: its mtime then. is_whole: it is one checkpoint itself; then the rest is empty.
    """

    stamp: int
    racy: bool
    is_whole: bool
    below: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class _Candidate:
    """A file or folder that looks like a checkpoint, and how far it was followed."""

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self.own: tuple[int, int] = (0, 0)
        self.since_s = 0.0
        self.is_done = False
        self.check_at_s = -math.inf
        self.recheck_s = RECHECK_S


class Look:
    """The looks at one run's folders; one thread at a time.

    Args:
        since_s: epoch seconds; what was last changed before is of an earlier run.
    """

    def __init__(self, *, since_s: float) -> None:
        self._since_ns = int(since_s * 1e9)
        self._folders: dict[str, _Folder] = {}
        self._candidates: dict[str, _Candidate] = {}
        self.waits = False
        """Something was seen that has to stay the same for a while before it counts."""

    def look(self, places: Sequence[Place], *, now_s: float | None = None) -> list[Found]:
        """Whole checkpoints that are new, or changed, since they were last reported.

        Args:
            now_s: a monotonic clock's reading.

        Cost: a stat for each known folder and candidate; bounded by the limits above.
        """
        now_s = time.monotonic() if now_s is None else now_s
        deadline_s = time.monotonic() + LOOK_S
        seen = self._candidates_in(places, deadline_s)
        self._candidates = {path: self._candidates.get(path) or _Candidate() for path in seen}
        found: list[Found] = []
        checks, self.waits = 0, False
        for path, named in seen.items():
            if checks >= MAX_CHECKS or time.monotonic() > deadline_s:
                self.waits = True
                break
            candidate = self._candidates[path]
            if self._is_settled(path, candidate, now_s):
                checks += 1
                checkpoint = self._check(path, candidate, named, now_s)
                found += [checkpoint] if checkpoint else []
        return found

    def sees(self, path: str) -> bool:
        """Whether the last look met this place."""
        return path in self._candidates

    def _is_settled(self, path: str, candidate: _Candidate, now_s: float) -> bool:
        """Whether a candidate stayed the same for long enough and is to be checked now."""
        own = _own_stamp(path, candidate.mark)
        if own != candidate.own or candidate.mark is None:
            mark = mark_of(path)
            candidate.own = _own_stamp(path, mark)
            if mark != candidate.mark:
                candidate.mark, candidate.since_s, candidate.is_done = mark, now_s, False
                candidate.check_at_s, candidate.recheck_s = -math.inf, RECHECK_S
        if candidate.is_done or candidate.mark is None or candidate.mark.mtime_ns < self._since_ns:
            return False
        if now_s - candidate.since_s < SETTLE_S:
            self.waits = True
            return False
        return now_s >= candidate.check_at_s

    def _check(self, path: str, candidate: _Candidate, named: bool, now_s: float) -> Found | None:
        """The checkpoint if it is whole, and was not written to meanwhile."""
        kind = format_of(path)
        mark = mark_of(path)
        if mark is None or mark != candidate.mark:
            candidate.mark = None
            self.waits = True
            return None
        if not is_complete(path, kind):
            candidate.check_at_s = now_s + candidate.recheck_s
            candidate.recheck_s = min(MOST_RECHECK_S, 2 * candidate.recheck_s)
            return None
        candidate.is_done = True
        return Found(path, kind, step_of(path), mark.bytes, mark.mtime_ns / 1e9, named)

    # -- folders -------------------------------------------------------------------------------

    def _candidates_in(self, places: Sequence[Place], deadline_s: float) -> dict[str, bool]:
        """Paths of candidates → whether the run names a folder above; what the run names comes first."""
        found: dict[str, bool] = {}
        kept: dict[str, _Folder] = {}
        waiting = deque((place.path, place, 0) for place in places)
        while waiting and len(kept) < MAX_FOLDERS and time.monotonic() < deadline_s:
            path, place, depth = waiting.popleft()
            folder = None if path in kept else self._listed(path)
            if folder is None:
                continue
            kept[path] = folder
            mine = (path,) if folder.is_whole and depth else folder.files
            for candidate in mine[: MAX_CANDIDATES - len(found)]:
                found.setdefault(candidate, place.named)
            if depth < MAX_DEPTH:
                waiting += [
                    (below, place, depth + 1) for below in folder.below if _is_of(place, below, depth)
                ]
        self._folders = kept
        return found

    def _listed(self, path: str) -> _Folder | None:
        """A folder's list; the one that is known while nothing came or went."""
        try:
            stamp = os.lstat(path).st_mtime_ns
        except OSError:
            return None
        known = self._folders.get(path)
        if known is not None and known.stamp == stamp and not known.racy:
            return known
        return _list(path, stamp)


def _is_of(place: Place, below: str, depth: int) -> bool:
    """Of a working folder only what is a checkpoint by its name is entered."""
    return place.deep or (depth == 0 and names.may_be_folder(Path(below).name))


def _list(path: str, stamp: int) -> _Folder | None:
    """What is in a folder, newest folders first, so that a bound cuts off what is old."""
    folders: list[tuple[int, str]] = []
    files: list[str] = []
    inside: set[str] = set()
    name = Path(path).name
    try:
        with os.scandir(path) as entries:
            for entry in islice(entries, MAX_ENTRIES):
                inside.add(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    if not is_passed_over(entry.name) and not names.is_unfinished(entry.name):
                        folders.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path))
                elif entry.is_file(follow_symlinks=False) and names.is_file(entry.name, name):
                    files.append(entry.path)
    except OSError:
        return None
    racy = abs(time.time_ns() - stamp) < RACY_NS
    if PIN_JSON in inside or {layout.RUN_JSON, layout.METRICS} <= inside:
        return _Folder(stamp, racy, False)  # og's own: a kept checkpoint, or a run
    if names.folder_format(name, inside):
        return _Folder(stamp, racy, True)
    return _Folder(stamp, racy, False, tuple(at for _, at in sorted(folders, reverse=True)), tuple(files))


def _own_stamp(path: str, mark: Mark | None) -> tuple[int, int]:
    """What a candidate and the newest file in it say of their last change; two stats at most."""
    try:
        newest = path if mark is None else mark.newest
        return os.lstat(path).st_mtime_ns, os.lstat(newest).st_mtime_ns
    except OSError:
        return (-1, -1)


def found_in(places: Sequence[Place], *, since_s: float) -> list[Found]:
    """What is there of a run that has ended: nothing is written any more, so nothing has to settle."""
    look = Look(since_s=since_s)
    look.look(places, now_s=0.0)
    return look.look(places, now_s=SETTLE_S)
