"""One run that is watched: what it logged goes in, events come out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opengraphs.alerts.finding import AlertEvent
from opengraphs.alerts.pulse import RunLook
from opengraphs.alerts.watch import RunWatch
from opengraphs.engine.feed import RunFeed

if TYPE_CHECKING:
    from opengraphs.engine import EngineStore

SAVE_S = 30.0
"""How old a kept state may be: what came after it is fed once more."""
_STATUS_LIVE = "running"


class RunAlerts:
    """Follows one run to its end.

    Attributes:
        run_id: which. is_over: it has ended and everything was fed.
    """

    def __init__(self, run_id: str, watch: RunWatch, state: Mapping[str, Any] | None) -> None:
        self.run_id = run_id
        self.watch = watch
        self.is_over = False
        self._saved_at = time.monotonic()
        self._changed = False
        cursor = None
        if state is not None:
            with contextlib.suppress(KeyError, TypeError, ValueError):
                watch.restore(state["watch"])
                cursor = {name: (int(at[0]), int(at[1])) for name, at in state["cursor"].items()}
        self._feed = RunFeed(watch.wants, cursor)
        self._known: set[tuple[str, str, float]] | None = None

    def look(self, engine: EngineStore, deadline_s: float) -> list[AlertEvent]:
        """Feed what is new, until the time is up; the events that nobody has written yet."""
        while True:
            points, samples = engine.fed(self.run_id, self._feed)
            if not points and not samples:
                break
            self._feed_in(points, samples)
            if time.monotonic() > deadline_s:
                return self._new(engine, self.watch.take())
        look = engine.outlook(self.run_id)
        if look is None:
            self.is_over = True
            return []
        self._outlook(look)
        return self._new(engine, self.watch.take())

    def _feed_in(self, points: list[Any], samples: list[Any]) -> None:
        ranks = {key: len(found) for key, found in self._feed.ranks().items()}
        for key, rank, step, when, value in points:
            self.watch.point(key, step, when, value, rank=rank, ranks=ranks.get(key, 1))
        for key, _, _, when, value in samples:
            self.watch.system(key, when, value)
        self._changed = True

    def _outlook(self, look: Mapping[str, Any]) -> None:
        """Everything that was logged is in: now the clock counts."""
        live = look["status"] == _STATUS_LIVE
        self.watch.progress(look["done"])
        self.watch.checkpoint(look["checkpoint_bytes"])
        seen = RunLook(
            look["status"], live, look["exit_code"], look["signal"], look["oom_killed"], look["log_tail"]
        )
        self.watch.tick(time.time(), seen)
        self.is_over = not live

    def _new(self, engine: EngineStore, events: list[AlertEvent]) -> list[AlertEvent]:
        """Those that the journal lacks: after a crash some are said a second time."""
        if not events:
            return []
        if self._known is None:
            self._known = {_mark(event) for event in engine.alert_events(self.run_id)}
        found = []
        for event in events:
            event["point_time"] = event.pop("time")
            if _mark(event) not in self._known:
                self._known.add(_mark(event))
                found.append(event)
        self._changed = True
        return found

    def state(self, *, at_once: bool) -> dict[str, Any] | None:
        """What to keep; None while what was kept is new enough."""
        now = time.monotonic()
        if not self._changed or not (at_once or now - self._saved_at > SAVE_S):
            return None
        self._saved_at, self._changed = now, False
        return {"watch": self.watch.state(), "cursor": self._feed.cursor()}


def _mark(event: Mapping[str, Any]) -> tuple[str, str, float]:
    when = event.get("point_time")
    return (
        str(event.get("alert_id")),
        str(event.get("state")),
        float(when) if isinstance(when, int | float) else 0.0,
    )
