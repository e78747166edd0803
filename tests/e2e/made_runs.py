"""Run folders as the SDK and the runner leave them, made by hand: ended runs with known numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TIME = 1_800_000_000.0


def make_run(store: Path, run_id: str, *, name: str = "train", points: int = 100, **facts: Any) -> Path:
    """A finished run with `train/loss` = 1 / (1 + step) and `lr` = 3e-4 at every step."""
    folder = store / "runs" / run_id
    for part in ("metrics", "events", "system", "samples", "bundle"):
        (folder / part).mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({**_facts(run_id, name), **facts}))
    (folder / "exit.json").write_text(
        json.dumps({"code": 0, "signal": None, "ended_at": "2027-01-15T08:01:40.000000Z"})
    )
    (folder / "run.lock").touch()
    (folder / "stdout.log").write_text("".join(f"line {number}\n" for number in range(50)))
    add_points(
        folder, "a0-r0", [(step, {"train/loss": 1 / (1 + step), "lr": 3e-4}) for step in range(points)]
    )
    return folder


def add_points(
    run_dir: Path, writer: str, points: list[tuple[int, dict[str, Any]]], *, rank: int = 0
) -> None:
    """Append metric records to a journal of the run."""
    extra = {"rank": rank} if rank else {}
    with (run_dir / "metrics" / f"{writer}.jsonl").open("a") as file:
        for step, metrics in points:
            file.write(json.dumps({"step": step, "time": TIME + step, "metrics": metrics, **extra}) + "\n")


def _facts(run_id: str, name: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "run_id": run_id,
        "project": "digits",
        "name": name,
        "group": None,
        "job_type": None,
        "status": "finished",
        "created_at": "2027-01-15T08:00:00.000000Z",
        "started_at": "2027-01-15T08:00:00.000000Z",
        "ended_at": "2027-01-15T08:01:40.000000Z",
        "heartbeat_at": "2027-01-15T08:01:30.000000Z",
        "exit_code": 0,
        "signal": None,
        "host": "elsewhere",
        "user": "me",
        "pid": 1,
        "runner_pid": 1,
        "command": ["python", "train.py"],
        "cwd": "/work",
        "script": "train.py",
        "git": {"commit": "0123456789abcdef", "branch": "main", "dirty": False},
        "python": "3.11.7",
        "ranks": {"world_size": 1},
        "job": {},
        "source": "run",
        "config": {"lr": 3e-4},
        "summary": {},
        "tags": [],
        "notes": "",
        "progress": {"step": 99, "total": 100},
        "parent": None,
    }
