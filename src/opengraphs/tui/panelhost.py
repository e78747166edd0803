"""Runs the panels of others beside the screen: each in a thread of its own, its last picture kept.

    screen ─ rows(name, size, data) ─▶ last picture        worker thread
                    │ newest job ────────────────────────▶ load, wanted, paint
                    ◀──────────── result, on_change ──────┘

The screen never waits: it shows what a panel painted last, or one calm line. A panel that raises or
hangs says so in its own place; one that needs too much of the processor is not called again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

from opengraphs.tui import plugins
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.plugins import Panel, PanelData

BUDGET_S = 0.1
"""Processor time one picture may take."""

SLOW_PICTURES = 3
"""So many in a row above the budget and the panel is left alone."""

STUCK_S = 3.0
"""A job that has not come back by then is told about."""

Job = Callable[[], Any]
Take = Callable[[Any, BaseException | None, float], object]
"""What becomes of a job: result, what it raised, processor seconds."""


class Worker(Protocol):
    """Does one job after the other and hands over what came of it, in the screen's thread."""

    def do(self, job: Job, take: Take) -> None: ...

    def end(self) -> None: ...


class InPlace:
    """Jobs done at once, for one frame as text."""

    def do(self, job: Job, take: Take) -> None:
        take(*_outcome(job))

    def end(self) -> None:
        """There is nothing to end."""


class InThread:
    """Jobs done in a thread that ends with the process, whatever a plug-in is busy with."""

    def __init__(self, name: str) -> None:
        import asyncio  # one frame as text goes without it

        self._jobs: queue.SimpleQueue[tuple[Job, Take] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name=f"og-panel-{name}", daemon=True)
        self._thread.start()

    def do(self, job: Job, take: Take) -> None:
        self._jobs.put((job, take))

    def end(self) -> None:
        """After the job it is busy with."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, take = given
            outcome = _outcome(job)
            try:
                self._loop.call_soon_threadsafe(take, *outcome)
            except RuntimeError:
                return  # the screen is gone


def _outcome(job: Job) -> tuple[Any, BaseException | None, float]:
    """Somebody else's code is called here, so whatever it raises, it ends here."""
    started = time.thread_time()
    try:
        return job(), None, time.thread_time() - started
    except BaseException as error:  # noqa: BLE001 - SystemExit in a plug-in is a defect of the plug-in
        return None, error, time.thread_time() - started


class _Shown:
    """One panel on the screen. `said` is what stands there instead of a picture; `over` ends it for good."""

    def __init__(self, name: str, worker: Worker, changed: Callable[[], object]) -> None:
        self.name = name
        self.panel: Panel | None = None
        self.said = "loading"
        self.over = False
        self.rows: list[Row] | None = None
        self.keys: Sequence[str] = ()
        self.metrics: tuple[str, ...] = ()
        self.busy_since: float | None = None
        self._slow = 0
        self._worker = worker
        self._changed = changed
        self._asked: dict[str, Hashable] = {}
        self._next: dict[str, tuple[Callable[[], Job], Callable[[Any], object]]] = {}
        self._start(lambda: plugins.load(name), self._loaded)

    def end(self) -> None:
        """It is not shown any more; what is under way comes to nothing."""
        self.over, self._changed = True, lambda: None
        self._worker.end()

    @property
    def title(self) -> str:
        return self.panel.title if self.panel else self.name

    def ask(self, what: str, key: Hashable, make: Callable[[], Job], take: Callable[[Any], object]) -> None:
        """Do a job unless it was asked for last; while another is under way the newest of its kind waits."""
        if self.over or self._asked.get(what) == key:
            return
        self._asked[what] = key
        if self.busy_since is not None:
            self._next[what] = (make, take)
        else:
            self._start(make(), take)

    def _start(self, job: Job, take: Callable[[Any], object]) -> None:
        self.busy_since = time.monotonic()
        self._worker.do(job, lambda result, error, cpu_s: self._done(take, result, error, cpu_s))

    def _done(
        self, take: Callable[[Any], object], result: Any, error: BaseException | None, cpu_s: float
    ) -> None:
        self.busy_since = None
        if error is None:
            take(result)
            self._weigh(cpu_s)
        else:
            self.said, self.rows = plugins.describe(error), None
            self.over = self.panel is None
        if self._next and not self.over:
            make, following = self._next.pop(next(iter(self._next)))
            self._start(make(), following)
        self._changed()

    def _weigh(self, cpu_s: float) -> None:
        self._slow = self._slow + 1 if cpu_s > BUDGET_S and self.rows is not None else 0
        if self._slow >= SLOW_PICTURES:
            self.over, self.rows = True, None
            self.said = f"too slow: {cpu_s * 1000:.0f} ms a picture, {BUDGET_S * 1000:.0f} ms are allowed"

    def _loaded(self, panel: Panel) -> None:
        self.panel, self.said = panel, "waiting for data"

    def painted(self, rows: list[Row]) -> None:
        self.rows, self.said = rows, ""

    def took_metrics(self, metrics: tuple[str, ...]) -> None:
        self.metrics = metrics
        if self.rows is None:
            self.said = "waiting for data" if metrics else "this run has none of its metrics"


class PanelHost:
    """The panels that are shown, by name and in order. All methods run in the screen's thread."""

    def __init__(self, names: Sequence[str] = (), *, worker: Callable[[str], Worker] | None = None) -> None:
        """Nothing is loaded before `start`.

        Args:
            worker: makes who does a panel's work; None is a thread each.
        """
        self.names = list(dict.fromkeys(names))
        self.on_change: Callable[[], object] = lambda: None
        self._make_worker: Callable[[str], Worker] = worker or InThread
        self._threads = worker is None
        self._started = False
        self._looking = False
        self._shown: dict[str, _Shown] = {}

    def start(self) -> None:
        """Load what is named; the first picture is on the terminal by now."""
        self._started = True
        for name in self.names:
            self._get(name)
        self.on_change()

    def toggle(self, name: str) -> bool:
        """Show or hide a panel; True when it is shown now. One that failed gets another chance."""
        if name in self.names:
            self.names.remove(name)
            if name in self._shown:
                self._shown.pop(name).end()
            return False
        self.names.append(name)
        return True

    def _get(self, name: str) -> _Shown | None:
        if name not in self._shown and self._started:
            self._shown[name] = _Shown(name, self._make_worker(name), self._news)
            self._look_later()
        return self._shown.get(name)

    def _news(self) -> None:
        self.on_change()

    def _look_later(self) -> None:
        """Look again when a job should be done: that it hangs is news that no event brings."""
        if self._threads and not self._looking:
            import asyncio

            self._looking = True
            asyncio.get_running_loop().call_later(STUCK_S + 0.01, self._look)

    def _look(self) -> None:
        self._looking = False
        waiting = [shown.busy_since for shown in self._shown.values() if shown.busy_since is not None]
        if any(time.monotonic() - since > STUCK_S for since in waiting):
            self._news()
        if waiting:
            self._look_later()

    def metrics(self, keys: Sequence[str]) -> tuple[str, ...]:
        """What the panels want of a run that has these metrics; a plug-in's own answer comes a moment later.

        Args:
            keys: another object whenever they have changed.
        """
        out: dict[str, None] = {}
        for name in self.names:
            shown = self._get(name)
            if shown is not None and (panel := shown.panel) is not None:
                if shown.keys is not keys:
                    shown.keys = keys
                    shown.ask("wanted", object(), _wanting(panel, tuple(keys)), shown.took_metrics)
                out.update(dict.fromkeys(shown.metrics))
        return tuple(out)

    def rows(
        self,
        name: str,
        width: int,
        height: int,
        glyphs: Glyphs,
        *,
        version: Hashable,
        data: Callable[[tuple[str, ...]], PanelData],
    ) -> list[Row]:
        """One panel in its frame, as it was painted last; a new picture is asked for when `version` is new.

        Args:
            data: makes what the panel is given, for the metrics it wants.
        """
        inner_width, inner_height = max(1, width - 2), max(1, height - 2)
        shown = self._get(name)
        if shown is None:
            said = plugins.message("loading", inner_width, inner_height, glyphs)
            return plugins.box(name, said, width, height, glyphs)
        if shown.panel is not None and shown.metrics:
            make = _painting(shown.panel, data, shown.metrics, inner_width, inner_height, glyphs)
            idle = shown.busy_since is None
            shown.ask("paint", (version, shown.metrics, inner_width, inner_height), make, shown.painted)
            if idle and shown.busy_since is not None:
                self._look_later()
        content = _content(shown, inner_width, inner_height, glyphs)
        return plugins.box(shown.title, content, width, height, glyphs)


def _content(shown: _Shown, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    waited_s = time.monotonic() - shown.busy_since if shown.busy_since is not None else 0.0
    if waited_s > STUCK_S:
        return plugins.message(f"does not answer, for {waited_s:.0f} s now", width, height, glyphs)
    if shown.rows is None:
        return plugins.message(shown.said, width, height, glyphs)
    return shown.rows[:height]


def _wanting(panel: Panel, keys: tuple[str, ...]) -> Callable[[], Job]:
    return lambda: lambda: panel.wanted(keys)


def _painting(
    panel: Panel,
    data: Callable[[tuple[str, ...]], PanelData],
    metrics: tuple[str, ...],
    width: int,
    height: int,
    glyphs: Glyphs,
) -> Callable[[], Job]:
    """The data are put together in the screen's thread, so that the panel's shares nothing with it."""

    def make() -> Job:
        given = data(metrics)
        return lambda: plugins.rows_of(panel.paint(given, width, height), width, height, glyphs)

    return make
