"""What the Alerts screen knows: a window into the alerts of every run, and which one is read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from opengraphs.tui.questions import Source

WINDOW = 100
STATUSES = ("", "firing", "acknowledged", "resolved")
SORTS = ("-time", "-level", "status", "run")

Alert = Mapping[str, Any]


class AlertsQuestion(NamedTuple):
    """A window of the list."""

    start: int
    limit: int
    status: str
    filter: str
    sort: str
    slot: str = "alerts"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(
            "/alerts",
            **{"from": self.start},
            limit=self.limit,
            status=self.status or None,
            filter=self.filter or None,
            sort=self.sort,
        )


class AckRequest(NamedTuple):
    """Take note of an alert."""

    alert: str
    slot: str = "alerts.ack"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.post(f"/alerts/{quote(self.alert, safe='')}/ack", {})


class AlertsState:
    """`chosen` is the alert that is read, by its id: a new one does not push it away; None is the first."""

    def __init__(self) -> None:
        self.filter = ""
        self.status = ""
        self.sort = SORTS[0]
        self.panel = "list"
        self.height = 1
        self._reset()
        self.counts: dict[str, int] = {}
        self.known = False

    def _reset(self) -> None:
        self.rows: dict[int, Alert] = {}
        self.total = self.unread = 0
        self.fresh = False
        self.top = self.cursor = 0
        self.chosen: str | None = None
        self.scroll = 0
        self.trouble = ""

    def set_filter(self, text: str) -> None:
        if text != self.filter:
            self.filter = text
            self._reset()

    def set_status(self, status: str) -> None:
        if status != self.status:
            self.status = status
            self._reset()

    def set_sort(self, sort: str) -> None:
        if sort != self.sort:
            self.sort = sort
            self._reset()

    def next_status(self) -> str:
        self.set_status(STATUSES[(STATUSES.index(self.status) + 1) % len(STATUSES)])
        return self.status

    def next_sort(self) -> str:
        names = [sort.removeprefix("-") for sort in SORTS]
        at = names.index(self.sort.removeprefix("-"))
        self.set_sort(SORTS[(at + 1) % len(SORTS)])
        return self.sort.removeprefix("-")

    def reverse(self) -> None:
        self.set_sort(self.sort[1:] if self.sort.startswith("-") else "-" + self.sort)

    # Where it stands

    @property
    def last(self) -> int:
        return max(0, self.total - 1)

    def resize(self, height: int) -> None:
        self.height = max(1, height)
        self.cursor = max(0, min(self.cursor, self.last))
        self.top = max(0, min(self.top, self.cursor, self.total - self.height))
        self.top = max(self.top, self.cursor - self.height + 1)

    def go_to(self, cursor: int) -> bool:
        before = self.cursor
        self.cursor = max(0, min(cursor, self.last))
        found = self.rows.get(self.cursor)
        self.chosen = found["id"] if found is not None else None
        if self.cursor != before:
            self.scroll = 0
        return self.cursor != before

    def scroll_list(self, lines: int) -> None:
        self.top = max(0, min(self.total - self.height, self.top + lines))
        if not self.top <= self.cursor < self.top + self.height:
            self.go_to(min(max(self.cursor, self.top), self.top + self.height - 1))

    def current(self) -> Alert | None:
        return self.rows.get(self.cursor)

    # Questions and answers

    def question(self) -> AlertsQuestion:
        start = max(0, self.top // WINDOW * WINDOW)
        return AlertsQuestion(start, 2 * WINDOW, self.status, self.filter, self.sort)

    def take(self, question: AlertsQuestion, reply: Mapping[str, Any]) -> None:
        if (question.status, question.filter, question.sort) != (self.status, self.filter, self.sort):
            return
        self.known, self.fresh, self.trouble = True, True, ""
        self.total, self.unread, self.counts = reply["total"], reply["unread"], reply["counts"]
        self.rows = {question.start + at: alert for at, alert in enumerate(reply["alerts"])}
        self._stay()

    def _stay(self) -> None:
        """The cursor goes along with the alert that is read."""
        place = next((at for at, alert in self.rows.items() if alert["id"] == self.chosen), None)
        if place is not None:
            self.top += place - self.cursor
            self.cursor = place
        self.resize(self.height)
        found = self.current()
        if place is None and found is not None:
            self.chosen = found["id"]

    # Saved views

    def saved(self) -> dict[str, Any]:
        return {"filter": self.filter, "status": self.status, "sort": self.sort}

    def restore(self, saved: Mapping[str, Any]) -> None:
        if isinstance(saved.get("filter"), str):
            self.set_filter(saved["filter"])
        if saved.get("status") in STATUSES:
            self.set_status(str(saved["status"]))
        sort = saved.get("sort")
        if isinstance(sort, str) and sort.removeprefix("-") in {one.removeprefix("-") for one in SORTS}:
            self.set_sort(sort)
