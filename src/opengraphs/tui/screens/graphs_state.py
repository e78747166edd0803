"""What the Graphs screen knows: the run in view, its metrics in their places, and the last answers. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from opengraphs.protocol.runs import RunReply
from opengraphs.protocol.series import ProgressOut, SeriesOut
from opengraphs.records import ENDED, MetricSummary
from opengraphs.tui.painters import arrange
from opengraphs.tui.painters.numbers import to_float
from opengraphs.tui.questions import RunQuestion, SeriesQuestion, SystemQuestion
from opengraphs.tui.screens.x_view import XView

SMOOTHING: tuple[str | None, ...] = ("ma(15)", "ma(50)", None)
RANKS_AT_ONCE = 8
"""Curves of single ranks in one chart at most: as many as there are colours."""

SYSTEM_COLUMNS = 64
"""Dot columns of the little curves in the system panel."""


class Curves:
    """One metric's answer. `version` rises whenever it differs from the one before."""

    __slots__ = ("series", "version")

    def __init__(self, series: list[SeriesOut], version: int) -> None:
        self.series = series
        self.version = version


class GraphsState:
    """One run in view. Methods that return text return what to tell the user."""

    def __init__(self, *, bound: Sequence[str] = (), metric_filter: str | None = None) -> None:
        """Raises re.error when `metric_filter` is no regular expression."""
        self.ref: str | None = None
        self.run: RunReply = {}
        self.bound = tuple(bound)
        self.filter = re.compile(metric_filter) if metric_filter else None
        self.order: list[str] = []
        self.summaries: dict[str, MetricSummary] = {}
        self.search = ""
        self.overlay: tuple[str, ...] = ()
        self.names: dict[str, str] = {}
        self.colors: dict[str, int] = {}
        self.x = XView()
        self.log_y: set[str] = set()
        self.smoothing = 0
        self.ranks_from: int | None = None
        """The first of the single ranks shown, as a place among the run's ranks; None is all merged, with their band."""
        self.page = 0
        self.focus: str | None = None
        self.enlarged = False
        self.curves: dict[str, Curves] = {}
        self.curves_x = self.x.kind
        self.pending = 0.0
        self.unread: dict[str, tuple[float, float]] = {}
        self.progress: dict[str, Any] | None = None
        self.panels: list[SeriesOut] = []
        self.panels_version = 0
        self.system: list[SeriesOut] = []
        self.system_version = 0
        self.hosts: list[str] = []
        self._known_of: list[str] | None = None
        self._known_set: set[str] = set()
        self._shown_for: tuple[list[str], str] | None = None
        self._shown: list[str] = []

    # The run

    def view_run(self, ref: str) -> None:
        """Look at another run: what was known of the last one goes, choices (axis, smoothing, log) stay."""
        if ref in (self.ref, self.run.get("run_id")):
            return
        self.ref, self.run = ref, {}
        self.order, self.summaries, self.curves = [], {}, {}
        self.system, self.hosts, self.progress, self.pending, self.unread = [], [], None, 0.0, {}
        self.focus, self.page, self.enlarged, self.search = None, 0, False, ""
        self.ranks_from = None
        self.panels = []
        self.panels_version += 1
        self.x.forget()

    @property
    def run_id(self) -> str | None:
        """The id once the daemon has said it, else the reference the user gave."""
        return self.run.get("run_id") or self.ref

    @property
    def live(self) -> bool:
        return self.run.get("status") == "running"

    @property
    def ended(self) -> bool:
        return self.run.get("status") in ENDED

    def take_run(self, reply: RunReply) -> list[str]:
        """`GET /runs/{ref}` answered. Returns the metrics that are new since the first answer."""
        first = not self.run
        self.run = reply
        self.summaries = {summary["key"]: summary for summary in reply.get("metrics", [])}
        self.pending = reply.get("ingest", {}).get("pending", 0.0)
        self._claim_color(reply.get("run_id", ""))
        known = self._known()
        fresh = [key for key in arrange.metrics(self.summaries.values()) if key not in known]
        added = self._append(fresh)
        return [] if first else added

    def take_facts(self, facts: dict[str, Any]) -> None:
        """A "run" event of the run in view: facts changed, the metrics are as they were."""
        self.run = {**self.run, **facts}  # type: ignore[typeddict-item]
        if self.progress is not None and facts.get("progress"):
            told = {key: value for key, value in facts["progress"].items() if value is not None}
            self.progress = {**self.progress, **told}

    def knows_not(self, keys: Iterable[str]) -> bool:
        """Whether one of these metrics has no place yet."""
        known = self._known()
        return bool(self.run) and any(key not in known for key in keys)

    def _known(self) -> set[str]:
        if self._known_of is not self.order:
            self._known_of, self._known_set = self.order, set(self.order)
        return self._known_set

    def saw_metrics(self, keys: Iterable[str]) -> list[str]:
        """A "metrics" event: keys that were never seen take the next free places. Returns those."""
        if not self.run:
            return []
        known = self._known()
        return self._append([key for key in keys if key not in known])

    def _append(self, keys: list[str]) -> list[str]:
        """Give new metrics the next free places; what `--graphs` names goes to the place it has there.

        Returns those to announce: none of a run's very first ones, none that are hidden.
        """
        first = not self.order
        chosen = [key for key in self.order if self._bound_place(key) < len(self.bound)]
        rest = [key for key in self.order if self._bound_place(key) == len(self.bound)]
        for key in keys:
            (chosen if self._bound_place(key) < len(self.bound) else rest).append(key)
        if keys:
            self.order = sorted(chosen, key=self._bound_place) + rest
        return [] if first else [key for key in keys if self._passes(key)]

    def _bound_place(self, key: str) -> int:
        """Which of the `--graphs` patterns a metric fits first; their number when none."""
        return next((n for n, pattern in enumerate(self.bound) if _matches(key, pattern)), len(self.bound))

    # What is shown

    def _passes(self, key: str) -> bool:
        return self.filter is None or self.filter.search(key) is not None

    def shown(self) -> list[str]:
        """Metrics in their places: all that pass `--filter` and the search line."""
        known = self._shown_for
        if known is None or known[0] is not self.order or known[1] != self.search:
            words = self.search.lower().split()
            self._shown_for = (self.order, self.search)
            self._shown = [
                m for m in self.order if self._passes(m) and all(word in m.lower() for word in words)
            ]
        return self._shown

    def focused(self) -> str | None:
        """The metric under the chart cursor; the first when the chosen one is not shown."""
        shown = self.shown()
        if self.focus in shown:
            return self.focus
        return shown[0] if shown else None

    def move_focus(self, step: int) -> bool:
        """To the chart `step` places on, within bounds."""
        shown = self.shown()
        if not shown:
            return False
        at = shown.index(self.focused() or shown[0])
        target = max(0, min(len(shown) - 1, at + step))
        self.focus = shown[target]
        return target != at

    def turn_page(self, step: int, *, per_page: int) -> bool:
        """To another page; the chart cursor goes to its first chart."""
        shown = self.shown()
        pages = max(1, -(-len(shown) // max(1, per_page)))
        target = max(0, min(pages - 1, self.page + step))
        if target == self.page:
            return False
        self.page = target
        self.focus = shown[target * per_page]
        return True

    def follow_focus(self, *, per_page: int) -> None:
        """The page is the one that holds the chart cursor."""
        shown = self.shown()
        at = shown.index(self.focused() or "") if shown else 0
        self.page = at // max(1, per_page)

    def set_search(self, text: str) -> None:
        self.search, self.page = text, 0

    # How it is shown

    @property
    def smooth(self) -> str | None:
        return SMOOTHING[self.smoothing]

    def cycle_smoothing(self) -> str:
        self.smoothing = (self.smoothing + 1) % len(SMOOTHING)
        return f"smoothing {self.smooth}" if self.smooth else "smoothing off"

    def rank_numbers(self) -> list[int]:
        """The ranks that logged, in order."""
        return sorted({seen["rank"] for seen in self.run.get("ranks_seen", ()) if seen["writer"]})

    def ranks_asked(self) -> str | tuple[int, ...]:
        """What to ask for: the ranks merged and their band, or some single ones."""
        if self.ranks_from is None:
            return "band"
        return tuple(self.rank_numbers()[self.ranks_from :][:RANKS_AT_ONCE]) or "band"

    def cycle_ranks(self) -> str:
        """From the band to the single ranks, a handful at a time, and back to the band."""
        ranks = self.rank_numbers()
        if len(ranks) < 2:
            return "only one rank logs here"
        first = 0 if self.ranks_from is None else self.ranks_from + RANKS_AT_ONCE
        self.ranks_from = first if first < len(ranks) else None
        shown = self.ranks_asked()
        if isinstance(shown, str):
            return f"{len(ranks)} ranks merged, with their band"
        return f"ranks {shown[0]} to {shown[-1]} of {len(ranks)}" if len(shown) > 1 else f"rank {shown[0]}"

    def toggle_log_y(self) -> str | None:
        key = self.focused()
        if key is None:
            return None
        self.log_y ^= {key}
        return f"log y {'on' if key in self.log_y else 'off'}: {key}"

    def set_overlay(self, runs: Sequence[tuple[str, str]]) -> None:
        """Lay these runs (id, name) over the one in view; the run in view itself is left out."""
        self.overlay = tuple(run_id for run_id, _ in runs)
        self.names.update(runs)
        for run_id in self.overlay:
            self._claim_color(run_id)

    def _claim_color(self, run_id: str) -> None:
        """A run keeps its colour as long as og is open; the smallest one nobody in view has is given."""
        if not run_id or run_id in self.colors:
            return
        in_view = {self.run_id, *self.overlay}
        taken = {color for run, color in self.colors.items() if run in in_view}
        self.colors[run_id] = next(n for n in range(len(self.colors) + 1) if n not in taken)

    def runs_shown(self) -> tuple[str, ...]:
        """The overlaid runs and, last so that it is drawn on top, the one in view."""
        if self.run_id is None:
            return ()
        return (*(run for run in self.overlay if run != self.run_id), self.run_id)

    # Questions and answers

    def run_question(self) -> RunQuestion | None:
        return RunQuestion(self.run_id) if self.run_id else None

    def ranks_question(self) -> RunQuestion | None:
        """How the ranks of a live run do, where it has several; asked again as points come in."""
        several = self.live and len(self.run.get("ranks_seen", ())) > 1
        return RunQuestion(self.run_id, "ranks") if several and self.run_id else None

    def series_question(self, metrics: Sequence[str], columns: int) -> SeriesQuestion | None:
        """One question for every chart in view."""
        if self.run_id is None or not metrics:
            return None
        smooth = (self.smooth,) if self.smooth else ()
        return SeriesQuestion(
            self.runs_shown(), tuple(metrics), self.x.kind, self.x.zoom, columns, smooth, self.ranks_asked()
        )

    def system_question(self) -> SystemQuestion | None:
        return SystemQuestion(self.run_id, SYSTEM_COLUMNS) if self.run_id else None

    def take_series(self, question: SeriesQuestion, reply: dict[str, Any]) -> None:
        """`POST /series` answered; what belongs to another run or axis is left lying."""
        if question.x != self.x.kind or self.run_id not in question.runs:
            return
        if self.curves_x != question.x:
            self.curves, self.curves_x = {}, question.x
        by_metric: dict[str, list[SeriesOut]] = {metric: [] for metric in question.metrics}
        for series in reply.get("series", []):
            by_metric.setdefault(series["metric"], []).append(series)
        for metric, found in by_metric.items():
            self._keep(metric, found)
        self.pending = float(reply.get("pending", {}).get(self.run_id, 0.0))
        self.unread = {run: (gap[0], gap[1]) for run, gap in reply.get("unread", {}).items()}
        self.progress = reply.get("progress", {}).get(self.run_id, self.progress)
        if question.range is None and not self.pending:
            self._forget({metric for metric, found in by_metric.items() if not found})
        self._learn_domain(question, reply.get("series", []))

    def _forget(self, metrics: set[str]) -> None:
        """Metrics without a point in the whole run are none: what was printed gave way to what is logged."""
        gone = metrics.intersection(self.order)
        if gone:
            self.order = [key for key in self.order if key not in gone]
            for key in gone:
                self.curves.pop(key, None)

    def _keep(self, metric: str, found: list[SeriesOut]) -> None:
        old = self.curves.get(metric)
        if old is None:
            self.curves[metric] = Curves(found, 1)
        elif old.series != found:
            self.curves[metric] = Curves(found, old.version + 1)

    def _learn_domain(self, question: SeriesQuestion, answered: list[SeriesOut]) -> None:
        lows = [series["x"][0] for series in answered if series["x"]]
        highs = [series["x"][-1] for series in answered if series["x"]]
        if question.range is not None:
            highs += [end for series in answered if (end := _newest_x(series, self.x.kind)) is not None]
        if lows:
            self.x.saw(min(lows), max(highs), whole=question.range is None)

    def panels_question(self, metrics: Sequence[str], columns: int) -> SeriesQuestion | None:
        """What the panels of plug-ins want to know."""
        if self.run_id is None or not metrics:
            return None
        return SeriesQuestion(
            (self.run_id,), tuple(metrics), self.x.kind, self.x.zoom, columns, (), "merged", "panels"
        )

    def take_panels(self, question: SeriesQuestion, reply: dict[str, Any]) -> None:
        """`panels_question` answered."""
        if question.x == self.x.kind and self.run_id in question.runs:
            self.panels = reply.get("series", [])
            self.panels_version += 1

    def take_system(self, reply: dict[str, Any]) -> None:
        self.system_version += 1
        self.system = reply.get("series", [])
        self.hosts = reply.get("hosts", [])

    # For the panels

    def raw(self, metric: str | None) -> SeriesOut | None:
        """The series of the run in view as logged, without smoothing."""
        found = self.curves[metric].series if metric in self.curves else []
        return next((s for s in found if s["run"] == self.run_id and not s["derived"]), None)

    def header_progress(self, *, eta: bool) -> ProgressOut | None:
        """What the progress bar shows: the daemon's own reckoning, else what run.json says.

        eta: False leaves the time to go out, where nobody keeps it up to date.
        """
        known = dict(self.progress or self.run.get("progress") or {})
        if not eta:
            known.pop("eta_s", None)
        return cast("ProgressOut | None", known or None)

    def system_latest(self) -> dict[str, float]:
        """The newest value of every system metric."""
        return {s["metric"]: to_float(s["y"][-1]) for s in self.system if s["y"]}

    def system_history(self) -> dict[str, list[float]]:
        return {s["metric"]: [to_float(y) for y in s["y"]] for s in self.system}


def _newest_x(series: SeriesOut, kind: str) -> float | None:
    """Where the newest point of a series lies, when the answer was limited to a range."""
    last = series["last"]
    if last is None or kind == "relative":
        return None
    return float(last["step"] if kind == "step" else last["time"])


def _matches(key: str, pattern: str) -> bool:
    """A name given with `--graphs`: the key, its last part, or a glob."""
    return pattern in (key, key.rsplit("/", 1)[-1]) or fnmatch.fnmatchcase(key, pattern)
