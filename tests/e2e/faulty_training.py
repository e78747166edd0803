"""A training that goes wrong in the way it is told to: `faulty_training.py FAULT`."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time

import opengraphs as og

DICE = random.Random(4)
PAUSE_S = 0.004


def falling(step: int, *, gain: float = 3.0) -> float:
    return 2.0 + gain * math.exp(-step / 60) + DICE.gauss(0, 0.02)


def log(step: int, **metrics: float) -> None:
    og.log({name.replace("__", "/"): value for name, value in metrics.items()}, step=step)
    time.sleep(PAUSE_S)


def level_up() -> None:
    for step in range(330):
        log(step, train__loss=falling(step) * (1.12 if step >= 300 else 1))


def divergence() -> None:
    for step in range(360):
        log(step, train__loss=falling(step) + (2.5 if step >= 300 else 0))


def nonfinite() -> None:
    for step in range(120):
        log(step, train__loss=math.nan if step >= 100 else falling(step))


def masked_nan() -> None:
    for step in range(120):
        log(step, train__loss=0.0 if step >= 100 else falling(step))


def too_good() -> None:
    for step in range(240):
        log(step, train__loss=falling(step) * (0.05 if step >= 220 else 1))


def no_learning() -> None:
    for step in range(230):
        log(step, train__loss=falling(step, gain=0.0))


def grad_explosion() -> None:
    for step in range(100):
        log(step, train__loss=falling(step), grad_norm=900.0 if step >= 90 else 1.0 + DICE.random())


def slow() -> None:
    for step in range(120):
        log(step, train__loss=falling(step), step_time=0.02 if step < 80 else 0.2)
        time.sleep(0.05 if step >= 80 else 0.0)


def stall() -> None:
    for step in range(60):
        log(step, train__loss=falling(step))
    time.sleep(8)


def crash() -> None:
    for step in range(40):
        log(step, train__loss=falling(step))
    raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")


def silent_rank() -> None:
    rank = int(os.environ["RANK"])
    for step in range(60 if rank else 900):
        log(step, train__loss=falling(step))
    time.sleep(0 if not rank else 6)


def straggler() -> None:
    rank = int(os.environ["RANK"])
    for step in range(700):
        log(step, train__loss=falling(step), step_time=0.02 * (2 if rank and step > 100 else 1))


def reward_collapse() -> None:
    for step in range(800):
        og.log(
            {"reward": min(step, 500) / 50 + DICE.gauss(0, 0.3) if step < 600 else DICE.gauss(1, 0.3)},
            step=step,
        )


def overfit() -> None:
    for step in range(1100):
        best = abs(step - 300) / 300
        more = {"eval__loss": 2.0 + best} if step % 100 == 0 else {}
        log(step, train__loss=5 - step / 400 + DICE.gauss(0, 0.02), **more)


def entropy_collapse() -> None:
    for step in range(120):
        log(step, entropy=0.02 if step >= 80 else 1.0 + DICE.gauss(0, 0.05))


def kl_blow_up() -> None:
    for step in range(100):
        log(step, kl=0.1 * 1.4 ** max(0, step - 80) + 0.01 * DICE.random())


def zero_variance() -> None:
    for step in range(80):
        log(step, frac_reward_zero_std=0.95 if step >= 40 else 0.1)


def clipped_length() -> None:
    for step in range(80):
        log(step, completions__clipped_ratio=0.9 if step >= 40 else 0.1)


def gpu_idle() -> None:
    for second in range(40):
        og.log_system({"gpu.0.util_percent": 95.0 if second < 8 else 0.0})
        time.sleep(0.15)


def memory() -> None:
    for _ in range(40):
        og.log_system({"ram.percent": 99.0})
        time.sleep(0.15)


def disk() -> None:
    for _ in range(40):
        og.log_system({"disk.free_bytes": 1000})
        time.sleep(0.15)


def healthy() -> None:
    for step in range(400):
        log(step, train__loss=falling(step), grad_norm=1.0 + DICE.random(), lr=1e-3)


def main() -> None:
    fault = sys.argv[1]
    if fault in ("silent_rank", "straggler") and "RANK" not in os.environ:
        ranks = [
            subprocess.Popen(
                [sys.executable, __file__, fault], env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2"}
            )
            for rank in (0, 1)
        ]
        sys.exit(max(one.wait() for one in ranks))
    og.init(project="faults", name=fault)
    globals()[fault]()
    time.sleep(1.5)


if __name__ == "__main__":
    main()
