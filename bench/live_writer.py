"""A training that does nothing but log: ten metrics, `--hz` times a second, through og or wandb.

`probe` is a counter of four digits, so a terminal can tell which call it is showing; the
time of each call goes to `--times`.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

FIRST_PROBE = 1_001


def logger(name: str) -> Callable[[dict[str, Any], int], Any]:
    if name == "og":
        import opengraphs as og

        run = og.init(project="bench", name="live")
        return lambda metrics, step: run.log(metrics, step=step)
    import wandb

    wandb_run = wandb.init(project="bench", name="live", mode="offline")
    return lambda metrics, step: wandb_run.log(metrics, step=step)


def metrics_at(step: int) -> dict[str, float]:
    values = {f"m{i}/loss": math.exp(-step / 300) + 0.05 * random.random() + i for i in range(9)}
    return {**values, "probe": float(FIRST_PROBE + step)}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("tracker", choices=["og", "wandb"])
    parser.add_argument("--hz", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm-steps", type=int, default=0)
    parser.add_argument("--times", required=True)
    args = parser.parse_args()
    log = logger(args.tracker)
    for step in range(args.warm_steps):
        log(metrics_at(step), step)
    with open(args.times, "w", buffering=1) as times:
        begin = time.perf_counter()
        step = args.warm_steps
        while time.perf_counter() - begin < args.seconds:
            log(metrics_at(step), step)
            times.write(f"{FIRST_PROBE + step} {time.perf_counter()}\n")
            step += 1
            due = begin + (step - args.warm_steps) / args.hz
            time.sleep(max(0.0, due - time.perf_counter()))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    raise SystemExit(main())
