"""The events of a run in order of time, and what they say about alerts and checkpoints."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Any, NamedTuple

from opengraphs.errors import UsageError
from opengraphs.sdk import layout
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder
from opengraphs.store.jsonl import finite, moment_of, parse_piece
from opengraphs.store.overlay import Order
from opengraphs.store.watch import JournalWatch

FACT_KINDS = frozenset(
    (
        "config",
        "summary",
        "progress",
        "tag",
        "untag",
        "name",
        "note",
        "notes",
        "status",
        "rank",
        "archive",
        "define",
    )
)
"""Kinds that change a run's facts; the others only stand in the list."""


class EventPage(NamedTuple):
    events: list[dict[str, Any]]
    next: str | None


class RunEvents:
    """Follows `events/*.jsonl` of one run. Methods may raise OSError when it cannot be listed."""

    def __init__(self, folder: RunFolder, fds: FdPool, *, reopen: bool = False) -> None:
        self._folder = folder
        self._fds = fds
        self._reopen = reopen
        self._begin()

    def _begin(self) -> None:
        self._watch = JournalWatch(self._folder.events, self._fds, reopen=self._reopen)
        self._events: list[tuple[Order, dict[str, Any]]] = []

    def refresh(self) -> list[str]:
        """Take in new events; their kinds."""
        self._watch.refresh()
        kinds: list[str] = []
        for tail in self._watch.news():
            while (piece := tail.read()) is not None:
                for offset, value in parse_piece(piece)[0]:
                    if "kind" not in value:  # a seal
                        continue
                    # The segment counts too: offsets begin anew in each.
                    order = Order(moment_of(value), tail.writer, (piece.segment << 40) + offset)
                    insort(self._events, (order, value), key=lambda event: event[0])
                    kinds.append(str(value.get("kind")))
        return kinds

    def verify(self) -> None:
        """Begin again if a file is not what was read."""
        if self._watch.lost():
            self._begin()

    def page(self, since: str | None, limit: int) -> EventPage:
        """Events after a time or cursor.

        Raises:
            UsageError: `since` is neither.
        """
        start = 0
        if since:
            start = bisect_right(self._events, _order_of(since), key=lambda event: event[0])
        chosen = self._events[start : start + limit]
        more = start + limit < len(self._events)
        return EventPage([event for _, event in chosen], _cursor(chosen[-1][0]) if more and chosen else None)

    @property
    def newest_s(self) -> float:
        """The time of the last event, 0.0 without one."""
        return self._events[-1][0].time if self._events else 0.0

    def find(self, event_id: str) -> dict[str, Any] | None:
        """The event with this `event_id`, the newest first."""
        return next((event for _, event in reversed(self._events) if event.get("event_id") == event_id), None)

    def alerts(self) -> list[dict[str, Any]]:
        """One object an alert, as its newest event has it, in order of first firing."""
        return [event for _, event in self.fired().values()]

    def fired(self) -> dict[str, tuple[float, dict[str, Any]]]:
        """Alerts by their name: when each fired first, and all that its events say, later ones over earlier."""
        found: dict[str, tuple[float, dict[str, Any]]] = {}
        for order, event in self._events:
            if event.get("kind") == "alert":
                name = str(event.get("alert_id") or f"{order.writer}:{order.offset}")
                first, before = found.get(name, (order.time, {}))
                found[name] = (first, {**before, **event})
        return found

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """All of a kind, in order of time."""
        return [event for _, event in self._events if event.get("kind") == kind]

    def said_oom(self) -> bool:
        """The runner saw the kernel end the process for want of memory."""
        return any("out of memory" in str(event.get("reason", "")) for event in self.of_kind("status"))

    def checkpoints(self) -> list[dict[str, Any]]:
        """Registered checkpoints by step, the newest record of each, and who told of it (`origin`).

        What ogd found is left out where the script told of the same place and step itself.
        """
        found: dict[str, dict[str, Any]] = {}
        for order, event in self._events:
            if event.get("kind") == "checkpoint":
                name = str(event.get("checkpoint_id") or event.get("path") or order.offset)
                found[name] = {"origin": _origin(order.writer), **found.get(name, {}), **event}
        told = {_place(event) for event in found.values() if event["origin"] != "found"}
        kept = [event for event in found.values() if event["origin"] != "found" or _place(event) not in told]
        return sorted(kept, key=lambda event: (_step(event), moment_of(event)))


def _origin(writer: str) -> str:
    if writer == layout.DAEMON_WRITER:
        return "found"
    return "framework" if writer.startswith("mirror") else "script"


def _place(event: dict[str, Any]) -> tuple[str, str]:
    return str(event.get("path")), str(event.get("step"))


def _step(event: dict[str, Any]) -> float:
    step = finite(event.get("step"))
    return -1.0 if step is None else step


def _cursor(order: Order) -> str:
    return f"{order.time!r}:{order.offset}:{order.writer}"


def _order_of(since: str) -> Order:
    """A cursor of ours, or a time (then everything at that very time is behind)."""
    moment, _, rest = since.partition(":")
    offset, _, writer = rest.partition(":")
    try:
        if not rest:
            return Order(float(moment), "\U0010ffff", 0)
        return Order(float(moment), writer, int(offset))
    except ValueError as error:
        raise UsageError(
            f"since={since!r} is neither a time nor a cursor", hint="epoch seconds, or `next` of a page"
        ) from error
