"""The Compare screen: runs in one chart, what happened to each metric, and what was done differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from opengraphs.errors import DaemonError, OgError
from opengraphs.protocol.events import Event
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, comparelayout, difftable, frame, numbers, verdicts
from opengraphs.tui.painters.axis import AxisState
from opengraphs.tui.painters.cells import Row, blank, fit
from opengraphs.tui.painters.layout import Rect
from opengraphs.tui.painters.text import clip
from opengraphs.tui.questions import FieldsQuestion, Question
from opengraphs.tui.screens.base import Asker, Handler, View
from opengraphs.tui.screens.compare_questions import (
    CompareQuestion,
    DiffQuestion,
    GroupQuestion,
)
from opengraphs.tui.screens.compare_state import MOST_DIFFERING, MOST_RUNS, PANELS, CompareState
from opengraphs.tui.screens.compose import Block, compose

LABELS = {"metric": "search", "filter": "filter", "group": "group by"}
MOST_KEYS = 6
WHEEL_ROWS = 3
WHY = ("Compare needs two runs or more.", "On Runs (1), space selects; then c comes here.")


class CompareView(View):
    name: ClassVar[ScreenName] = "compare"
    slots: ClassVar[tuple[str, ...]] = ("run", "runs", "compare", "group", "diff", "fields")
    own_slots: ClassVar[tuple[str, ...]] = ("compare", "group", "diff", "fields")

    def __init__(self, desk: Desk, live: Asker) -> None:
        self.state = CompareState()
        self.purpose = ""
        self.fields: list[dict[str, Any]] = []
        self.candidate = 0
        self._axis, self._memo = AxisState(), chart.Memo()
        self._axis_of: tuple[object, ...] = ()
        self._spec: chart.ChartSpec | None = None
        self._places: dict[str, Rect] = {}
        self._verdict_top = 0
        super().__init__(desk, live)

    def make_handlers(self) -> dict[str, Handler]:
        state = self.state
        return {
            "compare.up": lambda: self._vertical(-1),
            "compare.down": lambda: self._vertical(1),
            "compare.left": lambda: self._horizontal(-1),
            "compare.right": lambda: self._horizontal(1),
            "compare.page_up": lambda: self._vertical(-self._page),
            "compare.page_down": lambda: self._vertical(self._page),
            "compare.first": lambda: self._to_end(-1),
            "compare.last": lambda: self._to_end(1),
            "compare.next": lambda: state.step_metric(1),
            "compare.previous": lambda: state.step_metric(-1),
            "compare.enlarge": self._enlarge,
            "compare.search": self._search,
            "compare.x_axis": self._x_axis,
            "compare.smooth": lambda: self.desk.say(state.cycle_smoothing()),
            "compare.log_y": state.toggle_log_y,
            "compare.group": self._group,
            "compare.everything": self._everything,
            "panel.next": lambda: self._switch_panel(1),
            "panel.previous": lambda: self._switch_panel(-1),
        }

    # The runs

    def _chosen_runs(self) -> list[str]:
        """Those selected on Runs, in that order; else those in one chart on Graphs. The first is the baseline."""
        graphs, selected = self.desk.graphs, self.desk.runs.selected
        runs = list(selected)
        if len(runs) < 2:
            runs = list(dict.fromkeys((*graphs.overlay, graphs.run_id or "")))
        return [run for run in runs if run][:MOST_RUNS]

    @property
    def _enough(self) -> bool:
        return len(self.state.runs) > 1

    def _colors(self) -> dict[str, int]:
        """Every run in its colour of Graphs; of two with the same one the later takes a free one."""
        graphs = self.desk.graphs
        if any(run not in graphs.colors for run in self.state.runs):
            graphs.set_overlay([(run, self._name(run)) for run in self.state.runs])
        found: dict[str, int] = {}
        wanted = {graphs.colors.get(run) for run in self.state.runs}
        for run in self.state.runs:
            color = graphs.colors.get(run)
            taken = set(found.values())
            if color is None or color in taken:
                color = next(n for n in range(2 * MOST_RUNS) if n not in taken and n not in wanted)
            found[run] = color
        return found

    def _name(self, run: str) -> str:
        desk = self.desk
        return desk.runs.selected.get(run) or desk.graphs.names.get(run) or run

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        self.behind = False
        state = self.state
        state.look_at(self._chosen_runs())
        mode = "live" if not self._enough or state.live() else "ended"
        blocks: list[Block] = [
            (Rect(0, 0, width, 1), self._heading(width)),
            (Rect(0, height - 1, width, 1), self.status(width, source=self._source(), mode=mode)),
        ]
        body = Rect(0, 1, width, height - 2)
        if not self._enough:
            blocks.append((body, self._why(width, body.height)))
            return compose(width, height, blocks)
        self._places = self._arrange(width, height)
        colors = self._colors()
        for name, rect in self._places.items():
            if rect.height > 0:
                paint = {"chart": self._chart, "verdicts": self._verdicts, "diff": self._diff}[name]
                blocks.append((rect, paint(rect, colors)))
        if len(self._places) == 1 and height > 3:
            blocks.append((Rect(0, 1, width, 1), [self._tabs(width)]))
        rows = compose(width, height, blocks)
        return self._with_input(rows, width, height)

    def _arrange(self, width: int, height: int) -> dict[str, Rect]:
        places = {} if self.state.enlarged else comparelayout.panels(width, height)
        tabs = 1 if height > 3 else 0
        return places or {self.state.panel: Rect(0, 1 + tabs, width, max(0, height - 2 - tabs))}

    def _heading(self, width: int) -> list[Row]:
        count = len(self.state.runs)
        note = (
            f"{count} runs, baseline {self.desk.glyphs.clean(self._name(self.state.runs[0]))}"
            if self._enough
            else ""
        )
        return self.keep(
            "heading",
            (width, note),
            lambda: [frame.header(width, self.desk.glyphs, active=self.name, note=note)],
        )

    def _source(self) -> str:
        pending = self.state.pending() if self._enough else 0
        return (
            f"reading {numbers.percent(1 - pending).strip()}" if pending > 0.01 else self.desk.choices.source
        )

    def _why(self, width: int, height: int) -> list[Row]:
        one = "One run is selected so far." if self.desk.runs.selected else ""
        said = [*WHY, one]
        rows = blank(width, height)
        top = max(0, (height - len(said)) // 2)
        for at, text in enumerate(said[: max(0, height - top)]):
            shown = clip(text, width, ellipsis=self.desk.glyphs.ellipsis)
            rows[top + at] = fit([(" " * ((width - len(shown)) // 2), "text"), (shown, "dim")], width)
        return rows

    def _tabs(self, width: int) -> Row:
        row: Row = []
        for name in PANELS:
            on = name == self.state.panel
            row.append((f"[{name}]" if on else f" {name} ", "b:accent" if on else "dim"))
        return fit(row, width, ellipsis=self.desk.glyphs.ellipsis)

    # The chart

    def _chart(self, rect: Rect, colors: Mapping[str, int]) -> list[Row]:
        state = self.state
        metric = state.chosen()
        looks = (rect, state.version, metric, state.by, state.x.kind, metric in state.log_y)
        more = (state.x.cursor, state.panel, tuple(colors.items()), self._message())
        return self.keep("chart", (*looks, *more), lambda: self._paint_chart(rect, metric, colors))

    def _paint_chart(self, rect: Rect, metric: str | None, colors: Mapping[str, int]) -> list[Row]:
        state, glyphs = self.state, self.desk.glyphs
        answered = state.current_groups() if state.by else state.current_curves()
        x_kind = answered[0].x if answered else state.x.kind
        picture = (metric, x_kind, state.by, metric in state.log_y)
        if picture != self._axis_of:
            self._axis.reset()
            self._axis_of = picture
        curves, bands = self._grouped() if state.by else (self._curves(metric or "", colors), [])
        title = f"{metric or 'metrics'}{f' by {state.by}' if state.by else ''}"
        spec = self._spec = chart.ChartSpec(
            title,
            curves,
            bands=bands,
            x_kind=x_kind,
            log_y=metric in state.log_y,
            live=state.live(),
            axis=self._axis,
            memo=self._memo,
            cursor=state.x.cursor,
            focused=state.panel == "chart",
            message=self._message(),
        )
        return chart.paint(spec, rect.width, rect.height, glyphs)

    def _curves(self, metric: str, colors: Mapping[str, int]) -> list[chart.Curve]:
        answered = self.state.current_curves()
        rows = answered[1]["runs"] if answered else []
        series = [one for row in rows for one in (row["series"], row["smoothed"]) if one]
        labels = dict(
            zip((row["run"] for row in rows), verdicts.short_names(rows, self.desk.glyphs), strict=True)
        )
        return chart.curves_of(series, metric=metric, colors=colors, labels=labels)

    def _grouped(self) -> tuple[list[chart.Curve], list[chart.Band]]:
        """Means with their stretch from p50 to p95; a group's colour is its place."""
        answered = self.state.current_groups()
        groups = answered[1]["groups"] if answered else []
        curves = [
            chart.Curve(
                group["x"],
                group["mean"],
                series=at,
                label=f"{verdicts.value_text(group['value'])} n={len(group['runs'])}",
            )
            for at, group in enumerate(groups)
        ]
        bands = [
            chart.Band((group["x"], group["p50"]), (group["x"], group["p95"]), series=at)
            for at, group in enumerate(groups)
        ]
        return curves, bands

    def _message(self) -> str:
        state = self.state
        trouble = state.diff_trouble or (state.group_trouble if state.by else state.trouble)
        if trouble:
            return trouble
        if not self.desk.link.alive:
            return "waiting for ogd…"
        if state.chosen() is None:
            if not state.diff:
                return "asking ogd…"
            return f"no metric fits {state.search!r}" if state.search else "these runs logged no metrics"
        answered = state.current_groups() if state.by else state.current_curves()
        if answered is None:
            return "asking ogd…"
        return (
            f"none of these runs has {state.by}"
            if state.by and answered[1].get("ungrouped")
            else "no data yet"
        )

    # Verdicts and diff

    def _verdicts(self, rect: Rect, colors: Mapping[str, int]) -> list[Row]:
        state, glyphs = self.state, self.desk.glyphs
        metric = state.chosen()
        looks = (rect, state.version, metric, state.search, state.panel, state.diff_trouble)
        return self.keep("verdicts", looks, lambda: self._paint_verdicts(rect, metric, glyphs))

    def _paint_verdicts(self, rect: Rect, metric: str | None, glyphs: Any) -> list[Row]:
        state = self.state
        found = state.verdicts(glyphs)
        at = next((n for n, (key, _) in enumerate(found) if key == metric), 0)
        inner, room = rect.width - 2, max(0, rect.height - 2)
        content: list[Row] = []
        if found and room > 2:
            told = glyphs.clean(f"{found[at][1].text}; {verdicts.changes(state.diff)}")
            content = [*verdicts.headline(told, inner - 2, rows=2 if room > 4 else 1), []]
            content = content if room > 4 else content[:1]
        height = max(1, room - len(content))
        self._verdict_top = max(0, min(self._verdict_top, at, len(found) - height))
        self._verdict_top = max(self._verdict_top, at - height + 1)
        lit = state.panel == "verdicts"
        content += verdicts.paint(found, inner, height, glyphs, top=self._verdict_top, chosen=at, lit=lit)
        if not found:
            content = [[(f" {self._message()}", "dim")]]
        return self._box(content, rect, "verdicts", self._place(at, len(found), height))

    def _place(self, at: int, count: int, height: int) -> str:
        left = self.state.diff.get("left_out", {}).get("metrics", 0)
        more = f", {left} more not shown" if left else ""
        return f"{at + 1}/{count}{more}" if count > height or left else ""

    def _box(self, content: Sequence[Row], rect: Rect, name: str, right: str) -> list[Row]:
        return frame.box(
            content,
            rect.width,
            rect.height,
            self.desk.glyphs,
            title=name,
            right=right,
            focused=self.state.panel == name,
        )

    def _lines(self) -> list[difftable.Line]:
        """The tree of keys; made anew only for another answer or another filter."""
        state = self.state
        looks = (state.version, state.filter)
        if getattr(self, "_lines_of", None) != looks:
            self._lines_of = looks
            self._lines_kept = difftable.lines_of(state.diff, state.filter, self.desk.glyphs)
        return self._lines_kept

    def _diff(self, rect: Rect, colors: Mapping[str, int]) -> list[Row]:
        state = self.state
        lines = self._lines()
        state.top = max(0, min(state.top, len(lines) - max(1, rect.height - 3)))
        looks = (rect, state.version, state.filter, state.top, state.left, state.panel, state.everything)
        more = (tuple(colors.items()), self._nothing())
        return self.keep("diff", (*looks, *more), lambda: self._paint_diff(rect, lines, colors))

    def _paint_diff(
        self, rect: Rect, lines: Sequence[difftable.Line], colors: Mapping[str, int]
    ) -> list[Row]:
        state, glyphs = self.state, self.desk.glyphs
        names = state.names(glyphs)
        state.left = min(state.left, difftable.furthest(lines, names, rect.width - 2))
        content = difftable.paint(
            lines,
            names,
            [colors.get(run["run"], 0) for run in state.diff.get("runs", ())],
            rect.width - 2,
            rect.height - 2,
            glyphs,
            top=state.top,
            left=state.left,
            message=self._nothing(),
        )
        return self._box(content, rect, "diff", self._diff_note(lines, rect))

    def _diff_note(self, lines: Sequence[difftable.Line], rect: Rect) -> str:
        """What is not in the table, and how far it is scrolled."""
        state = self.state
        hidden = len(state.diff.get("ignored", ()))
        room = max(1, rect.height - 3)
        parts = [f"filter {state.filter}"] if state.filter else []
        parts += (
            [f"first {MOST_DIFFERING} of {len(state.runs)} runs"] if len(state.runs) > MOST_DIFFERING else []
        )
        parts += [f"{hidden} hidden"] if hidden else []
        if len(lines) > room:
            parts.append(f"{state.top + 1}-{min(len(lines), state.top + room)}/{len(lines)}")
        return ", ".join(parts)

    def _nothing(self) -> str:
        state = self.state
        if state.diff_trouble:
            return state.diff_trouble
        if not state.diff:
            return "asking ogd…" if self.desk.link.alive else "waiting for ogd…"
        if state.filter:
            return f"nothing that differs fits {state.filter!r}"
        unknown = sum(len(runs) for runs in state.diff.get("unknown", {}).values())
        return "nothing differs" + (", as far as was recorded" if unknown else "")

    # The input line, and the keys to group by

    def _with_input(self, rows: list[Row], width: int, height: int) -> list[Row]:
        """What is typed takes the place of the status line; the choice of keys stands above it."""
        if self.edit is None:
            return rows
        found = self._keys_found() if self.purpose == "group" else []
        count = len(self.state.metrics()) if self.purpose == "metric" else 0
        note = f"{count} metric{'' if count == 1 else 's'}" if self.purpose == "metric" else ""
        label = LABELS[self.purpose]
        rows[-1] = self.input_row(width, label=label, at_rest="", note=note, wrong=bool(note) and not count)
        if height > 4:
            shown = found[: min(MOST_KEYS, height - 3)]
            for at, (key, about) in enumerate(shown):
                rows[height - 1 - len(shown) + at] = self._key_row(
                    key, about, width, lit=at == self.candidate
                )
        return rows

    def _key_row(self, key: str, about: str, width: int, *, lit: bool) -> Row:
        glyphs = self.desk.glyphs
        row = fit(
            [(f"   {glyphs.clean(key):<24}", "text"), (f"  {glyphs.clean(about)}", "dim")],
            width,
            ellipsis=glyphs.ellipsis,
        )
        return [(text, f"sel:{role}") for text, role in row] if lit else row

    def _keys_found(self) -> list[tuple[str, str]]:
        return self.state.group_keys(self.fields, self.edit.text if self.edit else "")[:MOST_KEYS]

    def hint_actions(self) -> Sequence[str]:
        if not self._enough:
            return ["help", "back", "leave"]
        if self.state.panel == "diff":
            return ["help", "compare.search", "compare.everything", "compare.enlarge", "back", "leave"]
        return [
            "help",
            "compare.next",
            "compare.search",
            "compare.group",
            "compare.smooth",
            "compare.x_axis",
            "compare.log_y",
            "back",
            "leave",
        ]

    def hints(self) -> list[tuple[str, str]]:
        if self.edit is not None and self.purpose == "group":
            return [("tab", "complete"), ("enter", "accept"), ("esc", "cancel")]
        return super().hints()

    # Questions and answers

    def wants(self) -> list[Question]:
        state = self.state
        if not self._enough:
            return list(dict.fromkeys([self.desk.runs.question(), *self.run_in_view()]))
        found: list[Question] = [DiffQuestion(state.runs[:MOST_DIFFERING], state.everything)]
        metric = state.chosen()
        if metric is not None and "chart" in self._places:
            columns = chart.dot_columns(self._places["chart"].width, self.desk.glyphs)
            found.append(CompareQuestion(state.runs, metric, state.x.kind, state.smooth, min(4000, columns)))
            if state.by:
                found.append(
                    GroupQuestion(
                        state.runs, metric, state.by, state.x.kind, state.smooth, min(1000, columns)
                    )
                )
        if self.edit is not None and self.purpose == "group":
            found.append(FieldsQuestion(self.edit.text, 50, slot="fields"))
        return found

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        answer = dict(reply)
        if isinstance(question, CompareQuestion):
            self.state.take_curves(question, answer)
        elif isinstance(question, GroupQuestion):
            self.state.take_groups(question, answer)
        elif isinstance(question, DiffQuestion):
            self.state.take_diff(question, answer)
        elif isinstance(question, FieldsQuestion):
            self.fields = answer["fields"]
            self.candidate = max(0, min(self.candidate, len(self._keys_found()) - 1))

    def fail(self, question: Question, error: OgError) -> bool:
        """A refusal is said where the answer would stand."""
        if isinstance(error, DaemonError):
            return False
        said = error.message + (f" ({error.hint.partition(chr(10))[0]})" if error.hint else "")
        if isinstance(question, CompareQuestion):
            self.state.trouble = said
        elif isinstance(question, GroupQuestion):
            self.state.group_trouble = said
        elif isinstance(question, DiffQuestion):
            self.state.diff_trouble = said
        return True

    def stale(self, event: Event) -> Iterable[str]:
        if event.get("run") in self.state.runs and event.get("kind") in ("metrics", "run", "gone"):
            return ("compare", "group", "diff")
        return ()

    def saved(self) -> dict[str, Any]:
        return self.state.saved()

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.state.restore(saved)

    # Actions

    @property
    def _page(self) -> int:
        rect = self._places.get(self.state.panel)
        return max(1, rect.height - 4) if rect else 1

    def _vertical(self, step: int) -> None:
        if self.state.panel == "diff":
            self.state.top = max(0, self.state.top + step)
        else:
            self.state.step_metric(step)

    def _horizontal(self, step: int) -> None:
        state = self.state
        if state.panel == "diff":
            state.left = max(0, state.left + step)
        elif self._spec is not None and (rect := self._places.get("chart")) is not None:
            self._spec.cursor = state.x.cursor  # keys may come faster than pictures
            at = chart.move_cursor(self._spec, rect.width, rect.height, step, self.desk.glyphs)
            state.x.cursor = state.x.cursor if at is None else at

    def _to_end(self, direction: int) -> None:
        state = self.state
        if state.panel == "diff":
            state.top = 0 if direction < 0 else len(self._lines())
        elif state.panel == "verdicts":
            state.step_metric(direction * len(state.metrics()))
        elif self._spec is not None:
            xs = max((curve.x for curve in self._spec.curves), key=len, default=())
            state.x.cursor_to_end(xs, direction)

    def _enlarge(self) -> None:
        self.state.enlarged = not self.state.enlarged

    def _x_axis(self) -> None:
        kind = self.state.x.cycle()
        words = {"step": "step", "time": "wall time", "relative": "time since each run's start"}
        self.desk.say(f"x: {words[kind]}")

    def _everything(self) -> None:
        state = self.state
        state.everything = not state.everything
        self.desk.say("all that differs" if state.everything else "paths, ids, ports and times are hidden")

    def _switch_panel(self, step: int) -> None:
        state = self.state
        state.panel = PANELS[(PANELS.index(state.panel) + step) % len(PANELS)]

    def _search(self) -> None:
        state = self.state
        if state.panel == "diff":
            self._open("filter", state.filter)
        else:
            self._open("metric", state.search)

    def _group(self) -> None:
        if self.state.by:
            self.state.set_by("")
            self.desk.say("each run by itself")
        elif self._enough:
            self.candidate, self.fields = 0, []
            self._open("group", "")

    def back(self) -> bool:
        state = self.state
        if state.x.cursor is not None:
            state.x.cursor = None
        elif state.enlarged:
            state.enlarged = False
        elif state.by:
            state.set_by("")
        elif state.filter and state.panel == "diff":
            state.filter = ""
        elif state.search:
            state.search = ""
        elif state.panel != "chart":
            state.panel = "chart"
        else:
            self.desk.screen = "runs"
        return True

    # Typing

    def _open(self, purpose: str, text: str) -> None:
        if self._enough:
            self.purpose = purpose
            self.open_input(text, kind=purpose)

    def press(self, key: str, character: str | None) -> bool:
        if self.edit is not None and self.purpose == "group":
            found = self._keys_found()
            if key in ("up", "down") and not self.recalls(key, self.candidate):
                step = 1 if key == "down" else -1
                self.candidate = max(0, min(len(found) - 1, self.candidate + step))
                return True
            if key == "tab":
                if found:
                    self.edit.set(found[self.candidate][0])
                    self.candidate = 0
                return True
        return super().press(key, character)

    def typed(self, text: str) -> None:
        if self.purpose == "metric":
            self.state.search = text
        elif self.purpose == "filter":
            self.state.filter, self.state.top = text, 0
        else:
            self.candidate = 0

    def submit(self, text: str) -> None:
        if self.purpose == "group":
            found = [key for key, _ in self._keys_found()]
            typed = text.strip()
            by = found[self.candidate] if found and typed not in found else typed
            self.state.set_by(by)
        self.close_input()

    def cancel_input(self) -> None:
        if self.purpose == "metric":
            self.state.search = ""
        elif self.purpose == "filter":
            self.state.filter = ""
        self.close_input()

    # Mouse

    def click(self, x: int, y: int) -> None:
        for name, rect in self._places.items():
            if rect.has(x, y) and self._enough:
                self.state.panel = name
                if name == "chart" and self._spec is not None:
                    glyphs = self.desk.glyphs
                    at = chart.x_at(self._spec, rect.width, rect.height, x - rect.x, glyphs)
                    self.state.x.cursor = self.state.x.cursor if at is None else at
                return

    def wheel(self, x: int, y: int, direction: int) -> None:
        rect = self._places.get("diff")
        if rect and rect.has(x, y):
            self.state.top = max(0, self.state.top + direction * WHEEL_ROWS)
