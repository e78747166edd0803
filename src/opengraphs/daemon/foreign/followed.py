"""One source while it is followed: its reader, its copies, and when to look at it again."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from opengraphs.daemon.foreign import progress as progresses
from opengraphs.daemon.foreign.copies import Commit, Copies
from opengraphs.daemon.foreign.progress import SourceProgress
from opengraphs.sources.base import Format, Reader, Trouble

log = logging.getLogger("ogd.foreign")

VISIBLE_S, HIDDEN_S = 0.25, 2.0
"""Between two looks at a source that grows: while somebody watches the store, and otherwise."""
VISIBLE_REST_S, HIDDEN_REST_S = 10.0, 60.0
"""The longest time between two looks at one that has been quiet for long."""
QUIET_SHARE = 20
"""One that has been quiet for t seconds is looked at every t / 20."""
FRESH_S = 5.0
CROWD_S = 0.005
"""Of n sources each that was quiet for FRESH_S is looked at every n times so many seconds at most."""
RETRY_S = 5.0
"""After a source could not be read."""
REASSURE_S = 30.0
COMMIT_S = 0.25
"""While a long source is read for the first time, what came is kept this often."""


class Look(NamedTuple):
    """What one look at a source brought."""

    commit: Commit | None
    more: bool
    told: bool
    """Something of its state that people are told (troubles, readability) is new."""


class Followed:
    """A source and its copies. One thread at a time.

    Attributes:
        found: its format and path. place: id of the place it belongs to.
        left: fraction still to be read. failure: why it cannot be read, "" when it can.
        troubles: what was skipped in it.
        due: monotonic time of the next look. was_read: it was read to its end once.
    """

    def __init__(self, format_: Format, path: str, folder: Path, *, place: str, project: str) -> None:
        self.format = format_
        self.path = path
        self.place = place
        self.left = 1.0
        self.failure = ""
        self.troubles: list[Trouble] = []
        self.due = 0.0
        self.was_read = False
        self._project = project
        self._runs = folder / "runs"
        self._file = folder / "sources" / f"{progresses.source_id(format_.name, path)}.json"
        self._progress = self._load()
        self._copies: Copies | None = None
        self._reader: Reader | None = None
        self._grew_at = 0.0
        self._reassured_at = time.monotonic()

    @property
    def source_id(self) -> str:
        return progresses.source_id(self.format.name, self.path)

    @property
    def run_ids(self) -> list[str]:
        """Its runs that are there."""
        return [run.run_id for run in list(self._progress.runs.values()) if not run.gone]

    @property
    def run_count(self) -> int:
        return len(self._progress.runs)

    def _load(self) -> SourceProgress:
        known = progresses.load(self._file)
        if known is not None and known.path == self.path and known.format == self.format.name:
            known.place = self.place
            return known
        return SourceProgress(progresses.SCHEMA, self.format.name, self.path, self.place)

    # -- looking -----------------------------------------------------------------------------------

    def look(self, budget_s: float) -> Look:
        """Read on for about `budget_s` seconds and keep what came; raises nothing."""
        before = (self.failure, self.troubles)
        try:
            commit, more = self._look(budget_s)
        except OSError as error:
            return self._failed(error.strerror or str(error), before)
        except Exception as error:  # the daemon's border: a reader that fails must not stop the others
            log.exception("the reader of %s failed", self.path)
            return self._failed(f"its reader failed: {type(error).__name__}: {error}", before)
        self.failure = ""
        return Look(commit, more, before != (self.failure, self.troubles))

    def _look(self, budget_s: float) -> tuple[Commit, bool]:
        copies, reader = self._open()
        cursor = self._progress.cursor
        end = time.monotonic() + budget_s
        more = reader.read(copies, budget_s=budget_s)
        while more and time.monotonic() < end:
            more = reader.read(copies, budget_s=end - time.monotonic())
        self.troubles = list(reader.troubles())
        commit = copies.commit(summed(self.troubles))
        self._progress.cursor = reader.cursor()
        if commit.grown or commit.facts_changed or self._progress.cursor != cursor:
            progresses.save(self._file, self._progress)
        self.left = reader.left() if more else 0.0
        if commit.grown:
            self._grew_at = time.monotonic()
        if not more:
            self.was_read = copies.is_live = True
        return commit, more

    def _open(self) -> tuple[Copies, Reader]:
        if self._copies is None:
            name = Path(self.path).stem or self.path
            self._copies = Copies(self._progress, self._runs, project=self._project, name=name)
            self._copies.go_back()
        if self._reader is None:
            self._reader = self.format.open(Path(self.path), self._progress.cursor)
        return self._copies, self._reader

    def _failed(self, why: str, before: tuple[str, list[Trouble]]) -> Look:
        """Begin again from what was kept, later."""
        self.close()
        self._progress = self._load()
        self.failure, self.left, self.was_read = why, 0.0, True
        return Look(None, more=False, told=before != (why, self.troubles))

    def plan(self, more: bool, *, visible: bool, among: int = 1) -> None:
        """Say when to look again.

        Args:
            among: sources that are followed; of very many the quiet ones are looked at less often.
        """
        now = time.monotonic()
        if more:
            self.due = now
            return
        quiet_s = now - self._grew_at
        base, rest = (VISIBLE_S, VISIBLE_REST_S) if visible else (HIDDEN_S, HIDDEN_REST_S)
        wait_s = max(base, min(quiet_s / QUIET_SHARE, rest))
        if quiet_s > FRESH_S:
            wait_s = max(wait_s, min(among * CROWD_S, rest))
        self.due = now + (max(wait_s, RETRY_S) if self.failure else wait_s)
        if wait_s > HIDDEN_S and self._reader is not None:
            self._reader.close()  # a thousand quiet sources must not hold a thousand files
            self._reader = None

    def reassure(self) -> list[str]:
        """Keep up runs that their source calls running; the ids that changed."""
        if time.monotonic() - self._reassured_at < REASSURE_S or self._copies is None or self.failure:
            return []
        self._reassured_at = time.monotonic()
        try:
            return self._copies.reassure()
        except OSError:
            return []

    # -- ending ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of files; what was not kept is read again."""
        if self._copies is not None:
            self._copies.close()
            self._copies = None
        if self._reader is not None:
            with contextlib.suppress(OSError):
                self._reader.close()
            self._reader = None

    def forget(self) -> None:
        """Remove the copies and all that is known of the source; its own files stay."""
        self.close()
        for run_id in self.run_ids:
            shutil.rmtree(self._runs / run_id, ignore_errors=True)
        self._file.unlink(missing_ok=True)


def summed(troubles: list[Trouble]) -> str:
    """`2 records skipped: corrupt at 4711`; "" for none."""
    if not troubles:
        return ""
    first, skipped = troubles[0], sum(trouble.skipped for trouble in troubles)
    at = "" if first.offset is None else f" at {first.offset}"
    said = f"{first.reason}{at}"
    return f"{skipped} {'record' if skipped == 1 else 'records'} skipped: {said}" if skipped else said
