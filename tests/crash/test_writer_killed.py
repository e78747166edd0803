"""SIGKILL at any moment: every `log()` that returned is read back, in both ways of writing.

The child counts the calls that returned in a mapping of its own, which outlives it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opengraphs.sdk.journal import Journal

CHILD = """
import mmap, struct, sys, time
import opengraphs as og
counter_path, store, mode, extra, rate = sys.argv[1:6]
with open(counter_path, "r+b") as file:
    counter = mmap.mmap(file.fileno(), 8)
run = og.init(store=store)
more = {"m%d" % n: 0.125 for n in range(int(extra))}
begin, step = time.perf_counter(), 0
while True:
    run.log({"step_again": float(step), **more}, step=step)
    step += 1
    counter[:8] = struct.pack("<q", step)
    if rate != "0":
        wait_s = begin + step / float(rate) - time.perf_counter()
        if wait_s > 0:
            time.sleep(wait_s)
"""


class Trainer:
    """A child that logs until it is killed."""

    def __init__(self, folder: Path, *, mode: str, extra: int, rate: int) -> None:
        folder.mkdir()
        self.counter = folder / "counter"
        self.counter.write_bytes(bytes(8))
        self.store = folder / "store"
        arguments = [str(self.counter), str(self.store), mode, str(extra), str(rate)]
        env = {**os.environ, "OG_JOURNAL": mode}
        for name in ("OG_RUN_DIR", "RANK", "WORLD_SIZE"):
            env.pop(name, None)
        self.process = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], env=env)

    @property
    def returned(self) -> int:
        return int(struct.unpack("<q", self.counter.read_bytes())[0])

    def wait_until_it_logs(self) -> None:
        deadline = time.monotonic() + 60
        while not self.returned:
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def journals(self) -> list[Path]:
        return sorted(self.store.glob("runs/*/metrics/*.jsonl"), key=lambda path: (len(path.name), path.name))


def steps_in(paths: list[Path]) -> list[int]:
    """Steps of all complete records, as a reader that drops NULs and a torn tail sees them."""
    steps = []
    for path in paths:
        *lines, _torn = path.read_bytes().split(b"\n")
        for line in lines:
            record = json.loads(line.strip(b"\0"))
            if "seal" not in record:
                assert record["metrics"]["step_again"] == record["step"]
                steps.append(record["step"])
    return steps


def kill_and_check(
    folder: Path, *, mode: str, extra: int, rate: int, at_once: int, dice: random.Random
) -> None:
    trainers = [Trainer(folder / str(n), mode=mode, extra=extra, rate=rate) for n in range(at_once)]
    try:
        for trainer in trainers:
            trainer.wait_until_it_logs()
        for trainer in trainers:
            time.sleep(dice.uniform(0.02, 0.3))
            trainer.kill()
    finally:
        for trainer in trainers:
            trainer.kill()
    for trainer in trainers:
        steps = steps_in(trainer.journals())
        assert steps == list(range(len(steps)))
        assert trainer.returned <= len(steps) <= trainer.returned + 1
        repair_and_continue(trainer.journals())


def repair_and_continue(paths: list[Path]) -> None:
    """The next owner cuts the padding, and adds to what is there.

    A call that had stored all but its newline when it was killed comes back with it.
    """
    before = steps_in(paths)
    with Journal(str(paths[0].parent), "a0-r0") as journal:
        journal.append({"step": -1, "metrics": {"step_again": -1}})
    paths = sorted(paths[0].parent.glob("*.jsonl"), key=lambda path: (len(path.name), path.name))
    assert all(b"\0" not in path.read_bytes() for path in paths)
    assert steps_in(paths) in ([*before, -1], [*before, len(before), -1])


@pytest.mark.parametrize("round_", range(5))
def test_kill_at_a_thousand_calls_a_second(tmp_path: Path, round_: int) -> None:
    """Four trainers a round, twenty kills in all."""
    kill_and_check(tmp_path, mode="mapped", extra=9, rate=1000, at_once=4, dice=random.Random(round_))


@pytest.mark.parametrize("extra", [1, 200])
def test_kill_while_windows_and_segments_change_all_the_time(tmp_path: Path, extra: int) -> None:
    """As fast as it can: long lines cross a window's end every few milliseconds."""
    kill_and_check(tmp_path, mode="mapped", extra=extra, rate=0, at_once=2, dice=random.Random(extra))


def test_kill_of_an_appending_writer(tmp_path: Path) -> None:
    kill_and_check(tmp_path, mode="append", extra=9, rate=1000, at_once=3, dice=random.Random(7))
