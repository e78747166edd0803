"""Signals and the control socket of a real runner."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import wait_for
from runner_kit import Runs, Training, alive

from opengraphs import paths
from opengraphs.runner.control import Control, ControlError, ExitWaiter
from opengraphs.runner.launch import create_run, launch

UNTIL_GO = "echo ready; while [ ! -e go ]; do sleep 0.01; done"
DEAF = "trap '' INT TERM; " + UNTIL_GO
ON_TERM = "trap 'echo term; exit 0' TERM; " + UNTIL_GO


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    kit = Runs(og_home)
    yield kit
    kit.end()


def ready(training: Training) -> Training:
    training.says("ready")
    return training


# -- signals to the runner ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_signal_to_the_runner_reaches_the_training(runs: Runs, number: signal.Signals) -> None:
    training = ready(runs.shell(f"ulimit -c 0; {UNTIL_GO}"))
    os.kill(training.runner_pid, number)
    assert training.ended()["signal"] == number
    assert training.facts()["status"] == "failed"


def test_second_interrupt_kills(runs: Runs) -> None:
    training = ready(runs.shell("trap 'echo once' INT; " + UNTIL_GO))
    os.kill(training.runner_pid, signal.SIGINT)
    training.says("once")
    os.kill(training.runner_pid, signal.SIGINT)
    assert training.ended()["signal"] == signal.SIGKILL


def test_hangup_means_nothing_to_the_runner(runs: Runs) -> None:
    training = ready(runs.shell(UNTIL_GO))
    os.kill(training.runner_pid, signal.SIGHUP)
    assert training.control.status()["status"] == "running"


def test_users_signals_go_to_the_training_and_not_to_its_helpers(runs: Runs) -> None:
    training = ready(runs.shell("trap 'echo one' USR1; sleep 600 & echo helper $!; " + UNTIL_GO))
    helper = int(training.says("ready").split()[1])
    os.kill(training.runner_pid, signal.SIGUSR1)
    training.says("one")
    assert alive(helper)
    training.control.stop()
    training.ended()


# -- operations -----------------------------------------------------------------------------------


def test_status(runs: Runs) -> None:
    training = ready(runs.shell(UNTIL_GO))
    assert training.control.status() == {
        "ok": True,
        "run_id": training.folder.name,
        "pid": training.pid,
        "runner_pid": training.runner_pid,
        "status": "running",
        "stopping": False,
        "exit": None,
    }


def test_signal_marks_the_run_stopped_only_when_asked(runs: Runs) -> None:
    training = ready(runs.shell(ON_TERM))
    training.control.signal(signal.SIGTERM)
    assert training.ended()["stopped"] is False
    training = ready(runs.shell(ON_TERM, cwd=str(runs.home)))
    training.control.signal(signal.SIGTERM, stop=True)
    assert training.ended()["stopped"] is True
    assert training.facts()["status"] == "stopped"


def test_stop_lets_the_training_finish_its_work(runs: Runs) -> None:
    training = ready(runs.shell(ON_TERM))
    assert training.control.stop(grace_s=30)["stopping"] is True
    record = training.ended()
    assert (record["code"], record["signal"], record["stopped"]) == (0, None, True)
    training.leave()
    assert training.facts()["status"] == "stopped"
    assert "term" in training.log()


def test_helper_that_lingers_after_a_stop_can_be_hurried(runs: Runs) -> None:
    training = ready(runs.shell(f"(trap '' TERM; {UNTIL_GO}) & wait"))
    training.control.stop(grace_s=600)
    wait_for(lambda: training.control.status()["exit"], what="end of the training itself")
    training.control.stop(grace_s=0)
    assert training.ended()["signal"] == signal.SIGTERM


def test_stop_kills_what_does_not_listen(runs: Runs) -> None:
    training = ready(runs.shell(DEAF))
    training.control.stop(grace_s=0.2)
    record = training.ended()
    assert (record["signal"], record["stopped"]) == (signal.SIGKILL, True)


def test_stop_reaches_a_paused_training(runs: Runs) -> None:
    training = ready(runs.shell(UNTIL_GO))
    os.killpg(training.pid, signal.SIGSTOP)
    training.control.stop(grace_s=30)
    assert training.ended()["signal"] == signal.SIGTERM


def test_stop_waits_for_a_helper_that_saves_its_work(runs: Runs) -> None:
    helper = "import signal, sys, time\nsignal.signal(15, lambda *_: (time.sleep(0.3), print('saved'), sys.exit()))\n"
    helper += "print('ready')\nsignal.pause()"
    training = ready(runs.shell(f'"{sys.executable}" -u -c "$HELPER"; echo not here', env={"HELPER": helper}))
    training.control.stop(grace_s=30)
    training.ended()
    training.leave()
    assert training.log() == "ready\nsaved\n"


def test_kill_reaches_a_helper_in_a_session_of_its_own(runs: Runs) -> None:
    training = ready(runs.shell("setsid sleep 600 & echo helper $!; " + DEAF))
    helper = int(training.says("ready").split()[1])
    wait_for(lambda: os.getsid(helper) == helper, what="the helper's session")
    training.control.stop(grace_s=0)
    training.ended()
    wait_for(lambda: not alive(helper), what="end of the helper")


def test_signal_after_the_end_is_refused(runs: Runs) -> None:
    training = runs.shell("exit 2")
    training.ended()
    with pytest.raises(ControlError, match=r"ended|no runner answers|went away"):
        training.control.stop()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"not json", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"{}", "unknown op None; known are status, signal, stop, wait, resize"),
        (b'{"op":"signal"}', "bad request: KeyError('number')"),
        (b'{"op":"signal","number":0}', "no signal has the number 0"),
        (b'{"op":"signal","number":"x"}', "bad request: ValueError"),
        (b'{"op":"stop","grace_s":null}', "bad request: TypeError"),
        (
            b'{"op":"resize","columns":1,"rows":1}',
            "the training has no terminal: it was not started with --pty",
        ),
    ],
)
def test_bad_request_is_answered_and_changes_nothing(runs: Runs, line: bytes, error: str) -> None:
    training = ready(runs.shell(UNTIL_GO))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(training.launched.control_socket)
        connection.sendall(line + b"\n" + b'{"op":"status"}\n')
        with connection.makefile() as answers:
            replies = [json.loads(answers.readline()) for _ in range(2)]
    assert replies[0]["ok"] is False
    assert replies[0]["error"].startswith(error)
    assert replies[1]["status"] == "running"


def test_endless_request_is_cut_off(runs: Runs) -> None:
    training = ready(runs.shell(UNTIL_GO))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(training.launched.control_socket)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(b"x" * (64 << 20))
    assert training.control.status()["ok"]


# -- the socket itself ------------------------------------------------------------------------------


def test_socket_is_private(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    path = Path(training.launched.control_socket)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_open_folder_is_refused_and_the_run_goes_on_without_a_socket(runs: Runs) -> None:
    folder = runs.home / "run" / "opengraphs"
    folder.mkdir()
    folder.chmod(0o777)
    training = runs.shell(UNTIL_GO)
    (warning,) = training.launched.warnings
    assert "no control socket" in warning
    with pytest.raises(ControlError):
        training.control.status()
    os.kill(training.facts()["runner_pid"], signal.SIGTERM)
    assert training.ended()["signal"] == signal.SIGTERM


def test_socket_that_was_removed_comes_back_with_a_heartbeat(runs: Runs) -> None:
    training = ready(runs.shell(UNTIL_GO, heartbeat_s=0.05))
    before = training.facts()["heartbeat_at"]
    os.unlink(training.launched.control_socket)
    wait_for(lambda: Path(training.launched.control_socket).exists(), what="the socket")
    assert training.control.status()["status"] == "running"
    assert training.facts()["heartbeat_at"] > before


def test_path_longer_than_the_kernel_takes(runs: Runs) -> None:
    folder = runs.home / ("x" * 100) / "private"
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    socket_path = folder / "control.sock"
    spec = create_run(["sh", "-c", UNTIL_GO], control_socket=lambda _: socket_path, cwd=str(runs.work))
    launched = launch(spec)
    assert launched.warnings == ()
    Control(str(socket_path)).stop(grace_s=0)
    waiter = ExitWaiter(launched.run_dir, launched.control_socket, told_fd=launched.told_fd)
    assert waiter.wait(20)
    wait_for(lambda: not alive(launched.runner_pid), what="end of the runner")


# -- pty --------------------------------------------------------------------------------------------

_TERMINAL = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})
print(sys.stdin.isatty(), sys.stdout.isatty(), tuple(os.get_terminal_size()), os.getpgrp() == os.tcgetpgrp(0))
sys.stdout.flush()
signal.sigwait({signal.SIGWINCH})
print(tuple(os.get_terminal_size()))
"""


def test_pty_is_a_terminal_of_the_given_size_and_can_be_resized(runs: Runs) -> None:
    training = runs.python(_TERMINAL, use_pty=True, window=[100, 30])
    training.says("True True (100, 30) True")
    training.control.resize(120, 40)
    training.ended()
    assert (training.folder / "stdout.log").read_bytes() == b"True True (100, 30) True\r\n(120, 40)\r\n"


def test_pty_keeps_everything_that_was_printed_before_the_end(runs: Runs) -> None:
    training = runs.run(["seq", "1", "20000"], use_pty=True)
    assert training.log().splitlines() == [str(number) for number in range(1, 20001)]


def test_pty_exit_code_and_interrupt(runs: Runs) -> None:
    training = ready(runs.shell("trap 'exit 6' INT; " + UNTIL_GO, use_pty=True))
    training.control.signal(signal.SIGINT)
    assert training.ended()["code"] == 6


# -- in the foreground ------------------------------------------------------------------------------

_FOREGROUND = """
import sys
from opengraphs import paths
from opengraphs.runner.launch import create_run, launch, run_to_end
spec = create_run(sys.argv[1:], control_socket=paths.control_socket, hooks=False)
started = launch(spec)
record = run_to_end(started.run_dir, started.control_socket, sys.stdout.buffer, told_fd=started.told_fd)
sys.stdout.flush()
print(record["code"], record["signal"], record["stopped"])
"""


def foreground(runs: Runs, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", _FOREGROUND, "sh", "-c", script],
        cwd=runs.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def first_line(process: subprocess.Popen[Any]) -> str:
    assert process.stdout is not None
    return str(process.stdout.readline())


def test_output_comes_as_it_is_printed_and_whole(runs: Runs) -> None:
    process = foreground(runs, UNTIL_GO + "; printf end; exit 3")
    assert first_line(process) == "ready\n"
    (runs.work / "go").touch()
    assert process.communicate(timeout=20)[0] == "end3 None False\n"


def test_ctrl_c_goes_to_the_run_and_counts_as_stopped(runs: Runs) -> None:
    process = foreground(runs, "trap 'echo int; exit 5' INT; " + UNTIL_GO)
    first_line(process)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "int\n5 None True\n"


def test_second_ctrl_c_kills(runs: Runs) -> None:
    process = foreground(runs, "trap 'echo int' INT; " + UNTIL_GO)
    first_line(process)
    process.send_signal(signal.SIGINT)
    assert first_line(process) == "int\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "None 9 True\n"


def test_term_goes_to_the_run_and_does_not_count_as_stopped(runs: Runs) -> None:
    process = foreground(runs, "trap 'exit 5' TERM; " + UNTIL_GO)
    first_line(process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0].endswith(
        "5 None False\n"
    )  # the shell may say that its helper died


def test_ctrl_c_reaches_a_run_without_a_socket(runs: Runs) -> None:
    folder = runs.home / "run" / "opengraphs"
    folder.mkdir()
    folder.chmod(0o755)
    process = foreground(runs, "trap 'echo int; exit 5' INT; " + UNTIL_GO)
    first_line(process)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0].endswith("int\n5 None False\n")


def test_launcher_that_is_killed_leaves_the_run_alone(runs: Runs) -> None:
    process = foreground(runs, UNTIL_GO + "; exit 4")
    first_line(process)
    process.kill()
    process.communicate()
    (folder,) = runs.folders()
    run = runs.home / "store" / "runs" / folder
    socket_path = str(paths.control_socket(run))
    assert Control(socket_path).status()["status"] == "running"
    (runs.work / "go").touch()
    wait_for(lambda: (run / "exit.json").exists(), what="the end")
    assert json.loads((run / "exit.json").read_text())["code"] == 4
    wait_for(lambda: not Path(socket_path).exists(), what="end of the runner")
