"""Runs as groups: of each a mean line and the band from its median to its 95th percentile. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opengraphs.tui.painters.chartspec import Band, Curve
from opengraphs.tui.questions import BandsQuestion
from opengraphs.tui.screens.graphs_state import GraphsState

ALIGN = {"step": "step", "time": "wall", "relative": "relative"}
"""How `/group` calls the x axes; groups share no metric as x."""

MOST_GROUPS = 8
"""As many as there are colours; further groups are told about, not drawn."""


class GroupBands:
    """`by` is what runs are grouped by, "" for no groups. `version` rises with every other answer."""

    def __init__(self, state: GraphsState) -> None:
        self._state = state
        self.by = ""
        self.version = 0
        self.trouble = ""
        self._replies: dict[str, Mapping[str, Any]] = {}
        self._answered: BandsQuestion | None = None

    def set_by(self, by: str) -> None:
        if by != self.by:
            self.by, self._replies, self._answered, self.trouble = by, {}, None, ""
            self.version += 1

    def choices(self) -> list[str]:
        """What runs can be grouped by, as far as the run in view tells."""
        run = self._state.run
        keyed = sorted({f"tag:{tag.partition('=')[0]}" for tag in run.get("tags", ()) if "=" in tag})
        return [
            "tag",
            *keyed,
            *(f"config.{key}" for key in sorted(_keys(run.get("config", {})))),
            "project",
            "status",
        ]

    def question(self, metrics: Sequence[str], columns: int) -> BandsQuestion | None:
        state = self._state
        align = ALIGN.get(state.x.kind)
        if not self.by or not metrics or align is None or not state.run:
            return None
        runs = state.runs_shown() if len(state.runs_shown()) > 1 else ()
        project = str(state.run.get("project", "")).replace('"', "")
        words = f'project:"{project}"' if project and not runs else ""
        smoothing = state.smooth
        cells = max(1, min(1000, columns))
        return BandsQuestion(tuple(metrics), self.by, runs, words, align, state.x.zoom, cells, smoothing)

    def take(self, question: BandsQuestion, reply: Mapping[str, Any]) -> None:
        if question.by != self.by or ALIGN.get(self._state.x.kind) != question.align:
            return
        found = dict(reply.get("metrics", {}))
        if found != self._replies:
            self._replies = found
            self.version += 1
        self._answered, self.trouble = question, ""
        lows = [group["x"][0] for one in found.values() for group in one["groups"] if group["x"]]
        highs = [group["x"][-1] for one in found.values() for group in one["groups"] if group["x"]]
        if lows and question.range is None:
            self._state.x.saw(min(lows), max(highs), whole=True)

    def fail(self, message: str) -> None:
        self.trouble = message
        self.version += 1

    def drawn(self, metric: str) -> tuple[list[Curve], list[Band]]:
        """Lines and bands of one chart; the legend says of each group how many runs are in it."""
        curves: list[Curve] = []
        bands: list[Band] = []
        for index, group in enumerate(self._groups(metric)[:MOST_GROUPS]):
            label = f"{_value(group['value'])} n={len(group['runs'])}"
            curves.append(Curve(group["x"], group["mean"], series=index, label=label))
            bands.append(Band((group["x"], group["p50"]), (group["x"], group["p95"]), series=index))
        return curves, bands

    def _groups(self, metric: str) -> Sequence[Mapping[str, Any]]:
        groups: Sequence[Mapping[str, Any]] = self._replies.get(metric, {}).get("groups", ())
        return groups

    def message(self, metric: str) -> str:
        """What stands in a chart without a group."""
        if self.trouble:
            return self.trouble
        if self._state.x.kind not in ALIGN:
            return "groups share steps or time; x changes the axis"
        return f"no run has {self.by}" if metric in self._replies else "asking ogd…"

    def summary(self) -> str:
        """by config.lr: 3 groups, 2 runs without it."""
        reply = max(self._replies.values(), key=lambda one: len(one.get("groups", ())), default=None)
        if reply is None:
            return f"by {self.by}"
        count, without = len(reply["groups"]), len(reply.get("ungrouped", ()))
        shown = (
            f"{MOST_GROUPS} of {count} groups"
            if count > MOST_GROUPS
            else f"{count} group{'' if count == 1 else 's'}"
        )
        return f"by {self.by}: {shown}" + (f", {without} without it" if without else "")


def _value(value: object) -> str:
    return "true" if value is True else "false" if value is False else "none" if value is None else str(value)


def _keys(config: Mapping[str, Any], prefix: str = "") -> list[str]:
    out: list[str] = []
    for key, value in config.items():
        if isinstance(value, Mapping):
            out += _keys(value, f"{prefix}{key}.")
        else:
            out.append(f"{prefix}{key}")
    return out
