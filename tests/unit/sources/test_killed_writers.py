"""Writers in processes of their own, followed while they write and killed in the middle of a record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sink_kit import RecordingSink, read_all, reopened
from wire_kit import WandbLog, scalar, version, wandb_row, wandb_run

from opengraphs.sources.base import Reader
from opengraphs.sources.tensorboard import TensorBoardReader
from opengraphs.sources.wandb import WandbReader

STEPS = 3000
PATIENCE_S = 30.0
WRITER = """
import os, sys
whole, target = open(sys.argv[1], "rb").read(), os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
for at in range(0, len(whole), 7):
    os.write(target, whole[at : at + 7])
    if at // 7 % 50 == 0:
        sys.stdin.readline()
"""
"""Writes seven bytes at a time, as far as it is allowed to."""


def _events() -> bytes:
    return version() + b"".join(scalar("loss", step / 4, step) for step in range(STEPS))


def _wandb() -> bytes:
    log = WandbLog()
    log.add(wandb_run())
    for step in range(STEPS):
        log.add(wandb_row(step, loss=step / 4))
    return bytes(log.data)


@pytest.fixture(name="writer")
def _writer(tmp_path: Path) -> Iterator[Callable[[bytes, Path], subprocess.Popen[bytes]]]:
    begun: list[subprocess.Popen[bytes]] = []

    def begin(data: bytes, target: Path) -> subprocess.Popen[bytes]:
        (tmp_path / "whole").write_bytes(data)
        target.parent.mkdir(exist_ok=True)
        target.touch()
        command = [sys.executable, "-c", WRITER, str(tmp_path / "whole"), str(target)]
        begun.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        return begun[-1]

    yield begin
    for child in begun:
        child.kill()
        child.communicate()


@pytest.mark.parametrize(
    ("data", "name", "open_reader"),
    [
        (
            _events(),
            "run/events.out.tfevents.1700000000.box.1.0",
            lambda path, cursor=None: TensorBoardReader(path.parent, cursor),
        ),
        (_wandb(), "run/run-abc.wandb", WandbReader),
    ],
    ids=["tensorboard", "wandb"],
)
def test_a_writer_is_followed_and_killed(
    tmp_path: Path,
    writer: Callable[[bytes, Path], subprocess.Popen[bytes]],
    data: bytes,
    name: str,
    open_reader: Callable[..., Reader],
) -> None:
    target = tmp_path / name
    child = writer(data, target)
    assert child.stdin is not None
    reader, sink = open_reader(target), RecordingSink()
    end = time.monotonic() + PATIENCE_S
    while len(sink.curves().get("loss", ())) < 200:
        assert time.monotonic() < end
        child.stdin.write(b"\n")
        child.stdin.flush()
        read_all(reader, sink)
        if len(sink.calls) % 3 == 0:
            reader = reopened(open_reader, target, reader)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    read_all(reader, sink)

    found = [(step, value) for step, _time, value in sink.points[""]["loss"]]
    assert found == [(step, step / 4) for step in range(len(found))]
    assert (reader.troubles(), reader.left()) == ([], 0.0)

    with target.open("ab") as file:  # as if it had gone on
        file.write(data[target.stat().st_size :])
    read_all(reader, sink)
    assert [step for step, _time, _value in sink.points[""]["loss"]] == list(range(STEPS))
