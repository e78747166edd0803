"""The Runs screen: recent runs as cards, the table, the filter line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from opengraphs.protocol.runs import RunRow
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import cards, layout, numbers, table
from opengraphs.tui.painters.cells import Row, blank
from opengraphs.tui.questions import Question
from opengraphs.tui.screens.base import Asker, Handler, View
from opengraphs.tui.screens.compose import Block, compose

WHEEL_ROWS = 3


class RunsView(View):
    name: ClassVar[ScreenName] = "runs"
    slots: ClassVar[tuple[str, ...]] = ("runs", "cards")

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self._row_cache: dict[int, tuple[RunRow, tuple[Any, ...], Row]] = {}
        self._any_foreign = False
        self._cards_cache: tuple[tuple[Any, ...], list[Row]] | None = None

    def make_handlers(self) -> dict[str, Handler]:
        state = self.desk.runs
        return {
            "runs.up": lambda: self._vertical(-1),
            "runs.down": lambda: self._vertical(1),
            "runs.left": lambda: self._card(-1),
            "runs.right": lambda: self._card(1),
            "runs.page_up": lambda: state.move(-state.height),
            "runs.page_down": lambda: state.move(state.height),
            "runs.first": lambda: state.move_to(0),
            "runs.last": lambda: state.move_to(state.total - 1),
            "runs.open": self._open,
            "runs.select": self._select,
            "runs.clear": self._clear,
            "runs.filter": self._open_filter,
            "runs.sort": self._sort,
            "runs.reverse": lambda: state.set_sort((state.sort[0], not state.sort[1])),
            "runs.compare": lambda: setattr(self.desk, "screen", "compare"),
            "panel.next": self._switch_panel,
            "panel.previous": self._switch_panel,
        }

    def paint(self, width: int, height: int) -> list[Row]:
        desk, state = self.desk, self.desk.runs
        lay = self._lay = layout.runs(width, height, state.total, minimal=desk.choices.minimal)
        self._cards_shown = cards.per_row(lay.cards.width) if lay.cards else 0
        state.on_cards = state.on_cards and self._cards_shown > 0
        self._any_foreign = self._any_foreign or any(map(table.is_foreign, state.visible()))
        self._columns = table.columns_for(lay.table.width, foreign=self._any_foreign)
        with_line = self._filter_line and lay.table.height > 2
        rows_height = lay.table.height - with_line
        state.resize(rows_height - 1)
        blocks: list[Block] = [
            (lay.header, self.header(width, note=self._note())),
            (lay.table, self._table(lay.table.width, rows_height)),
            (lay.status, self.status(width, source=desk.choices.source, mode=self._mode())),
        ]
        if lay.cards:
            blocks.append((lay.cards, self._paint_cards(lay.cards.width, lay.cards.height)))
        if with_line:
            rect = layout.Rect(lay.table.x, lay.table.y + rows_height, lay.table.width, 1)
            blocks.append((rect, [self._paint_filter(lay.table.width)]))
        return compose(width, height, blocks)

    def _table(self, width: int, height: int) -> list[Row]:
        """The table; a row is painted again only when its run, its look or its age has changed."""
        state, glyphs = self.desk.runs, self.desk.glyphs
        runs, now = state.visible(), self.desk.clock()
        if not runs:
            message = self._empty_message()
            return table.paint((), width, height, glyphs, now=now, sort=state.sort, message=message)
        rows = [table.paint_header(self._columns, width, glyphs, sort=state.sort)]
        at = None if state.on_cards else state.cursor - state.top
        old, self._row_cache = self._row_cache, {}
        for index, run in enumerate(runs):
            chosen = run.get("run_id") in state.selected
            look = (width, _age(run, now), index == at, chosen, self._any_foreign)
            found = old.get(id(run))
            if found is None or found[1] != look:
                row = table.paint_run(
                    run, self._columns, width, glyphs, now=now, cursor=index == at, selected=chosen
                )
                found = (run, look, row)
            self._row_cache[id(run)] = found
            rows.append(found[2])
        return rows + blank(width, height - len(rows))

    def _paint_cards(self, width: int, height: int) -> list[Row]:
        state, now = self.desk.runs, self.desk.clock()
        current = state.current() if state.on_cards else None
        cursor = current.get("run_id") if current else None
        look = (list(state.recent), width, height, [_age(run, now) for run in state.recent], cursor)
        if self._cards_cache is None or self._cards_cache[0] != look:
            rows = cards.paint(state.recent, width, height, self.desk.glyphs, now=now, cursor=cursor)
            self._cards_cache = (look, rows)
        return self._cards_cache[1]

    @property
    def _filter_line(self) -> bool:
        return self.edit is not None or bool(self.desk.runs.filter)

    def _paint_filter(self, width: int) -> Row:
        state = self.desk.runs
        found = f"{state.total} run{'' if state.total == 1 else 's'}" if state.known else ""
        return self.input_row(
            width,
            label="filter",
            at_rest=state.filter,
            note=state.error or found,
            wrong=bool(state.error),
        )

    def _empty_message(self) -> str:
        state = self.desk.runs
        if not state.known:
            return "asking ogd…" if self.desk.link.alive else "waiting for ogd…"
        return "no run fits the filter" if state.filter else "no runs yet: og run python train.py"

    def _note(self) -> str:
        state = self.desk.runs
        if not state.known:
            return ""
        parts = [f"{state.total} run{'' if state.total == 1 else 's'}"]
        live = sum(row.get("status") == "running" for row in state.recent)
        parts += [f"{live} live"] if live else []
        parts += [f"{len(state.selected)} selected"] if state.selected else []
        return ", ".join(parts)

    def _mode(self) -> str:
        return "live" if self.desk.runs.known else "connecting"

    def wants(self) -> list[Question]:
        state = self.desk.runs
        cards_question = state.cards_question()
        return [state.question(), *([cards_question] if cards_question and self._lay.cards else [])]

    def hint_actions(self) -> Sequence[str]:
        some = ["runs.open", "runs.select"] if self.desk.runs.total else []
        return ["help", "runs.filter", *some, "runs.sort", "leave"]

    # Actions

    def _vertical(self, step: int) -> None:
        """Up and down; between the cards and the table too."""
        state = self.desk.runs
        if state.on_cards:
            if step > 0:
                state.on_cards = False
            return
        state.move(step)

    def _card(self, step: int) -> None:
        state = self.desk.runs
        if state.on_cards:
            state.move_card(step, cards=self._cards_shown)

    def _switch_panel(self) -> None:
        state = self.desk.runs
        state.on_cards = not state.on_cards and self._cards_shown > 0 and bool(state.recent)

    def _open(self) -> None:
        run = self.desk.runs.current()
        if run and "run_id" in run:
            self.desk.open_run(run["run_id"])
            self.desk.screen = "graphs"

    def _select(self) -> None:
        said = self.desk.runs.toggle_selected()
        if said and not self.desk.runs.on_cards:
            self.desk.runs.move(1)

    def _clear(self) -> None:
        if self.desk.runs.selected:
            self.desk.runs.selected.clear()
            self.desk.say("no run selected")

    def _sort(self) -> None:
        self.desk.runs.set_sort(self.desk.runs.next_sort([column.key for column in self._columns]))

    def _open_filter(self) -> None:
        self.desk.runs.on_cards = False
        self.open_input(self.desk.runs.filter)

    def typed(self, text: str) -> None:
        self.desk.runs.set_filter(text)

    def submit(self, text: str) -> None:
        if text != self.desk.runs.filter:
            self.desk.runs.set_filter(text)
        self.close_input()

    def cancel_input(self) -> None:
        self.close_input()
        if self.desk.runs.filter:
            self.desk.runs.set_filter("")

    def back(self) -> bool:
        state = self.desk.runs
        if state.on_cards:
            state.on_cards = False
        elif state.filter:
            state.set_filter("")
        else:
            return False
        return True

    # Mouse

    def click(self, x: int, y: int) -> None:
        lay, state = self._lay, self.desk.runs
        if lay.cards and lay.cards.y <= y < lay.cards.y + lay.cards.height and self._cards_shown:
            self._click_card((x - lay.cards.x) * self._cards_shown // max(1, lay.cards.width))
        elif y == lay.table.y:
            return
        elif lay.table.y < y <= lay.table.y + state.height:
            self._click_row(state.top + y - lay.table.y - 1)

    def _click_card(self, card: int) -> None:
        state = self.desk.runs
        if card >= len(state.recent):
            return
        again = state.on_cards and state.card == card
        state.on_cards, state.card = True, card
        if again:
            self._open()

    def _click_row(self, index: int) -> None:
        state = self.desk.runs
        if index >= state.total:
            return
        again = not state.on_cards and state.cursor == index
        state.on_cards = False
        state.move_to(index)
        if again:
            self._open()

    def wheel(self, x: int, y: int, direction: int) -> None:
        self.desk.runs.scroll(direction * WHEEL_ROWS)


def _age(run: RunRow, now: float) -> tuple[str, int]:
    """What of a row changes with time alone: its age, and while it runs its duration."""
    made = _epoch(run.get("created_at"))
    return numbers.age(None if made is None else now - made), int(now) if run.get(
        "status"
    ) == "running" else 0


@lru_cache(maxsize=4096)
def _epoch(iso: str | None) -> float | None:
    return table.epoch(iso)
