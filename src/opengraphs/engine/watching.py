"""What whoever watches a run for alerts asks of a store: its new points, how it stands, what was said of it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from opengraphs.engine.catalog import Entry
from opengraphs.engine.comparing import Comparisons
from opengraphs.engine.feed import Fed, RunFeed
from opengraphs.engine.filter import compile_filter
from opengraphs.errors import UsageError

LOG_TAIL = 60
"""Lines of an ended run's output: a traceback, and what came before it."""


class Watching(Comparisons):
    """Questions about one run at a time; of a run that cannot be read there is nothing to say."""

    def fed(self, run_id: str, feed: RunFeed) -> tuple[list[Fed], list[Fed]]:
        """What a run logged and sampled since this feed last asked; nothing of a run that cannot be read."""
        entry = self._catalog.entries.get(run_id)
        if entry is None:
            return [], []
        nothing: tuple[list[Fed], list[Fed]] = ([], [])

        def take() -> tuple[list[Fed], list[Fed]]:
            data = self._open_data(entry)
            return feed.take(data), feed.take_system(data)

        return self._quietly(entry, take, nothing)

    def run_ids(self) -> set[str]:
        """Every run there is."""
        return set(self._catalog.entries)

    def about(self, run_id: str) -> dict[str, Any]:
        """`run_id`, `name` and `project` of a run: what names it for people."""
        facts = self._catalog.entries[run_id].facts
        return {"run_id": run_id, "name": facts.get("name") or run_id, "project": facts.get("project")}

    def ended_within(self, run_id: str, seconds: float) -> bool:
        """Whether a run of og's own ended no longer ago; a copy of a foreign one did not."""
        entry = self._catalog.entries[run_id]
        ended = epoch_s(entry.facts.get("ended_at")) if not entry.is_live and not entry.followed else None
        return ended is not None and time.time() - ended <= seconds and not entry.facts.get("source_path")

    def outlook(self, run_id: str) -> dict[str, Any] | None:
        """What detectors need to know of a run beside its points; None of one that is gone.

        done: share of its steps, None without a total. log_tail: of an ended run, its last lines.
        """
        entry = self._catalog.entries.get(run_id)
        if entry is None:
            return None
        return self._quietly(entry, lambda: self._outlook(entry), None)

    def _outlook(self, entry: Entry) -> dict[str, Any]:
        facts, files = entry.shown(), self._files_of(entry)
        files.events.refresh()
        progress = facts.get("progress") or {}
        step, total = progress.get("step"), progress.get("total")
        sizes = [point.get("bytes") for point in files.events.checkpoints()[-1:]]
        ended = facts.get("status") != "running"
        tail = self.log(entry.run_id, start=-LOG_TAIL, lines=LOG_TAIL)["lines"] if ended else []
        return {
            "status": facts.get("status"),
            "exit_code": facts.get("exit_code"),
            "signal": facts.get("signal"),
            "oom_killed": ended and files.events.said_oom(),
            "done": step / total if step is not None and total else None,
            "checkpoint_bytes": next((size for size in sizes if isinstance(size, int)), 0),
            "log_tail": "\n".join(line["text"] for line in tail),
        }

    def alerts_of_others(self, run_id: str) -> list[dict[str, Any]]:
        """Events of kind alert that ogd did not write: of the script, or of a mirror."""
        return [
            event
            for event in self.alert_events(run_id)
            if event.get("point_time") is None and event.get("title")
        ]

    def fits(self, run_id: str, where: str) -> bool:
        """Whether a run passes a filter; one that does not parse is passed by nobody."""
        entry = self._catalog.entries.get(run_id)
        try:
            return entry is not None and compile_filter(where)(entry)
        except UsageError:
            return False

    def alert_events(self, run_id: str) -> list[dict[str, Any]]:
        """Every event of kind alert of a run, in order of time."""
        return self._events_of(run_id, "alert")

    def _events_of(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        entry = self._catalog.entries.get(run_id)
        if entry is None:
            return []

        def read() -> list[dict[str, Any]]:
            events = self._files_of(entry).events
            events.refresh()
            return events.of_kind(kind)

        return self._quietly(entry, read, [])


def epoch_s(stamp: str | None) -> float | None:
    try:
        return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() if stamp else None
    except ValueError:
        return None
