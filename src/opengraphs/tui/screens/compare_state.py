"""What the Compare screen knows: what to look at, and the last answers about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opengraphs.tui.painters.verdicts import Verdict, short_names, value_text, verdict_of
from opengraphs.tui.screens.compare_questions import CompareQuestion, DiffQuestion, GroupQuestion
from opengraphs.tui.screens.graphs_state import SMOOTHING
from opengraphs.tui.screens.x_view import AXES, XView

PANELS = ("chart", "verdicts", "diff")
MOST_RUNS, MOST_DIFFERING = 50, 16
"""Runs in the chart, and runs whose settings and metrics are held against each other."""

_FACTS = ("project", "status", "name", "group", "job_type", "host", "user", "source", "script", "python")
_INSIDE = ("config.", "git.", "job.", "ranks.", "parent.", "tag.", "tag:")
_EMPTY: dict[str, Any] = {}


class CompareState:
    """runs: of which everything here is; another selection forgets the answers, and no choice."""

    def __init__(self) -> None:
        self.runs: tuple[str, ...] = ()
        self.metric: str | None = None
        self.x = XView()
        self.smoothing = 0
        self.log_y: set[str] = set()
        self.by = ""
        self.search = ""
        self.filter = ""
        self.everything = False
        self.panel = "chart"
        self.enlarged = False
        self.top = self.left = 0
        self.curves: tuple[CompareQuestion, dict[str, Any]] | None = None
        self.groups: tuple[GroupQuestion, dict[str, Any]] | None = None
        self.diff: dict[str, Any] = _EMPTY
        self.trouble = self.group_trouble = self.diff_trouble = ""
        self.version = 0
        """Rises with every answer that differs from the one before."""

    def look_at(self, runs: Sequence[str]) -> None:
        if tuple(runs) == self.runs:
            return
        self.runs = tuple(runs)
        self.curves = self.groups = None
        self.diff, self.top, self.left = _EMPTY, 0, 0
        self.trouble = self.group_trouble = self.diff_trouble = ""
        self.x.cursor = None
        self.version += 1

    # Metrics

    def metrics(self) -> list[str]:
        """The metrics of the runs that fit the search, the main one first."""
        words = self.search.lower().split()
        return [row["key"] for row in self._rows() if all(word in row["key"].lower() for word in words)]

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.diff.get("metrics", [])
        return rows

    def chosen(self) -> str | None:
        """The metric in the chart: the one that was chosen, else the first that fits."""
        shown = self.metrics()
        if self.metric in shown or (self.metric and not self.diff):
            return self.metric
        return shown[0] if shown else None

    def step_metric(self, step: int) -> None:
        shown = self.metrics()
        if shown:
            at = shown.index(self.chosen() or shown[0])
            self.metric = shown[max(0, min(len(shown) - 1, at + step))]

    def verdicts(self, glyphs: Any) -> list[tuple[str, Verdict]]:
        """A sentence for every metric that fits the search."""
        shown = set(self.metrics())
        names = self.names(glyphs)
        running = [run["status"] == "running" for run in self.diff.get("runs", ())]
        return [
            (row["key"], verdict_of(row, names, running=running))  # type: ignore[arg-type]
            for row in self._rows()
            if row["key"] in shown
        ]

    def names(self, glyphs: Any) -> list[str]:
        """The runs whose settings are compared, by name."""
        return short_names(self.diff.get("runs", ()), glyphs)

    # How it is shown

    @property
    def smooth(self) -> str | None:
        return SMOOTHING[self.smoothing]

    def cycle_smoothing(self) -> str:
        self.smoothing = (self.smoothing + 1) % len(SMOOTHING)
        return f"smoothing {self.smooth}" if self.smooth else "smoothing off"

    def toggle_log_y(self) -> None:
        metric = self.chosen()
        if metric is not None:
            self.log_y ^= {metric}

    def set_by(self, by: str) -> None:
        self.by, self.groups, self.group_trouble = by, None, ""
        self.x.cursor = None

    # Answers

    def take_curves(self, question: CompareQuestion, reply: dict[str, Any]) -> None:
        if question.runs == self.runs:
            self._note(self.curves, (question, reply))
            self.curves, self.trouble = (question, reply), ""

    def take_groups(self, question: GroupQuestion, reply: dict[str, Any]) -> None:
        if question.runs == self.runs and question.by == self.by:
            self._note(self.groups, (question, reply))
            self.groups, self.group_trouble = (question, reply), ""

    def take_diff(self, question: DiffQuestion, reply: dict[str, Any]) -> None:
        if question.runs == self.runs[:MOST_DIFFERING] and question.everything == self.everything:
            self._note(self.diff, reply)
            self.diff, self.diff_trouble = reply, ""

    def _note(self, old: object, new: object) -> None:
        self.version += old != new

    def current_curves(self) -> tuple[CompareQuestion, dict[str, Any]] | None:
        """The last answer, if it is about the metric that is chosen."""
        return self.curves if self.curves and self.curves[0].metric == self.chosen() else None

    def current_groups(self) -> tuple[GroupQuestion, dict[str, Any]] | None:
        return self.groups if self.groups and self.groups[0].metric == self.chosen() else None

    def pending(self) -> float:
        """The greatest part of a run that is still to be read."""
        replies = [answer[1] for answer in (self.curves, self.groups) if answer]
        return max(
            (left for reply in (*replies, self.diff) for left in reply.get("pending", {}).values()), default=0
        )

    def live(self) -> bool:
        rows = self.curves[1]["runs"] if self.curves else self.diff.get("runs", ())
        return any(run["status"] == "running" for run in rows)

    # Grouping

    def group_keys(self, fields: Sequence[Mapping[str, Any]], typed: str) -> list[tuple[str, str]]:
        """What runs may be grouped by, and a word about it: settings on which these runs differ stand first."""
        found: dict[str, str] = {}
        for row in self.diff.get("config", ()):
            key = f"config.{row['key']}"
            if typed.lower() in key.lower():
                found[key] = "differs: " + ", ".join(dict.fromkeys(map(value_text, row["values"])))
        for field in fields:
            name = str(field["field"])
            if not field["runs"]:
                continue
            if name == "tag" or name in _FACTS or name.startswith(_INSIDE):
                values = ", ".join(str(value["value"]) for value in field["values"][:4])
                found.setdefault(name, f"{field['runs']} run{'' if field['runs'] == 1 else 's'}: {values}")
        return list(found.items())

    # Saved views

    def saved(self) -> dict[str, Any]:
        return {
            "metric": self.metric or "",
            "axis": self.x.kind,
            "smoothing": self.smooth or "off",
            "group_by": self.by,
            "filter": self.filter,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        texts = {key: value for key, value in saved.items() if isinstance(value, str)}
        self.metric = texts.get("metric") or self.metric
        if texts.get("axis") in AXES and texts["axis"] != self.x.kind:
            self.x.kind = texts["axis"]
            self.x.forget()
        smooth = None if texts.get("smoothing") == "off" else texts.get("smoothing", self.smooth)
        if smooth in SMOOTHING:
            self.smoothing = SMOOTHING.index(smooth)
        if texts.get("group_by", self.by) != self.by:
            self.set_by(texts["group_by"])
        self.filter = texts.get("filter", self.filter)
