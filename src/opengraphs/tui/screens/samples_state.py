"""What the Samples screen knows: a window into the samples of the run in view, and how it is read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opengraphs.tui.painters import samples as painter
from opengraphs.tui.screens.samples_questions import (
    SampleQuestion,
    SamplesQuestion,
    SiblingsQuestion,
)

WINDOW = 50
"""Samples asked for at once are twice as many; windows are aligned, so that a line down asks nothing."""

KEPT = 2000
VIEWS = ("text", "diff", "raw")

Sample = Mapping[str, Any]


class SamplesState:
    """`cursor` is the place of the sample that is read, in the order shown; `follow` keeps it at the newest one."""

    def __init__(self) -> None:
        self.run: str | None = None
        self.filter = ""
        self.sort = "time"
        self.view = "text"
        self.panel = "list"
        self.height = 1
        self._reset()

    def _reset(self) -> None:
        self.rows: dict[int, Sample] = {}
        self.total = self.all = self.unread = 0
        self.known = False
        self.trouble = ""
        self.top = self.cursor = 0
        self.follow = self.sort == "time"
        self._read_to = 0
        self.scroll = 0
        self._whole: Sample | None = None
        self._siblings: tuple[SiblingsQuestion, list[tuple[str, Sample]]] | None = None
        self.siblings_trouble = ""
        self.base = -1
        """Which of the siblings a sample is compared with: its place, or -1 for the one before it."""
        self.version = 0

    def view_run(self, run: str | None) -> None:
        if run != self.run:
            self.run = run
            self._reset()

    def set_filter(self, text: str) -> None:
        if text != self.filter:
            self.filter = text
            self._reset()

    def set_sort(self, sort: str) -> None:
        if sort != self.sort:
            self.sort = sort
            self._reset()

    def sorts(self) -> list[str]:
        """What samples can be sorted by, as far as those in view tell."""
        seen = dict.fromkeys(name for sample in self.rows.values() for name in painter.numeric(sample))
        return ["time", "step", *(name for name in seen if name not in ("time", "step"))]

    def next_sort(self) -> str:
        """The order after this one: numbers begin with the lowest."""
        sorts, now = self.sorts(), self.sort.removeprefix("-")
        at = sorts.index(now) if now in sorts else 0
        self.set_sort(sorts[(at + 1) % len(sorts)])
        return self.sort

    def reverse(self) -> None:
        self.set_sort(self.sort[1:] if self.sort.startswith("-") else "-" + self.sort)

    @property
    def words(self) -> list[str]:
        """The words of the filter that may be lit in texts."""
        found = []
        for word in self.filter.replace('"', " ").split():
            _, colon, text = word.partition(":")
            if not any(sign in word for sign in "<>="):
                found.append(text if colon and text else word)
        return found

    # Where it stands

    @property
    def last(self) -> int:
        return max(0, self.total - 1)

    @property
    def new(self) -> int:
        """How many samples came while an older one was read."""
        return max(0, self.total - self._read_to) if self.sort == "time" and not self.follow else 0

    def resize(self, height: int) -> None:
        self.height = max(1, height)
        if self.follow:
            self.cursor = self.last
            self._read_to = self.total
        self.cursor = max(0, min(self.cursor, self.last))
        self.top = max(0, min(self.top, self.cursor, self.total - self.height))
        self.top = max(self.top, self.cursor - self.height + 1)

    def go_to(self, cursor: int) -> bool:
        before = self.cursor
        if self.follow:
            self._read_to = self.total
        self.cursor = max(0, min(cursor, self.last))
        self.follow = self.sort == "time" and self.cursor == self.last
        if self.cursor != before:
            self.scroll, self.base = 0, -1
        return self.cursor != before

    def move(self, step: int) -> bool:
        return self.go_to(self.cursor + step)

    def scroll_list(self, lines: int) -> None:
        """Move the list under the wheel; the cursor stays in view."""
        self.top = max(0, min(self.total - self.height, self.top + lines))
        if not self.top <= self.cursor < self.top + self.height:
            self.go_to(min(max(self.cursor, self.top), self.top + self.height - 1))

    # Questions and answers

    def questions(self, others: Sequence[tuple[str, str]]) -> list[Any]:
        """others: (run id, name) of the other runs that a sample may be compared with."""
        if self.run is None:
            return []
        found: list[Any] = [self._window_question()]
        current = self.rows.get(self.cursor)
        if current is not None and current.get("cut"):
            found.append(SampleQuestion(self.run, current["id"]))
        if current is not None and self.view == "diff":
            found.append(SiblingsQuestion(self.run, current["id"], tuple(others)))
        return found

    def _window_question(self) -> SamplesQuestion:
        assert self.run is not None
        if self.follow or not self.known:
            start, limit = (-self.height, self.height) if self.follow else (0, 2 * WINDOW)
        else:
            start, limit = self.top // WINDOW * WINDOW, 2 * WINDOW + self.height
        return SamplesQuestion(self.run, start, limit, self.filter, self.sort)

    def take(self, question: SamplesQuestion, reply: Mapping[str, Any]) -> None:
        if (question.run, question.filter, question.sort) != (self.run, self.filter, self.sort):
            return
        self.known, self.trouble = True, ""
        self.total, self.all, self.unread = reply["total"], reply["all"], reply["unread"]
        for at, sample in enumerate(reply["samples"]):
            self.rows[reply["from"] + at] = sample
        if len(self.rows) > KEPT:
            low, high = self.top - KEPT // 4, self.top + self.height + KEPT // 4
            self.rows = {n: row for n, row in self.rows.items() if low <= n <= high}
        self.version += 1
        self.resize(self.height)

    def take_whole(self, question: SampleQuestion, reply: Mapping[str, Any]) -> None:
        if question.run == self.run:
            self._whole = reply["sample"]
            self.version += 1

    def take_siblings(self, question: SiblingsQuestion, reply: Mapping[str, Any]) -> None:
        if question.run == self.run:
            self._siblings, self.siblings_trouble = (question, reply["siblings"]), ""
            self.version += 1

    # What is read

    def current(self) -> Sample | None:
        """The sample under the cursor, whole as soon as that is known."""
        sample = self.rows.get(self.cursor)
        if sample is not None and self._whole is not None and self._whole.get("id") == sample.get("id"):
            return self._whole
        return sample

    def siblings(self) -> list[tuple[str, Sample]]:
        """(name of the run, or "" for this one; sample) of every other answer to the same prompt."""
        sample = self.rows.get(self.cursor)
        if self._siblings is None or sample is None or not self.answered():
            return []
        return [(name, one) for name, one in self._siblings[1] if name or one.get("id") != sample["id"]]

    def answered(self) -> bool:
        """Whether it is known which other answers there are to the prompt of the sample under the cursor."""
        sample = self.rows.get(self.cursor)
        return (
            self._siblings is not None and sample is not None and self._siblings[0].sample == sample.get("id")
        )

    def compared_with(self) -> tuple[str, Sample] | None:
        """The sibling that is the base of the difference."""
        siblings = self.siblings()
        return siblings[self.base_at(siblings)] if siblings else None

    def base_at(self, siblings: Sequence[tuple[str, Sample]]) -> int:
        if 0 <= self.base < len(siblings):
            return self.base
        sample = self.rows.get(self.cursor) or {}
        before = [at for at, (name, one) in enumerate(siblings) if not name and one["n"] < sample.get("n", 0)]
        return before[-1] if before else 0

    def move_base(self, step: int) -> None:
        siblings = self.siblings()
        if siblings:
            self.base = max(0, min(len(siblings) - 1, self.base_at(siblings) + step))
            self.scroll = 0

    # Saved views

    def saved(self) -> dict[str, Any]:
        return {"filter": self.filter, "sort": self.sort, "view": self.view}

    def restore(self, saved: Mapping[str, Any]) -> None:
        if isinstance(saved.get("filter"), str):
            self.set_filter(saved["filter"])
        if isinstance(saved.get("sort"), str) and saved["sort"].strip("-"):
            self.set_sort(saved["sort"])
        if saved.get("view") in VIEWS:
            self.view = saved["view"]
