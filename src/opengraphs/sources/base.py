"""What a reader of a foreign format is, and where it puts what it finds.

A *source* is one foreign place: a folder of event files, a database, a file. It holds one
run or many; each has a key that is unique and stable within the source ("" where there can
only be one). A reader reads on from its cursor whenever it is asked, and never writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from opengraphs.records import RunFacts


class Trouble(NamedTuple):
    """Something that could not be read.

    path: of the file. offset: byte where it lies, None where that says nothing. skipped:
    how many records (or rows, lines, blocks) were left out. reason: one line, for the
    status line and `og doctor`.
    """

    path: str
    reason: str
    skipped: int = 1
    offset: int | None = None


class Sink(Protocol):
    """Takes what a reader finds. `key` names the run within the source.

    A run's `run` comes before anything else of it. Values are plain floats; NaN and
    infinities are values. Times are epoch seconds. Calls cost microseconds: a reader may
    make one a point, and saves bytes where it makes one a step.
    """

    def run(self, key: str, facts: RunFacts) -> None:
        """Facts that are new or changed: name, project, group, config, tags, notes, created_at,
        started_at, ended_at, status, exit_code, host, user, command, … `status` only where the
        format says it; config replaces config."""

    def metrics(self, key: str, step: int, time: float, metrics: Mapping[str, float]) -> None:
        """One record; the last write wins at one step of a metric."""

    def system(self, key: str, time: float, metrics: Mapping[str, float]) -> None:
        """Figures of the machine, under og's names where the meaning is the same (`gpu.0.util_percent`)."""

    def event(self, key: str, time: float, kind: str, payload: Mapping[str, Any]) -> None:
        """An alert, note, checkpoint, … in the shape of DESIGN section 2."""

    def log(self, key: str, data: bytes) -> None:
        """More of what the run printed."""

    def reset(self, key: str) -> None:
        """All that was given of this run is void (its file was rewritten); it comes again."""

    def gone(self, key: str) -> None:
        """The run was removed at its source."""


class Reader(Protocol):
    """Follows one source.

    Made from a path and the cursor that an earlier one of the same format returned (None to
    begin). Whatever the files hold, `read` raises nothing but OSError for a source that
    cannot be read at all; what is skipped goes to `troubles`.
    """

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        """Hand over what is new, for about `budget_s` seconds; True when there is more at once.

        A torn tail is "not yet": it is read when it is whole.
        """

    def cursor(self) -> dict[str, Any]:
        """JSON-ready: a reader made from it goes on right behind what was handed over."""

    def troubles(self) -> list[Trouble]:
        """What was skipped so far, bounded: many of one kind in one file are one with a count."""

    def left(self) -> float:
        """Fraction still to be read, 0.0 when all that is there was handed over."""

    def close(self) -> None:
        """Let go of files."""


class Format(NamedTuple):
    """One line of the table of formats.

    name: `tensorboard`; goes to run.json as `source`. title: for people. looks_for: what its
    places look like, for messages about places that nobody reads. names: shell patterns of
    file or folder names that are worth a look. accepts: the path that the reader takes if
    this one belongs to the format, else None; looks at most at the first few kilobytes, and
    raises nothing. open: makes the reader.
    """

    name: str
    title: str
    looks_for: str
    names: tuple[str, ...]
    accepts: Callable[[Path], Path | None]
    open: Callable[[Path, Mapping[str, Any] | None], Reader]
