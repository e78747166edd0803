"""At most one event of a kind per run in 33 ms: the first at once, the rest merged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

INTERVAL_S = 0.033
"""A screen's frame: nobody sees more."""


class Topic(NamedTuple):
    """What is merged with what."""

    kind: str
    store: str
    run: str


class Coalescer:
    """Passes a topic's first event on at once, then one merged event per interval.

    Args:
        publish: called with the topic and the merged payload, in the loop's thread.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        publish: Callable[[Topic, dict[str, Any]], None],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._loop = loop
        self._publish = publish
        self._interval_s = interval_s
        self._resting: dict[Topic, dict[str, Any] | None] = {}

    def add(self, topic: Topic, payload: dict[str, Any]) -> None:
        """Publish `payload`, now or merged into what waits."""
        if topic.kind == "gone":
            self._forget_run(topic)
        if topic in self._resting:
            self._resting[topic] = merged(topic.kind, self._resting[topic], payload)
        else:
            self._send(topic, payload)

    def _forget_run(self, gone: Topic) -> None:
        """What waits about a run that went must not come after its end."""
        for topic in self._resting:
            if (topic.store, topic.run) == (gone.store, gone.run):
                self._resting[topic] = None

    def _send(self, topic: Topic, payload: dict[str, Any]) -> None:
        self._resting[topic] = None
        self._loop.call_later(self._interval_s, self._rested, topic)
        self._publish(topic, payload)

    def _rested(self, topic: Topic) -> None:
        waiting = self._resting.pop(topic)
        if waiting is not None:
            self._send(topic, waiting)


def merged(kind: str, old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """The event that says both: metrics and alerts add up, of everything else the newest counts."""
    if old is None or kind not in ("metrics", "alert"):
        return new
    if kind == "alert":
        return {**new, "alerts": [*old["alerts"], *new["alerts"]]}
    keys, points = {**old["keys"], **new["keys"]}, old["points"] + new["points"]
    return {**old, **new, "keys": keys, "points": points}
