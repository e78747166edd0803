"""What is left of a run when its runner, its launcher or its disk goes away in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import wait_for
from runner_kit import Runs, Training, alive

from opengraphs import paths
from opengraphs.runner.control import Control, ExitWaiter, wait_exit
from opengraphs.runner.launch import launch

UNTIL_GO = "echo ready; while [ ! -e go ]; do sleep 0.01; done"


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    kit = Runs(og_home)
    yield kit
    kit.end()


def kill_runner(training: Training) -> None:
    os.kill(training.runner_pid, signal.SIGKILL)
    wait_for(lambda: not alive(training.runner_pid), what="death of the runner")


def test_training_outlives_its_runner_and_its_log_is_whole(runs: Runs) -> None:
    training = runs.shell(
        "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); sleep 0.002; done; touch done"
    )
    training.says("line 5")
    kill_runner(training)
    assert training.lock_held()
    assert training.wait() is None
    assert (runs.work / "done").exists()
    assert training.log().splitlines() == [f"line {number}" for number in range(200)]
    assert not training.lock_held()
    assert not (training.folder / "exit.json").exists()
    assert training.facts()["status"] == "running"  # the last thing its owner knew


def test_waiter_that_was_connected_goes_on_waiting_for_the_training(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    training.says("ready")
    waiters = [
        ExitWaiter(str(training.folder), training.launched.control_socket),
        ExitWaiter(
            str(training.folder), training.launched.control_socket, told_fd=os.dup(training.launched.told_fd)
        ),
    ]
    kill_runner(training)
    assert [waiter.wait(0.05) for waiter in waiters] == [False, False]
    (runs.work / "go").touch()
    assert [waiter.wait(None) for waiter in waiters] == [True, True]
    assert [waiter.record for waiter in waiters] == [None, None]


def test_lock_is_free_at_once_when_both_are_killed(runs: Runs) -> None:
    training = runs.shell(
        f"exec {sys.executable} -c 'import signal; print(\"ready\", flush=True); signal.pause()'"
    )
    training.says("ready")
    os.kill(training.runner_pid, signal.SIGKILL)
    os.kill(training.pid, signal.SIGKILL)
    wait_for(lambda: not training.lock_held(), within_s=2, what="the lock")
    assert training.wait() is None


def test_runner_that_loses_its_folder_leaves_the_training_alone(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO + "; echo more; touch done", heartbeat_s=0.05)
    training.says("ready")
    waiter = ExitWaiter(str(training.folder), training.launched.control_socket)
    shutil.rmtree(training.folder)
    (runs.work / "go").touch()
    assert waiter.wait(20)
    assert waiter.record is not None
    assert waiter.record["code"] == 0
    assert (runs.work / "done").exists()
    training.leave()


def test_stopped_and_continued_runner_loses_nothing(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO + "; exit 3")
    training.says("ready")
    os.kill(training.runner_pid, signal.SIGSTOP)
    (runs.work / "go").touch()
    wait_for(lambda: _is_zombie(training.pid), what="end of the training")
    os.kill(training.runner_pid, signal.SIGCONT)
    assert training.ended()["code"] == 3


def _is_zombie(pid: int) -> bool:
    return not alive(pid)


_FROM_COPY = """
import sys
from opengraphs import paths
from opengraphs.runner import launch as module
assert module.__file__.startswith(sys.argv[1])
spec = module.create_run(["sh", "-c", sys.argv[2]], control_socket=paths.control_socket, hooks=False)
print(module.launch(spec).runner_pid)
"""


def test_og_that_is_removed_in_mid_run_changes_nothing(runs: Runs) -> None:
    copy = runs.home / "copy" / "opengraphs"
    shutil.copytree(Path(paths.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", _FROM_COPY, str(copy), "trap 'exit 6' TERM; " + UNTIL_GO],
        env={**os.environ, "PYTHONPATH": str(copy.parent)},
        cwd=runs.work, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (name,) = runs.folders()
    folder = runs.home / "store" / "runs" / name
    wait_for(lambda: list((folder / "system").iterdir()), what="the sampler")
    wait_for(lambda: (folder / "bundle" / "machine.json").exists(), what="the capture")
    shutil.rmtree(copy.parent)
    control = Control(str(paths.control_socket(folder)))
    assert control.status()["status"] == "running"
    control.stop(grace_s=30)
    wait_for(lambda: not alive(int(done.stdout)), what="end of the runner")
    assert json.loads((folder / "exit.json").read_text())["code"] == 6
    assert not (folder / "runner.log").exists()


_LAUNCHER = """
import sys
from opengraphs import paths
from opengraphs.runner.launch import create_run, launch
print("start", flush=True)
launch(create_run(["sh", "-c", "exit 5"], control_socket=paths.control_socket, hooks=False))
"""


@pytest.mark.parametrize("delay_ms", [0, 4, 8, 12, 16, 20, 25, 30, 40, 60])
def test_launcher_killed_at_any_moment_leaves_a_true_story(runs: Runs, delay_ms: int) -> None:
    """Either no folder, or one that ended with its code, or one whose free lock says that it crashed."""
    process = subprocess.Popen([sys.executable, "-c", _LAUNCHER], cwd=runs.work, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(timeout=delay_ms / 1000)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    for name in runs.folders():
        folder = runs.home / "store" / "runs" / name
        if not (folder / "run.lock").exists():
            assert not (folder / "run.json").exists()
            continue
        record = wait_exit(str(folder), str(paths.control_socket(folder)))
        assert record is None or record["code"] == 5
        assert json.loads((folder / "run.json").read_text())["run_id"] == name if record else True
        wait_for(
            lambda folder=folder: not paths.control_socket(folder).exists() or _stale(folder),
            what="the socket",
        )


def _stale(folder: Path) -> bool:
    """A socket file that nobody listens at: the launcher died between making it and the runner's start."""
    try:
        Control(str(paths.control_socket(folder))).status()
    except OSError:
        return True
    return False


def test_interrupted_launch_starts_nothing_that_stays(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from opengraphs.runner import launch as module

    started: list[Any] = []

    def interrupted(fd: int) -> dict[str, Any]:
        started.append(os.read(fd, 65536))  # the runner's answer: the training runs
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_receive", interrupted)
    spec = module.create_run(["sh", "-c", UNTIL_GO], control_socket=paths.control_socket, cwd=str(runs.work))
    with pytest.raises(KeyboardInterrupt):
        launch(spec)
    answer = json.loads(started[0])
    wait_for(lambda: not alive(answer["pid"]) and not alive(answer["runner_pid"]), what="end of both")
    assert json.loads((Path(spec["run_dir"]) / "exit.json").read_text())["signal"] == signal.SIGTERM


# -- full disk ----------------------------------------------------------------------------------------

_TRAINING = """
import os, sys, time
print("ready")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
for number in range(20000):
    print("a line of fifty bytes, more or less, number", number)
"""

_FULL_DISK = """
import atexit, json, os, subprocess, sys
from pathlib import Path
from ogd_kit import wait_for
from opengraphs import paths
from opengraphs.runner.launch import Control, create_run, launch, wait_exit

disk, go = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", disk], check=True)
command = [sys.executable, "-u", "-c", os.environ["TRAINING"], go]
spec = create_run(command, control_socket=paths.control_socket, store=disk + "/store", hooks=False, cwd="/")
started = launch(spec)
stop = Control(started.control_socket).stop
atexit.register(stop, grace_s=0)  # should anything below fail
log = Path(spec["run_dir"]) / "stdout.log"
wait_for(lambda: log.stat().st_blocks * 512 >= 4 << 20, what="room ahead of the log")
with open(disk + "/filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(65536))
    except OSError as error:
        full = error.errno
Path(go).touch()
record = wait_exit(spec["run_dir"], spec["control_socket"])
wait_for(lambda: not Path(spec["control_socket"]).exists(), within_s=60, what="end of the runner")
atexit.unregister(stop)
print(json.dumps({
    "errno": full,
    "record": record,
    "lines": len(log.read_text().splitlines()),
    "spare": log.stat().st_blocks * 512 - log.stat().st_size,
    "exit": json.loads((Path(spec["run_dir"]) / "exit.json").read_text()),
    "status": json.loads((Path(spec["run_dir"]) / "run.json").read_text())["status"],
}))
"""


def test_training_prints_on_and_its_end_is_recorded_on_a_full_disk(runs: Runs) -> None:
    disk = runs.home / "disk"
    disk.mkdir()
    unshared = ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*unshared, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a mount namespace")
    done = subprocess.run(
        [*unshared, sys.executable, "-c", _FULL_DISK, str(disk), str(runs.work / "go")],
        env={
            **os.environ,
            "TRAINING": _TRAINING,
            "PYTHONPATH": str(Path(__file__).parents[1] / "integration"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["errno"] == 28
    assert told["lines"] == 20001
    assert told["record"]["code"] == 0
    assert told["exit"] == told["record"]
    assert told["status"] == "finished"
    assert told["spare"] < 65536  # what was not needed is given back
