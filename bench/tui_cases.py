"""What is measured of both viewers. Each function takes viewers in turns and hands back figures by viewer's name."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.pty_meter import Meter, cpu_s, process_tree, pss_mb
from bench.tui_viewers import BRAILLE, DOWN, UP, Viewer, daemon, live_run

PROBE = re.compile(r"\b\d{4}\b")
TYPED = "m./loss"
"""A filter that LEET takes for a pattern of the charts that are there."""
Figures = dict[str, dict[str, list[float]]]
"""By viewer, by what was measured: one value a repetition."""


def figures() -> Figures:
    return defaultdict(lambda: defaultdict(list))


class Load(NamedTuple):
    """What a viewer costs over a window. own: its processes; helpers: `ogd`."""

    cpu_own: float
    cpu_helpers: float
    bytes_per_s: float
    pictures_per_s: float


# -- start -------------------------------------------------------------------------------------------


def start(viewers: list[Viewer], case: str, repeats: int, *, cold: bool = False) -> Figures:
    """Milliseconds to the first byte, the first curve and the first answered key; bytes and MB then.

    Args:
        cold: no `ogd` runs, and its start counts; its index is there.
    """
    found = figures()
    for turn in range(repeats):
        for viewer in viewers:
            if cold:
                daemon(viewer, "stop")
            _start_once(viewer, case, found[viewer.name], weigh=turn == repeats - 1)
    return found


def _start_once(viewer: Viewer, case: str, found: dict[str, list[float]], *, weigh: bool) -> None:
    open_it = viewer.open_runs if case == "runs" else viewer.open_run
    with Meter(open_it(viewer.place(case)), env=viewer.environ(case)) as meter:
        seen = "live" if case == "runs" else None
        curve = meter.wait(lambda text: seen in text if seen else bool(BRAILLE.search(text)), 60)
        if curve is None:
            raise SystemExit(f"bench: {viewer.name} showed nothing of {case}:\n{meter.text()}")
        meter.send(viewer.help_key)
        answered = meter.wait(lambda text: viewer.help_text in text, 60)
        if answered is None:
            raise SystemExit(f"bench: {viewer.name} did not answer a key:\n{meter.text()}")
        found["first byte"].append(1e3 * (meter.first_byte_s or 0.0))
        found["first curve"].append(1e3 * curve)
        found["interactive"].append(1e3 * answered)
        if weigh:
            _wait_read(meter, viewer, case)
            own, helpers = process_tree(meter.pid), viewer.helpers(case)
            found["memory"].append(pss_mb(own + helpers))
            found["memory own"].append(pss_mb(own))


def warm(viewer: Viewer, case: str) -> None:
    """Look once, until everything is read: `ogd` has its index then. LEET keeps none."""
    if viewer.tracker == "og":
        open_it = viewer.open_runs if case == "runs" else viewer.open_run
        with Meter(open_it(viewer.place(case)), env=viewer.environ(case)) as meter:
            meter.wait(lambda text: bool(BRAILLE.search(text)) or "live" in text, 60)
            _wait_read(meter, viewer, case)


def _wait_read(meter: Meter, viewer: Viewer, case: str) -> None:
    """Until it has read all there is: a second and a half with next to no processor time."""
    used, since = 0.0, time.perf_counter()
    while time.perf_counter() - since < 1.5 and meter.elapsed_s < 90:
        meter.settle(0.1)
        now = cpu_s(process_tree(meter.pid) + viewer.helpers(case))
        if now - used > 0.02:
            since = time.perf_counter()
        used = now


# -- keys --------------------------------------------------------------------------------------------


def keys(viewers: list[Viewer], case: str, presses: int, rounds: int = 2) -> Figures:
    """Milliseconds from a key to the first byte of its picture, and bytes, while nothing else is painted.

    In the list of runs the cursor goes down; on charts the focus goes down and up.
    """
    found = figures()
    for _ in range(rounds):
        for viewer in viewers:
            open_it = viewer.open_runs if case == "runs" else viewer.open_run
            with Meter(open_it(viewer.place(case)), env=viewer.environ(case)) as meter:
                meter.wait(lambda text: bool(BRAILLE.search(text)) or "live" in text, 60)
                _wait_read(meter, viewer, case)
                if case != "runs" and viewer.to_charts:
                    meter.send(viewer.to_charts)
                    meter.quiet(0.3, 5)
                for turn in range(presses):
                    _press(meter, DOWN if case == "runs" or turn % 2 == 0 else UP, found[viewer.name])
    return found


def _press(meter: Meter, key: bytes, found: dict[str, list[float]]) -> None:
    before, began = meter.bytes_seen, meter.elapsed_s
    meter.send(key)
    if not meter.read(1.0):
        return  # nothing to paint: the cursor is where it was
    found["key"].append(1e3 * (meter.arrived_s - began))
    meter.quiet(0.08, 2)
    found["bytes"].append(float(meter.bytes_seen - before))


# -- a live run --------------------------------------------------------------------------------------


def live(viewers: list[Viewer], window_s: float, rounds: int) -> Figures:
    """A live run of ten metrics at 10 Hz: latency, load, memory, and letters typed meanwhile."""
    found = figures()
    for turn in range(rounds):
        for viewer in viewers:
            case = f"live{turn}"
            with live_run(viewer, case, seconds=40 + window_s) as times:
                _watch(viewer, case, times, window_s, found[viewer.name])
    return found


def _watch(viewer: Viewer, case: str, times: Path, window_s: float, found: dict[str, list[float]]) -> None:
    with Meter(viewer.open_live(viewer.place(case)), env=viewer.environ(case)) as meter:
        if meter.wait(lambda text: bool(BRAILLE.search(text)), 30) is None:
            raise SystemExit(f"bench: {viewer.name} showed no curve of a live run:\n{meter.text()}")
        meter.settle(3.0)
        newest = _Newest(meter, times)
        load = _load(meter, viewer, case, window_s, newest.look)
        found["latency"] += newest.latencies_ms
        _add_load(found, load)
        own = process_tree(meter.pid)
        found["memory"].append(pss_mb(own + viewer.helpers(case)))
        found["memory own"].append(pss_mb(own))
        for _ in range(2):
            found["letter"] += typed(meter, viewer, TYPED, 0.13)


class _Newest:
    """Notes how late each step shows that is newer than the ones before."""

    def __init__(self, meter: Meter, times: Path) -> None:
        self._meter = meter
        self._times = times
        self._shown = 0
        self.latencies_ms: list[float] = []

    def look(self) -> None:
        now = self._meter.started_at + self._meter.arrived_s
        logged = dict(line.split() for line in self._times.read_text().splitlines() if " " in line)
        there = max((int(n) for n in PROBE.findall(self._meter.text()) if n in logged), default=0)
        if there > self._shown:
            self._shown = there
            self.latencies_ms.append(1e3 * (now - float(logged[str(there)])))


def typed(meter: Meter, viewer: Viewer, text: str, pause_s: float) -> list[float]:
    """Milliseconds from each letter of `text`, typed into the viewer's prompt line, to its picture.

    A letter after which nothing stands there that did not stand somewhere before is typed and not timed.
    """
    meter.send(viewer.prompt)
    meter.settle(1.0)
    meter.send(b"\x15")  # what was typed last time
    meter.settle(1.0)
    there, taken = "", []
    for letter in text:
        there += letter
        if there in meter.text():
            meter.send(letter.encode())
        else:
            taken.append(answered_ms(meter, letter.encode(), lambda screen, there=there: there in screen))
        meter.settle(pause_s)
    meter.send(b"\x1b")
    meter.settle(1.0)
    return taken


def answered_ms(meter: Meter, key: bytes, seen: Callable[[str], bool]) -> float:
    """Milliseconds from a key to a screen on which `seen` holds."""
    began = meter.elapsed_s
    meter.send(key)
    at = meter.wait(seen, 30.0)
    if at is None:
        raise SystemExit(f"bench: {key!r} was never answered\n{meter.text()}")
    return 1e3 * (at - began)


# -- idle --------------------------------------------------------------------------------------------


def idle(viewers: list[Viewer], case: str, window_s: float) -> Figures:
    """Load while nothing happens: charts of a run that ended, or (`quiet`) of a live one that logs nothing."""
    found = figures()
    for viewer in viewers:
        if case == "quiet":
            with live_run(viewer, case, seconds=120, hz=0.005):
                _idle_once(viewer, case, window_s, found[viewer.name])
        else:
            _idle_once(viewer, case, window_s, found[viewer.name])
    return found


def _idle_once(viewer: Viewer, case: str, window_s: float, found: dict[str, list[float]]) -> None:
    with Meter(viewer.open_run(viewer.place(case)), env=viewer.environ(case)) as meter:
        meter.wait(lambda text: bool(BRAILLE.search(text)), 60)
        meter.settle(8.0)
        _add_load(found, _load(meter, viewer, case, window_s, lambda: None))


def _load(meter: Meter, viewer: Viewer, case: str, window_s: float, look: Callable[[], None]) -> Load:
    own, helpers = process_tree(meter.pid), viewer.helpers(case)
    before, began = (cpu_s(own), cpu_s(helpers), meter.bytes_seen), meter.elapsed_s
    pictures, last = 0, 0.0
    while meter.elapsed_s - began < window_s:
        if not meter.read(0.05):
            continue
        pictures += meter.arrived_s - last > 0.03
        last = meter.arrived_s
        look()
    spent = meter.elapsed_s - began
    return Load(
        100 * (cpu_s(own) - before[0]) / spent,
        100 * (cpu_s(helpers) - before[1]) / spent,
        (meter.bytes_seen - before[2]) / spent,
        pictures / spent,
    )


def _add_load(found: dict[str, list[float]], load: Load) -> None:
    found["cpu"].append(load.cpu_own + load.cpu_helpers)
    found["cpu own"].append(load.cpu_own)
    found["cpu ogd"].append(load.cpu_helpers)
    found["bytes/s"].append(load.bytes_per_s)
    if load.pictures_per_s:
        found["bytes/picture"].append(load.bytes_per_s / load.pictures_per_s)
        found["pictures/s"].append(load.pictures_per_s)


def p95(values: list[float]) -> float:
    """The value that one in twenty exceeds."""
    return statistics.quantiles(values, n=20)[18] if len(values) > 1 else values[0]


def bytecode_there() -> bool:
    """Whether og's modules are compiled, as an installer leaves them; else each start compiles them anew."""
    import compileall

    import opengraphs

    folder = Path(opengraphs.__file__).parent
    kept = os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        return bool(compileall.compile_dir(folder, quiet=2))
    finally:
        if kept is not None:
            os.environ["PYTHONDONTWRITEBYTECODE"] = kept
