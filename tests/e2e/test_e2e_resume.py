"""`og resume` in a real terminal: what is shown, what is asked, and the graphs of the run that goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from og_user import OG, OgUser
from terminal import Terminal

TRAIN = """
import argparse, json, os, time
import opengraphs as og

parser = argparse.ArgumentParser()
parser.add_argument("--resume_from_checkpoint")
args = parser.parse_args()
run = og.init()
first = 0
if args.resume_from_checkpoint:
    with open(args.resume_from_checkpoint) as file:
        first = json.load(file)["step"]
for step in range(first + 1, first + 61):
    run.log({"train/loss": 1.0 / step}, step=step)
path = os.path.abspath("ckpt-%d.json" % step)
with open(path, "w") as file:
    json.dump({"step": step}, file)
run.checkpoint(path, step)
while first and not os.path.exists("go"):
    time.sleep(0.01)
"""


@pytest.fixture
def first(user: OgUser) -> Path:
    """A run that has ended, with a checkpoint of step 60."""
    (user.work / "train.py").write_text(TRAIN)
    assert user.og("run", "--run", "digits", "train.py").returncode == 0
    return user.run_dirs()[0]


def resuming(user: OgUser, *words: str) -> Terminal:
    return Terminal([str(OG), "resume", *words], env=user.env, cwd=user.work)


def test_what_was_guessed_is_shown_and_the_graphs_open(user: OgUser, first: Path) -> None:
    with resuming(user, first.name) as screen:
        text = screen.wait_text("start digits-r1? [y/N]")
        assert "step 60" in text
        assert re.search(r"guessed +--resume_from_checkpoint", text)
        screen.send("y\r")
        screen.wait_text("digits-r1", "running", "train/loss")
        (user.work / "go").touch()
        screen.wait_for(lambda text: "finished" in text)
        screen.send("q")
        assert screen.exit_code() == 0
    newest = user.runs()[0]
    assert (newest["name"], newest["last_step"]) == ("digits-r1", 120)


def test_a_no_starts_nothing(user: OgUser, first: Path) -> None:
    with resuming(user, first.name) as screen:
        screen.wait_text("start digits-r1? [y/N]")
        screen.send("\r")
        assert screen.exit_code() == 130
    assert len(user.run_dirs()) == 1


def test_a_screen_that_is_left_after_a_crash_does_not_wait_for_the_restart(user: OgUser) -> None:
    words = ["run", "--run", "digits", "--restart-on-crash", "1", "--", "sh", "-c", "exit 3"]
    env = {**user.env, "OG_RESTART_WAIT_S": "60"}
    with Terminal([str(OG), *words], env=env, cwd=user.work) as screen:
        screen.wait_for(lambda text: "failed" in text)
        screen.send("q")
        assert screen.exit_code() == 0
        assert "goes on by itself" in screen.text()
    assert user.og("stop", "digits").returncode == 0
    assert len(user.run_dirs()) == 1
