"""Alerts on curves with known faults: found or not, how late, and how often on healthy runs; beside what others do.

    python -m bench alerts FOLDER            recall, delay, false alerts (FOLDER as shared/curves: manifest.jsonl and CSVs)
    python -m bench alerts FOLDER --power    shifts of +50 … +2 % put into real, healthy noise
    python -m bench alerts --cost            µs a point, all detectors together; beside a floor in the same run

A manifest line has `path`, `label` (`healthy…`, `transient…`, else a fault), `onset` (step, or null) and `expect`. Rivals are
judged on the loss or reward of the same files: W&B's z-score automation (window 30, 3 sigmas), a 6-sigma rule over 128
points and 2 × the running minimum; alarms closer than 100 points are one.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from opengraphs.alerts.replay import Firing, Replay
from opengraphs.alerts.roles import guess

NOT_METRICS = (
    "step",
    "time",
    "episode",
    "epoch",
    "elapsed_ms",
    "env_steps",
    "ep_len",
    "wall_s",
    "step_avg_ms",
)
WITHIN = 30
"""A level fault counts as found within so many points."""
MERGED = 100
LOUD = ("warn", "error")
SHIFTS = (0.5, 0.2, 0.1, 0.05, 0.02)
LEVEL_FAULTS = ("level_shift", "spike_sustained", "divergence", "nan", "grad_explosion", "too_good")
Series = list[tuple[int, float]]


class Curve(NamedTuple):
    """One file. series: by metric, (step, value) in order."""

    path: str
    label: str
    onset: int | None
    expect: str
    series: dict[str, Series]

    @property
    def is_healthy(self) -> bool:
        return self.label.startswith(("healthy", "transient"))

    @property
    def main(self) -> Series:
        """The loss, else the reward: what simple rules look at."""
        for role in ("loss", "reward"):
            for metric, points in self.series.items():
                if guess(metric) == role:
                    return points
        return next(iter(self.series.values()), [])

    @property
    def points(self) -> int:
        return sum(len(points) for points in self.series.values())


def load(folder: Path) -> list[Curve]:
    """Every curve of a manifest."""
    curves = []
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        said = json.loads(line) if line.strip() else None
        if said:
            onset = said.get("effect_onset", said.get("onset"))
            curves.append(
                Curve(
                    said["path"], said["label"], onset, said.get("expect") or "", table(folder / said["path"])
                )
            )
    return curves


def table(path: Path) -> dict[str, Series]:
    """The metrics of a CSV; without a `step` column the episode, else the row, is the step."""
    found: dict[str, Series] = {}
    with path.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            at = row.get("step") or row.get("episode") or number
            step = int(float(at))
            for name, cell in row.items():
                if name not in NOT_METRICS and cell not in ("", None):
                    found.setdefault(name, []).append((step, float(cell)))
    return found


def fire(series: dict[str, Series], *, second_s: float = 1.0) -> list[Firing]:
    """What og's detectors say of a run that logs a point a second."""
    places = sorted({step for points in series.values() for step, _ in points})
    clock = {step: 1e9 + number * second_s for number, step in enumerate(places)}
    rows = sorted(
        (step, order, metric, value)
        for order, (metric, points) in enumerate(series.items())
        for step, value in points
    )
    again = Replay()
    again.take((metric, step, clock[step], value, 0) for step, _, metric, value in rows)
    return list(again.firings())


# -- what others do ------------------------------------------------------------------------------


def z_score(values: Sequence[float], *, window: int = 30, sigmas: float = 3.0) -> list[int]:
    """Alarms of a z-score against the window before: W&B's automation with its defaults."""
    past: deque[float] = deque(maxlen=window)
    found = []
    for place, value in enumerate(values):
        if len(past) == window:
            mean = sum(past) / window
            sigma = math.sqrt(sum((one - mean) ** 2 for one in past) / window)
            if value > mean + sigmas * sigma:
                found.append(place)
        past.append(value)
    return found


def six_sigma(values: Sequence[float]) -> list[int]:
    """Alarms above mean + 6 sigmas of the last 128 points, once half of them are there."""
    past: deque[float] = deque(maxlen=128)
    found = []
    for place, value in enumerate(values):
        if len(past) >= 64:
            mean = sum(past) / len(past)
            sigma = math.sqrt(sum((one - mean) ** 2 for one in past) / len(past))
            if value > mean + 6 * sigma:
                found.append(place)
        past.append(value)
    return found


def twice_minimum(values: Sequence[float]) -> list[int]:
    """Alarms above twice the lowest value so far."""
    lowest, found = math.inf, []
    for place, value in enumerate(values):
        if value > 2 * lowest > 0:
            found.append(place)
        lowest = min(lowest, value)
    return found


RIVALS: dict[str, Callable[[Sequence[float]], list[int]]] = {
    "W&B z-score (30, 3)": z_score,
    "6 sigma of 128": six_sigma,
    "2 × running minimum": twice_minimum,
}


def merged(places: Iterable[int]) -> list[int]:
    """First places of alarms that are not closer than MERGED points to the one before."""
    found: list[int] = []
    last = -math.inf
    for place in places:
        if place - last >= MERGED:
            found.append(place)
        last = place
    return found


def rival(name: str, curve: Curve) -> list[int]:
    """Steps at which a rival alarms; NaN counts as an alarm of all of them, a falling reward as a rising loss."""
    points = curve.main
    sign = (
        -1.0
        if any(guess(metric) == "reward" and points is own for metric, own in curve.series.items())
        else 1.0
    )
    odd = [place for place, (_, value) in enumerate(points) if not math.isfinite(value)]
    values = [sign * value if math.isfinite(value) else 0.0 for _, value in points]
    return [points[place][0] for place in merged(sorted({*RIVALS[name](values), *odd}))]


# -- recall, delay, false alerts -------------------------------------------------------------------


class Score(NamedTuple):
    """found: of so many faults. delays: points from onset to alarm. false: alarms on so many healthy points."""

    found: int
    faults: int
    delays: list[int]
    false: int
    healthy_points: int
    healthy_hit: int
    healthy: int

    def cells(self, name: str) -> list[str]:
        rate = 1e5 * self.false / self.healthy_points if self.healthy_points else 0.0
        delay = f"{statistics.median(self.delays):g} / {max(self.delays)}" if self.delays else ""
        return [
            name,
            f"{self.found} of {self.faults}",
            delay,
            f"{self.false} ({rate:.1f})",
            f"{self.healthy_hit} of {self.healthy}",
        ]


def judge(curves: list[Curve], alarms: Callable[[Curve], list[int]], *, level_only: bool) -> Score:
    found, faults, delays = 0, 0, list[int]()
    false = points = hit = healthy = 0
    for curve in curves:
        steps = sorted(alarms(curve))
        if curve.is_healthy:
            healthy += 1
            points += len(curve.main)
            false += len(steps)
            hit += bool(steps)
        elif curve.onset is not None and (not level_only or curve.expect in LEVEL_FAULTS):
            faults += 1
            after = next((step for step in steps if step >= curve.onset), None)
            if after is not None:
                delay = sum(curve.onset <= step < after for step, _ in curve.main)
                if delay <= WITHIN or not level_only:
                    found += 1
                    delays.append(delay)
    return Score(found, faults, delays, false, points, hit, healthy)


def loud_steps(curve: Curve) -> list[int]:
    """Steps of og's alerts of level warn and error."""
    return [
        firing["fired_step"]
        for firing in fire(curve.series)
        if firing["level"] in LOUD and firing["fired_step"] is not None
    ]


def compare(curves: list[Curve]) -> None:
    ways: dict[str, Callable[[Curve], list[int]]] = {"og": loud_steps}
    ways |= {name: lambda curve, name=name: rival(name, curve) for name in RIVALS}  # type: ignore[misc]
    for level_only, title in (
        (True, f"level faults, within {WITHIN} points"),
        (False, "every fault with an onset"),
    ):
        rows = [judge(curves, way, level_only=level_only).cells(name) for name, way in ways.items()]
        put(
            title,
            [
                "",
                "found",
                "delay, median / worst",
                "false alerts (in 100 000 points)",
                "healthy runs with one",
            ],
            rows,
        )
    each = []
    for curve in curves:
        told = [f"{one['detector']}@{one['fired_step']} ({one['level']})" for one in fire(curve.series)]
        each.append(
            [curve.path, curve.label, "" if curve.onset is None else str(curve.onset), ", ".join(told) or "–"]
        )
    put("each curve", ["curve", "label", "onset", "og says"], each)


# -- power -----------------------------------------------------------------------------------------


def power(curves: list[Curve], *, trials: int = 12) -> None:
    """How small a shift is found in real noise: healthy losses, multiplied from a random step on."""
    dice = random.Random(5)
    losses = [
        curve.main
        for curve in curves
        if curve.is_healthy and any(guess(name) == "loss" for name in curve.series)
    ]
    rows = []
    for shift in SHIFTS:
        found, delays, tried = 0, list[int](), 0
        for points in losses:
            for _ in range(trials if len(points) > 400 else 0):
                at = dice.randrange(200, len(points) - 150)
                end = min(len(points), at + 300)
                start = max(0, at - 2000)
                part = [
                    (step, value * (1 + shift) if place >= at - start else value)
                    for place, (step, value) in enumerate(points[start:end])
                ]
                onset = part[at - start][0]
                steps = [
                    one["fired_step"] or 0
                    for one in fire({"loss": part})
                    if one["detector"] in ("level_up", "divergence")
                ]
                tried += 1
                after = next((step for step in sorted(steps) if step >= onset), None)
                if after is not None:
                    delay = sum(onset <= step < after for step, _ in part)
                    found += delay <= 100
                    delays.append(delay)
        middle = f"{statistics.median(delays):g}" if delays else ""
        rows.append(
            [f"+{shift * 100:g} %", f"{found} of {tried}", f"{100 * found / max(1, tried):.0f} %", middle]
        )
    put("shifts in real noise, within 100 points", ["shift", "found", "", "delay, median"], rows)


# -- cost ------------------------------------------------------------------------------------------


def cost(*, points: int = 100_000) -> None:
    """µs a point of a noisy, falling loss; of other roles; the floor is a loop that takes the same tuples apart."""
    dice = random.Random(1)
    rows = []
    values = [2 + 3 * math.exp(-place / 9000) + dice.gauss(0, 0.05) for place in range(points)]
    series = [("m", place, 1e9 + place / 10, value, 0) for place, value in enumerate(values)]
    began = time.perf_counter()
    total = 0.0
    for _, _, _, value, _ in series:
        total += value
    floor = (time.perf_counter() - began) / points * 1e6
    for name in (
        "train/loss",
        "eval/loss",
        "grad_norm",
        "reward",
        "kl",
        "entropy",
        "step_time",
        "lr",
        "train/other",
    ):
        again = Replay()
        named = [(name, step, when, abs(value), rank) for _, step, when, value, rank in series]
        began = time.process_time()
        again.take(named)
        spent = (time.process_time() - began) / points * 1e6
        rows.append(
            [name, f"{spent:.2f}", "≤ 5", "held" if spent <= 5 else "MISSED", f"{spent / floor:.0f}×"]
        )
    put(
        "µs a point, all detectors together",
        ["metric", "µs", "budget", "", f"beside a bare loop ({floor:.3f} µs)"],
        rows,
    )


def put(title: str, head: list[str], rows: list[list[str]]) -> None:
    """A Markdown table."""
    print(f"#### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="with manifest.jsonl and the CSVs it names")
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--cost", action="store_true")
    args = parser.parse_args(argv)
    if args.cost:
        cost()
    if args.folder is None:
        if not args.cost:
            parser.error("which folder?")
        return 0
    try:
        curves = load(args.folder)
    except (OSError, ValueError, KeyError) as error:
        print(f"bench: {args.folder} is no folder of curves: {error}", file=sys.stderr)
        return 2
    power(curves) if args.power else compare(curves)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
