"""One store that shows everything: three ended runs with known numbers, logs, a machine, marks and outputs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from made_runs import make_run

START = 1_577_952_000.0
"""2020-01-02T08:00:00Z: so long ago that ages are told in years."""
STEPS = 200
RUNS = (
    ("20200102-080000-aa11", "baseline", 0.003, 128),
    ("20200102-090000-bb22", "wider", 0.003, 256),
    ("20200102-100000-cc33", "slower-lr", 0.001, 128),
)


def make_scene(store: Path) -> None:
    for hours, (run_id, name, lr, width) in enumerate(RUNS):
        start = START + 3600 * hours
        folder = make_run(
            store,
            run_id,
            name=name,
            points=0,
            created_at=_iso(start),
            started_at=_iso(start),
            ended_at=_iso(start + STEPS),
            heartbeat_at=_iso(start + STEPS - 10),
            progress={"step": STEPS - 1, "total": STEPS},
            config={"lr": lr, "model": {"width": width, "depth": 4}, "seed": hours},
            tags=["sweep"] if hours else ["keep"],
            notes="the one to beat" if not hours else "",
            command=["python", "train.py", "--lr", str(lr)],
        )
        (folder / "exit.json").write_text(
            json.dumps({"code": 0, "signal": None, "ended_at": _iso(start + STEPS)})
        )
        _write(folder / "metrics" / "a0-r0.jsonl", _points(start, lr, width))
        _write(folder / "system" / "elsewhere.jsonl", _machine(start))
        _write(folder / "events" / "sdk-a0-r0.jsonl", _events(start))
        _write(folder / "samples" / "a0-r0.jsonl", _samples(start, lr))
        (folder / "stdout.log").write_text("".join(_log(lr)))


def _points(start: float, lr: float, width: int) -> list[dict[str, Any]]:
    rows = []
    for step in range(STEPS):
        loss = 2.2 * math.exp(-4 * lr * width / 128 * step) + 0.1 + 0.05 * math.sin(step * 1.7)
        metrics = {"train/loss": loss, "train/acc": 1 - loss / 2.4, "optim/lr": lr * (1 - step / STEPS)}
        if step % 20 == 19:
            metrics |= {"eval/loss": loss + 0.07, "eval/acc": 0.97 - loss / 2.4}
        rows.append({"step": step, "time": start + step, "metrics": metrics})
    return rows


def _machine(start: float) -> list[dict[str, Any]]:
    return [
        {
            "time": start + second,
            "metrics": {
                "cpu.percent": 40 + 30 * math.sin(second / 20),
                "ram.used_bytes": 8e9 + 1e7 * second,
                "ram.total_bytes": 64e9,
                "gpu.0.util_percent": 80 + 15 * math.sin(second / 7),
                "gpu.1.util_percent": 70 + 15 * math.cos(second / 9),
            },
        }
        for second in range(0, STEPS, 2)
    ]


def _events(start: float) -> list[dict[str, Any]]:
    return [
        {"time": start + 100, "kind": "checkpoint", "step": 100, "path": "ckpt/100.pt"},
        {"time": start + 150, "kind": "note", "step": 150, "text": "lr was fine until here"},
        {
            "time": start + 160,
            "kind": "alert",
            "id": "a1",
            "step": 160,
            "title": "loss is flat",
            "text": "train/loss did not fall for 40 steps",
            "level": "warn",
            "metric": "train/loss",
        },
    ]


def _samples(start: float, lr: float) -> list[dict[str, Any]]:
    return [
        {
            "time": start + step,
            "step": step,
            "rank": 0,
            "name": "samples",
            "columns": {
                "prompt": f"What is {number} + {number}?",
                "completion": f"It is {2 * number + (1 if step < 100 and number % 2 else 0)}.",
                "expected": f"It is {2 * number}.",
                "score": round(min(1.0, lr * 100 + step / 300 + number / 20), 3),
            },
        }
        for step in range(0, STEPS, 50)
        for number in range(1, 5)
    ]


def _log(lr: float) -> list[str]:
    lines = [f"training with lr {lr}\n"]
    lines += [f"\x1b[32mstep\x1b[0m {step} of {STEPS}\n" for step in range(0, STEPS, 2)]
    return [*lines, "Warning: the disk is nearly full\n", "done\n"]


def _iso(when: float) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
