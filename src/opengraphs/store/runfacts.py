"""The true state of a run: run.json, its events, its lock and its end record together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple, cast

from opengraphs.records import STATUSES, ExitRecord, RunFacts, Status
from opengraphs.sdk import layout
from opengraphs.sdk.layout import segment_name, split_segment
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder
from opengraphs.store.jsonl import parse_piece
from opengraphs.store.liveness import Locks
from opengraphs.store.overlay import Overlay
from opengraphs.store.runjson import RunJson, complete, epoch, read_exit, read_run_json
from opengraphs.store.watch import JournalWatch

LOST_AFTER_S = 60.0
QUIET_AFTER_S = 60.0
"""A followed foreign run to which nothing was written for so long counts as finished."""
STARTING_S = 10.0
"""A run whose lock file does not exist yet is starting, for this long after its creation."""

_ENDED: dict[str, Status] = {status: status for status in STATUSES if status != "running"}


class RunState(NamedTuple):
    """facts: folded and judged. damage: "" or what is wrong with run.json."""

    facts: RunFacts
    damage: str
    bad_event_lines: int


def judge(
    facts: RunFacts,
    *,
    exit_record: ExitRecord | None,
    said: str | None,
    lock_held: Callable[[], bool | None],
    here: bool,
    now_s: float,
) -> Status:
    """The status by the rules of DESIGN section 2.

    Args:
        exit_record: exit.json, None when there is none.
        said: an end that the training reported itself (its last status event).
        lock_held: asks for the lock; None when there is no lock file.
        here: the run belongs to this host, so a free lock means something.
    """
    if exit_record is not None and not (_is_older(exit_record, facts) and lock_held()):
        if exit_record.get("stopped"):
            return "stopped"
        return "finished" if exit_record.get("code") == 0 else "failed"
    is_held = lock_held()
    if is_held:
        return "running"
    ended = _as_ended(said) or _as_ended(facts.get("status"))
    if ended is not None:
        return ended
    born = epoch(facts.get("started_at")) or epoch(facts.get("created_at")) or 0.0
    if here:
        return "running" if is_held is None and now_s - born < STARTING_S else "crashed"
    heard = epoch(facts.get("heartbeat_at")) or born
    return "running" if now_s - heard <= LOST_AFTER_S else "lost"


def judge_followed(facts: RunFacts, *, now_s: float) -> Status:
    """The status of a copy of a foreign run: the end that its source told, else by its last record.

    There is no lock, and most formats do not tell an end: `finished` means "no longer written".
    """
    ended = _as_ended(facts.get("status"))
    if ended is not None:
        return ended
    heard = epoch(facts.get("heartbeat_at"))
    return "running" if heard is not None and now_s - heard <= QUIET_AFTER_S else "finished"


def _as_ended(status: str | None) -> Status | None:
    return _ENDED.get(status or "")


def _is_older(exit_record: ExitRecord, facts: RunFacts) -> bool:
    """Whether the end record is of a life before this one (the run was resumed in place)."""
    ended, started = epoch(exit_record.get("ended_at")), epoch(facts.get("started_at"))
    return ended is not None and started is not None and ended < started


class RunReader:
    """Follows the facts of one run: cheap to ask again while it lives.

    Args:
        host: the name of this host as runs record it.
        followed: it is a copy of a foreign run that somebody else keeps up.

    Attributes:
        wants_settle: it ended, and run.json does not hold all that is known of it
            (`recovery.settle` would change something).
    """

    def __init__(
        self, folder: RunFolder, fds: FdPool, *, host: str, reopen: bool = False, followed: bool = False
    ) -> None:
        self.folder = folder
        self._followed = followed
        self._run_json = f"{folder.text}/{layout.RUN_JSON}"
        self.bad_event_lines = 0
        self.wants_settle = False
        self._host = host
        self._events = JournalWatch(folder.events, fds, reopen=reopen)
        self._overlay = Overlay()
        self._base = RunJson({}, "not read yet")
        self._base_is_of: tuple[int, int, int] | None = None
        self._folded: dict[str, int] = {}
        self._is_folded = False

    def read(self, locks: Locks) -> RunState:
        """Read run.json if it was replaced, and the events that came since; judge the status.

        Raises:
            OSError: the run folder cannot be listed.
        """
        stamp = self._stamp()
        if stamp is None or stamp != self._base_is_of:
            self._base = read_run_json(self._run_json)
            self._base_is_of = stamp
            self._note_folded()
        self._is_folded = self._is_all_folded()
        if not self._is_folded:
            self.read_events()
        return RunState(self._facts(locks), self._base.damage, self.bad_event_lines)

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._run_json)  # noqa: PTH116  (see RunFolder.text)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _note_folded(self) -> None:
        """What run.json already contains must not be applied twice (notes would double)."""
        noted = cast("dict[str, object]", self._base.facts.get("events_folded", {}))
        folded = {file: size for file, size in noted.items() if isinstance(size, int)}
        if folded != self._folded:
            self._folded = folded
            self._overlay, self.bad_event_lines = Overlay(), 0
            for tail in self._events.tails.values():
                tail.restart()

    def _is_all_folded(self) -> bool:
        """Every events file is exactly as long as it was when run.json took it in."""
        if "events_folded" not in self._base.facts:
            return False
        try:
            with os.scandir(f"{self.folder.text}/{layout.EVENTS}") as entries:
                sizes = {
                    entry.name: entry.stat().st_size
                    for entry in entries
                    if split_segment(entry.name) is not None
                }
        except OSError:
            sizes = {}
        return {name: size for name, size in sizes.items() if size} == {
            name: size for name, size in self._folded.items() if size
        }

    def read_events(self) -> bool:
        """Take in new event lines; True when one changed facts."""
        self._events.refresh()
        changed = False
        for tail in self._events.tails.values():
            while tail.peek() and (piece := tail.read()) is not None:
                records, bad = parse_piece(piece)
                self.bad_event_lines += len(bad)
                folded = self._folded.get(segment_name(tail.writer, piece.segment), 0)
                for offset, value in records:
                    if offset >= folded:
                        changed |= self._overlay.apply(value, writer=tail.writer, offset=offset)
        return changed

    def folded_bytes(self) -> dict[str, int]:
        """How much of each events file the facts contain, by file name."""
        read = {
            segment_name(tail.writer, number): end
            for tail in self._events.tails.values()
            for number, end in tail.consumed().items()
        }
        return {**self._folded, **read}

    def _facts(self, locks: Locks) -> RunFacts:
        """The folded, judged facts as of the last `read`."""
        facts = complete(self._overlay.onto(self._base.facts), self.folder.run_id)
        if self._followed:
            return self._followed_facts(facts)
        exit_record = read_exit(f"{self.folder.text}/{layout.EXIT_JSON}")
        facts["status"] = judge(
            facts,
            exit_record=exit_record,
            said=self._overlay.ended_as,
            lock_held=lambda: locks.held(self.folder.lock),
            here=facts.get("host") == self._host,
            now_s=time.time(),
        )
        if exit_record is not None and facts["status"] != "running":
            facts["exit_code"] = exit_record.get("code")
            facts["signal"] = exit_record.get("signal")
            facts["ended_at"] = exit_record.get("ended_at") or facts.get("ended_at")
        facts.pop("events_folded", None)
        is_whole = self._is_folded and self._base.facts.get("status") == facts["status"]
        self.wants_settle = facts["status"] != "running" and not is_whole
        return facts

    def _followed_facts(self, facts: RunFacts) -> RunFacts:
        facts["status"] = judge_followed(facts, now_s=time.time())
        if facts["status"] != "running":
            facts["ended_at"] = facts.get("ended_at") or facts.get("heartbeat_at")
        facts.pop("events_folded", None)
        self.wants_settle = False
        return facts
