"""Commands about a run that is going on: stop, tail -f, watch --plain, list."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from og_user import OgUser, wait_until

TRAIN = """
import os, sys, time
import opengraphs as og

run = og.init(progress_total=100)
for step in range(100):
    run.log({"train/loss": 1.0 / (1 + step)}, step=step)
    print("step", step, flush=True)
    while step >= 9 and not os.path.exists("go"):
        time.sleep(0.01)
run.finish()
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
"""


@pytest.fixture
def live(user: OgUser) -> str:
    """The id of a run that has logged ten steps and waits for the file `go`."""
    (user.work / "train.py").write_text(TRAIN)
    started = user.og("run", "--detach", "--run", "digits", "train.py")
    assert started.returncode == 0, started.stderr
    run_id = started.stdout.strip()
    wait_until(lambda: b"step 9\n" in log_of(user, run_id).read_bytes(), within_s=20, what="ten steps")
    return run_id


def log_of(user: OgUser, run_id: str) -> Path:
    return user.store / "runs" / run_id / "stdout.log"


def go(user: OgUser) -> None:
    (user.work / "go").touch()


def test_list_shows_it_running_and_then_finished(user: OgUser, live: str) -> None:
    (row,) = user.runs()
    assert (row["run_id"], row["status"], row["name"]) == (live, "running", "digits")
    wait_until(lambda: user.runs()[0]["last_step"] == 9, within_s=10, what="the tenth step in the list")
    assert user.json("list", "--status", "running")["total"] == 1
    go(user)
    facts = user.wait_status(live, "finished")
    assert facts["exit_code"] == 0
    assert facts["progress"]["total"] == 100
    assert {metric["key"]: metric["points"] for metric in facts["metrics"]}["train/loss"] == 100


def test_stop_ends_it_and_waits_for_the_end(user: OgUser, live: str) -> None:
    done = user.og("stop", "digits")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"digits ({live}) stopped" in done.stderr
    assert user.json("show", live)["status"] == "stopped"
    again = user.og("stop", "digits")
    assert again.returncode == 6
    assert "not running" in again.stderr


def test_stop_kills_what_does_not_listen(user: OgUser) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    run_id = user.og("run", "--detach", "--", "sh", "-c", script).stdout.strip()
    wait_until(lambda: log_of(user, run_id).read_bytes() == b"ready\n", within_s=10, what="the trap")
    assert user.og("stop", run_id, "--grace", "0.2").returncode == 0
    facts = user.json("show", run_id)
    assert (facts["status"], facts["signal"]) == ("stopped", signal.SIGKILL)


def test_tail_follows_the_log_to_the_end(user: OgUser, live: str) -> None:
    tail = user.start("tail", "-f", "-n", "1", live)
    assert tail.stdout is not None
    assert tail.stdout.readline() == "step 9\n"
    go(user)
    out, err = tail.communicate(timeout=30)
    assert tail.returncode == 0, err
    assert out.splitlines() == [f"step {step}" for step in range(10, 100)]


def test_tail_follow_survives_the_daemons_death(user: OgUser, live: str) -> None:
    tail = user.start("tail", "-f", "-n", "1", live)
    assert tail.stdout is not None
    assert tail.stdout.readline() == "step 9\n"
    os.kill(user.json("daemon", "status")["pid"], signal.SIGKILL)
    go(user)
    out, err = tail.communicate(timeout=30)
    assert tail.returncode == 0, err
    assert out.splitlines() == [f"step {step}" for step in range(10, 100)]


def test_tail_follows_metrics_to_the_end(user: OgUser, live: str) -> None:
    tail = user.start("tail", "-f", "--metrics", "-n", "2", live)
    assert tail.stdout is not None
    assert tail.stdout.readline() == "step 8  train/loss 0.1111\n"
    assert tail.stdout.readline() == "step 9  train/loss 0.1\n"
    go(user)
    out, err = tail.communicate(timeout=30)
    assert tail.returncode == 0, err
    assert [line.split()[1] for line in out.splitlines()] == [str(step) for step in range(10, 100)]


def test_ctrl_c_of_a_follower_leaves_the_run_alone(user: OgUser, live: str) -> None:
    tail = user.start("tail", "-f", live)
    assert tail.stdout is not None
    tail.stdout.readline()
    tail.send_signal(signal.SIGINT)
    _, err = tail.communicate(timeout=20)
    assert (tail.returncode, err) == (130, "")
    assert user.json("show", live)["status"] == "running"


@pytest.mark.parametrize("code", [0, 5])
def test_watch_in_a_pipe_is_a_line_a_step_and_ends_with_the_commands_code(user: OgUser, code: int) -> None:
    (user.work / "train.py").write_text(TRAIN)
    go(user)
    done = user.og("watch", "--", "python", "train.py", str(code))
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stdout.splitlines() if "train/loss" in line]
    assert len(lines) == 100
    assert "99" in lines[-1]
    assert ("step 99" in done.stderr) is bool(code), "a command that failed shows its last output"


def test_attach_in_a_pipe_follows_the_newest_live_run(user: OgUser, live: str) -> None:
    attach = user.start("attach")
    assert attach.stdout is not None
    first = attach.stdout.readline()
    go(user)
    out, err = attach.communicate(timeout=30)
    assert attach.returncode == 0, err
    assert "train/loss" in first
    assert "99" in out.splitlines()[-1]


def test_killed_runner_leaves_the_training_and_its_story_true(user: OgUser, live: str) -> None:
    runner = json.loads((user.store / "runs" / live / "run.json").read_text())["runner_pid"]
    os.kill(runner, signal.SIGKILL)
    assert user.wait_status(live, "running")["status"] == "running"
    go(user)
    wait_until(lambda: b"step 99\n" in log_of(user, live).read_bytes(), within_s=20, what="the last step")
    facts = wait_until(
        lambda: shown if (shown := user.json("show", live))["status"] != "running" else None,
        within_s=20,
        what="the end",
    )
    assert facts["status"] in ("crashed", "finished")
    assert {metric["key"]: metric["points"] for metric in facts["metrics"]}["train/loss"] == 100


def test_value_that_cannot_be_logged_costs_one_warning_and_only_its_own_key(user: OgUser) -> None:
    (user.work / "train.py").write_text(
        "import opengraphs as og\n"
        "run = og.init()\n"
        "for step in range(5):\n"
        "    run.log({'good': step, 'bad': object()}, step=step)\n"
        "run.finish()\n"
    )
    done = user.og("run", "--run", "odd", "train.py")
    assert done.returncode == 0
    assert done.stdout.count("bad") == 1
    assert "Traceback" not in done.stdout
    facts = user.json("show", "odd")
    assert {metric["key"]: metric["points"] for metric in facts["metrics"]} == {"good": 5}
