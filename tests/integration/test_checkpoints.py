"""Checkpoints of live runs: found when a script says nothing, told once, kept against rotation."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import checkpoint_kit as kit
import pytest
from og_user import OgUser, wait_until
from ogd_kit import LiveRun, Ogd, make_run, wait_for

from opengraphs.client.sync import Client
from opengraphs.errors import ConflictError, NotFoundError, UsageError

SILENT = """
import json, os, shutil, sys, time, zipfile
folder = sys.argv[sys.argv.index("--output_dir") + 1]
def torch(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", "x" * 300)
for step in range(10, 1000, 10):
    print(f"step {step} loss {1 / step:.4f}", flush=True)
    at = f"{folder}/checkpoint-{step}"
    os.makedirs(at)
    for name in ("pytorch_model.bin", "optimizer.pt"):
        torch(f"{at}/{name}")
    json.dump({"global_step": step}, open(f"{at}/trainer_state.json", "w"))
    shutil.rmtree(f"{folder}/checkpoint-{step - 20}", ignore_errors=True)
    while not os.path.exists(f"{folder}/go-{step}"):
        time.sleep(0.02)
    if os.path.exists(f"{folder}/end"):
        break
"""


@pytest.fixture
def client(ogd: Ogd) -> Iterator[Client]:
    ogd.start()
    with ogd.client() as asked:
        yield asked


def saved(client: Client, run: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/runs/{run}/checkpoints")["checkpoints"]
    return found


def register(run: Path, path: Path, step: int, **more: Any) -> str:
    """What `run.checkpoint()` writes."""
    event = {
        "time": time.time(), "kind": "checkpoint", "checkpoint_id": f"a0-r0-{step}-abcd", "path": str(path), "step": step,
        "format": "json", "complete": True, "bytes": path.stat().st_size, "metrics": {}, **more,
    }  # fmt: skip
    with (run / "events" / "a0-r0.jsonl").open("a") as journal:
        journal.write(json.dumps(event) + "\n")
    return str(event["checkpoint_id"])


def test_a_training_that_says_nothing_has_its_checkpoints_found_and_one_survives_rotation(
    user: OgUser,
) -> None:
    (user.work / "train.py").write_text(SILENT)
    out = user.work / "out"
    out.mkdir()
    done = user.og(
        "run", "--detach", "--name", "silent", "--", sys.executable, "train.py", "--output_dir", "out"
    )
    assert done.returncode == 0, done.stderr

    def rows() -> dict[int, dict[str, Any]]:
        return {row["step"]: row for row in user.json("checkpoints", "silent")["checkpoints"]}

    first = wait_until(lambda: rows().get(10), within_s=30, what="the first checkpoint found")
    assert (first["format"], first["complete"], first["exists"], first["origin"]) == (
        "hf",
        True,
        True,
        "found",
    )
    assert user.og("checkpoints", "pin", "silent", "10").returncode == 0
    for step in (10, 20):
        (out / f"go-{step}").touch()
    wait_until(lambda: not (out / "checkpoint-10").exists(), within_s=10, what="the rotation")
    kept = wait_until(lambda: rows().get(10), within_s=5, what="the kept one")
    assert kept["exists"]
    assert kept["complete"]
    assert kept["path"] == kept["pinned"] != first["path"]
    assert json.loads((Path(kept["path"]) / "trainer_state.json").read_text()) == {"global_step": 10}
    wait_until(lambda: rows().get(30), within_s=30, what="the third")
    assert len(rows()) == len(user.json("checkpoints", "silent")["checkpoints"])
    (out / "end").touch()
    (out / "go-30").touch()
    user.wait_status("silent", "finished")
    assert user.og("checkpoints", "unpin", "silent", "10").returncode == 0
    assert not rows()[10]["exists"]


def test_what_the_script_registers_is_not_found_again(ogd: Ogd, client: Client, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with LiveRun(ogd.store, cwd=str(tmp_path), config={"output_dir": "out"}) as run:
        register(run.folder, kit.json_checkpoint(out / "ckpt-1.json", 1), 1)
        kit.json_checkpoint(out / "ckpt-2.json", 2)
        wait_for(lambda: len(saved(client, run.run_id)) == 2, what="the second")
        assert [(row["step"], row["origin"]) for row in saved(client, run.run_id)] == [
            (1, "script"),
            (2, "found"),
        ]
        late = register(run.folder, out / "ckpt-2.json", 2)
        wait_for(lambda: saved(client, run.run_id)[-1]["checkpoint_id"] == late, what="the script's own word")
        assert len(saved(client, run.run_id)) == 2


def test_a_file_overwritten_in_place_is_told_at_its_new_step_and_kept_as_a_copy(
    ogd: Ogd, client: Client, tmp_path: Path
) -> None:
    with LiveRun(ogd.store, cwd=str(tmp_path)) as run:
        run.append({"loss": [3.0, 2.0, 1.0]})
        kit.zipped(tmp_path / "ckpt.pt")
        first = wait_for(lambda: saved(client, run.run_id), what="the first")[0]
        assert (first["step"], first["complete"]) == (2, True)
        kept = client.post(f"/runs/{run.run_id}/checkpoints", {"checkpoint": first["checkpoint_id"]})[
            "checkpoints"
        ][0]
        assert Path(kept["pinned"]).stat().st_ino != (tmp_path / "ckpt.pt").stat().st_ino
        before = Path(kept["pinned"]).read_bytes()
        with (run.folder / "metrics" / "a0-r0.jsonl").open("a") as journal:
            journal.write(json.dumps({"step": 9, "time": time.time(), "metrics": {"loss": 0.5}}) + "\n")
        kit.zipped(tmp_path / "ckpt.pt", size=900)
        rows = wait_for(
            lambda: rows if len(rows := saved(client, run.run_id)) == 2 else None, what="the second"
        )
        assert [row["step"] for row in rows] == [2, 9]
        assert [row["path"] == str(tmp_path / "ckpt.pt") for row in rows] == [False, True]
        assert Path(kept["pinned"]).read_bytes() == before
        client.post(
            f"/runs/{run.run_id}/checkpoints", {"checkpoint": first["checkpoint_id"], "pinned": False}
        )
        assert [row["exists"] for row in saved(client, run.run_id)] == [False, True]


def test_half_a_checkpoint_is_never_registered(ogd: Ogd, client: Client, tmp_path: Path) -> None:
    whole = kit.zipped(tmp_path / "out" / "model_step_9.pt").read_bytes()
    (tmp_path / "out" / "ckpt-1.pt").write_bytes(whole[:-30])
    (tmp_path / "out" / "model_step_9.pt").unlink()
    with LiveRun(ogd.store, cwd=str(tmp_path)) as run:
        kit.zipped(tmp_path / "out" / "ckpt-2.pt")
        wait_for(lambda: saved(client, run.run_id), what="the whole one")
        (tmp_path / "out" / "ckpt-1.pt").write_bytes(whole)
        wait_for(lambda: len(saved(client, run.run_id)) == 2, what="the other, once it is whole")


def test_of_two_runs_in_one_folder_neither_is_given_what_may_be_the_others(
    ogd: Ogd, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    options = {"cwd": str(tmp_path)}
    with (
        LiveRun(ogd.store, **options, config={"save_dir": "mine"}) as one,
        LiveRun(ogd.store, **options) as two,
    ):
        wait_for(lambda: len(client.runs()["runs"]) == 2, what="both runs")
        kit.zipped(tmp_path / "ckpt.pt")
        kit.zipped(tmp_path / "mine" / "ckpt-5.pt")
        rows = wait_for(lambda: saved(client, one.run_id), what="what one run names as its own")
        assert [Path(row["path"]).name for row in rows] == ["ckpt-5.pt"]
        assert saved(client, two.run_id) == []


def test_a_run_that_ended_while_ogd_was_away_is_looked_at_when_it_is_asked_about(
    ogd: Ogd, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    stamp = "2026-01-01T00:00:00.000000Z"
    later = "2026-01-01T00:10:00.000000Z"
    run = make_run(
        ogd.store,
        cwd=str(tmp_path),
        config={"output_dir": "out"},
        created_at=stamp,
        started_at=stamp,
        ended_at=later,
    )
    (run / "exit.json").write_text(json.dumps({"code": 0, "signal": None, "ended_at": later}))
    began = 1767225600.0
    for name, when in (
        ("ckpt-1.json", began + 60),
        ("ckpt-2.json", began - 60),
        ("ckpt-3.json", began + 3600),
    ):
        os.utime(kit.json_checkpoint(tmp_path / "out" / name, 1), (when, when))
    assert [Path(row["path"]).name for row in saved(client, run.name)] == ["ckpt-1.json"]
    assert len(saved(client, run.name)) == 1


def test_the_best_is_by_the_main_metric_and_what_is_gone_is_none(
    ogd: Ogd, client: Client, tmp_path: Path
) -> None:
    run = make_run(ogd.store, metrics={"train/loss": [3.0, 1.0, 0.5, 2.0]})
    for step in range(4):
        register(run, kit.json_checkpoint(tmp_path / f"ckpt-{step}.json", step), step)
    (tmp_path / "ckpt-2.json").unlink()
    rows = saved(client, run.name)
    assert [row["exists"] for row in rows] == [True, True, False, True]
    assert [row["best"] for row in rows] == [False, True, False, False]
    reply = client.post(f"/runs/{run.name}/checkpoints", {"checkpoint": "best"})
    assert [row["step"] for row in reply["checkpoints"]] == [1]


def test_what_cannot_be_kept_is_refused_with_the_reason(ogd: Ogd, client: Client, tmp_path: Path) -> None:
    run = make_run(ogd.store)
    path = f"/runs/{run.name}/checkpoints"
    gone = register(run, kit.json_checkpoint(tmp_path / "ckpt-1.json", 1), 1)
    half = register(run, kit.json_checkpoint(tmp_path / "ckpt-2.json", 2), 2)
    (tmp_path / "ckpt-1.json").unlink()
    (tmp_path / "ckpt-2.json").write_text("{")
    for word, error in ((gone, ConflictError), (half, ConflictError), ("nothing", NotFoundError)):
        with pytest.raises(error):
            client.post(path, {"checkpoint": word})
    for body in ({}, {"checkpoint": ""}, {"checkpoint": gone, "pinned": "yes"}):
        with pytest.raises(UsageError):
            client.post(path, body)
    assert not (run / "checkpoints").exists() or not list((run / "checkpoints").iterdir())


def test_a_pinned_checkpoint_goes_with_its_run(ogd: Ogd, client: Client, tmp_path: Path) -> None:
    run = make_run(ogd.store)
    folder = kit.hf(tmp_path / "checkpoint-7", 7)
    register(run, folder, 7, format="hf")
    client.post(f"/runs/{run.name}/checkpoints", {"checkpoint": "latest"})
    shutil.rmtree(folder)
    assert [row["complete"] for row in saved(client, run.name)] == [True]
    trashed = client.remove(run.name)
    client.restore(trashed["trash_id"])
    assert [row["complete"] for row in saved(client, run.name)] == [True]
