"""Trainings that do nothing but log: `--runs` of them, ten scalars each, `--hz` times a second.

The first one's `probe` is a metric whose step is noted in `--times` with the time at which
`log()` returned. Ends when its standard input does.
"""

from __future__ import annotations

import argparse
import select
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--hz", type=float, default=10.0)
    parser.add_argument("--times")
    args = parser.parse_args()
    from opengraphs.sdk.start import Wish, start

    logs = [
        start(Wish(project="bench", name=f"live-{args.first + n}"), join=False).log for n in range(args.runs)
    ]
    values = {f"train/metric_{place}": 0.5 for place in range(9)}
    times = open(args.times, "w", buffering=1) if args.times else None  # noqa: SIM115 (open to the end)
    gap_s = 1.0 / args.hz / len(logs)
    begin = time.perf_counter()
    tick = 0
    while not select.select([sys.stdin], [], [], max(0.0, begin + tick * gap_s - time.perf_counter()))[0]:
        step, place = divmod(tick, len(logs))
        values["train/metric_0"] = 1.0 / (1 + step)
        logs[place]({**values, "probe": float(step)}, step)
        if place == 0 and times is not None:
            times.write(f"{step} {time.perf_counter()}\n")
        tick += 1


if __name__ == "__main__":
    main()
