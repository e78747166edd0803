"""The input line of Runs: the filter and its completion; tags, note and name in place; the column picker's line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from opengraphs.errors import DaemonError, OgError
from opengraphs.records import RunFacts
from opengraphs.tui.painters import picker, table
from opengraphs.tui.painters.cells import Row, overlay
from opengraphs.tui.painters.layout import Rect
from opengraphs.tui.painters.text import clip
from opengraphs.tui.questions import EditRequest, FieldsQuestion, KeysQuestion, Question
from opengraphs.tui.screens import runs_filter
from opengraphs.tui.screens.base import View
from opengraphs.tui.screens.input_line import paint_input
from opengraphs.tui.screens.runs_columns import OFFERED, ColumnPicker
from opengraphs.tui.screens.runs_filter import Completion, Term

Asking = Literal["filter", "tags", "note", "name", "columns"]

_PICKER_HINTS = [
    ("space", "show/hide"),
    ("< >", "move"),
    ("=", "format"),
    ("*", "automatic"),
    ("esc", "done"),
]


class RunsPrompts(View):
    """The part of Runs that takes typed text. `asking` says what the open line is for."""

    asking: Asking = "filter"
    picker: ColumnPicker | None = None
    _fields: list[dict[str, Any]]
    _choice = 0
    _columns: list[table.Column]

    # The line

    def ask(self, what: Asking, text: str = "") -> None:
        self.asking, self._choice, self._fields = what, 0, []
        self.desk.toast = None  # it would lie on the line
        self.open_input(text, kind=what)

    @property
    def has_line(self) -> bool:
        """Whether a line stands below the table."""
        return (self.edit is not None and self.picker is None) or bool(self.desk.runs.filter)

    def paint_line(self, width: int) -> Row:
        state = self.desk.runs
        if self.edit is not None and self.asking in ("tags", "note", "name"):
            return self.input_row(width, label=self.asking, at_rest="", note=self._who())
        found = f"{state.total} run{'' if state.total == 1 else 's'}" if state.known else ""
        # Half a filter is no mistake yet: what is wrong with it is said calmly while it is typed.
        note = clip(state.error, max(8, width - 24)) if self.edit is not None else state.error
        wrong = bool(state.error) and self.edit is None
        return self.input_row(width, label="filter", at_rest=state.filter, note=note or found, wrong=wrong)

    def _who(self) -> str:
        names = list(self.desk.runs.targets().values())
        return names[0] if len(names) == 1 else f"{len(names)} runs"

    def hints(self) -> list[tuple[str, str]]:
        if self.picker is not None:
            return _PICKER_HINTS
        found = super().hints()
        return [("tab", "complete"), *found] if self.edit is not None and self.completions() else found

    def press(self, key: str, character: str | None) -> bool:
        if self.picker is not None and self.edit is not None and self._press_picker(key, character):
            return True
        if self.edit is not None and self.picker is None and key in ("tab", "shift+tab", "down", "up"):
            listed = key in ("tab", "shift+tab") or self.completions()
            if listed and not self.recalls(key, self._choice):
                return self._press_completion(key)
        return super().press(key, character)

    def typed(self, text: str) -> None:
        self._choice = 0
        if self.picker is not None:
            self.picker.cursor = 0
        elif self.asking == "filter":
            self.desk.runs.set_filter(text)

    def submit(self, text: str) -> None:
        asking = self.asking
        if asking == "filter" and text != self.desk.runs.filter:
            self.desk.runs.set_filter(text)
        self.close_input()
        if asking == "tags":
            self._tag(text.split())
        elif asking == "note":
            self._write_note(text)
        elif asking == "name":
            self._rename(text.strip())

    def close_input(self) -> None:
        super().close_input()
        self.picker, self.asking = None, "filter"

    def cancel_input(self) -> None:
        was_filter = self.asking == "filter"
        self.close_input()
        if was_filter and self.desk.runs.filter:
            self.desk.runs.set_filter("")

    # Completion

    def _term(self) -> Term:
        return (
            runs_filter.term_at(self.edit.text, self.edit.caret) if self.edit is not None else Term(0, 0, "")
        )

    def completions(self) -> list[Completion]:
        word = self._term().word
        if self.edit is None or self.picker is not None or self.asking not in ("filter", "tags"):
            return []
        if self.asking == "filter":
            return runs_filter.completions(word, self._fields)
        found = runs_filter.completions(f"tag:{word}", self._fields)
        tags = [one._replace(text=one.text.removeprefix("tag:").strip('"')) for one in found]
        return [one for one in tags if one.text != word and " " not in one.text]

    def _press_completion(self, key: str) -> bool:
        found = self.completions()
        if found and key in ("down", "up"):
            self._choice = (self._choice + (1 if key == "down" else -1)) % len(found)
        elif found and key == "tab" and self.edit is not None:
            runs_filter.complete(self.edit, self._term(), found[min(self._choice, len(found) - 1)].text)
            self.typed(self.edit.text)
        return True

    def paint_completions(self, rows: list[Row], line: Rect) -> list[Row]:
        """What may complete the word, above the line; the picture as it is where there is nothing."""
        found = self.completions()[: max(0, line.y - 1)]
        if not found:
            return rows
        block = picker.paint_completions(
            found, line.width, self.desk.glyphs, cursor=min(self._choice, len(found) - 1)
        )
        width = sum(len(text) for text, _ in block[0])
        x = max(0, min(line.width - width, 7 + self._term().start))
        return overlay(rows, block, line.x + x, line.y - len(block))

    def line_wants(self) -> list[Question]:
        """What is to be known while a line is open."""
        if self.edit is None:
            return []
        if self.picker is not None:
            typed = (self.edit.text.split() or [""])[-1]
            return [FieldsQuestion(typed, OFFERED), KeysQuestion(typed, OFFERED)]
        if self.asking not in ("filter", "tags"):
            return []
        lead = "tag:" if self.asking == "tags" else ""
        return [FieldsQuestion(runs_filter.asked(lead + self._term().word), runs_filter.FIELDS_ASKED)]

    # Columns

    def open_picker(self) -> None:
        state = self.desk.runs
        self.ask("columns")
        self.picker = ColumnPicker(table.automatic(self._columns) if state.columns is None else state.columns)

    def _press_picker(self, key: str, character: str | None) -> bool:
        picked, edit, state = self.picker, self.edit, self.desk.runs
        if picked is None or edit is None:
            return False
        if key == "tab":
            return True
        if character == "*":
            state.set_columns(None)
            self.close_input()
            return True
        before = list(picked.chosen)
        taken = picked.press(key, character, edit.text)
        if picked.chosen != before:
            state.set_columns(list(picked.chosen))
        return taken

    def paint_picker(self, rows: list[Row], area: Rect) -> list[Row]:
        """The column picker at the right of the table, which shows at once what is chosen."""
        picked, edit, glyphs = self.picker, self.edit, self.desk.glyphs
        if picked is None or edit is None:
            return rows
        width, fitting = min(area.width, picker.PICKER_WIDTH), picked.fitting(edit.text)
        room = max(1, min(area.height - 3, len(fitting)))
        picked.scroll(room, len(fitting))
        shown = fitting[picked.top : picked.top + room]
        block = picker.paint_picker(
            [(one in picked.chosen, one.key, picked.note(one)) for one in shown],
            width,
            min(area.height, room + 3),
            glyphs,
            entry=paint_input(edit.state, width - 2, glyphs, label=glyphs.prompt),
            top=picked.top,
            cursor=picked.cursor,
            count=len(fitting),
        )
        return overlay(rows, block, area.x + area.width - width, area.y)

    # Changes of runs

    def ask_for_targets(self, what: Asking) -> None:
        """Open the line for a change of the selected runs, or of the one under the cursor."""
        state = self.desk.runs
        targets = state.targets()
        row = state.row_of(next(iter(targets))) if len(targets) == 1 else None
        if not targets:
            self.desk.say("there is no run here")
        elif what == "name" and len(targets) > 1:
            self.desk.say("only one run can be renamed at a time: x unselects all", "warn")
        elif what == "name":
            self.ask(what, next(iter(targets.values())))
        else:
            self.ask(what, (row or {}).get("notes") or "" if what == "note" else "")

    def _edit_runs(self, body: dict[str, Any], said: str, *, note: bool = False) -> None:
        targets = self.desk.runs.targets()
        who = self._who()
        self.live.ask_once(EditRequest(tuple(targets), body, f"{said} {who}", note))

    def _tag(self, words: list[str]) -> None:
        off = [word[1:] for word in words if word.startswith("-") and len(word) > 1]
        on = [word for word in words if not word.startswith("-")]
        if on or off:
            said = "tagged" if on else "took tags off"
            self._edit_runs({"tags": {"add": on, "remove": off}}, said)

    def _write_note(self, text: str) -> None:
        """The whole note of one run; of several, a line more for each."""
        if len(self.desk.runs.targets()) == 1:
            self._edit_runs({"notes": text}, "noted for")
        elif text.strip():
            self._edit_runs({"kind": "note", "text": text}, "noted for", note=True)

    def _rename(self, name: str) -> None:
        if name and [name] != list(self.desk.runs.targets().values()):
            targets = tuple(self.desk.runs.targets())
            self.live.ask_once(EditRequest(targets, {"name": name}, f"the run is called {name} now"))

    def archive(self) -> None:
        """Put runs away, or bring them back where all of them are."""
        state = self.desk.runs
        targets = state.targets()
        if not targets:
            self.desk.say("there is no run here")
            return
        away = not all((state.row_of(run_id) or {}).get("archived") for run_id in targets)
        self._edit_runs({"archived": away}, "archived" if away else "brought back")

    # Answers

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        state = self.desk.runs
        if isinstance(question, EditRequest):
            self._edited(question, reply)
        elif question.slot == "runs-range":
            state.take_range(reply["runs"])
            self.desk.say(f"{len(state.selected)} selected")
        elif question.slot == "runs-metrics" and self.picker is not None:
            self.picker.take_metrics(reply["keys"])
        elif question.slot == "runs-fields" and self.picker is not None:
            self.picker.take_fields(reply["fields"])
        elif question.slot == "runs-fields":
            self._fields = list(reply["fields"])

    def _edited(self, question: EditRequest, reply: Mapping[str, Any]) -> None:
        state, refused = self.desk.runs, reply["refused"]
        for facts in reply["done"]:
            run_id = facts.get("run_id", "")
            state.take_facts(run_id, cast("RunFacts", facts))
            if run_id in state.selected and facts.get("name"):
                state.selected[run_id] = facts["name"]
        if refused:
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            self.desk.say(refused[0] + more, "error")
        elif question.body.get("archived"):
            self.desk.say(f"{question.said}; the filter archived:true shows them", "ok")
        else:
            self.desk.say(question.said, "ok")

    def fail(self, question: Question, error: OgError) -> bool:
        """Completion goes without; a daemon that is away is said by the status line."""
        return question.slot in ("runs-fields", "runs-metrics") and not isinstance(error, DaemonError)
