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
NEWS_S = 60.0
"""Of a run that is seen first, what its script said no longer ago is news."""
_STATUS_LIVE = "running"


class RunAlerts:
    """Follows one run to its end.

    Attributes:
        run_id: which. is_over: it has ended and everything was fed. stamp: of the rules it was begun with.
    """

    def __init__(self, run_id: str, watch: RunWatch, state: Mapping[str, Any] | None) -> None:
        self.run_id = run_id
        self.watch = watch
        self.is_over = False
        self.stamp: tuple[Any, ...] = ()
        self._saved_at = time.monotonic()
        self._changed = False
        cursor = None
        if state is not None:
            with contextlib.suppress(KeyError, TypeError, ValueError):
                watch.restore(state["watch"])
                cursor = {name: (int(at[0]), int(at[1])) for name, at in state["cursor"].items()}
        self._feed = RunFeed(watch.wants, cursor)
        self._known: set[tuple[str, str, float]] | None = None
        self._heard: set[str] = set(state.get("heard", ())) if state is not None else set()
        self._is_new = state is None

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

    def others(self, engine: EngineStore) -> list[AlertEvent]:
        """Alerts that the script itself raised since the last call; those of the past are nobody's news."""
        found = engine.alerts_of_others(self.run_id)
        fresh = [event for event in found if str(event.get("alert_id")) not in self._heard]
        if not fresh:
            return []
        self._heard.update(str(event.get("alert_id")) for event in fresh)
        self._changed = True
        since = time.time() - NEWS_S if self._is_new else 0.0
        self._is_new = False
        return [
            {**event, "state": "firing", "page": event.get("level") != "info"}
            for event in fresh
            if event.get("time", 0.0) >= since
        ]

    def _feed_in(self, points: list[Any], samples: list[Any]) -> None:
        ranks = {key: len(found) for key, found in self._feed.ranks().items()}
        for key, rank, step, when, value in points:
            if key in ranks:
                self.watch.point(key, step, when, value, rank=rank, ranks=ranks[key])
            else:
                self.watch.odd(key, step, when, value)
        for key, machine, _, when, value in samples:
            self.watch.system(key, when, value, machine=machine)
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

    def whole_state(self) -> dict[str, Any]:
        """All that another one needs to go on from here."""
        return {"watch": self.watch.state(), "cursor": self._feed.cursor(), "heard": sorted(self._heard)}

    def state(self, *, at_once: bool) -> dict[str, Any] | None:
        """What to keep; None while what was kept is new enough."""
        now = time.monotonic()
        if not self._changed or not (at_once or now - self._saved_at > SAVE_S):
            return None
        self._saved_at, self._changed = now, False
        return self.whole_state()


def _mark(event: Mapping[str, Any]) -> tuple[str, str, float]:
    when = event.get("point_time")
    return (
        str(event.get("alert_id")),
        str(event.get("state")),
        float(when) if isinstance(when, int | float) else 0.0,
    )
