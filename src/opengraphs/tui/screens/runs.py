"""The Runs screen: recent runs as cards, the table, families as trees, several runs at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from opengraphs.protocol.events import Event
from opengraphs.protocol.runs import RunRow
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import cards, layout, numbers, table
from opengraphs.tui.painters.cells import Row, blank, overlay
from opengraphs.tui.questions import Question
from opengraphs.tui.screens.base import Asker, Drag, Handler
from opengraphs.tui.screens.compose import Block, compose
from opengraphs.tui.screens.runs_prompts import RunsPrompts

WHEEL_ROWS = 3
ASK_AGAIN_S = 20.0
MARK_CELLS = 2


class RunsView(RunsPrompts):
    name: ClassVar[ScreenName] = "runs"
    slots: ClassVar[tuple[str, ...]] = ("runs", "cards", "runs-fields", "runs-metrics")
    lasting: ClassVar[tuple[str, ...]] = ("sort", "descending", "tree", "columns")
    own_slots: ClassVar[tuple[str, ...]] = ("runs-fields", "runs-metrics", "runs-edit", "runs-range")

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self._row_cache: dict[int, tuple[RunRow, tuple[Any, ...], Row]] = {}
        self._any_foreign = False
        self._cards_cache: tuple[tuple[Any, ...], list[Row]] | None = None
        self._columns = []
        self._fields = []
        self._asked_by_time = 0.0
        self._opened: layout.Rect | None = None

    def make_handlers(self) -> dict[str, Handler]:
        state = self.desk.runs
        return {
            "runs.up": lambda: self._vertical(-1),
            "runs.down": lambda: self._vertical(1),
            "runs.left": lambda: self._sideways(-1),
            "runs.right": lambda: self._sideways(1),
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
            "runs.columns": self.open_picker,
            "runs.tree": self._toggle_tree,
            "runs.fold": self._fold,
            "runs.extend_up": lambda: self._extend(-1),
            "runs.extend_down": lambda: self._extend(1),
            "runs.range": self._range,
            "runs.tag": lambda: self.ask_for_targets("tags"),
            "runs.note": lambda: self.ask_for_targets("note"),
            "runs.rename": lambda: self.ask_for_targets("name"),
            "runs.archive": self.archive,
            "panel.next": self._switch_panel,
            "panel.previous": self._switch_panel,
        }

    def paint(self, width: int, height: int) -> list[Row]:
        desk, state = self.desk, self.desk.runs
        lay = self._lay = layout.runs(width, height, state.total, minimal=desk.choices.minimal)
        self._cards_shown = cards.per_row(lay.cards.width) if lay.cards else 0
        state.on_cards = state.on_cards and self._cards_shown > 0
        self._any_foreign = self._any_foreign or any(map(table.is_foreign, state.visible()))
        self._columns = self._columns_of(lay.table.width)
        with_line = self.has_line and lay.table.height > 2
        rows_height = lay.table.height - with_line
        state.resize(rows_height - 1)
        blocks: list[Block] = [
            (lay.header, self.header(width, note=self._note())),
            (lay.table, self._table(lay.table.width, rows_height)),
            (lay.status, self.status(width, source=desk.choices.source, mode=self._mode())),
        ]
        if lay.cards:
            blocks.append((lay.cards, self._paint_cards(lay.cards.width, lay.cards.height)))
        line = layout.Rect(lay.table.x, lay.table.y + rows_height, lay.table.width, 1)
        if with_line:
            blocks.append((line, [self.paint_line(lay.table.width)]))
        rows = self._open_card(compose(width, height, blocks))
        rows = self.paint_completions(rows, line) if with_line else rows
        return self.paint_picker(rows, lay.table)

    def _columns_of(self, width: int) -> list[table.Column]:
        state = self.desk.runs
        if state.columns is None:
            return table.columns_for(width, foreign=self._any_foreign)
        return table.chosen_columns(state.columns, width, left=state.left)

    def _open_card(self, rows: list[Row]) -> list[Row]:
        """The card under the cursor opened up, over the table; the cards beside it stay where they are."""
        state, lay = self.desk.runs, self._lay
        run = state.current() if state.on_cards else None
        self._opened = None
        if not run or not lay.cards:
            return rows
        left = lay.cards.width * state.card // self._cards_shown
        width = min(lay.cards.width, max(cards.OPEN_WIDTH, lay.cards.width // self._cards_shown))
        most = lay.cards.height + lay.table.height
        now = self.desk.clock()
        block = cards.paint_open(run, state.before(run), width, most, self.desk.glyphs, now=now)
        self._opened = layout.Rect(min(left, lay.cards.width - width), lay.cards.y, width, len(block))
        return overlay(rows, block, self._opened.x, self._opened.y)

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
        columns = tuple((column.key, column.width, column.form) for column in self._columns)
        for index, run in enumerate(runs):
            chosen = run.get("run_id") in state.selected or state.in_range(state.top + index)
            look = (width, _age(run, now), index == at, chosen, columns)
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

    def forget_pictures(self) -> None:
        super().forget_pictures()
        self._row_cache, self._cards_cache = {}, None

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
        parts += ["families"] if state.tree else []
        return ", ".join(parts)

    def _mode(self) -> str:
        return "live" if self.desk.runs.known else "connecting"

    def wants(self) -> list[Question]:
        state = self.desk.runs
        cards_question = state.cards_question()
        shown = [cards_question] if cards_question and self._lay.cards else []
        return [state.question(), *shown, *self.line_wants()]

    def stale(self, event: Event) -> Iterable[str]:
        """Of a run that logs no step only its output tells how far it is."""
        state, run = self.desk.runs, event.get("run", "")
        if event.get("kind") != "log" or not state.knows(run):
            return ()
        row = state.row_of(run)
        return ("runs", "cards") if row is not None and row.get("last_step") is None else ()

    def hint_actions(self) -> Sequence[str]:
        state = self.desk.runs
        if state.range_from is not None:
            return ["runs.range", "runs.down", "runs.up", "back", "leave"]
        if state.selected:
            return ["help", "runs.tag", "runs.note", "runs.archive", "runs.open", "runs.select", "leave"]
        some = ["runs.open", "runs.select"] if state.total else []
        fold = ["runs.fold"] if state.tree else []
        more = ["runs.columns", "runs.tree", "runs.tag"] if state.total else []
        return ["help", "runs.filter", *some, "runs.sort", *fold, *more, "leave"]

    def tick_s(self) -> float | None:
        """Seconds while something counts them, else what no reading of minutes notices."""
        state = self.desk.runs
        shown = (*state.visible(), *(state.recent if self._lay.cards else ()))
        now = self.desk.clock()
        if any(
            row.get("status") == "running" or now - (_epoch(row.get("created_at")) or 0) < 60 for row in shown
        ):
            return 1.0
        return 20.0 if shown else None

    def aged(self) -> Iterable[str]:
        """A heartbeat makes no event: before a run is called silent, it is looked at again."""
        now = self.desk.clock()
        beats = [
            _epoch(row.get("heartbeat_at"))
            for row in self.desk.runs.visible()
            if row.get("status") == "running"
        ]
        if now - self._asked_by_time < ASK_AGAIN_S or not any(
            beat and now - beat > ASK_AGAIN_S for beat in beats
        ):
            return ()
        self._asked_by_time = now
        return self.slots[:2]

    # Actions

    def _vertical(self, step: int) -> None:
        """Up and down; between the cards and the table too."""
        state = self.desk.runs
        if state.on_cards:
            if step > 0:
                state.on_cards = False
            return
        state.move(step)

    def _sideways(self, step: int) -> None:
        state = self.desk.runs
        if state.on_cards:
            state.move_card(step, cards=self._cards_shown)
        elif state.columns is not None and (
            step < 0 or len(self._columns) - 2 < len(state.columns) - state.left
        ):
            state.scroll_columns(step)

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

    def _extend(self, step: int) -> None:
        """Select the run under the cursor and go on."""
        state = self.desk.runs
        run = state.rows.get(state.cursor)
        if not state.on_cards and run and "run_id" in run:
            state.take_range([run])
            state.move(step)
            self._select_here()

    def _select_here(self) -> None:
        run = self.desk.runs.rows.get(self.desk.runs.cursor)
        if run and "run_id" in run:
            self.desk.runs.take_range([run])

    def _range(self) -> None:
        state = self.desk.runs
        if state.on_cards or not state.total:
            return
        question = state.toggle_range()
        if question is not None:
            self.live.ask_once(question)

    def _toggle_tree(self) -> None:
        state = self.desk.runs
        state.set_tree(not state.tree)
        self.desk.say("families as trees; f folds one" if state.tree else "runs one by one")

    def _fold(self) -> None:
        state = self.desk.runs
        if not state.tree:
            self.desk.say("T shows families as trees")
        elif not state.toggle_folded():
            self.desk.say("no run came from this one")

    def _clear(self) -> None:
        if self.desk.runs.selected:
            self.desk.runs.selected.clear()
            self.desk.say("no run selected")

    def _sort(self) -> None:
        self.desk.runs.set_sort(self.desk.runs.next_sort([column.key for column in self._columns]))

    def _open_filter(self) -> None:
        self.desk.runs.on_cards = False
        self.ask("filter", self.desk.runs.filter)

    def back(self) -> bool:
        state = self.desk.runs
        if state.range_from is not None:
            state.range_from = None
        elif state.on_cards:
            state.on_cards = False
        elif state.filter:
            state.set_filter("")
        else:
            return False
        return True

    # Mouse

    def click(self, x: int, y: int) -> None:
        lay, state = self._lay, self.desk.runs
        if self._on_opened(x, y):
            self._open()
        elif lay.cards and lay.cards.y <= y < lay.cards.y + lay.cards.height and self._cards_shown:
            self._click_card((x - lay.cards.x) * self._cards_shown // max(1, lay.cards.width))
        elif y == lay.table.y:
            self._click_header(x)
        elif lay.table.y < y <= lay.table.y + state.height and x <= MARK_CELLS:
            self._mark_row(state.top + y - lay.table.y - 1)
        elif lay.table.y < y <= lay.table.y + state.height:
            self._click_row(state.top + y - lay.table.y - 1)

    def _on_opened(self, x: int, y: int) -> bool:
        """Whether a cell lies on the card that is open."""
        box = self._opened
        return box is not None and box.x <= x < box.x + box.width and box.y <= y < box.y + box.height

    def _click_header(self, x: int) -> None:
        column = table.column_at(self._columns, x)
        if column is not None and not self.desk.runs.sort_by(column.key):
            self.desk.say(f"{column.title} has no order; C adds columns that have one")

    def _mark_row(self, index: int) -> None:
        """Select a row's run, or not: a click on its mark, or the right button anywhere on it."""
        state = self.desk.runs
        if index < state.total:
            state.on_cards = False
            state.move_to(index)
            state.toggle_selected()

    def drag(self, drag: Drag) -> None:
        """Over rows with the left button: select them. The right button selects one, as a click does."""
        lay, state = self._lay, self.desk.runs
        first, last = (state.top + y - lay.table.y - 1 for _, y in (drag.start, drag.at))
        if (
            self._on_opened(*drag.start)
            or not lay.table.y < drag.start[1] <= lay.table.y + state.height
            or first >= state.total
        ):
            return
        last = max(state.top, min(last, state.top + state.height - 1, state.total - 1))
        if drag.button == 3 or "ctrl" in drag.modifiers:
            if drag.done:
                self._mark_row(first)
        elif drag.button == 1 and first != last:
            state.on_cards = False
            state.move_to(last)
            state.range_from = None if drag.done else first
            if drag.done:
                self.live.ask_once(state.between(first, last))

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

    # Saved views

    def saved(self) -> dict[str, Any]:
        return self.desk.runs.saved()

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.desk.runs.restore(saved)


def _age(run: RunRow, now: float) -> tuple[str, int]:
    """What of a row changes with time alone: its age, and while it runs its duration."""
    made = _epoch(run.get("created_at"))
    return numbers.age(None if made is None else now - made), int(now) if run.get(
        "status"
    ) == "running" else 0


@lru_cache(maxsize=4096)
def _epoch(iso: str | None) -> float | None:
    return table.epoch(iso)
