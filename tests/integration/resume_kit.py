"""Trainings that save, and what they understand of going on: everything, an argument, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COMMON = """
import json, os, sys, time
import opengraphs as og

def train(state, save_every=5, until=10):
    for step in range(state["step"] + 1, until + 1):
        state = {"step": step, "x": state["x"] * 0.9}
        og.log({"loss": state["x"]}, step=step)
        if step % save_every == 0:
            path = os.path.abspath("ckpt-%d.json" % step)
            with open(path, "w") as file:
                json.dump(state, file)
            og.checkpoint(path, step)
    print("done at", until, flush=True)
    while os.path.exists("hold"):
        time.sleep(0.01)

def load(path):
    with open(path) as file:
        return json.load(file)
"""

KNOWS_OG = (
    COMMON
    + """
og.init(config={"lr": 3e-4, "until": 10})
going = og.resume()
state = load(going.path) if going else {"step": 0, "x": 8.0}
print("from", state["step"], "lr", og.override("lr", 3e-4), flush=True)
train(state, until=state["step"] + og.override("until", 10))
"""
)

TAKES_AN_ARGUMENT = (
    COMMON
    + """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--resume_from_checkpoint", default=None)
parser.add_argument("--lr", type=float, default=3e-4)
args = parser.parse_args()
og.init(config=vars(args))
state = load(args.resume_from_checkpoint) if args.resume_from_checkpoint else {"step": 0, "x": 8.0}
print("from", state["step"], "lr", args.lr, flush=True)
train(state, until=state["step"] + 10)
"""
)

IGNORES_IT = (
    COMMON
    + """
og.init()
print("from", 0, flush=True)
train({"step": 0, "x": 8.0})
"""
)


def facts(folder: Path) -> dict[str, Any]:
    """run.json of a run folder."""
    read: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return read


def steps(folder: Path) -> list[int]:
    """The steps that a run logged, in order."""
    found: list[int] = []
    for journal in sorted((folder / "metrics").glob("*.jsonl")):
        lines = journal.read_bytes().replace(b"\0", b"").splitlines()
        found += [json.loads(line)["step"] for line in lines if b'"step"' in line]
    return found
