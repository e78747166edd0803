"""What the Runs screen knows: pages of the table, the cursor, the filter, the selection. Pure.

The table is as long as the store has runs; rows are known page by page, and only pages near
the screen are kept. A row that is still being asked for is blank for that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from opengraphs.errors import OgError
from opengraphs.protocol.runs import RunRow, TreePlace
from opengraphs.records import RunFacts
from opengraphs.tui.painters import values
from opengraphs.tui.painters.values import Chosen
from opengraphs.tui.questions import RunsQuestion

PAGE = 64
KEPT_PAGES = 16
RECENT = 8
"""Cards at most; a wide screen shows six."""

Sort = tuple[str, bool]
"""(column key, descending)."""

NEWEST_FIRST: Sort = ("created_at", True)

_CALLED = {"step": "progress.step", "progress": "progress.step"}
"""Columns that the daemon calls by another name."""
_UNSORTED = ("metric", "spark")
_RISING = ("name", "project", "status", "tags", "source")
"""Columns of text: a first sort by them begins with A, by numbers and times with the largest."""
MAX_FOLDED = 500
MAX_FIGURES = 32
MAX_COLUMNS = 64


def sortable(key: str) -> bool:
    return key not in _UNSORTED


_UNKNOWN = RunRow()
_NOWHERE: TreePlace = {"depth": 0, "below": 0, "folded": False}
MAX_RANGE = 2000


def _column(kept: object) -> Chosen | None:
    """A column as a saved view has it; None where that is none."""
    if not isinstance(kept, dict) or not isinstance(kept.get("key"), str):
        return None
    form = kept.get("form")
    return Chosen(kept["key"], form if form in values.FORMATS else "auto", kept.get("number") is True)


class RunsState:
    """`cursor` and `top` are indexes into the whole table; `height` is how many rows the screen shows."""

    def __init__(self) -> None:
        self.rows: dict[int, RunRow] = {}
        self.total = 0
        self.known = False
        self.recent: list[RunRow] = []
        self.cursor = 0
        self.top = 0
        self.height = 1
        self.filter = ""
        self.error = ""
        self.sort: Sort = NEWEST_FIRST
        self.selected: dict[str, str] = {}
        self.on_cards = False
        self.card = 0
        self.columns: list[Chosen] | None = None
        self.left = 0
        self.tree = False
        self.folded: dict[str, None] = {}
        self.range_from: int | None = None
        self._moved = False
        self._reordered = False
        self._ids: set[str] | None = None

    # The table

    def row(self, index: int) -> RunRow | None:
        return self.rows.get(index)

    def current(self) -> RunRow | None:
        """The run under the cursor, in the table or among the cards."""
        if self.on_cards and self.card < len(self.recent):
            return self.recent[self.card]
        return self.rows.get(self.cursor)

    def visible(self) -> list[RunRow]:
        """The rows on the screen; one that is still being asked for is empty."""
        last = min(self.total, self.top + self.height)
        return [self.rows.get(index, _UNKNOWN) for index in range(self.top, last)]

    def resize(self, height: int) -> None:
        self.height = max(1, height)
        self._scroll_to_cursor()

    def move(self, step: int) -> bool:
        return self.move_to(self.cursor + step)

    def move_to(self, index: int) -> bool:
        """Put the cursor on a row, and the row on the screen."""
        target = max(0, min(self.total - 1, index)) if self.total else 0
        self._moved = True
        moved, self.cursor = target != self.cursor, target
        self._scroll_to_cursor()
        return moved

    def scroll(self, rows: int) -> bool:
        """Move what is shown (the wheel); the cursor comes along when it would leave the screen."""
        before = self.top
        self.top = max(0, min(max(0, self.total - self.height), self.top + rows))
        self.cursor = max(self.top, min(self.cursor, self.top + self.height - 1))
        self._moved = True
        return self.top != before

    def move_card(self, step: int, *, cards: int) -> bool:
        target = max(0, min(min(cards, len(self.recent)) - 1, self.card + step))
        moved, self.card = target != self.card, target
        return moved

    def _scroll_to_cursor(self) -> None:
        self.top = max(
            0, min(self.top, self.cursor, self.total - self.height if self.total > self.height else 0)
        )
        if self.cursor >= self.top + self.height:
            self.top = self.cursor - self.height + 1

    # Filter, sort, selection

    def set_filter(self, text: str) -> None:
        self.filter, self.error = text, ""
        self._from_the_top()

    def set_sort(self, sort: Sort) -> None:
        self.sort = sort
        self._from_the_top()

    def next_sort(self, keys: Sequence[str]) -> Sort:
        """The sortable column after the one in force; numbers and times start with the largest.

        Args:
            keys: the columns on the screen, from left to right.
        """
        able = [key for key in keys if sortable(key)] or ["created_at"]
        at = able.index(self.sort[0]) if self.sort[0] in able else -1
        key = able[(at + 1) % len(able)]
        return key, self.falls_first(key)

    def falls_first(self, key: str) -> bool:
        """Whether the largest comes first when a column is first sorted by."""
        chosen = next((one for one in self.columns or () if one.key == key), None)
        return chosen.number if chosen is not None and "." in key else key not in _RISING

    def sort_by(self, key: str) -> bool:
        """By a column; the other way round where it was sorted by that. False where it has no order."""
        if sortable(key):
            self.set_sort((key, not self.sort[1] if self.sort[0] == key else self.falls_first(key)))
        return sortable(key)

    def _from_the_top(self) -> None:
        """Another order of rows. The old ones stay on the screen until the new ones are there."""
        self.cursor = self.top = 0
        self._moved = self._reordered = True
        self.range_from = None

    def toggle_selected(self) -> str | None:
        """Select or unselect the run under the cursor; returns what to tell the user."""
        run = self.current()
        if not run or "run_id" not in run:
            return None
        run_id, name = run["run_id"], run.get("name") or run["run_id"]
        if run_id in self.selected:
            del self.selected[run_id]
            return f"unselected {name}"
        self.selected[run_id] = name
        return f"selected {name} for overlay"

    def targets(self) -> dict[str, str]:
        """Who a change is for, id and name: the selected runs, else the one under the cursor."""
        run = self.current()
        if self.selected or not run or "run_id" not in run:
            return dict(self.selected)
        return {run["run_id"]: run.get("name") or run["run_id"]}

    def row_of(self, run_id: str) -> RunRow | None:
        """A run among the rows that are kept."""
        kept = (*self.rows.values(), *self.recent)
        return next((row for row in kept if row.get("run_id") == run_id), None)

    def toggle_range(self) -> RunsQuestion | None:
        """Begin a range at the cursor, or end it there: then the question for the runs in it."""
        begun, self.range_from = self.range_from, self.cursor if self.range_from is None else None
        return None if begun is None else self.between(begun, self.cursor)

    def between(self, low: int, high: int) -> RunsQuestion:
        """The question for the runs from one row to another; they need not be known."""
        low, high = sorted((low, high))
        return self._page(low, min(MAX_RANGE, high - low + 1), slot="runs-range")

    def in_range(self, index: int) -> bool:
        """Whether a row lies in the range that was begun."""
        begun = self.range_from
        return begun is not None and min(begun, self.cursor) <= index <= max(begun, self.cursor)

    def take_range(self, rows: Sequence[RunRow]) -> None:
        for row in rows:
            self.selected[row["run_id"]] = row.get("name") or row["run_id"]

    def before(self, run: RunRow) -> RunRow | None:
        """The run it went on from, else the next older one of the same project, as far as it is known."""
        parent = self.row_of((run.get("parent") or {}).get("run_id", ""))
        if parent is not None:
            return parent
        made = run.get("created_at", "")
        older = [
            row
            for row in (*self.recent, *self.rows.values())
            if row.get("project") == run.get("project") and row.get("created_at", "") < made
        ]
        return max(older, key=lambda row: row["created_at"], default=None)

    # Columns and families

    def set_columns(self, columns: list[Chosen] | None) -> None:
        before, self.columns = self.figures, columns
        self.left = min(self.left, max(0, len(columns or ()) - 1))
        if self.figures != before:  # rows elsewhere lack what is new
            page = range(self.cursor // PAGE * PAGE, self.cursor // PAGE * PAGE + PAGE)
            self.rows = {index: row for index, row in self.rows.items() if index in page}

    def scroll_columns(self, step: int) -> None:
        self.left = max(0, min(len(self.columns or ()) - 1, self.left + step))

    def set_tree(self, tree: bool) -> None:
        self.tree = tree
        self._from_the_top()

    def toggle_folded(self) -> bool:
        """Fold what came from the run at the cursor, or open it; a leaf's parent is folded. False where there is none."""
        at = self._foldable()
        if at is None:
            return False
        self.move_to(at)
        run = self.rows[at]
        if run["run_id"] in self.folded:
            del self.folded[run["run_id"]]
        elif len(self.folded) < MAX_FOLDED:
            self.folded[run["run_id"]] = None
        self.range_from = None
        return True

    def _foldable(self) -> int | None:
        """The row at the cursor when runs came from it, else that of its parent."""
        place = self.rows.get(self.cursor, _UNKNOWN).get("place", _NOWHERE)
        if place["below"]:
            return self.cursor
        above = range(self.cursor - 1, -1, -1)
        known = ((at, self.rows.get(at, _UNKNOWN).get("place")) for at in above)
        found = next((at for at, one in known if one is None or one["depth"] < place["depth"]), None)
        return found if found is not None and place["depth"] and found in self.rows else None

    # Saved views

    def saved(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"sort": self.sort[0], "descending": self.sort[1], "tree": self.tree}
        if self.filter:
            kept["filter"] = self.filter
        if self.columns is not None:
            kept["columns"] = [
                {"key": key, "form": form, "number": number} for key, form, number in self.columns
            ]
        return kept

    def restore(self, saved: Mapping[str, Any]) -> None:
        """What makes no sense is passed over."""
        if isinstance(saved.get("sort"), str) and sortable(saved["sort"]):
            self.sort = saved["sort"], saved.get("descending") is not False
        self.filter = saved["filter"] if isinstance(saved.get("filter"), str) else ""
        self.tree = saved.get("tree") is True
        found = saved.get("columns")
        self.set_columns(
            [one for kept in found if (one := _column(kept))] if isinstance(found, list) else None
        )
        self.error = ""
        if self.known:
            self._from_the_top()

    # Questions and answers

    @property
    def sort_text(self) -> str:
        return ("-" if self.sort[1] else "") + _CALLED.get(self.sort[0], self.sort[0])

    @property
    def figures(self) -> tuple[str, ...]:
        """What rows have only when they are asked for it."""
        return tuple(one.key for one in self.columns or () if values.figure(one.key))[:MAX_FIGURES]

    def _page(self, offset: int, limit: int, slot: str = "runs") -> RunsQuestion:
        folded = tuple(self.folded) if self.tree else ()
        return RunsQuestion(slot, self.filter, self.sort_text, offset, limit, self.figures, self.tree, folded)

    def question(self) -> RunsQuestion:
        """The page that is needed most: of the first unknown row on the screen, else of the cursor."""
        last = min(self.total, self.top + self.height)
        missing = next((index for index in range(self.top, last) if index not in self.rows), None)
        offset = (self.cursor if missing is None else missing) // PAGE * PAGE
        return self._page(offset, PAGE)

    def missing(self) -> bool:
        """Whether a row on the screen is still unknown."""
        return any(i not in self.rows for i in range(self.top, min(self.total, self.top + self.height)))

    def cards_question(self) -> RunsQuestion | None:
        """The recent runs, where the table does not show them anyway."""
        if not self.filter and not self.tree and self.sort == NEWEST_FIRST and self.top < PAGE:
            return None
        return RunsQuestion("cards", "", "-created_at", 0, RECENT)

    def take(self, question: RunsQuestion, reply: dict[str, Any]) -> None:
        """`GET /runs` answered; an answer to an older filter or order is left lying."""
        rows: list[RunRow] = reply["runs"]
        self._ids = None
        if question.slot == "cards":
            self.recent = rows
            return
        if question != self._page(question.offset, question.limit):
            return
        self.error = ""
        held = self._held()
        self._void_others(question.offset, rows)
        self.total = reply["total"]
        for index, row in enumerate(rows, question.offset):
            if self.rows.get(index) != row:
                self.rows[index] = row
        if (
            not question.offset
            and not question.filter
            and not question.tree
            and question.sort == "-created_at"
        ):
            self.recent = rows[:RECENT]
        self._hold_cursor(held, question.offset, rows)
        self._after_page()

    def _held(self) -> str | None:
        """The run that keeps the cursor when others come in above it; none right after a new order."""
        held = self.rows.get(self.cursor, _UNKNOWN).get("run_id") if self._moved else None
        if self._reordered:
            held, self._reordered = None, False
        return held

    def _void_others(self, offset: int, rows: list[RunRow]) -> None:
        """When other runs stand on this page now, what is known of the other pages is wrong too."""
        known = [self.rows.get(index, _UNKNOWN).get("run_id") for index in range(offset, offset + len(rows))]
        if any(old not in (None, row.get("run_id")) for old, row in zip(known, rows, strict=True)):
            self.rows = {}

    def _hold_cursor(self, held: str | None, offset: int, rows: list[RunRow]) -> None:
        at = next((n for n, row in enumerate(rows, offset) if row.get("run_id") == held), None)
        if held is not None and at is not None:
            self.top = max(0, self.top + at - self.cursor)
            self.cursor = at

    def _after_page(self) -> None:
        if not self.known:
            self.known = True
        if not self._moved:
            self.cursor = self._newest_live()
        self.cursor = min(self.cursor, max(0, self.total - 1))
        self._scroll_to_cursor()
        self._forget_far()

    def _newest_live(self) -> int:
        """Where og starts: the newest running run, else the first row."""
        return next((n for n in sorted(self.rows) if self.rows[n].get("status") == "running"), 0)

    def _forget_far(self) -> None:
        if len(self.rows) > KEPT_PAGES * PAGE:
            low, high = self.top - KEPT_PAGES * PAGE // 4, self.top + self.height + KEPT_PAGES * PAGE // 4
            self.rows = {n: row for n, row in self.rows.items() if low <= n <= high}

    def take_failure(self, error: OgError) -> None:
        """A filter the daemon does not take: said in the filter line, as far as that has room; the rows stay."""
        meant = error.hint.partition("\n")[0]
        self.error = error.message + (f" ({meant})" if meant else "")

    def knows(self, run_id: str) -> bool:
        """Whether a run is among the rows that are kept; cheap, for events of thousands of runs."""
        if self._ids is None:
            self._ids = {row.get("run_id", "") for row in (*self.rows.values(), *self.recent)}
        return run_id in self._ids

    def forget(self, run_id: str) -> bool:
        """The run is no longer listed: what stands below it moves up. True when it was on a known page."""
        at = next((index for index, row in self.rows.items() if row.get("run_id") == run_id), None)
        self.recent = [row for row in self.recent if row.get("run_id") != run_id]
        self.card = min(self.card, max(0, len(self.recent) - 1))
        self.on_cards = self.on_cards and bool(self.recent)
        self.selected.pop(run_id, None)
        self._ids = None
        if at is None:
            return False
        self.rows = {index - (index > at): row for index, row in self.rows.items() if index != at}
        self.total = max(0, self.total - 1)
        self.cursor -= self.cursor > at
        self.top -= self.top > at
        self.cursor = min(self.cursor, max(0, self.total - 1))
        self._scroll_to_cursor()
        return True

    @property
    def lists_archived(self) -> bool:
        """Whether the filter speaks of what archived runs are found by."""
        return "archived" in self.filter or "id:" in self.filter

    def take_facts(self, run_id: str, facts: RunFacts) -> bool:
        """A "run" event: True when the run is among the known rows and was brought up to date."""
        if facts.get("archived") and not self.lists_archived:
            self.forget(run_id)
            return False
        before = {index: row for index, row in self.rows.items() if row.get("run_id") == run_id}
        # New objects, never changed ones: a painted row is known by the object it was painted from.
        for index, row in before.items():
            self.rows[index] = cast("RunRow", {**row, **facts})
        known = [row.get("run_id") for row in self.recent]
        if run_id in known:
            at = known.index(run_id)
            self.recent = [
                *self.recent[:at],
                cast("RunRow", {**self.recent[at], **facts}),
                *self.recent[at + 1 :],
            ]
        return bool(before) or run_id in known
