"""The environment a training process gets."""

from __future__ import annotations

import os
from typing import Any

import pytest

from opengraphs.runner.environ import HOOKS_FOLDER, split, training_env, without_ingest


def spec(env: dict[str, str], **changes: Any) -> dict[str, Any]:
    return {
        "env": env,
        "facts": {"run_id": "r", "project": "p"},
        "run_dir": "/s/runs/r",
        "store": "/s",
        "use_pty": False,
        "window": None,
        "hooks": False,
        "contract": {},
        **changes,
    }


def test_what_og_promises() -> None:
    env = training_env(spec({"HOME": "/me"}), runner_pid=7)
    assert env == {
        "HOME": "/me",
        "OG_RUN_DIR": "/s/runs/r",
        "OG_RUN_ID": "r",
        "OG_STORE": "/s",
        "OG_PROJECT": "p",
        "OG_RUNNER_PID": "7",
        "OG_RESUME": "0",
        "OG_ATTEMPT": "0",
        "OG_ROOT_RUN_ID": "r",
        "OG_CKPT_DIR": "/s/runs/r/checkpoints",
        "PYTHONUNBUFFERED": "1",
        "FORCE_COLOR": "1",
    }


def test_users_own_environment_is_not_changed() -> None:
    own = {"A": "1"}
    training_env(spec(own), runner_pid=7)
    assert own == {"A": "1"}


@pytest.mark.parametrize(("value", "forced"), [("1", False), ("", True)])
def test_no_color_is_respected(value: str, forced: bool) -> None:
    assert ("FORCE_COLOR" in training_env(spec({"NO_COLOR": value}), runner_pid=7)) is forced


def test_window_is_told_where_a_file_cannot_be_asked() -> None:
    env = training_env(spec({}, window=[120, 40]), runner_pid=7)
    assert (env["COLUMNS"], env["LINES"]) == ("120", "40")


def test_pty_can_be_asked_and_changes_so_no_size_is_told() -> None:
    env = training_env(spec({}, window=[120, 40], use_pty=True), runner_pid=7)
    assert "COLUMNS" not in env
    assert env["TERM"] == "xterm-256color"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, [HOOKS_FOLDER]),
        ({"PYTHONPATH": ""}, [HOOKS_FOLDER]),
        ({"PYTHONPATH": "/a:/b"}, [HOOKS_FOLDER, "/a", "/b"]),
        ({"PYTHONPATH": f"/a:{HOOKS_FOLDER}"}, [HOOKS_FOLDER, "/a"]),
    ],
)
def test_hooks_come_first_and_once(before: dict[str, str], after: list[str]) -> None:
    env = training_env(spec(before, hooks=True), runner_pid=7)
    assert env["PYTHONPATH"].split(os.pathsep) == after


def test_what_a_training_is_told_about_the_run_it_goes_on_from() -> None:
    told = {"OG_RESUME": "1", "OG_RESUME_FROM": "/c/9.pt", "OG_RESUME_STEP": "9", "OG_ATTEMPT": "2"}
    facts = {"run_id": "r", "project": "p", "parent": {"run_id": "q"}}
    env = training_env(spec({}, contract={**told, "OG_ROOT_RUN_ID": "o"}, facts=facts), runner_pid=7)
    assert {name: env[name] for name in told} == told
    assert (env["OG_PARENT_RUN_ID"], env["OG_ROOT_RUN_ID"]) == ("q", "o")


def test_a_training_started_inside_another_inherits_no_checkpoint() -> None:
    outer = {"OG_RESUME": "1", "OG_RESUME_FROM": "/c/9.pt", "OG_OVERRIDES": "{}", "OG_PARENT_RUN_ID": "q"}
    env = training_env(spec({**outer, "OG_SMOKE_STEPS": "20"}), runner_pid=7)
    assert env["OG_RESUME"] == "0"
    assert not {"OG_RESUME_FROM", "OG_OVERRIDES", "OG_PARENT_RUN_ID"} & set(env)
    assert env["OG_SMOKE_STEPS"] == "20"


def test_the_contract_is_told_apart_from_the_users_own_variables() -> None:
    assert split({"OG_RESUME": "1", "CUDA_VISIBLE_DEVICES": "0"}) == (
        {"OG_RESUME": "1"},
        {"CUDA_VISIBLE_DEVICES": "0"},
    )


def test_a_server_named_for_one_run_is_not_handed_on() -> None:
    ours = {"OG_INGEST_URL": "u", "TRACKIO_SERVER_URL": "u", "TRACKIO_WRITE_TOKEN": "t", "A": "1"}
    assert without_ingest(ours) == {"A": "1"}
    theirs = {"TRACKIO_SERVER_URL": "u", "TRACKIO_WRITE_TOKEN": "t"}
    assert without_ingest(theirs) == theirs
