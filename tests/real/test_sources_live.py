"""The readers beside the libraries themselves: writers that are followed and killed, and the same files read by both."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from real_kit import QUIET, need, writing
from sink_kit import RecordingSink, read_all, read_once, read_until

from opengraphs.sources.tensorboard import TensorBoardReader
from opengraphs.sources.wandb import WandbReader, accepts

FIXTURES = Path(__file__).parents[1] / "fixtures" / "sources"
PATIENCE_S = 60.0

SUMMARY_WRITER = """
import sys, time
from {module} import SummaryWriter
writer = SummaryWriter(sys.argv[1])
for step in range(1_000_000):
    writer.add_scalar("loss", step / 4, step)
    writer.add_scalar("acc", -step / 8, step)
    if step % 50 == 49:
        writer.flush()
        print(step, flush=True)
        time.sleep(0.01)
"""

WANDB = """
import sys, time
import wandb
run = wandb.init(project="live", dir=sys.argv[1], config={"lr": 0.5}, settings=wandb.Settings(x_disable_meta=True))
for step in range(1_000_000):
    run.log({"loss": step / 4, "nest": {"a": step / 8}, **{f"pad/{n}": step + n / 3 for n in range(10)}})
    if step % 50 == 49:
        print(step, flush=True)
        time.sleep(0.01)
"""


@pytest.mark.parametrize("module", ["tensorboardX", "torch.utils.tensorboard"])
def test_a_summary_writer_is_followed_and_killed(module: str, tmp_path: Path) -> None:
    python = need(module.partition(".")[0], "tensorboard")
    (tmp_path / "logs").mkdir()
    with writing(python, SUMMARY_WRITER.format(module=module), tmp_path, tmp_path / "logs") as child:
        assert child.stdout is not None
        flushed = int(child.stdout.readline())
        reader, sink = TensorBoardReader(tmp_path / "logs"), RecordingSink()
        read_until(reader, sink, lambda: len(sink.curves().get("acc", ())) > 2000)
        flushed = max(flushed, *(int(child.stdout.readline()) for _ in range(3)))
        child.kill()
        child.wait(PATIENCE_S)
        read_all(reader, sink)

    curves = sink.curves()
    assert set(range(flushed + 1)) <= set(curves["loss"])
    assert curves["loss"] == {step: step / 4 for step in range(len(curves["loss"]))}
    assert curves["acc"] == {step: -step / 8 for step in range(len(curves["acc"]))}
    assert len(sink.points[""]["loss"]) == len(curves["loss"])  # each once
    assert (reader.troubles(), reader.left()) == ([], 0.0)


def test_a_wandb_run_is_followed_and_killed(tmp_path: Path) -> None:
    python = need("wandb")
    (tmp_path / "logs").mkdir()
    places = {"WANDB_DATA_DIR": str(tmp_path), "WANDB_CACHE_DIR": str(tmp_path)}
    with writing(python, WANDB, tmp_path, tmp_path / "logs", **places) as child:
        assert child.stdout is not None
        child.stdout.readline()
        path = next(
            found for folder in tmp_path.glob("logs/wandb/offline-run-*") if (found := accepts(folder))
        )
        reader, sink = WandbReader(path), RecordingSink()
        read_until(reader, sink, lambda: len(sink.curves().get("nest.a", ())) > 200)
        child.kill()
        child.wait(PATIENCE_S)
        read_all(reader, sink)

    curves = sink.curves()
    rows = len(curves["loss"])
    assert curves["loss"] == {step: step / 4 for step in range(rows)}
    assert curves["nest.a"] == {step: step / 8 for step in range(rows)}
    assert curves["pad/7"] == {step: step + 7 / 3 for step in range(rows)}
    assert len(sink.points[""]["loss"]) == rows  # each once
    assert sink.facts[""]["config"] == {"lr": 0.5}
    assert reader.troubles() == []


ACCUMULATE = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
found.Reload()
curves = {tag: [[e.step, repr(e.value), e.wall_time] for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
print(json.dumps(curves))
"""


@pytest.mark.parametrize("name", ["tensorboard_torch/run", "tensorboard_restarted", "tensorboard_x"])
def test_tensorboard_reads_the_same_points(name: str) -> None:
    python = need("tensorboard")
    done = subprocess.run(
        [python, "-c", ACCUMULATE, str(FIXTURES / name)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    sink, _reader = read_once(TensorBoardReader, FIXTURES / name)

    assert theirs
    for tag, points in theirs.items():
        ours = [[step, repr(value)] for step, _time, value in sink.points[""][tag]]
        assert ours == [[step, value] for step, value, _time in points], tag


def test_wandb_reads_the_same_rows() -> None:
    python = need("wandb")
    (folder,) = (FIXTURES / "wandb" / "wandb").iterdir()
    env = {**os.environ, **QUIET}
    command = [str(Path(python).with_name("wandb")), "leet", "inspect", "--json", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100, env=env)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    rows = [record["history"]["item"] for record in records if record["type"] == "history"]
    path = accepts(folder)
    assert path is not None
    sink, _reader = read_once(WandbReader, path)

    names = ("loss", "nest.a", "nest.b.c", "x.y")
    theirs = {name: {row["_step"]: row[name] for row in rows if name in row} for name in names}
    assert len(theirs["loss"]) == 20
    assert {name: sink.curves()[name] for name in names} == theirs
