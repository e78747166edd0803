"""The proof below an action: its metric before and after, both runs over the same steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, talk
from opengraphs.tui.painters.axis import AxisState
from opengraphs.tui.painters.cells import Row, fit
from opengraphs.tui.questions import Question, SeriesQuestion
from opengraphs.tui.screens.chat_state import Item

HEIGHT, MOST_WIDTH, LEAST_WIDTH = 9, 100, 30


class BeforeAfter:
    """The curves of the newest action that has ended with an effect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked: tuple[str, SeriesQuestion] | None = None
        self._known: dict[str, tuple[SeriesQuestion, Mapping[str, Any]]] = {}

    def question(self, items: Sequence[Item], run: str, width: int) -> SeriesQuestion | None:
        """What has to be known for it; None where no action has ended, or there is no room."""
        item = next((one for one in reversed(items) if _proven(one)), None)
        if item is None or not run or width < LEAST_WIDTH:
            return None
        effect = item.data["effect"]
        first, last = effect.get("from_step"), effect.get("to_step")
        window = (float(first), float(last)) if first is not None and last is not None else None
        columns = max(10, min(MOST_WIDTH, width) - 12)
        runs = (run, item.data["child"])
        question = SeriesQuestion(
            runs, (str(effect["metric"]),), "step", window, columns, (), slot="chat.curve"
        )
        self._asked = (item.key, question)
        return question

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        """The curves are there."""
        if self._asked is not None and isinstance(question, SeriesQuestion) and self._asked[1] == question:
            self._known[self._asked[0]] = (question, reply)

    def looks(self, item: Item) -> object:
        """What its picture depends on; None while there is nothing to draw."""
        known = self._known.get(item.key)
        return id(known[1]) if known is not None and _proven(item) else None

    def paint(self, item: Item, width: int) -> list[Row]:
        question, reply = self._known[item.key]
        left = talk.gutter(width)
        inner = max(1, min(MOST_WIDTH, width - left - 1))
        before, after = question.runs
        curves = chart.curves_of(
            reply["series"],
            metric=question.metrics[0],
            colors={before: 0, after: 1},
            labels={before: "before", after: "after"},
        )
        spec = chart.ChartSpec(
            question.metrics[0],
            curves,
            x_range=question.range,
            live=False,
            axis=AxisState(),
            message="" if curves else "no points there",
        )
        rows = chart.paint(spec, inner, HEIGHT, self._desk.glyphs)
        return [fit([(" " * left, "text"), *row], width) for row in [*rows, []]]


def _proven(item: Item) -> bool:
    data = item.data
    return item.kind == "action" and bool(
        data["outcome"] and data["child"] and data["effect"] and data["effect"].get("metric")
    )
