"""What the painters' tests draw, and how a frame is checked and written down."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from typing import Any

from opengraphs.tui.painters.cells import Row, plain, row_width

NOW = 1_795_600_000.0
SIZES = [(200, 50), (120, 40), (80, 24), (60, 20), (40, 10)]


def check_frame(rows: Sequence[Row], width: int, height: int) -> None:
    """Exactly the size asked for, and nothing in it that could steer a terminal."""
    assert len(rows) == height
    for row in rows:
        assert row_width(row) == width, (row_width(row), row)
        for text, role in row:
            assert role
            assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text), repr(text)


def frame_text(rows: Sequence[Row]) -> str:
    """A frame as a golden file holds it: the text, then the roles of every row."""
    out = [f"|{line}|" for line in plain(rows)]
    out.append("")
    for row in rows:
        merged: list[list[Any]] = []
        for text, role in row:
            if merged and merged[-1][0] == role:
                merged[-1][1] += len(text)
            else:
                merged.append([role, len(text)])
        out.append(" ".join(f"{role}*{size}" for role, size in merged))
    return "\n".join(out) + "\n"


def iso(epoch_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch_s)) + ".000000Z"


def series(
    run: str, metric: str, xs: Sequence[int], ys: Sequence[float], *, smooth: bool = True
) -> list[Any]:
    """A raw SeriesOut, and its ma(15) beside it."""
    finite = [y for y in ys if math.isfinite(y)]
    lost = [float(x) for x, y in zip(xs, ys, strict=True) if not math.isfinite(y)]

    def one(derived: str | None, values: Sequence[float]) -> dict[str, Any]:
        return {
            "run": run,
            "metric": metric,
            "derived": derived,
            "rank": None,
            "x": [float(x) for x in xs],
            "y": [y if math.isfinite(y) else "NaN" if math.isnan(y) else "Infinity" for y in values],
            "points": len(xs),
            "last": {"step": xs[-1], "time": NOW, "value": values[-1]} if len(xs) else None,
            "min": min(finite, default=None),
            "max": max(finite, default=None),
            "mean": sum(finite) / len(finite) if finite else None,
            "slope": (finite[-1] - finite[0]) / len(finite) if finite else None,
            "first_step": xs[0] if len(xs) else None,
            "last_step": xs[-1] if len(xs) else None,
            "nonfinite": {"nan": len(lost), "inf": 0, "at": lost},
        }

    averages = [sum(ys[max(0, i - 14) : i + 1]) / len(ys[max(0, i - 14) : i + 1]) for i in range(len(ys))]
    return [one(None, ys), one("ma(15)", averages)] if smooth else [one(None, ys)]


def training(run: str = "r1", *, steps: int = 372, seed: int = 1, speed: float = 1.0) -> list[Any]:
    """Seven metrics of a small training."""
    rng = random.Random(seed)
    xs, evals = range(steps), range(0, steps, 20)
    loss = [
        2.3 * math.exp(-x * speed / 90) + 0.25 + rng.gauss(0, 0.05) + (0.9 if x == 240 else 0) for x in xs
    ]
    acc = [min(1.0, 0.97 - 0.9 * math.exp(-x * speed / 70) + rng.gauss(0, 0.02)) for x in xs]
    rate = [3e-4 * (x / 40 if x < 40 else 0.5 * (1 + math.cos(math.pi * (x - 40) / 960))) for x in xs]
    norm = [abs(rng.lognormvariate(0, 0.4)) * (1 + 3 * math.exp(-x / 50)) for x in xs]
    speed_s = [11_800 + rng.gauss(0, 350) - (4000 if 200 < x < 206 else 0) for x in xs]
    return [
        *series(run, "train/loss", xs, loss),
        *series(run, "train/acc", xs, acc),
        *series(run, "eval/loss", evals, [2.2 * math.exp(-x * speed / 100) + 0.33 for x in evals]),
        *series(run, "eval/acc", evals, [0.93 - 0.85 * math.exp(-x * speed / 80) for x in evals]),
        *series(run, "lr", xs, rate),
        *series(run, "grad_norm", xs, norm),
        *series(run, "samples_per_s", xs, speed_s),
    ]


METRICS = ["train/loss", "train/acc", "lr", "grad_norm", "samples_per_s", "eval/loss", "eval/acc"]


def run_reply(**changes: Any) -> Any:
    run = {
        "run_id": "20261122-093012-k7f3",
        "name": "train-gpt",
        "project": "digits",
        "status": "running",
        "created_at": iso(NOW - 300),
        "started_at": iso(NOW - 300),
        "host": "node17.cluster.local",
        "metrics": [{"key": key, "points": 372} for key in METRICS],
    }
    return {**run, **changes}


def series_reply(run_id: str = "20261122-093012-k7f3") -> Any:
    progress = {"step": 372, "total": 1000, "unit": "step", "eta_s": 252.0, "steps_per_s": 2.5}
    return {"schema": 1, "series": training(run_id), "pending": {}, "progress": {run_id: progress}}


SYSTEM = {
    "cpu.percent": 37.2,
    "ram.used_bytes": 9.3e9,
    "ram.total_bytes": 33e9,
    "disk.free_bytes": 3.1e10,
    "disk.total_bytes": 1e12,
    "disk.read_bytes_per_s": 1.2e6,
    "disk.write_bytes_per_s": 3.3e7,
    "net.rx_bytes_per_s": 1.3e6,
    "net.tx_bytes_per_s": 3.1e4,
    "gpu.0.util_percent": 97.0,
    "gpu.0.mem_used_bytes": 43e9,
    "gpu.0.mem_total_bytes": 85e9,
    "gpu.0.temp_c": 71.0,
    "gpu.0.power_watts": 412.0,
    "gpu.1.util_percent": 88.0,
    "gpu.1.mem_used_bytes": 41e9,
    "gpu.1.mem_total_bytes": 85e9,
    "gpu.1.temp_c": 68.0,
    "gpu.1.power_watts": 389.0,
}


def system_reply() -> Any:
    out = []
    for key, number in SYSTEM.items():
        out += series("r1", key, [0], [number], smooth=False)
    return {"hosts": ["node17"], "series": out}


NAMES = [
    "train-gpt",
    "baseline",
    "lr-1e-4-warmup",
    "resnet50-augment-long-name-that-goes-on-and-on",
    "ablation/no-norm",
    "训练-实验-七",
    "sweep-03",
    "evil \x1b[31mred\x07 name",
    "first try 🚀",
]
STATUSES = ["running", "running", "finished", "failed", "crashed", "finished", "stopped", "lost", "finished"]


def run_rows(count: int = 30) -> list[Any]:
    rng = random.Random(5)
    rows: list[Any] = []
    for index in range(count):
        age = 60 * 3.0 ** (index / 3 + 0.5)
        live = STATUSES[index % 9] == "running" and index < 9
        rows.append(
            {
                "run_id": f"20261122-0930{index:02d}-k7f{index}",
                "name": NAMES[index % 9],
                "project": "digits" if index % 3 else "nanogpt",
                "status": STATUSES[index % 9] if index < 9 else "finished",
                "created_at": iso(NOW - age),
                "started_at": iso(NOW - age),
                "ended_at": None if live else iso(NOW - age / 2),
                "main_metric": ("train/loss" if index % 4 else "eval/acc") if index != 6 else None,
                "spark": [2.3 * math.exp(-x / 6) + 0.2 + rng.gauss(0, 0.05) for x in range(32)],
                "last": {"train/loss": 0.31 * index + 0.1, "eval/acc": 0.93},
                "last_step": 372 * (index + 1) ** 2 if index != 6 else None,
                "points": 1000,
                "progress": {"step": 372, "total": 1000 * (1 + index % 3)} if index % 5 else None,
                "tags": ["baseline", "seed=3"] if index % 2 else [],
            }
        )
    return rows


LOG_TEXTS = [
    "epoch 1/10",
    "\x1b[32mINFO\x1b[0m  loading data from /data/digits",
    "\x1b[1;33mWARN\x1b[0m  no GPU found, using CPU",
    "step 100 loss=0.412 acc=0.87",
    "\x1b[38;2;255;80;80mERROR\x1b[0m something \x1b[4mbad\x1b[0m",
    "训练开始 🚀 loss=0.31",
    '  File "train.py", line 12, in <module>\x1b[2J\x07\x1b]0;title\x07',
    "x" * 300,
]


def log_lines(count: int = 60, *, first: int = 1200) -> list[Any]:
    return [{"n": first + index, "text": LOG_TEXTS[index % len(LOG_TEXTS)]} for index in range(count)]
