"""The line under the charts: the prompt, the search, a note, a tag, an axis or a key to group by; at rest what the
read-out is on."""

from __future__ import annotations

from opengraphs.tui.painters import axis, frame, layout, marks
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.questions import EventRequest
from opengraphs.tui.screens import run_marks
from opengraphs.tui.screens.base import View
from opengraphs.tui.screens.chart_wall import ChartWall
from opengraphs.tui.screens.moment import Moment
from opengraphs.tui.screens.x_view import METRIC

_AXIS_WORDS = {"step": "step", "wall time": "time", "relative time": "relative"}


class GraphsLine(View):
    """The part of Graphs that takes typed text. purpose: what the open line is for, "" while none is.

    panel: what has the keys, `charts`, `stats` or `prompt`.
    """

    purpose = ""
    prompt_text = ""
    panel = "charts"
    wall: ChartWall
    moment: Moment
    _lay: layout.GraphsLayout

    # What it shows

    def _line_row(self, width: int) -> Row:
        state, glyphs = self.desk.graphs, self.desk.glyphs
        if self.purpose == "search" or (state.search and self.edit is None):
            count = len(state.shown())
            note = f"{count} metric{'' if count == 1 else 's'}"
            return self.input_row(width, label="search", at_rest=state.search, note=note, wrong=not count)
        if self.purpose in ("x axis", "group by", "note", "tag"):
            note, wrong = self._note_of_input()
            return self.input_row(width, label=self.purpose, at_rest="", note=note, wrong=wrong)
        if self.edit is not None:
            return self.input_row(width, label=glyphs.prompt, at_rest="")
        if state.x.cursor is not None:
            return self._moment_row(width, state.x.cursor)
        counts = run_marks.counted(self.wall.marks.marks(), state.x.view)
        row = frame.prompt(width, glyphs, text=self.prompt_text)
        return marks.with_legend(row, counts, width, glyphs)

    def _moment_row(self, width: int, cursor: float) -> Row:
        """What was at the read-out cursor: its place, the marks there, the log line of that moment."""
        state = self.desk.graphs
        near = 0.0
        if self.wall.placed:
            near = self.wall.cell_span(self.wall.placed[0])
        text = self.moment.text if self.moment.known() else ""
        return marks.moment_row(
            axis.x_text(cursor, state.x.kind) if state.x.kind != "step" else f"step {cursor:.0f}",
            self.wall.marks.near(cursor - near, cursor + near),
            text,
            width,
            self.desk.glyphs,
        )

    def _note_of_input(self) -> tuple[str, bool]:
        """What the typed text comes to, and whether nothing fits it."""
        text = self.edit.text if self.edit is not None else ""
        if self.purpose == "note":
            step = self._step_of_note()
            return (f"at step {step}" if step is not None else "to the run's notes"), False
        if self.purpose == "tag":
            return "several with commas; -TAG takes one off", False
        found = self._completions(text)
        if self.purpose == "group by" and not text:
            return "tab completes; empty for no groups", False
        first = (
            f"tab: {found[0]}" + (f" of {len(found)}" if len(found) > 1 else "") if found else "nothing fits"
        )
        return first, not found

    def _completions(self, text: str) -> list[str]:
        """What the line can be completed to, names that begin so first."""
        state = self.desk.graphs
        offered = self.wall.groups.choices() if self.purpose == "group by" else state.order
        if self.purpose == "x axis":
            offered = [*_AXIS_WORDS, *offered]
        fitting = [one for one in offered if text.lower() in one.lower()]
        return sorted(fitting, key=lambda one: not one.lower().startswith(text.lower()))

    # Typing

    def _open(self, purpose: str, text: str) -> None:
        self.purpose = purpose
        self.panel = "prompt" if purpose == "ask" else "charts"
        self.open_input(text, kind=purpose)

    def _begin_note(self) -> None:
        if self.desk.graphs.run:
            self._open("note", "")

    def _switch_panel(self, step: int) -> None:
        """Charts, statistics, prompt: those that are on the screen."""
        there = ["charts", *(["stats"] if self._lay.stats else []), *(["prompt"] if self._lay.prompt else [])]
        at = there.index(self.panel) if self.panel in there else 0
        self._leave_prompt()
        self.panel = there[(at + step) % len(there)]
        if self.panel == "prompt":
            self._open("ask", self.prompt_text)

    def _leave_prompt(self) -> None:
        if self.edit is not None:
            self.close_input()

    def press(self, key: str, character: str | None) -> bool:
        if self.edit is not None and key == "tab" and self.purpose in ("x axis", "group by"):
            found = self._completions(self.edit.text)
            if found:
                self.edit.set(found[0])
            return True
        if self.edit is not None and key in ("tab", "shift+tab"):
            self._switch_panel(1 if key == "tab" else -1)
            return True
        return super().press(key, character)

    def typed(self, text: str) -> None:
        if self.purpose == "search":
            self.desk.graphs.set_search(text)
        elif self.purpose == "ask":
            self.prompt_text = text

    def submit(self, text: str) -> None:
        if self.purpose == "ask":
            self._ask_agent(text.strip())
            return
        done = {
            "x axis": self._set_axis,
            "group by": self._set_group,
            "note": self._write_note,
            "tag": self._tag,
        }
        act = done.get(self.purpose)
        if act is None or act(text.strip()):
            self.close_input()

    def _ask_agent(self, text: str) -> None:
        """Into the conversation about this run, and there."""
        run = self.desk.graphs.run_id
        if text and run:
            self.live.ask_once(self.desk.agent.message(run, text))
            self.prompt_text = ""
            self.close_input()
            self.desk.screen = "chat"

    def _set_axis(self, text: str) -> bool:
        """A word for an axis, or a metric: exactly, else the first that fits. False when none does."""
        state = self.desk.graphs
        found = self._completions(text)
        name = text if text in found else found[0] if found and text else ""
        if name:
            state.x.set_kind(_AXIS_WORDS.get(name) or METRIC + name)
            self.desk.say(f"x: {state.x.text}")
        return bool(name) or not text

    def _set_group(self, text: str) -> bool:
        found = self._completions(text) if text else []
        if text and text not in found and len(found) == 1:
            text = found[0]
        self.wall.groups.set_by(text)
        self.wall.refit()
        return True

    def _write_note(self, text: str) -> bool:
        run, step = self.desk.graphs.run_id, self._step_of_note()
        if text and run:
            place = (("step", step),) if step is not None else ()
            self.live.ask_once(EventRequest(run, (("kind", "note"), ("text", text), *place)))
        return True

    def _tag(self, text: str) -> bool:
        """Tags with commas between; those with a minus in front are taken off."""
        run = self.desk.graphs.run_id
        words = [word.strip() for word in text.split(",") if word.strip(" -")]
        off = [word[1:].strip() for word in words if word.startswith("-")]
        on = [word for word in words if not word.startswith("-")]
        for kind, tags in (("tag", on), ("untag", off)):
            if tags and run:
                self.live.ask_once(EventRequest(run, (("kind", kind), ("tags", tags))))
        return True

    def close_input(self) -> None:
        super().close_input()
        self.purpose, self.panel = "", "charts"

    def cancel_input(self) -> None:
        if self.purpose == "search":
            self.desk.graphs.set_search("")
        self.close_input()

    def _step_of_note(self) -> int | None:
        """The step under the read-out cursor, else the newest; None where none is known."""
        state = self.desk.graphs
        if state.x.kind == "step" and state.x.cursor is not None:
            return max(0, round(state.x.cursor))
        last = (state.header_progress(eta=False) or {}).get("step") or state.run.get("last_step")
        return int(last) if state.x.cursor is None and isinstance(last, (int, float)) else None
