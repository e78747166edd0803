"""TensorBoard and W&B: input by their own writers, read by their own readers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.peers import leveldb_records
from bench.sources_case import Case, Peer
from opengraphs.sources import tensorboard, wandb

METRICS = 10
QUIET = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}


def _event_files(folder: Path, points: int) -> Path:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for step in range(points // METRICS):
            for number in range(METRICS):
                writer.add_scalar(f"train/metric_{number}", step * 0.5 + number, step)
    return folder


def _accumulator(place: Path) -> int:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(place), size_guidance={"scalars": 0})
    found.Reload()
    return sum(len(found.Scalars(tag)) for tag in found.Tags()["scalars"])


def _raw_loader(place: Path) -> int:
    """The framing alone, with its check sums, and the messages as protobuf decodes them."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    (path,) = place.glob("*tfevents*")
    return sum(len(event.summary.value) for event in LegacyEventFileLoader(str(path)).Load())


WANDB_SCRIPT = """
import sys, wandb
run = wandb.init(project="bench", dir=sys.argv[1])
for step in range(int(sys.argv[2])):
    run.log({f"train/metric_{n}": step * 0.37 + n for n in range(int(sys.argv[3]))})
run.finish()
"""


def _wandb_file(folder: Path, points: int) -> Path:
    command = [sys.executable, "-c", WANDB_SCRIPT, str(folder), str(points // METRICS), str(METRICS)]
    subprocess.run(command, check=True, env={**os.environ, **QUIET}, stdout=subprocess.DEVNULL)
    return next(folder.glob("wandb/offline-run-*/*.wandb"))


def _messages(place: Path) -> int:
    """wandb's own messages, decoded by protobuf; the values are JSON."""
    from wandb.proto.wandb_internal_pb2 import Record

    points = 0
    record = Record()
    for data in leveldb_records(place.read_bytes()[7:], first_block=(32 << 10) - 7):
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            for item in record.history.item:
                points += isinstance(json.loads(item.value_json), float)
    return points


def _inspect(place: Path) -> int:
    program = Path(sys.executable).with_name("wandb")
    command = [str(program), "leet", "inspect", "--summary", "--json", str(place)]
    done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, **QUIET})
    return (int(json.loads(done.stdout)["step"]) + 1) * METRICS


def _inspect_overhead() -> float:
    with tempfile.TemporaryDirectory(prefix="og-bench-") as folder:
        place = _wandb_file(Path(folder), METRICS)
        _inspect(place)
        began = time.perf_counter()
        _inspect(place)
        return time.perf_counter() - began


CASES = (
    Case(
        title="TensorBoard events",
        format=tensorboard.FORMAT,
        make=_event_files,
        needs=("tensorboardX",),
        peers=(
            Peer("EventAccumulator", ("tensorboard",), _accumulator),
            Peer("LegacyEventFileLoader", ("tensorboard",), _raw_loader),
        ),
    ),
    Case(
        title="W&B .wandb",
        format=wandb.FORMAT,
        make=_wandb_file,
        needs=("wandb",),
        peers=(
            Peer("wandb leet inspect", ("wandb",), _inspect, _inspect_overhead),
            Peer("wandb's protobuf + json", ("wandb",), _messages),
        ),
    ),
)
