"""`og doctor resume` with trainings that go on well, badly and not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from og_user import OgUser, wait_until

TRAIN = """
import json, os, random, sys, time
import opengraphs as og

HOW = sys.argv[1]
og.init(config={"lr": 0.1})
going = og.resume()
state = {"step": 0, "x": 8.0, "lr": 0.1}
if going and HOW != "ignores":
    with open(going.path) as file:
        state = json.load(file)
    if HOW == "crashes":
        sys.exit("no room for the optimizer")
    if HOW == "forgets":
        state["x"] = 8.0
    if HOW == "rate":
        state["lr"] = 0.1
    if HOW == "skips":
        state["step"] += 50
out = os.environ["OG_CKPT_DIR"]
os.makedirs(out, exist_ok=True)
until = int(os.environ.get("OG_SMOKE_STEPS") or 2000)
draw = random.Random(state["step"])
while state["step"] < until and not og.should_stop():
    step = state["step"] + 1
    state = {"step": step, "x": state["x"] * 0.98, "lr": state["lr"] * 0.99}
    og.log({"train/loss": state["x"] + draw.gauss(0, 0.01), "lr": state["lr"]}, step=step)
    if step == 40 and HOW != "saves-nothing":
        path = os.path.join(out, "ckpt-%d.json" % step)
        with open(path + ".tmp", "w") as file:
            json.dump(state, file)
        os.rename(path + ".tmp", path)
        og.checkpoint(path, step)
    time.sleep(0.002)
"""


def proven(user: OgUser, how: str, *words: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """(exit code, status and message by check)."""
    (user.work / "train.py").write_text(TRAIN)
    done = user.og("doctor", "resume", "--json", *words, "train.py", how, timeout_s=120)
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {check["id"]: (check["status"], check["message"]) for check in checks}


def test_a_training_that_goes_on_is_proven_to(user: OgUser) -> None:
    code, checks = proven(user, "well")
    assert {name: status for name, (status, _) in checks.items()} == {
        "checkpoint": "ok",
        "stop": "ok",
        "resume": "ok",
        "steps": "ok",
        "loss": "ok",
        "rate": "ok",
    }
    assert code == 0
    assert user.run_dirs() == [], "the trial has a store of its own"


@pytest.mark.parametrize(
    ("how", "failed", "says"),
    [
        ("ignores", "steps", "begins again at step 1"),
        ("forgets", "loss", "off by +"),
        ("rate", "rate", "where it was"),
        ("skips", "steps", "are left out"),
        ("crashes", "resume", "no room for the optimizer"),
    ],
)
def test_a_training_that_does_not_is_told_why(user: OgUser, how: str, failed: str, says: str) -> None:
    code, checks = proven(user, how)
    status, message = checks[failed]
    assert (code, status) == (1, "fail"), checks
    assert says in message


def test_a_training_that_saves_nothing_is_told_so(user: OgUser) -> None:
    code, checks = proven(user, "saves-nothing", "--steps", "60")
    assert code == 1
    assert list(checks) == ["checkpoint"]
    assert "finished with exit code 0 before a checkpoint" in checks["checkpoint"][1]


def test_patience_has_an_end(user: OgUser) -> None:
    code, checks = proven(user, "saves-nothing", "--timeout", "2")
    assert code == 1
    assert checks["checkpoint"][1] == "not within 2 s: a checkpoint"


def test_the_command_of_a_run_is_tried(user: OgUser) -> None:
    (user.work / "train.py").write_text(TRAIN)
    assert user.og("run", "--run", "gpt", "train.py", "well", OG_SMOKE_STEPS="50").returncode == 0
    done = user.og("doctor", "resume", "gpt", timeout_s=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "goes on at step 41, behind 40" in done.stdout
    assert len(user.run_dirs()) == 1


def test_what_is_neither_a_command_nor_a_run(user: OgUser) -> None:
    assert user.og("doctor", "resume", "nowhere.py").returncode == 3
    assert user.og("doctor", "resume", "nowhere").returncode == 3
    assert user.og("doctor", "resume").returncode == 2


def test_the_runs_can_be_kept(user: OgUser) -> None:
    (user.work / "train.py").write_text(TRAIN)
    done = user.og("doctor", "resume", "--keep", "train.py", "well", timeout_s=120, TMPDIR=str(user.home))
    store = Path(done.stderr.split("og list --store ")[1].split()[0])
    assert store.parent == user.home
    assert len(list((store / "runs").iterdir())) == 2


def test_a_trial_that_is_ended_leaves_nothing_behind(user: OgUser) -> None:
    (user.work / "train.py").write_text(TRAIN)
    trial = user.start("doctor", "resume", "train.py", "saves-nothing", TMPDIR=str(user.home))
    wait_until(
        lambda: any("train.py saves" in line for line in trainings(user)), within_s=20, what="the trial"
    )
    trial.terminate()
    trial.communicate(timeout=60)
    assert trial.returncode == 130
    wait_until(lambda: not trainings(user), within_s=20, what="the end of what the trial started")
    wait_until(lambda: not list(user.home.glob("og-trial-*")), within_s=20, what="an empty place")


def trainings(user: OgUser) -> list[str]:
    return [line for line in user.processes().values() if "train.py" in line and "doctor" not in line]


def test_the_plain_doctor_is_what_it_was(user: OgUser) -> None:
    assert "daemon" in user.og("doctor").stdout
