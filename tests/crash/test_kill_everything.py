"""kill -9 of trainer, runner and daemon together: every log() that returned is read back.

The trainer counts the calls that returned in a mapping of its own, which survives it,
so the test knows from outside og how many points there must be.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from og_user import OgUser, wait_until

ROUNDS = 20
CALLS_PER_S = 1000

TRAINER = """
import mmap, struct, sys, time
import opengraphs as og

with open(sys.argv[1], "r+b") as file:
    counter = mmap.mmap(file.fileno(), 8)
run = og.init(project="crash")
begin = time.perf_counter()
step = 0
while True:
    run.log({"train/loss": 1.0 / (1 + step), "step_again": float(step)}, step=step)
    step += 1
    counter[:8] = struct.pack("<q", step)
    wait_s = begin + step / 1000 - time.perf_counter()
    if wait_s > 0:
        time.sleep(wait_s)
"""


def returned(counter: Path) -> int:
    """How many calls have returned."""
    return int(struct.unpack("<q", counter.read_bytes())[0])


def records(journals: list[Path]) -> Iterator[dict[str, object]]:
    """Complete metric records in the raw bytes, whatever stands around them."""
    for journal in journals:
        *lines, _torn = journal.read_bytes().split(b"\n")
        for line in lines:
            record = json.loads(line.strip(b"\0"))
            if "metrics" in record:
                yield record


def kill_everything(user: OgUser, dice: random.Random) -> None:
    """KILL every process of the user at once, in a random order; done when all are gone.

    All are stopped first, the runner before the others, so that none lives to see another die.
    """
    pids = sorted(user.processes().items(), key=lambda item: "runner" not in item[1])
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid, _ in pids:
            os.kill(pid, number)
        dice.shuffle(pids)
    user.kill_all()


def crash(user: OgUser, dice: random.Random) -> tuple[str, int]:
    """Let a training log for a random while, kill everything; the run's id and the calls that returned."""
    script = user.work / "train.py"
    script.write_text(TRAINER)
    counter = user.work / "counter"
    counter.write_bytes(bytes(8))
    started = user.og("run", "--detach", "train.py", str(counter))
    assert started.returncode == 0, started.stderr
    run_id = started.stdout.strip()
    wait_until(lambda: returned(counter) > 0, within_s=20, what="the first log()")
    if dice.random() < 0.5:
        user.og("list")  # half of the time the daemon is up and in the middle of reading
    enough = returned(counter) + dice.randrange(1, CALLS_PER_S)
    wait_until(lambda: returned(counter) >= enough, within_s=20, what="more log() calls")
    kill_everything(user, dice)
    return run_id, returned(counter)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_nothing_that_returned_is_lost(user: OgUser, seed: int) -> None:
    run_id, calls = crash(user, random.Random(seed))
    journals = sorted((user.store / "runs" / run_id / "metrics").glob("*.jsonl"))
    before = list(records(journals))
    assert len(before) >= calls

    killed_at = time.monotonic()
    facts = user.wait_status(run_id, "crashed", within_s=10)
    assert time.monotonic() - killed_at < 10
    assert facts["exit_code"] is None
    assert [(run["run_id"], run["status"]) for run in user.runs()] == [(run_id, "crashed")]

    exported = user.og("export", run_id)
    assert exported.returncode == 0, exported.stderr
    rows = list(csv.DictReader(io.StringIO(exported.stdout)))
    for metric, value in (("train/loss", lambda step: 1.0 / (1 + step)), ("step_again", float)):
        points = {int(row["step"]): float(row["value"]) for row in rows if row["metric"] == metric}
        assert points == {step: value(step) for step in range(len(before))}

    assert list(records(journals)) == before
    for journal in journals:
        data = journal.read_bytes()
        assert b"\0" not in data
        assert data.endswith(b"\n")
        assert all(json.loads(line) for line in data.splitlines())
