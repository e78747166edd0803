"""One store that shows everything: three ended runs with known numbers, logs, a machine, marks, outputs, a talk."""

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
        if not hours:
            (folder / "agent").mkdir()
            _write(folder / "agent" / "session-talk.jsonl", _talk(run_id, start + 500))


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


def _talk(run_id: str, start: float) -> list[dict[str, Any]]:
    """A conversation about a run: a question, what was looked at, an answer, and a change that nobody decided on."""
    session, plan = f"{run_id}.talk", {"plan_id": "p1", "action_id": "x1"}
    diff = "--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n import og\n-lr = 3e-3\n+lr = 1e-3\n"
    tool = {"call_id": "c1", "name": "log_tail", "arguments": {"lines": 2}, "ok": True, "summary": ""}
    records: list[dict[str, Any]] = [
        {"kind": "session", "session_id": session, "run_id": run_id, "mode": "propose", "title": "", "parent": None},
        {"kind": "user", "turn": 1, "text": "Why is the loss flat?", "attachments": [], "origin": "cli"},
        {"kind": "turn", "turn": 1, "state": "started", "error": None},
        {"kind": "tool", "turn": 1, **tool, "result": "Warning: the disk is nearly full\ndone"},
        {"kind": "assistant", "turn": 1, "item": "a1", "model": "scripted", "text": _ANSWER},
        {"kind": "approval", "approval_id": "ap1", **plan, "title": "Lower the learning rate", "risk": "low",
         "diff": diff, "command": "python train.py", "findings": [], "expires_at": start + 60},
        {"kind": "decision", "approval_id": "ap1", "decision": "expired", "note": "", "origin": "ogd"},
        {"kind": "turn", "turn": 1, "state": "done", "error": None},
    ]  # fmt: skip
    return [{"seq": at + 1, "time": start + at, **record} for at, record in enumerate(records)]


_ANSWER = """It has come down to its **noise**: see [train/loss @ 160].

- the last 40 steps differ by `0.05` at most
- a lower rate may help
"""


def _log(lr: float) -> list[str]:
    lines = [f"training with lr {lr}\n"]
    lines += [f"\x1b[32mstep\x1b[0m {step} of {STEPS}\n" for step in range(0, STEPS, 2)]
    return [*lines, "Warning: the disk is nearly full\n", "done\n"]


def _iso(when: float) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
