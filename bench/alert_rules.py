"""What an alert rule costs a point, beside a loop that only compares the number.

    python -m bench.alert_rules [--quick]

One core, the median of five rounds; a point goes through the rule's stream and its watch, as
in `ogd`. The floor looks a metric up in a dict and compares its value, nothing else.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable

from bench.log import print_table
from opengraphs.alerts.rules import Rule, RuleWatch, parse_rule

BUDGET_US = 5.0
ROUNDS = 5

RULES = (
    "x > 5",
    "nan(x)",
    "x > 2 * min(x) for 10",
    "ema(x, 20) > 1.5",
    "z(x, 100) > 6",
    "slope(x, 200) > 0.01",
    "std(x, 1000) > 2",
    "median(x, 200) > 1.5",
    "q(x, 99%, 10000) > 9",
    "count(x > 1.5, 10) >= 7",
    "ema(x, 20) > 3 * median(x, 200) and lr > 0",
    "*/loss > 5",
)


def floor_us(points: int) -> float:
    """Microseconds of a look-up and a comparison."""
    values = [random.random() for _ in range(points)]
    limits = {"x": 5.0}
    samples, hot = [], 0
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for value in values:
            hot += value > limits["x"]
        samples.append((time.perf_counter() - begin) / points * 1e6)
    return statistics.median(samples)


def rule_us(rule: Rule, points: int) -> tuple[float, int]:
    """Median microseconds a point, and the bytes of the state at the end."""
    metric = "a/loss" if "*/" in rule.when else "x"
    values = [1 + random.gauss(0, 0.2) for _ in range(points)]
    samples, size = [], 0
    for _ in range(ROUNDS):
        stream, watch = rule.compile(), RuleWatch(rule)
        stream.update("lr", 0, 0.0, 1e-3)
        begin = time.perf_counter()
        for step, value in enumerate(values):
            for reading in stream.update(metric, step, step * 0.1, value):
                watch.take(reading)
        samples.append((time.perf_counter() - begin) / points * 1e6)
        size = len(json.dumps(stream.state()))
    return statistics.median(samples), size


def parse_us(text: str) -> float:
    """Microseconds to parse, check and compile a rule."""
    begin = time.perf_counter()
    for _ in range(100):
        parse_rule(text).compile().instances()
    return (time.perf_counter() - begin) / 100 * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a tenth of the points")
    points = 2_000 if options.parse_args().quick else 20_000
    floor = floor_us(points)
    shown: Callable[[float], str] = "{:.2f}".format
    rows = []
    for text in RULES:
        us, size = rule_us(parse_rule(text), points)
        rows.append(
            [text, shown(us), f"{us / floor:.0f}x", shown(BUDGET_US), f"{size}", f"{parse_us(text):.0f}"]
        )
    print_table(
        f"one rule, one point (floor, a look-up and a comparison: {floor:.3f} us)",
        ["rule", "us", "beside the floor", "budget us", "state bytes", "parse us"],
        rows,
    )


if __name__ == "__main__":
    main()
