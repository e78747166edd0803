"""How often a fix that does nothing is called an improvement, and how large one must be to be seen.

    python -m bench.verify                   on made-up noise: white, AR(1) of 0.5 to 0.95, with and without a trend
    python -m bench.verify FOLDER            and on real curves (FOLDER as shared/curves: manifest.jsonl and CSVs)
    python -m bench.verify --pairs 200       quicker

A pair of branches without a change (A/A) is two draws of the same noise on the same curve. From a real curve two branches are
made of its own trend and its own residuals, drawn in stretches of 50 points, so that what one batch does to the next
stays. The table has the share of pairs called improved, and of those called regressed; then, of pairs in which the child is
better by so many percent, the share called improved; then after how many points a harm of so many percent is told.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from opengraphs.alerts.roles import guess
from opengraphs.guard.verify import Curve, Effect, compare

EFFECTS = (0.01, 0.02, 0.05, 0.10, 0.25, 0.50)
HARMS = (0.05, 0.10, 0.25, 0.50)
BEFORE, AFTER, STRETCH = 200, 100, 50
"""Points before the fault and after it, and of a stretch of real noise."""
Noise = Callable[[random.Random, int], list[float]]


class Source(NamedTuple):
    """level: of the metric, by point; noise: residuals around it."""

    name: str
    level: list[float]
    noise: Noise


def ar(share: float, sigma: float) -> Noise:
    """Noise of which a `share` is that of the point before."""

    def draw(dice: random.Random, count: int) -> list[float]:
        now, found = dice.gauss(0, sigma), []
        for _ in range(count):
            now = share * now + dice.gauss(0, sigma * (1 - share**2) ** 0.5)
            found.append(now)
        return found

    return draw


def made_up() -> list[Source]:
    count = BEFORE + AFTER
    flat, falling = [2.0] * count, [2.0 + 1.5 * 0.99**at for at in range(count)]
    noises = {
        f"AR {share}, sd {sigma:.0%}": ar(share, 2 * sigma)
        for share in (0.0, 0.5, 0.8, 0.95)
        for sigma in (0.03, 0.2)
    }
    return [
        Source(f"{shape}, {name}", level, noise)
        for shape, level in (("flat", flat), ("falling", falling))
        for name, noise in noises.items()
    ]


def real(folder: Path) -> Iterator[Source]:
    """The losses and rewards of healthy curves, each with its own trend and residuals."""
    from bench.alerts import load

    for curve in load(folder):
        values = [value for _, value in curve.main]
        if not curve.is_healthy or len(values) < BEFORE + AFTER + 50:
            continue
        name = next(
            key for key in curve.series if curve.series[key] is curve.main or guess(key) in {"loss", "reward"}
        )
        smooth = [statistics.fmean(values[max(0, at - 15) : at + 16]) for at in range(len(values))]
        rest = [value - level for value, level in zip(values, smooth, strict=True)]
        begin = len(values) // 3
        level = smooth[begin : begin + BEFORE + AFTER]
        if len(level) == BEFORE + AFTER:
            yield Source(f"{Path(curve.path).stem}, {name}", level, _stretches(rest[begin // 2 :]))


def _stretches(rest: list[float]) -> Noise:
    def draw(dice: random.Random, count: int) -> list[float]:
        found: list[float] = []
        while len(found) < count:
            at = dice.randrange(max(1, len(rest) - STRETCH))
            found += rest[at : at + STRETCH]
        return found[:count]

    return draw


def pair(
    source: Source, dice: random.Random, *, better: float = 0.0, paired: bool = True, needed: int = 50
) -> Iterator[Effect]:
    """The verdicts of one pair, asked after every fifth point of the child.

    better: by how much of its level the child is lower; less than 0: higher.
    """
    ends = len(source.level) if paired else BEFORE + 3
    parent = [
        one + two for one, two in zip(source.level, source.noise(dice, len(source.level)), strict=True)
    ][:ends]
    child = [
        one - better * abs(one) + two
        for one, two in zip(source.level, source.noise(dice, len(source.level)), strict=True)
    ]
    begin = BEFORE - 30
    for upto in range(BEFORE + 5, len(child) + 1, 5):
        steps = list(range(begin + 1, upto))
        found = compare(
            Curve(list(range(ends)), parent),
            Curve(steps, child[begin + 1 : upto]),
            direction="min",
            from_step=begin,
            onset_step=BEFORE,
            needed=needed,
        )
        yield found
        if found.verdict != "waiting":
            return


def verdict(source: Source, dice: random.Random, *, better: float = 0.0, paired: bool = True) -> Effect:
    return list(pair(source, dice, better=better, paired=paired))[-1]


def share(source: Source, pairs: int, what: str, *, better: float = 0.0, paired: bool = True) -> float:
    """How many of so many pairs get this verdict."""
    dice = random.Random(f"{source.name} {better} {paired}")
    return (
        sum(verdict(source, dice, better=better, paired=paired).verdict == what for _ in range(pairs)) / pairs
    )


def delay(source: Source, pairs: int, harm: float) -> tuple[float, float]:
    """How many of the harmed are found, and after how many points in the middle."""
    dice = random.Random(f"{source.name} {harm}")
    told = [verdict(source, dice, better=-harm) for _ in range(pairs)]
    found = [one.points for one in told if one.verdict == "regressed"]
    return len(found) / pairs, statistics.median(found) if found else float("nan")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--pairs", type=int, default=1000)
    options = parser.parse_args()
    groups = {"made up": made_up(), **({"real": list(real(options.folder))} if options.folder else {})}
    for name, sources in groups.items():
        _table(name, sources, options.pairs)
    return 0


def _table(name: str, sources: list[Source], pairs: int) -> None:
    few = max(20, pairs // 10)
    print(f"\n{name}: {pairs} A/A pairs a row, {few} pairs an effect; shares in %\n")
    heads = [f"{effect:+.0%}" for effect in EFFECTS]
    print(
        f"{'noise':40} {'improved':>8} {'unpaired':>8} {'regressed':>9}  {' '.join(f'{head:>5}' for head in heads)}   harm found, after points"
    )
    total = [0.0, 0.0, 0.0]
    for source in sources:
        rates = [
            share(source, pairs, "improved"),
            share(source, pairs, "improved", paired=False),
            share(source, pairs, "regressed"),
        ]
        total = [one + two for one, two in zip(total, rates, strict=True)]
        power = " ".join(f"{share(source, few, 'improved', better=effect) * 100:5.0f}" for effect in EFFECTS)
        harms = ", ".join(
            f"{harm:.0%} {found * 100:.0f}@{after:.0f}"
            for harm in HARMS
            for found, after in (delay(source, few, harm),)
        )
        print(
            f"{source.name[:40]:40} {rates[0] * 100:8.2f} {rates[1] * 100:8.2f} {rates[2] * 100:9.2f}  {power}   {harms}",
            flush=True,
        )
    mean = [rate / max(1, len(sources)) * 100 for rate in total]
    print(f"{'all':40} {mean[0]:8.2f} {mean[1]:8.2f} {mean[2]:9.2f}")


if __name__ == "__main__":
    sys.exit(main())
