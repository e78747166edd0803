"""One run on its way to one server: what is asked, how far it is, and the step that brings it on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.daemon.forward import cursor as cursors
from opengraphs.daemon.forward.cursor import Cursor, Skip
from opengraphs.daemon.forward.delivery import Delivery, Post
from opengraphs.daemon.forward.reader import Batch, RunReader
from opengraphs.daemon.forward.rows import CONFIG_PLACE, Row, Who
from opengraphs.protocol.forwarding import Forwarding
from opengraphs.records import RunFacts
from opengraphs.sdk.layout import utc_iso
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder


class Job(NamedTuple):
    """A run that asks to be forwarded. ended: when this life of it ended; "" while it lives."""

    store: str
    run_id: str
    folder: Path
    target: str
    facts: RunFacts
    ended: str

    @property
    def key(self) -> tuple[str, str]:
        return self.store, self.run_id


def job_of(store: str, folder: Path, facts: RunFacts) -> Job | None:
    """The job that a run's facts ask for; None for most runs."""
    target = facts.get("mirror_to")
    if not target:
        return None
    is_live = facts.get("status") == "running"
    ended = "" if is_live else facts.get("ended_at") or facts.get("heartbeat_at") or "ended"
    return Job(store, folder.name, folder, target, facts, ended)


class Forward:
    """Carries one job; used in its lane's thread, save for `shown`.

    Attributes:
        shown: what `GET /runs/{id}` tells, replaced whole, so any thread may read it.
        retry_at: the lane's clock when it is tried again after a refusal; 0.0 for at once.
    """

    def __init__(self, job: Job, post: Post, fds: FdPool) -> None:
        """Raises OSError when the state folder cannot be written."""
        self.job = job
        self.retry_at = 0.0
        self.shown: Forwarding = {"target": job.target, "state": "waiting"}
        self._fds = fds
        self._cursor = Cursor(
            cursors.path_of(job.store, job.run_id, job.target),
            store=job.store,
            run_id=job.run_id,
            target=job.target,
        )
        self._delivery = Delivery(post)
        if not self._cursor.path.exists():
            self._cursor.save()  # the next ogd opens this store, whether or not anything is delivered before
        self._reader: RunReader | None = None
        self._held: Batch | None = None
        self._last_error = ""
        self._delivered_at = ""

    @property
    def is_done(self) -> bool:
        """Delivered to the end of the life that the job speaks of."""
        return bool(self.job.ended) and self._cursor.done_at == self.job.ended

    def step(self) -> bool:
        """Deliver one batch; False when nothing waits.

        Raises:
            OSError: the run folder or the state folder fails.
            UnavailableError, RefusedError: see `Delivery.deliver`. The batch is kept and offered again.
        """
        if self.is_done:
            return False
        reader = self._open()
        batch = self._held or reader.read(final=bool(self.job.ended)) or Batch([], [])
        rows = reader.config_rows(self._config(), batch.rows)
        self._held = batch._replace(rows=rows)
        refused = self._delivery.deliver(rows)
        self._held = None
        for skip in (*batch.skips, *refused):
            self._cursor.note_skip(skip)
        self._cursor.delivered += _records(rows) - _records(refused)
        has_moved = bool(rows or batch.skips)
        self._settle(has_moved=has_moved)
        return has_moved

    def note_error(self, reason: str) -> None:
        """Why nothing is delivered now; empty when something is."""
        self._last_error = reason

    def show(self) -> None:
        """Bring `shown` up to date."""
        try:
            pending = 0 if self.is_done else self._open().pending_bytes()
        except OSError:
            pending = 0
        state = (
            "done"
            if self.is_done
            else "blocked"
            if self._last_error
            else "live"
            if not self.job.ended
            else "waiting"
        )
        self.shown = {
            "target": self.job.target,
            "state": state,
            "delivered": self._cursor.delivered,
            "skipped": self._cursor.skipped,
            "skips": [{"place": skip.place, "reason": skip.reason} for skip in self._cursor.skips],
            "pending_bytes": pending,
            "delivered_at": self._delivered_at or None,
            "last_error": self._last_error or None,
        }

    def forget(self) -> None:
        """The run is gone: so is its cursor."""
        self._cursor.path.unlink(missing_ok=True)

    def _open(self) -> RunReader:
        if self._reader is None:
            self._cursor.name = self._cursor.name or self.job.facts.get("name") or self.job.run_id
            who = Who(self.job.facts.get("project") or "default", self._cursor.name, self.job.run_id)
            self._reader = RunReader(RunFolder(self.job.folder), self._cursor, self._fds, who=who)
        return self._reader

    def _config(self) -> dict[str, Any]:
        """The run's config with the members that Trackio's client adds to it."""
        facts = self.job.facts
        added = {
            "_Username": facts.get("user"),
            "_Created": facts.get("created_at"),
            "_Group": facts.get("group"),
        }
        return {**facts.get("config", {}), **added}

    def _settle(self, *, has_moved: bool) -> None:
        """Write down what the server has."""
        if has_moved:
            self._delivered_at = utc_iso()
        elif self.job.ended:
            self._cursor.done_at = self.job.ended
            self._reader = None
        else:
            return
        self._cursor.save()


def _records(places: Iterable[Row] | Iterable[Skip]) -> int:
    """How many of these are records of the run; a config that travels alone is none."""
    return sum(one.place != CONFIG_PLACE for one in places)
