"""What the Graphs screen knows: the run in view, its metrics in their places, and the last answers. Pure."""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from opengraphs.protocol.runs import RunReply
from opengraphs.protocol.series import ProgressOut, SeriesOut
from opengraphs.records import ENDED, MetricSummary
from opengraphs.tui.painters import arrange
from opengraphs.tui.painters.numbers import to_float
from opengraphs.tui.questions import RunQuestion, SeriesQuestion, SystemQuestion
from opengraphs.tui.screens.x_view import AXES, METRIC, XView

SMOOTHING: tuple[str | None, ...] = ("ma(15)", "ma(50)", "ma(200)", "ema(0.1)", "ema(0.01)", None)
CHOSEN = "chosen"
"""The section of the metrics that `--graphs` named."""

RANKS_AT_ONCE = 8
"""Curves of single ranks in one chart at most: as many as there are colours."""

SYSTEM_COLUMNS = 64
"""Dot columns of the little curves in the system panel."""


class Curves:
    """One metric's answer. `version` rises whenever it differs from the one before; `range` is what was asked for."""

    __slots__ = ("range", "series", "version")

    def __init__(self, series: list[SeriesOut], version: int, range_: tuple[float, float] | None) -> None:
        self.series = series
        self.version = version
        self.range = range_


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
        self.picked: tuple[str, ...] | None = None
        """The metrics that have a chart, in their order; None is all."""
        self.folded: set[str] = set()
        self.headed = False
        self.columns = 1
        self.linked = True
        """The read-out cursor stands in every chart, not only in the focused one."""
        self.overlay: tuple[str, ...] = ()
        self.names: dict[str, str] = {}
        self.colors: dict[str, int] = {}
        self.x = XView()
        self.log_y: set[str] = set()
        self.smoothing = 0
        self.ranks_from: int | None = None
        """The first of the single ranks shown, as a place among the run's ranks; None is all merged, with their band."""
        self.family = False
        """The curve of a run is that of its family: from the root down, abandoned branches behind it."""
        self.page = 0
        self.focus: str | None = None
        self.enlarged = False
        self.curves: dict[str, Curves] = {}
        self.curves_x = self.x.kind
        self.pending = 0.0
        self.origin_s: float | None = None
        """Epoch seconds of relative time 0; None until an answer told it."""
        self.unread: dict[str, tuple[float, float]] = {}
        self.progress: dict[str, Any] | None = None
        self.panels: list[SeriesOut] = []
        self.panels_version = 0
        self.system: list[SeriesOut] = []
        self.system_version = 0
        self.hosts: list[str] = []
        self._known_of: list[str] | None = None
        self._known_set: set[str] = set()
        self._shown_for: tuple[list[str], str, tuple[str, ...] | None] | None = None
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
        self.ranks_from = self.origin_s = None
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
        self._note_progress(reply.get("progress"))
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
        self._note_progress(facts.get("progress"))

    def _note_progress(self, told: Mapping[str, Any] | None) -> None:
        """What is known now of how far the run is; speed and time to go stay as the curves' answer told them."""
        if self.progress is not None and told:
            self.progress = {
                **self.progress,
                **{key: value for key, value in told.items() if value is not None},
            }

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
            if self._bound_place(key) < len(self.bound):
                chosen.append(key)
            else:
                rest.insert(self._place_of(key, rest), key)
        if keys:
            self.order = sorted(chosen, key=self._bound_place) + rest
        return [] if first else [key for key in keys if self._passes(key)]

    def _place_of(self, key: str, rest: Sequence[str]) -> int:
        """At the end of its section where its last row has a free place; else at the end of all, so that nothing moves."""
        if not self.headed:
            return len(rest)
        at = 0
        for name, members in arrange.sections(rest):
            at += len(members)
            if name == arrange.section_of(key) and len(members) % self.columns:
                return at
        return len(rest)

    def settle(self, *, headed: bool, columns: int) -> bool:
        """What the layout came to. True when the charts stand in another order now: sections have got heads."""
        regroup = headed and not self.headed and not self.bound
        self.headed, self.columns = headed, columns
        before = self.order
        if regroup and (order := arrange.together(before)) != before:
            self.order = order
            return True
        return False

    def _bound_place(self, key: str) -> int:
        """Which of the `--graphs` patterns a metric fits first; their number when none."""
        return next((n for n, pattern in enumerate(self.bound) if _matches(key, pattern)), len(self.bound))

    # What is shown

    def _passes(self, key: str) -> bool:
        return self.filter is None or self.filter.search(key) is not None

    def shown(self) -> list[str]:
        """Metrics in their places: all that are picked and pass `--filter` and the search line."""
        looks = (self.order, self.search, self.picked)
        known = self._shown_for
        if known is None or known[0] is not looks[0] or known[1:] != looks[1:]:
            words = self.search.lower().split()
            self._shown_for = looks
            offered = self.order if self.picked is None else self._picked_of(self.order)
            self._shown = [m for m in offered if self._passes(m) and all(word in m.lower() for word in words)]
        return self._shown

    def _picked_of(self, order: Sequence[str]) -> list[str]:
        there = set(order)
        return [metric for metric in self.picked or () if metric in there]

    def offered(self) -> list[str]:
        """Every metric a chart can be made of: those picked first, in their order."""
        first = [] if self.picked is None else self._picked_of(self.order)
        return first + [metric for metric in self.order if metric not in first and self._passes(metric)]

    def pick(self, metrics: Sequence[str]) -> None:
        """Show these, in this order; all of them in the usual order is no choice at all."""
        chosen = list(metrics)
        self.picked = None if chosen == [m for m in self.order if self._passes(m)] else tuple(chosen)

    def sections(self) -> list[tuple[str, list[str]]]:
        """What is shown, by section. What the user chose is one, in front."""
        shown = self.shown()
        if self.picked is not None:
            return [(CHOSEN, shown)] if shown else []
        count = sum(self._bound_place(key) < len(self.bound) for key in shown) if self.bound else 0
        front = [(CHOSEN, shown[:count])] if count else []
        return front + arrange.sections(shown[count:])

    def is_folded(self, section: str) -> bool:
        """A search shows what it finds, folded or not."""
        return section in self.folded and not self.search

    def stops(self) -> list[str]:
        """What the chart cursor can stand on: every chart, and the first metric of a folded section for its head."""
        if not self.headed or not self.folded or self.search:
            return self.shown()
        return [key for name, keys in self.sections() for key in (keys[:1] if self.is_folded(name) else keys)]

    def section_at(self, metric: str | None) -> str | None:
        """The section that holds a metric that is shown."""
        return next((name for name, keys in self.sections() if metric in keys), None)

    def on_folded_head(self) -> bool:
        """Whether the chart cursor stands on the head of a folded section."""
        section = self.section_at(self.focused()) if self.headed and self.folded else None
        return section is not None and self.is_folded(section)

    def toggle_fold(self, section: str | None = None) -> str:
        """Fold or unfold a section, the one under the chart cursor if none is named. Returns what to tell, if anything."""
        if not self.headed:
            return "no sections here: they need several prefixes and some rows"
        if self.search:
            return "a search shows every section"
        name = self.section_at(self.focused()) if section is None else section
        if name is None:
            return ""
        self.folded ^= {name}
        members = next((keys for one, keys in self.sections() if one == name), [])
        if members and self.focus in members:
            self.focus = members[0]
        return ""

    def focused(self) -> str | None:
        """The metric under the chart cursor; the first when the chosen one is not shown."""
        stops = self.stops()
        if self.focus in stops:
            return self.focus
        return stops[0] if stops else None

    def move_focus(self, step: int) -> bool:
        """To the stop `step` places on, within bounds."""
        stops = self.stops()
        if not stops:
            return False
        at = stops.index(self.focused() or stops[0])
        target = max(0, min(len(stops) - 1, at + step))
        self.focus = stops[target]
        return target != at

    def move_line(self, step: int, lines: Sequence[Sequence[int]]) -> bool:
        """To the row of stops above (-1) or below, in the same column as far as there is one."""
        stops = self.stops()
        at = stops.index(self.focused() or "") if stops else 0
        row = next((n for n, line in enumerate(lines) if at in line), None)
        if row is None or not 0 <= row + step < len(lines):
            return False
        there = lines[row + step]
        target = there[min(lines[row].index(at), len(there) - 1)]
        self.focus = stops[target]
        return True

    def turn_page(self, step: int, *, starts: Sequence[int]) -> bool:
        """To another page; the chart cursor goes to its first stop. starts: the first stop of every page."""
        stops = self.stops()
        target = max(0, min(len(starts) - 1, self.page + step))
        if target == self.page or not starts[target] < len(stops):
            return False
        self.page = target
        self.focus = stops[starts[target]]
        return True

    def follow_focus(self, *, starts: Sequence[int]) -> None:
        """The page is the one that holds the chart cursor."""
        stops = self.stops()
        at = stops.index(self.focused() or "") if stops else 0
        self.page = max(0, bisect_right(starts, at) - 1)

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

    def has_family(self) -> bool:
        """Whether the run went on from another, or others from it."""
        return bool((self.run.get("parent") or {}).get("run_id") or self.run.get("children"))

    def shows_family(self) -> bool:
        return self.family and self.x.kind == "step" and self.has_family()

    def toggle_family(self) -> str:
        """Family curves, or the run's own alone."""
        if not self.has_family():
            return "no other run went on from this one, and it from none"
        self.family = not self.family
        if self.family and self.x.kind != "step":
            return "the curve of a family is over steps: x changes the axis"
        return (
            "curves from the root of the family, abandoned branches dim" if self.family else "the run alone"
        )

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
            self.runs_shown(),
            tuple(metrics),
            self.x.kind,
            self.x.zoom,
            columns,
            smooth,
            self.ranks_asked(),
            lineage=self.shows_family(),
        )

    def system_question(self) -> SystemQuestion | None:
        return SystemQuestion(self.run_id, SYSTEM_COLUMNS) if self.run_id else None

    def take_series(self, question: SeriesQuestion, reply: dict[str, Any]) -> None:
        """`POST /series` answered; what belongs to another run or axis is left lying."""
        if question.x != self.x.kind or self.run_id not in question.runs:
            return
        if question.lineage != self.shows_family():
            return
        if self.curves_x != question.x:
            self.curves, self.curves_x = {}, question.x
        by_metric: dict[str, list[SeriesOut]] = {metric: [] for metric in question.metrics}
        for series in reply.get("series", []):
            by_metric.setdefault(series["metric"], []).append(series)
        for metric, found in by_metric.items():
            self._keep(metric, found, question.range)
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

    def _keep(self, metric: str, found: list[SeriesOut], range_: tuple[float, float] | None) -> None:
        old = self.curves.get(metric)
        if old is None:
            self.curves[metric] = Curves(found, 1, range_)
        elif old.series != found:
            self.curves[metric] = Curves(found, old.version + 1, range_)
        else:
            old.range = range_

    def answers_view(self, metric: str) -> bool:
        """Whether a metric's curves are those of the stretch in view, all of it, and not of the one before."""
        found = self.curves.get(metric)
        return found is not None and found.range == self.x.zoom and not self.pending

    def _learn_domain(self, question: SeriesQuestion, answered: list[SeriesOut]) -> None:
        lows = [series["x"][0] for series in answered if series["x"]]
        highs = [series["x"][-1] for series in answered if series["x"]]
        if question.range is not None:
            highs += [end for series in answered if (end := _newest_x(series, self.x.kind)) is not None]
        if question.range is None and self.x.kind == "relative":
            self._learn_origin(answered)
        if lows:
            self.x.saw(min(lows), max(highs), whole=question.range is None)

    def _learn_origin(self, answered: Sequence[SeriesOut]) -> None:
        """The last point of a whole curve stands at a known time."""
        mine = [s for s in answered if s["run"] == self.run_id and s["x"] and s["last"] and not s["derived"]]
        if mine and self.origin_s is None:
            newest = max(mine, key=lambda one: one["x"][-1])
            assert newest["last"] is not None
            self.origin_s = newest["last"]["time"] - newest["x"][-1]

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

    # Saved views

    def saved(self) -> dict[str, Any]:
        """How the charts look, as plain values."""
        return {
            "metrics": list(self.picked or ()),
            "folded": sorted(self.folded),
            "x": self.x.kind,
            "smooth": self.smooth or "",
            "log_y": sorted(self.log_y),
            "linked": self.linked,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Look as `saved` says. Metrics named with `--graphs` stay; what is of another kind is passed over."""
        metrics = _texts(saved.get("metrics"))
        if metrics is not None and not self.bound:
            self.picked = tuple(metrics) or None
        for name in ("folded", "log_y"):
            found = _texts(saved.get(name))
            if found is not None:
                setattr(self, name, set(found))
        kind, smooth, linked = saved.get("x"), saved.get("smooth"), saved.get("linked")
        if isinstance(kind, str) and (kind in AXES or (kind.startswith(METRIC) and len(kind) > len(METRIC))):
            self.x.set_kind(kind)
        if isinstance(smooth, str) and (smooth or None) in SMOOTHING:
            self.smoothing = SMOOTHING.index(smooth or None)
        if isinstance(linked, bool):
            self.linked = linked

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
    if last is None or kind not in ("step", "time"):
        return None
    return float(last["step"] if kind == "step" else last["time"])


def _texts(value: object) -> list[str] | None:
    """A list of texts; None when it is something else."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    return None


def _matches(key: str, pattern: str) -> bool:
    """A name given with `--graphs`: the key, its last part, or a glob."""
    return pattern in (key, key.rsplit("/", 1)[-1]) or fnmatch.fnmatchcase(key, pattern)
