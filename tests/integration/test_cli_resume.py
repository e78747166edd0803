"""`og resume` and `og run --restart-on-crash`: the installed og, real trainings, terminal and daemon killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from og_user import OgUser, wait_until
from resume_kit import IGNORES_IT, KNOWS_OG, TAKES_AN_ARGUMENT, facts, steps

CRASHES = """
import json, os, sys, time
import opengraphs as og
og.init()
going = og.resume()
start = going.step if going else 0
print("from", start, flush=True)
while os.path.exists("hold") and not going:
    time.sleep(0.01)
for step in range(start + 1, 100):
    og.log({"loss": 1 / step}, step=step)
    if step % 5 == 0:
        path = os.path.abspath("%d.json" % step)
        with open(path, "w") as file:
            json.dump({"step": step}, file)
        og.checkpoint(path, step)
    if step == start + 7:
        sys.exit(3 if step < 15 else 9)
"""


def trained(user: OgUser, source: str, *words: str, **env: str) -> Path:
    """The folder of a run of this script that has ended."""
    (user.work / "train.py").write_text(source)
    done = user.og("run", "--run", "gpt", "train.py", *words, **env)
    assert done.returncode == 0, done.stderr
    folder = last_run(user)
    wait_until((folder / "bundle" / "machine.json").exists, within_s=20, what="its bundle")
    return folder


def by_age(user: OgUser) -> list[Path]:
    """Run folders, oldest first: ids of one second tell nothing about it."""
    folders = [folder for folder in user.run_dirs() if (folder / "run.json").exists()]
    return sorted(folders, key=lambda folder: str(facts(folder)["created_at"]))


def last_run(user: OgUser) -> Path:
    return by_age(user)[-1]


# -- og resume ------------------------------------------------------------------------------------


def test_a_run_goes_on_in_this_shell(user: OgUser) -> None:
    first = trained(user, KNOWS_OG, HF_TOKEN="hf_aaaaaaaaaaaaaaaaaaaaaaaa")
    refused = user.og("resume", first.name)
    assert refused.returncode == 6
    assert "HF_TOKEN" in refused.stderr
    done = user.og(
        "resume", "gpt", "--checkpoint", "5", "--set", "until=3", HF_TOKEN="hf_bbbbbbbbbbbbbbbbbbbbbbbb"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["from 5 lr 0.0003", "done at 8"]
    child = last_run(user)
    assert steps(child) == [6, 7, 8]
    assert facts(child)["name"] == "gpt-r1"
    assert facts(child)["parent"]["run_id"] == first.name
    assert user.json("show", child.name)["config"] == {"lr": 3e-4, "until": 3}


def test_a_dry_run_shows_the_command_and_starts_nothing(user: OgUser) -> None:
    first = trained(user, TAKES_AN_ARGUMENT, "--lr", "0.001")
    done = user.og("resume", first.name, "--set", "lr=1e-4", "--dry-run")
    path = user.work / "ckpt-10.json"
    assert done.returncode == 0
    assert f"train.py --lr [0.0001] [--resume_from_checkpoint] [{path}]" in done.stdout
    assert f"step 10, {path}" in done.stdout
    assert len(user.run_dirs()) == 1


def test_guessed_arguments_need_a_yes_once(user: OgUser) -> None:
    first = trained(user, TAKES_AN_ARGUMENT)
    refused = user.og("resume", first.name)
    assert refused.returncode == 2
    assert "nobody has accepted these arguments yet: --resume_from_checkpoint" in refused.stderr
    assert user.og("resume", first.name, "--yes").returncode == 0
    assert steps(last_run(user))[0] == 11
    assert user.og("resume", first.name, "--checkpoint", "5").returncode == 0
    assert steps(last_run(user))[0] == 6


def test_the_reply_as_json(user: OgUser) -> None:
    first = trained(user, KNOWS_OG)
    done = user.og("resume", first.name, "--json")
    reply: dict[str, Any] = json.loads(done.stdout)
    assert reply["plan"]["checkpoint"]["step"] == 10
    assert user.wait_status(reply["run_id"], "finished")["name"] == "gpt-r1"
    assert user.json("resume", first.name, "--dry-run")["run_id"] is None


def test_detached_it_prints_the_id(user: OgUser) -> None:
    first = trained(user, KNOWS_OG)
    done = user.og("resume", first.name, "--detach")
    assert user.wait_status(done.stdout.strip(), "finished")["parent"]["run_id"] == first.name


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--checkpoint", "77"], 3),
        (["--checkpoint", "5"], 6),
        (["--set", "lr"], 2),
        (["--name", ""], 2),
    ],
)
def test_what_cannot_be_is_refused_by_its_code(user: OgUser, words: list[str], code: int) -> None:
    first = trained(user, KNOWS_OG)
    (user.work / "ckpt-5.json").unlink()
    done = user.og("resume", first.name, *words)
    assert done.returncode == code, done.stderr
    assert len(user.run_dirs()) == 1


def test_the_exit_code_is_the_trainings(user: OgUser) -> None:
    first = trained(user, IGNORES_IT)
    (user.work / "train.py").write_text("import sys; sys.exit(7)")
    done = user.og("resume", first.name)
    assert done.returncode == 7
    assert "train.py was changed since the run was started" in done.stderr


# -- og run --restart-on-crash --------------------------------------------------------------------


def test_the_terminal_follows_from_try_to_try(user: OgUser) -> None:
    (user.work / "train.py").write_text(CRASHES)
    done = user.og("run", "--run", "gpt", "--restart-on-crash", "3", "train.py", OG_RESTART_WAIT_S="0.1")
    assert done.returncode == 9
    assert done.stdout.split() == ["from", "0", "from", "5", "from", "10", "from", "15"]
    names = sorted(facts(folder)["name"] for folder in user.run_dirs())
    assert names == ["gpt", "gpt-r1", "gpt-r2", "gpt-r3"]
    assert done.stderr.count("goes on as gpt-r") == 3


def test_it_goes_on_when_terminal_and_daemon_are_gone(user: OgUser) -> None:
    (user.work / "hold").touch()
    (user.work / "train.py").write_text(CRASHES)
    started = user.start("run", "--restart-on-crash", "5", "train.py", OG_RESTART_WAIT_S="0.1")
    wait_until(lambda: user.run_dirs() or None, within_s=20, what="the run")
    first = user.run_dirs()[0]
    log = first / "stdout.log"
    wait_until(lambda: (log.exists() and "from" in log.read_text()) or None, within_s=20, what="its start")
    user.json("list")
    os.kill(user.pid_of("opengraphs.daemon"), signal.SIGKILL)
    started.kill()
    started.communicate()
    (user.work / "hold").unlink()
    wait_until(lambda: len(by_age(user)) >= 3 or None, within_s=30, what="two restarts")
    second, third = by_age(user)[1:3]
    assert steps(second)[0] == 6
    assert facts(second)["parent"]["reason"] == "crash"
    wait_until(lambda: steps(third) or None, within_s=20, what="the third run's steps")
    assert steps(third)[0] == 11


def test_a_stop_calls_the_restart_off(user: OgUser) -> None:
    run_id = user.og(
        "run", "--detach", "--restart-on-crash", "2", "--", "sh", "-c", "exit 3", OG_RESTART_WAIT_S="60"
    ).stdout.strip()
    user.wait_status(run_id, "failed")
    done = user.og("stop", run_id)
    assert done.returncode == 0, done.stderr
    assert "it is not restarted" in done.stderr
    assert user.og("stop", run_id).returncode == 6
    assert len(user.run_dirs()) == 1


def test_ctrl_c_while_it_waits_calls_the_restart_off(user: OgUser) -> None:
    started = user.start("run", "--restart-on-crash", "2", "--", "sh", "-c", "exit 3", OG_RESTART_WAIT_S="60")
    assert started.stderr is not None
    while "crashed" not in (line := started.stderr.readline()):
        assert line
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=20)
    assert started.returncode == 3
    assert "it is not restarted" in said
    assert len(user.run_dirs()) == 1


def test_guessed_arguments_are_left_out_until_somebody_accepts_them(user: OgUser) -> None:
    (user.work / "train.py").write_text(TAKES_AN_ARGUMENT)
    done = user.og("run", "--restart-on-crash", "1", "train.py")
    assert done.returncode == 0
    assert "not used, since nobody has accepted it yet: --resume_from_checkpoint {path}" in done.stderr
    assert user.og("resume", user.run_dirs()[0].name, "--yes").returncode == 0
    again = user.og("run", "--restart-on-crash", "1", "train.py")
    assert "not used" not in again.stderr


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_a_wait_that_is_none_is_refused(user: OgUser, text: str) -> None:
    done = user.og("run", "--restart-on-crash", "1", "--", "true", OG_RESTART_WAIT_S=text)
    assert done.returncode == 2
    assert user.run_dirs() == []
