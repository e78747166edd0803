"""The paths of a store and of one run folder, and the journals in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from opengraphs.sdk import layout

_RANKED = re.compile(r"(?:^|(?<=-))a(\d{1,9})-r(\d{1,9})(?=$|-)")


class WriterName(NamedTuple):
    """What a journal's name says about its writer: attempt and rank, 0 and 0 where it says nothing.

    branch: the rest of the name. Writers of one branch follow each other from attempt to
    attempt; those of different branches write side by side (a mirror, a forked child).
    """

    attempt: int
    rank: int
    branch: str

    @classmethod
    def parse(cls, writer: str) -> WriterName:
        """`mirror-a1-r3` → 1, 3, `mirror-`; `a0-r2-f4711` → 0, 2, `-f4711`; `stdout` → 0, 0, `stdout`."""
        found = _RANKED.search(writer)
        if found is None:
            return cls(0, 0, writer)
        return cls(int(found[1]), int(found[2]), writer[: found.start()] + writer[found.end() :])


class RunFolder:
    """Where the parts of one run lie. The folder need not be complete, or exist.

    Paths are made when first asked for: a list of ten thousand runs needs few of them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id = path.name

    @cached_property
    def text(self) -> str:
        """The folder's path; with a name behind it, a third of the cost of another Path."""
        return os.fspath(self.path)

    @cached_property
    def run_json(self) -> Path:
        return self.path / layout.RUN_JSON

    @cached_property
    def exit_json(self) -> Path:
        return self.path / layout.EXIT_JSON

    @cached_property
    def lock(self) -> Path:
        return self.path / layout.RUN_LOCK

    @cached_property
    def stdout_log(self) -> Path:
        return self.path / layout.STDOUT_LOG

    @cached_property
    def metrics(self) -> Path:
        return self.path / layout.METRICS

    @cached_property
    def system(self) -> Path:
        return self.path / layout.SYSTEM

    @cached_property
    def events(self) -> Path:
        return self.path / layout.EVENTS

    @cached_property
    def samples(self) -> Path:
        return self.path / layout.SAMPLES

    def journal_folders(self) -> tuple[Path, ...]:
        return (self.metrics, self.system, self.events, self.samples)


def runs_folder(store: Path) -> Path:
    return store / layout.RUNS


def run_names(runs: Path) -> set[str]:
    """Names of the run folders in `runs/`, damaged ones too; none where there is no such folder.

    Hidden names, names that are no text and plain files are no runs.

    Raises:
        OSError: the folder exists and cannot be listed.
    """
    try:
        with os.scandir(runs) as entries:
            return {entry.name for entry in entries if _is_run_folder(entry)}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _is_run_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.name.startswith(".") and is_text(entry.name) and entry.is_dir()
    except OSError:
        return False


def is_text(name: str) -> bool:
    """Whether a file's name can stand in JSON; og never makes another."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


def list_segments(folder: Path) -> dict[str, list[int]]:
    """Journals of one folder: writer → its segment numbers, ascending. Missing folder: none.

    Raises:
        OSError: the folder exists and cannot be listed.
    """
    found: dict[str, list[int]] = {}
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return found
    for name in names:
        split = layout.split_segment(name) if is_text(name) and not name.startswith(".") else None
        if split is not None:
            found.setdefault(split[0], []).append(split[1])
    return {writer: sorted(numbers) for writer, numbers in sorted(found.items())}


def segment_path(folder: Path, writer: str, number: int) -> Path:
    return folder / layout.segment_name(writer, number)


def journal_files(run: RunFolder) -> Iterator[Path]:
    """Every journal segment of a run, all kinds, in a stable order.

    Raises:
        OSError: a folder exists and cannot be listed.
    """
    for folder in run.journal_folders():
        for writer, numbers in list_segments(folder).items():
            for number in numbers:
                yield segment_path(folder, writer, number)
