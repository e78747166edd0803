"""From where a training goes on after a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from opengraphs.runner import restarting


def run_with(tmp_path: Path, *events: dict[str, Any], torn: bytes = b"") -> str:
    folder = tmp_path / "run" / "events"
    folder.mkdir(parents=True)
    lines = b"".join(json.dumps({"kind": "checkpoint", **event}).encode() + b"\n" for event in events)
    (folder / "a0-r0.jsonl").write_bytes(lines + torn)
    return str(tmp_path / "run")


def saved(tmp_path: Path, name: str, content: bytes = b"{}") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


def test_the_highest_step_that_is_whole_and_there(tmp_path: Path) -> None:
    run = run_with(
        tmp_path,
        {"checkpoint_id": "a", "step": 10, "path": saved(tmp_path, "10.json"), "time": 1.0},
        {"checkpoint_id": "b", "step": 20, "path": saved(tmp_path, "20.json"), "time": 2.0},
        {"checkpoint_id": "c", "step": 30, "path": saved(tmp_path, "30.npz", b"PK\x03\x04cut"), "time": 3.0},
        {"checkpoint_id": "d", "step": 40, "path": str(tmp_path / "gone.json"), "time": 4.0},
        torn=b'{"kind":"checkpoint","step":50',
    )
    found = restarting.newest_checkpoint(run)
    assert found is not None
    assert found["checkpoint_id"] == "b"


def test_a_checkpoint_that_was_rotated_away_lives_on_where_it_is_pinned(tmp_path: Path) -> None:
    run = run_with(tmp_path, {"checkpoint_id": "a", "step": 10, "path": str(tmp_path / "gone.json")})
    kept = Path(run) / "checkpoints" / "a"
    kept.mkdir(parents=True)
    (kept / "10.json").write_text("{}")
    (kept / "pin.json").write_text('{"checkpoint_id": "a", "name": "10.json"}')
    found = restarting.newest_checkpoint(run)
    assert found is not None
    assert (found["path"], found["step"]) == (str(kept / "10.json"), 10)


def test_no_events_no_checkpoint(tmp_path: Path) -> None:
    assert restarting.newest_checkpoint(str(tmp_path / "nowhere")) is None


def test_waits_grow_and_end(tmp_path: Path) -> None:
    waits = [restarting.wait_s({"made": made, "wait_s": 2.0}) for made in (0, 1, 2, 50)]
    assert waits == [2.0, 4.0, 8.0, 300.0]


def spec(run_dir: str, contract: dict[str, str], args: list[str]) -> dict[str, Any]:
    return {
        "run_dir": run_dir,
        "contract": contract,
        "command": ["python", "x.py"],
        "restart": restarting.wanted(3, args=args),
    }


FACTS = {"run_id": "r1", "name": "x-r1", "project": "p", "tags": ["t"], "group": None, "config": {"lr": 1}}


def test_the_order_names_parent_checkpoint_and_tries_left(tmp_path: Path) -> None:
    path = saved(tmp_path, "10.json")
    run = run_with(tmp_path, {"checkpoint_id": "a", "step": 10, "path": path, "format": "custom"})
    before = {"OG_ROOT_RUN_ID": "r0", "OG_ATTEMPT": "1", "OG_OVERRIDES": '{"lr": 2}'}
    order = restarting.order(spec(run, before, ["--resume", "{path}"]), FACTS)
    assert order == {
        "tags": ["t"],
        "command": ["python", "x.py", "--resume", path],
        "env": {
            "OG_ROOT_RUN_ID": "r0",
            "OG_ATTEMPT": "2",
            "OG_OVERRIDES": '{"lr": 2}',
            "OG_RESUME": "1",
            "OG_RESUME_FROM": path,
            "OG_RESUME_STEP": "10",
            "OG_RESUME_KIND": "custom",
        },
        "parent": {"run_id": "r1", "reason": "crash", "checkpoint_id": "a", "step": 10},
        "name": "x-r2",
        "project": "p",
        "restart": {"left": 2, "made": 1, "wait_s": 2.0, "args": ["--resume", "{path}"]},
    }


def test_a_crash_before_the_first_save_goes_on_from_where_the_run_began(tmp_path: Path) -> None:
    path = saved(tmp_path, "10.json")
    run = run_with(tmp_path)
    before = {"OG_RESUME": "1", "OG_RESUME_FROM": path, "OG_RESUME_STEP": "10", "OG_RESUME_KIND": "torch"}
    order = restarting.order(spec(run, before, []), FACTS)
    assert order["env"]["OG_RESUME_FROM"] == path
    assert order["parent"] == {"run_id": "r1", "reason": "crash", "step": 10}


def test_without_any_checkpoint_it_begins_anew(tmp_path: Path) -> None:
    order = restarting.order(spec(run_with(tmp_path), {}, ["--resume", "{path}"]), FACTS)
    assert order["command"] == ["python", "x.py"]
    assert order["env"] == {"OG_ROOT_RUN_ID": "r1", "OG_ATTEMPT": "1", "OG_RESUME": "0"}
