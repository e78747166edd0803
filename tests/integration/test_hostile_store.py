"""A store full of damage, through a real daemon and the commands: listed, shown or refused, never hung."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from og_user import OgUser
from ogd_kit import append_points, make_run

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def hostile(user: OgUser) -> dict[str, Path]:
    """Runs by what is wrong with them; `sound` is as it should be."""
    runs = {
        name: make_run(user.store, name=name, metrics={"loss": [2.0, 1.0]})
        for name in ("sound", "fifo", "endless", "garbage", "wide", "keys", "facts")
    }
    os.mkfifo(runs["fifo"] / "metrics" / "a0-r1.jsonl")
    (runs["fifo"] / "run.json").unlink()
    os.mkfifo(runs["fifo"] / "run.json")
    (runs["endless"] / "metrics" / "a0-r1.jsonl").symlink_to("/dev/zero")
    with (runs["garbage"] / "metrics" / "a0-r0.jsonl").open("ab") as journal:
        journal.write(b"\xff\0garbage\n" + b"[" * 100_000 + b"\n")
    append_points(runs["garbage"], {"loss": [0.5]}, first_step=2)
    wide = {f"layer/{number}/norm": [float(number)] for number in range(20_000)}
    append_points(runs["wide"], {"loss": [0.5], **wide}, first_step=2)
    append_points(
        runs["keys"], {"with space": [1.0], "\x1b[31mred\x07": [2.0], "🙂/ключ": [3.0]}, first_step=2
    )
    (runs["facts"] / "run.json").write_text(
        '{"name":"\\u001b[2Jfacts","config":{"a":NaN,"b":1e999},"tags":"x"'
    )
    return runs


def test_everything_is_listed_and_the_sound_run_is_whole(user: OgUser, hostile: dict[str, Path]) -> None:
    listed = user.og("list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert {run["run_id"] for run in json.loads(listed.stdout)["runs"]} == {
        path.name for path in hostile.values()
    }
    plain = user.og("list")
    assert plain.returncode == 0
    assert "\x1b[2J" not in plain.stdout
    shown = user.og("show", hostile["sound"].name, "--json")
    assert [metric["points"] for metric in json.loads(shown.stdout)["metrics"]] == [2]


@pytest.mark.parametrize("name", ["garbage", "wide", "keys", "facts"])
def test_damaged_run_shows_what_can_be_read(user: OgUser, hostile: dict[str, Path], name: str) -> None:
    shown = user.og("show", hostile[name].name, "--json")
    assert shown.returncode == 0, shown.stderr
    (loss,) = [metric for metric in json.loads(shown.stdout)["metrics"] if metric["key"] == "loss"]
    assert (loss["points"], loss["max"]) == (3 if name in ("garbage", "wide") else 2, 2.0)
    printed = user.og("show", hostile[name].name)
    assert printed.returncode == 0
    assert not any(char in printed.stdout for char in "\x1b\x07")


@pytest.mark.parametrize("name", ["fifo", "endless"])
def test_what_cannot_be_read_is_refused_with_its_path(
    user: OgUser, hostile: dict[str, Path], name: str
) -> None:
    shown = user.og("show", hostile[name].name)
    assert shown.returncode == 4
    assert str(hostile[name]) in shown.stderr
    assert user.og("show", hostile["sound"].name).returncode == 0


def test_doctor_names_file_and_offset(user: OgUser, hostile: dict[str, Path]) -> None:
    for folder in hostile.values():
        user.og("show", folder.name)
    found = user.og("doctor", "--json")
    messages = " ".join(check["message"] for check in json.loads(found.stdout)["checks"])
    journal = hostile["garbage"] / "metrics" / "a0-r0.jsonl"
    offset = journal.read_bytes().index(b"\xff")
    assert f"{journal} byte {offset}" in messages
    for name in ("fifo", "endless"):
        assert str(hostile[name]) in messages
