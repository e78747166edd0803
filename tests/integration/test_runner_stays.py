"""A real runner that outlives its training: orders, restarts, and what it leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import wait_for
from runner_kit import Runs, Training, alive

from opengraphs.runner import restarting
from opengraphs.runner.control import Control, ControlError, read_exit

UNTIL_GO = "echo ready; while [ ! -e go ]; do sleep 0.01; done"
SHOWS = "env | grep -E '^OG_|^MINE|^SECRET'; exit 0"
CRASHES = """
import json, os, sys
import opengraphs as og
og.init()
start = int(os.environ.get("OG_RESUME_STEP") or 0)
print("from", start, os.environ.get("OG_RESUME_FROM"), sys.argv[1:], flush=True)
for step in range(start + 1, 100):
    og.log({"loss": 1 / step}, step=step)
    if step % 5 == 0:
        path = os.path.abspath("%d.json" % step)
        with open(path, "w") as file:
            json.dump({"step": step}, file)
        og.checkpoint(path, step)
    if step == start + 7:
        sys.exit(3 if step < 15 else 0)
"""


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    kit = Runs(og_home)
    yield kit
    kit.end()


def kept(runs: Runs, script: str, **options: Any) -> Training:
    """A training that has ended, and whose runner stays."""
    training = runs.shell(UNTIL_GO + "; " + script, **options)
    training.says("ready")
    training.control.ask({"op": "keep", "seconds": 60})
    (runs.work / "go").touch()
    training.ended()
    (runs.work / "go").unlink()
    return training


def wait_gone(pid: int) -> None:
    wait_for(lambda: not alive(pid), what="end of the runner")


def launched(training: Training, **order: Any) -> tuple[Path, dict[str, Any]]:
    """The folder of the run that was ordered, when it has ended, and the runner's reply."""
    reply = training.control.ask({"op": "launch", **order}, timeout_s=30)
    folder = Path(reply["run_dir"])
    wait_for(lambda: facts(folder)["status"] != "running", what="end of the successor")
    return folder, reply


def facts(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return read


# -- keep, launch, release ------------------------------------------------------------------------


def test_a_kept_runner_writes_the_end_as_usual_and_frees_the_lock(runs: Runs) -> None:
    training = kept(runs, "exit 4")
    assert read_exit(str(training.folder))["code"] == 4  # type: ignore[index]
    wait_for(lambda: not training.lock_held(), what="a free lock")
    assert training.facts()["status"] == "failed"
    assert alive(training.runner_pid)
    training.control.ask({"op": "release"})
    wait_gone(training.runner_pid)


def test_a_kept_runner_touches_nothing_of_the_run_any_more(runs: Runs) -> None:
    training = kept(runs, "exit 0", heartbeat_s=0.05)
    wait_for(lambda: not training.lock_held(), what="a free lock")
    (training.folder / "run.json").unlink()
    assert training.control.status()["status"] == "finished"
    wait_for(lambda: training.control.status(), what="an answer")
    assert not (training.folder / "run.json").exists()
    training.control.ask({"op": "release"})
    wait_gone(training.runner_pid)
    assert not (training.folder / "run.json").exists()


def test_the_time_to_stay_ends_by_itself(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    training.says("ready")
    training.control.ask({"op": "keep", "seconds": 0.2})
    (runs.work / "go").touch()
    training.leave()


def test_the_successor_has_the_environment_of_the_shell_and_its_secrets(runs: Runs) -> None:
    secret = {"SECRET_TOKEN": "hush-hush-1234", "MINE": "1"}
    training = kept(runs, "exit 1", env=secret, project="p", tags=["a"])
    folder, reply = launched(
        training,
        command=["sh", "-c", SHOWS],
        env={"OG_RESUME": "1", "OG_RESUME_FROM": "/c", "MINE": "2"},
        parent={"run_id": training.facts()["run_id"], "step": 3, "reason": "user"},
        name="again",
        project="p",
        tags=["a"],
    )
    said = (folder / "stdout.log").read_text()
    assert "SECRET_TOKEN=hush-hush-1234\n" in said
    assert "MINE=2\n" in said
    assert "OG_RESUME_FROM=/c\n" in said
    assert f"OG_PARENT_RUN_ID={training.facts()['run_id']}\n" in said
    known = facts(folder)
    assert (known["name"], known["project"], known["tags"], known["parent"]["step"]) == (
        "again",
        "p",
        ["a"],
        3,
    )
    assert "hush" not in json.dumps([reply, known])
    wait_gone(training.runner_pid)


def test_a_hidden_argument_is_known_to_the_runner_alone(runs: Runs) -> None:
    code = "import sys; print(sys.argv[1:])"
    words = [sys.executable, "-c", code, "--api-key", "sk-aaaaaaaaaaaaaaaaaaaaaaaa"]
    training = runs.start(*words, "--wait")
    training.control.ask({"op": "keep", "seconds": 60})
    training.ended()
    stored = training.facts()["command"]
    assert "[redacted]" in stored
    folder, _ = launched(training, command=[*stored, "--more"], parent={"run_id": "r"})
    assert "sk-aaaaaaaaaaaaaaaaaaaaaaaa" in (folder / "stdout.log").read_text()
    assert "sk-aaaa" not in json.dumps(facts(folder))


def test_a_training_that_runs_has_no_successor(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    training.says("ready")
    with pytest.raises(ControlError, match="still runs"):
        training.control.ask({"op": "launch", "command": ["true"]})


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({}, "command must be"),
        ({"command": "true"}, "command must be"),
        ({"command": ["true"], "env": {"A": 1}}, "env must be"),
        ({"command": ["true"], "cwd": "here"}, "absolute"),
        ({"command": ["true"], "colour": "red"}, "unknown: colour"),
        ({"command": ["true"], "parent": "r"}, "parent is of the wrong kind"),
        ({"command": ["a\0b"]}, "NUL"),
    ],
)
def test_a_bad_order_is_refused_and_the_runner_stays(runs: Runs, order: dict[str, Any], why: str) -> None:
    training = kept(runs, "exit 0")
    with pytest.raises(ControlError, match=why):
        training.control.ask({"op": "launch", **order})
    assert alive(training.runner_pid)
    training.control.ask({"op": "release"})


def test_a_launch_that_fails_says_why_and_can_be_tried_again(runs: Runs) -> None:
    training = kept(runs, "exit 0")
    with pytest.raises(ControlError, match="no such program: nowhere"):
        training.control.ask({"op": "launch", "command": ["nowhere"]}, timeout_s=30)
    assert len(runs.folders()) == 1
    folder, _ = launched(training, command=["true"])
    assert facts(folder)["status"] == "finished"


def test_a_successor_outlives_the_runner_that_launched_it(runs: Runs) -> None:
    training = kept(runs, "exit 0")
    reply = training.control.ask({"op": "launch", "command": ["sh", "-c", UNTIL_GO]}, timeout_s=30)
    wait_gone(training.runner_pid)
    successor = Control(reply["control_socket"])
    assert successor.status()["status"] == "running"
    assert os.getsid(reply["pid"]) not in (os.getsid(0), training.runner_pid)
    (runs.work / "go").touch()
    assert successor.wait(30)["code"] == 0  # type: ignore[index]


def test_a_signal_to_a_kept_runner_lets_it_go(runs: Runs) -> None:
    training = kept(runs, "exit 0")
    os.kill(training.runner_pid, signal.SIGTERM)
    wait_gone(training.runner_pid)


# -- after a crash --------------------------------------------------------------------------------


def crashing(runs: Runs, *, left: int, args: list[str] | None = None, wait_s: float = 0.1) -> Training:
    (runs.work / "crashes.py").write_text(CRASHES)
    return runs.start(
        sys.executable, "crashes.py", restart=restarting.wanted(left, args=args, wait_s=wait_s), tags=["t"]
    )


def next_of(control: Control) -> dict[str, Any] | None:
    reply: dict[str, Any] | None = control.ask({"op": "next"}, timeout_s=30)["next"]
    return reply


def test_a_crash_goes_on_from_the_newest_checkpoint_until_the_end(runs: Runs) -> None:
    training = crashing(runs, left=5, args=["--from", "{path}"])
    first = training.facts()["run_id"]
    second = next_of(training.control)
    assert second is not None
    third = next_of(Control(second["control_socket"]))
    assert third is not None
    assert next_of(Control(third["control_socket"])) is None
    end = wait_for(lambda: read_exit(third["run_dir"]), what="the end")
    assert end["code"] == 0
    said = (Path(third["run_dir"]) / "stdout.log").read_text()
    assert f"from 10 {runs.work}/10.json ['--from', '{runs.work}/10.json']" in said
    known = facts(Path(third["run_dir"]))
    assert known["parent"]["reason"] == "crash"
    assert known["parent"]["step"] == 10
    assert known["tags"] == ["t"]
    assert known["name"].endswith("-r2")
    assert facts(Path(second["run_dir"]))["parent"]["run_id"] == first


def test_tries_are_counted(runs: Runs) -> None:
    training = runs.shell("exit 3", restart=restarting.wanted(2, wait_s=0.05))
    second = next_of(training.control)
    assert second is not None
    third = next_of(Control(second["control_socket"]))
    assert third is not None
    assert next_of(Control(third["control_socket"])) is None
    assert len(runs.folders()) == 3


def test_what_a_crashed_training_left_running_ends_before_the_restart(runs: Runs) -> None:
    training = runs.shell("sleep 600 & echo helper $!; exit 3", restart=restarting.wanted(1, wait_s=60.0))
    training.ended()
    helper = int(training.says("helper").split()[1])
    wait_for(lambda: not alive(helper), what="end of the helper")


def test_a_run_that_was_removed_is_not_restarted(runs: Runs) -> None:
    training = runs.shell("exit 3", restart=restarting.wanted(1, wait_s=3.0))
    wait_for((training.folder / "bundle" / "machine.json").exists, what="its bundle")
    wait_for(lambda: not training.lock_held(), what="its end")
    shutil.rmtree(training.folder)
    training.leave()
    assert runs.folders() == []


@pytest.mark.parametrize("script", ["exit 0", "exit 130", "kill -INT $$"])
def test_an_end_that_is_no_crash_is_the_end(runs: Runs, script: str) -> None:
    training = runs.shell(script, restart=restarting.wanted(2, wait_s=0.05))
    training.ended()
    training.leave()
    assert len(runs.folders()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_that_was_told_to_end_stays_ended(runs: Runs, number: signal.Signals) -> None:
    training = runs.shell("trap 'exit 5' TERM INT; " + UNTIL_GO, restart=restarting.wanted(2, wait_s=0.05))
    training.says("ready")
    os.kill(training.runner_pid, number)
    training.leave()
    assert len(runs.folders()) == 1


def test_a_stop_calls_a_restart_off(runs: Runs) -> None:
    training = runs.shell("exit 3", restart=restarting.wanted(2, wait_s=60.0))
    training.ended()
    assert training.control.stop() == {"ok": True, "stopping": True}
    training.leave()
    assert len(runs.folders()) == 1


def test_a_runner_that_stays_is_small(runs: Runs) -> None:
    training = kept(runs, "exit 0")
    with pytest.raises(ControlError):
        training.control.ask({"op": "launch", "command": ["nowhere"]}, timeout_s=30)
    status = Path(f"/proc/{training.runner_pid}/status").read_text()
    assert int(status.split("VmRSS:")[1].split()[0]) < 20_000
    training.control.ask({"op": "release"})


def test_an_order_takes_the_place_of_a_restart(runs: Runs) -> None:
    training = runs.shell("exit 3", restart=restarting.wanted(2, wait_s=60.0))
    training.ended()
    folder, _ = launched(training, command=["true"])
    assert facts(folder)["status"] == "finished"
    training.leave()
    assert len(runs.folders()) == 2


def test_a_stop_of_an_ended_run_leaves_its_kept_runner_alone(runs: Runs) -> None:
    training = kept(runs, "exit 0")
    with pytest.raises(ControlError, match="has ended"):
        training.control.stop()
    folder, _ = launched(training, command=["true"])
    assert facts(folder)["status"] == "finished"
