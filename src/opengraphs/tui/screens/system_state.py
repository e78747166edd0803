"""What the System screen knows: a run's figures and metrics, or the machine as it is now. Pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from opengraphs.protocol.series import SeriesOut
from opengraphs.tui.painters.devices import Panel, panels_of
from opengraphs.tui.painters.numbers import to_float
from opengraphs.tui.screens.x_view import XView

SORTS = ("cpu", "memory")
HISTORY = 1200
"""Samples of the machine that are kept: what a wide chart can show, and no more."""

BESIDE = (1, 2, 0)


class SystemState:
    """mode: `run`, the figures of the run in view; `host`, this machine now."""

    def __init__(self) -> None:
        self.mode = "run"
        self.run: str | None = None
        self.x = XView()
        self.x.kind = "time"
        self.known = False
        self.latest: dict[tuple[str, str], float] = {}
        self.panels: list[Panel] = []
        self.figures: dict[tuple[str, str], SeriesOut] = {}
        self.metrics: list[SeriesOut] = []
        self.chosen: tuple[str, ...] = ()
        """Metrics beside the figures that the user has chosen; what no run has is passed over."""
        self.beside = 0
        self.focus: str | None = None
        self.page = 0
        self.enlarged = False
        self.search = ""
        self.version = 0
        # The machine now
        self.sample: dict[str, Any] = {}
        self.history: deque[tuple[float, dict[str, float]]] = deque(maxlen=HISTORY)
        self.sort = SORTS[0]
        self.process_filter = ""
        self.process: int | None = None
        """pid of the marked process."""

    # The run

    def view_run(self, run: str | None) -> None:
        """Another run: what was known of the last one goes. None: which one is not known yet."""
        if run is None or run == self.run:
            return
        if self.run is None:
            self.run = run
            return
        self.run, self.known, self.enlarged = run, False, False
        self.latest, self.panels, self.figures, self.metrics = {}, [], {}, []
        self.focus, self.page, self.search = None, 0, ""
        self.x.forget()

    def take_names(self, reply: Mapping[str, Any]) -> None:
        """One column of every figure: which there are, and how long they were sampled."""
        self.known = True
        found = {_place(one): to_float(one["y"][-1]) for one in reply["series"] if one["y"]}
        if set(found) != set(self.latest):
            self.panels = panels_of(found)
        self.latest = found
        self.version += 1
        self._saw(reply["series"], whole=True)

    def take_figures(self, reply: Mapping[str, Any], *, whole: bool) -> None:
        """The curves in view."""
        self.figures = {_place(one): one for one in reply["series"]}
        self.version += 1
        if not whole:
            ends = [one["last"]["time"] for one in reply["series"] if one.get("last")]
            self.x.saw(min(ends, default=math.inf), max(ends, default=-math.inf), whole=False)
        self._saw(reply["series"], whole=whole)

    def take_metrics(self, reply: Mapping[str, Any]) -> None:
        """The run's metrics beside them."""
        self.metrics = reply["series"]
        self.version += 1
        self._saw(reply["series"], whole=False)

    def _saw(self, series: Iterable[SeriesOut], *, whole: bool) -> None:
        ends = [x for one in series if one["x"] for x in (one["x"][0], one["x"][-1])]
        if ends:
            low, high = min(ends), max(ends)
            if self.x.domain is not None:
                low, high = min(low, self.x.domain[0]), max(high, self.x.domain[1])
            self.x.saw(low, high, whole=whole)

    def shown(self) -> list[Panel]:
        """The pictures that fit the search."""
        words = self.search.lower().split()
        return [panel for panel in self.panels if panel.fits(words)]

    def sections(self) -> list[tuple[str, str]]:
        """(host, device) of what is shown, in order."""
        return list(dict.fromkeys((panel.host, panel.section) for panel in self.shown()))

    @property
    def several_hosts(self) -> bool:
        return len({host for host, _ in self.latest}) > 1

    def beside_of(self, order: list[str]) -> list[str]:
        """The metrics shown beside the figures: the chosen ones, else the first ones of the run."""
        wanted = BESIDE[self.beside]
        found = [metric for metric in self.chosen if metric in order][:wanted]
        return found + [metric for metric in order if metric not in found][: wanted - len(found)]

    def turn_metric(self, order: list[str], step: int) -> str:
        """Another metric beside the figures."""
        if not order:
            return "this run has no metrics"
        if BESIDE[self.beside] == 0:
            self.beside = 0
            return f"beside: {self.beside_of(order)[0]}"
        now = self.beside_of(order)
        chosen = order[(order.index(now[0]) + step) % len(order)]
        self.chosen = (chosen, *(metric for metric in now[1:] if metric != chosen))
        return f"beside: {chosen}"

    def turn_beside(self) -> str:
        self.beside = (self.beside + 1) % len(BESIDE)
        wanted = BESIDE[self.beside]
        return f"{wanted} metric{'' if wanted == 1 else 's'} beside" if wanted else "no metric beside"

    def move_focus(self, keys: list[str], step: int) -> None:
        if keys:
            at = keys.index(self.focus) if self.focus in keys else 0
            self.focus = keys[max(0, min(len(keys) - 1, at + step))]

    # The machine now

    def take_host(self, reply: Mapping[str, Any]) -> None:
        """`GET /host` answered."""
        self.sample = dict(reply)
        metrics = {key: to_float(value) for key, value in reply["metrics"].items()}
        if not self.history or reply["time"] > self.history[-1][0]:
            self.history.append((reply["time"], metrics))
        self.version += 1

    @property
    def now(self) -> dict[str, float]:
        return self.history[-1][1] if self.history else {}

    def history_of(self, metric: str) -> tuple[list[float], list[float]]:
        """Times and values of what was seen of a figure."""
        found = [(time, sample[metric]) for time, sample in self.history if metric in sample]
        return [time for time, _ in found], [value for _, value in found]

    def processes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sample.get("processes", [])
        return found

    def move_process(self, step: int) -> None:
        """The mark goes to another process; it stays on it while the list is sorted anew."""
        pids = [one["pid"] for one in self.processes()]
        if pids:
            at = pids.index(self.process) + step if self.process in pids else 0 if step > 0 else len(pids) - 1
            self.process = pids[max(0, min(len(pids) - 1, at))]


def _place(one: Mapping[str, Any]) -> tuple[str, str]:
    return str(one.get("host", "")), one["metric"]


def why_none(run: Mapping[str, Any]) -> str:
    """Why a run has no system figures."""
    source = str(run.get("source") or "run")
    if run.get("source_path") or source not in ("run", "sdk"):
        return f"no figures: {source} recorded none, and og was not there"
    if run.get("status") == "running" and run.get("runner_pid"):
        return "no figures yet; the first ones come within seconds"
    if not run.get("runner_pid"):
        return "no figures: started without og run, so nobody sampled"
    return "no figures: it ended before the first sample, or none could be written"
