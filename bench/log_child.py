"""One measurement of one contestant, in a process of its own; prints one JSON object."""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.peers import Log, contestant

METRICS = {f"train/metric_{n}": 0.1234567 * n + 0.01 for n in range(10)}
QUANTILES = {"p50": 0.5, "p99": 0.99}


def quantiles(samples_ns: list[int]) -> dict[str, float]:
    """Microseconds at each quantile."""
    ordered = sorted(samples_ns)
    return {name: ordered[int(share * (len(ordered) - 1))] / 1e3 for name, share in QUANTILES.items()}


def calls(log: Log, count: int, *, gap_s: float, limit_s: float) -> list[int]:
    """Nanoseconds of each call, `gap_s` apart; fewer calls when `limit_s` runs out."""
    clock, samples = time.perf_counter_ns, []
    begin = time.perf_counter()
    for step in range(count):
        start = clock()
        log(METRICS, step)
        samples.append(clock() - start)
        if time.perf_counter() - begin > limit_s:
            break
        if gap_s:
            time.sleep(gap_s)
    return samples


def tight(log: Log, scale: float) -> dict[str, float]:
    calls(log, 200, gap_s=0, limit_s=2)
    return quantiles(calls(log, int(20_000 * scale), gap_s=0, limit_s=8 * scale))


def paced(log: Log, scale: float) -> dict[str, float]:
    calls(log, 50, gap_s=0.001, limit_s=2)
    return quantiles(calls(log, int(3000 * scale), gap_s=0.001, limit_s=6 * scale))


def busy(log: Log, scale: float) -> dict[str, float]:
    """Beside a thread that never stops running Python, as a data loader or progress bar does."""
    is_over = threading.Event()

    def spin() -> None:
        number = 0
        while not is_over.is_set():
            number += 1

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        return quantiles(calls(log, int(1000 * scale), gap_s=0.002, limit_s=15 * scale))
    finally:
        is_over.set()
        thread.join()


def step(log: Log, scale: float) -> dict[str, float]:
    """Slowdown of a training step of about a millisecond: pairs of short blocks, without and with logging."""
    import numpy as np

    left = np.random.default_rng(0).random((220, 220))
    rounds = max(5, int(60 * scale))
    work = _steps_of_a_millisecond(lambda: left @ left)
    ratios = []
    for number in range(rounds + 1):
        plain = _timed(work, lambda _step: None)
        logged = _timed(work, lambda at: log(METRICS, at))
        if number:  # the first pair warms up
            ratios.append(logged / plain)
    return {"slowdown": sorted(ratios)[len(ratios) // 2]}


def _steps_of_a_millisecond(multiply: Callable[[], Any]) -> Callable[[], None]:
    begin = time.perf_counter()
    for _ in range(20):
        multiply()
    repeat = max(1, round(0.001 / ((time.perf_counter() - begin) / 20)))

    def work() -> None:
        for _ in range(repeat):
            multiply()

    return work


def _timed(work: Callable[[], None], log: Callable[[int], None], steps: int = 40) -> float:
    begin = time.perf_counter()
    for at in range(steps):
        work()
        log(at)
    return time.perf_counter() - begin


def kill(log: Log, _scale: float) -> dict[str, float]:
    """Log at 1 kHz until killed; calls that returned are counted in a mapping that outlives us."""
    with open(os.environ["BENCH_COUNTER"], "r+b") as file:
        counter = mmap.mmap(file.fileno(), 8)
    begin, number = time.perf_counter(), 0
    while True:
        log(METRICS, number)
        number += 1
        counter[:8] = struct.pack("<q", number)
        wait_s = begin + number / 1000 - time.perf_counter()
        if wait_s > 0:
            time.sleep(wait_s)


SCENARIOS: dict[str, Callable[[Log, float], dict[str, float]]] = {
    "tight": tight,
    "paced": paced,
    "busy": busy,
    "step": step,
    "kill": kill,
}


def main() -> None:
    name, scenario, folder, scale = sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])
    one = contestant(name)
    if scenario == "rows":
        result: dict[str, float] = {"rows": one.rows(folder)}
    else:
        begin = time.perf_counter()
        log = one.open(folder)
        log(METRICS, 0)
        ready_ms = (time.perf_counter() - begin) * 1e3
        result = {"ready_ms": ready_ms, **(SCENARIOS[scenario](log, scale) if scenario != "ready" else {})}
        one.close()
    print("\n" + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
