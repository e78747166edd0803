"""Trainings that hardly log: `--runs` processes with the real SDK, each logging about `--hz` records a second.

Two of three log steadily, every third pauses half a minute after each half minute. Run 0
notes when each of its calls returned in `--times`, as `step seconds` of the monotonic clock.
They end on SIGTERM to the parent, finishing their runs.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import signal
import sys
import time
from types import FrameType

PAUSE_S = 30.0


class _EndError(Exception):
    """Somebody wants us to end."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--hz", type=float, required=True)
    parser.add_argument("--times", required=True)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    children: list[int] = []
    try:
        for number in range(args.runs):
            child = os.fork()
            if child == 0:
                _train(number, args.hz, args.times if number == 0 else os.devnull)
                os._exit(0)
            children.append(child)
        while True:
            signal.pause()
    except _EndError:
        for child in children:
            os.kill(child, signal.SIGTERM)
        for child in children:
            os.waitpid(child, 0)
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    raise _EndError


def _train(number: int, hz: float, times_path: str) -> None:
    import opengraphs as og

    dice = random.Random(number)
    run = og.init(project="soak", name=f"live-{number}", config={"seed": number, "lr": 10.0 ** -(number % 5)})
    began, step = time.perf_counter(), 0
    with open(times_path, "w", buffering=1) as times:
        try:
            while True:
                resting = number % 3 == 2 and (time.perf_counter() - began) % (2 * PAUSE_S) > PAUSE_S
                if not resting:
                    run.log(
                        {"train/loss": math.exp(-step / 500) + dice.random() / 20, "lr": 0.1, "probe": step}
                    )
                    times.write(f"{step} {time.perf_counter()}\n")
                    step += 1
                time.sleep(dice.uniform(0.5, 1.5) / hz)
        except _EndError:
            run.finish()


if __name__ == "__main__":
    sys.exit(main())
