"""A training under a real runner: how it starts, what it gets, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from ogd_kit import wait_for
from runner_kit import Runs, alive

from opengraphs import paths
from opengraphs.runner.launch import LaunchError, create_run, launch

STANDARD = (1 << 31) - 1
"""The signals below 32; those above are the C library's own and the real-time ones."""
UNTIL_GO = "while [ ! -e go ]; do sleep 0.01; done"


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    kit = Runs(og_home)
    yield kit
    kit.end()


# -- ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_code_is_exact(runs: Runs, code: int) -> None:
    training = runs.run(["sh", "-c", f"exit {code}"])
    record = json.loads((training.folder / "exit.json").read_text())
    assert (record["code"], record["signal"], record["stopped"]) == (code, None, False)
    facts = training.facts()
    assert facts["status"] == ("finished" if code == 0 else "failed")
    assert (facts["exit_code"], facts["signal"]) == (code, None)
    assert facts["ended_at"] == record["ended_at"] > facts["started_at"] > facts["created_at"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_signal_is_exact(runs: Runs, number: signal.Signals) -> None:
    training = runs.run(["sh", "-c", f"ulimit -c 0; kill -{int(number)} $$"])
    assert training.facts()["status"] == "failed"
    record = training.ended()
    assert (record["code"], record["signal"]) == (None, number)


def test_usage_is_that_of_the_training(runs: Runs) -> None:
    training = runs.python("data = bytearray(60_000_000)\nfor i in range(2_000_000): pass")
    usage = training.ended()["rusage"]
    assert usage["user_s"] > 0
    assert 50e6 < usage["max_rss_bytes"] < 500e6


def test_end_is_told_to_everybody_who_waits(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    waiters = [
        subprocess.Popen(
            [sys.executable, "-c", _WAIT, str(training.folder), training.launched.control_socket],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert training.control.wait(timeout_s=0.01) is None
    (runs.work / "go").touch()
    assert [json.loads(waiter.communicate(timeout=20)[0])["code"] for waiter in waiters] == [0, 0, 0]


_WAIT = "import json, sys; from opengraphs.runner.control import wait_exit; print(json.dumps(wait_exit(*sys.argv[1:])))"


def test_nothing_is_left_after_the_end(runs: Runs) -> None:
    training = runs.run(["true"])
    assert not alive(training.runner_pid)
    assert not Path(training.launched.control_socket).exists()
    assert not (training.folder / "runner.log").exists()
    assert not training.lock_held()
    assert {path.name for path in training.folder.iterdir()} == {
        "run.json", "exit.json", "run.lock", "stdout.log", "metrics", "system", "events", "samples", "bundle",
    }  # fmt: skip
    assert list((training.folder / "events").iterdir()) == []


def test_helper_that_outlives_the_training_does_not_delay_its_end(runs: Runs) -> None:
    training = runs.shell("sleep 600 & echo $!; exit 3")
    assert training.ended()["code"] == 3
    training.leave()
    helper = int(training.log())
    assert alive(helper)
    os.kill(helper, signal.SIGKILL)


# -- what the training gets ----------------------------------------------------------------------


def test_environment_contract(runs: Runs) -> None:
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    training = runs.python(code, env={"MINE": "1"}, project="p", hooks=True, window=[100, 30])
    training.ended()
    env: dict[str, str] = json.loads(training.log())
    assert env["OG_RUN_DIR"] == str(training.folder)
    assert env["OG_RUN_ID"] == training.folder.name
    assert env["OG_STORE"] == str(runs.home / "store")
    assert env["OG_PROJECT"] == "p"
    assert env["OG_RUNNER_PID"] == str(training.runner_pid)
    assert (env["PYTHONUNBUFFERED"], env["FORCE_COLOR"], env["COLUMNS"], env["LINES"]) == (
        "1",
        "1",
        "100",
        "30",
    )
    assert env["PYTHONPATH"].split(os.pathsep)[0].endswith("/opengraphs/hooks")
    assert env["MINE"] == "1"


def test_output_of_both_streams_is_in_the_log_byte_for_byte(runs: Runs) -> None:
    training = runs.shell(r"printf 'a\r\n\377\033[1mb'; printf 'c' >&2; cat")
    training.ended()
    assert (training.folder / "stdout.log").read_bytes() == b"a\r\n\xff\x1b[1mbc"


def test_no_descriptor_but_the_lock_is_inherited(runs: Runs) -> None:
    extra = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(extra, True)  # what a shell's `exec 9<file` leaves behind
    try:
        training = runs.shell("ls -l /proc/$$/fd; exec 3>other; cat /proc/$$/fdinfo/100")
    finally:
        os.close(extra)
    training.ended()
    links = [line.split(" -> ")[1] for line in training.log().splitlines() if " -> " in line]
    log, lock = str(training.folder / "stdout.log"), str(training.folder / "run.lock")
    assert sorted(links) == sorted(["/dev/null", log, log, lock])
    assert "FLOCK" in training.log()


def test_signal_dispositions_are_those_of_a_fresh_program(runs: Runs) -> None:
    training = runs.shell("grep -E 'SigIgn|SigBlk' /proc/self/status")
    training.ended()
    masks = {line.split(":")[0]: int(line.split()[1], 16) & STANDARD for line in training.log().splitlines()}
    assert masks == {"SigIgn": 0, "SigBlk": 0}


def test_nohup_is_passed_on(runs: Runs) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        training = runs.shell("grep SigIgn /proc/self/status")
    finally:
        signal.signal(signal.SIGHUP, before)
    training.ended()
    assert int(training.log().split()[1], 16) & STANDARD == 1 << (signal.SIGHUP - 1)


def test_session_of_its_own_and_no_zombie_for_the_launcher(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    assert os.getsid(training.pid) == os.getpgid(training.pid) == training.pid
    assert os.getsid(training.runner_pid) not in (os.getsid(0), training.pid)
    runner = psutil.Process(training.runner_pid)
    assert runner.ppid() != os.getpid()
    assert [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE] == []


def test_runner_is_small(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    wait_for(lambda: list((training.folder / "system").glob("*.jsonl")), what="the sampler")
    status = Path(f"/proc/{training.runner_pid}/status").read_text()
    rss_kb = int(status.split("VmRSS:")[1].split()[0])
    assert rss_kb < 20_000


def test_what_a_short_command_does_not_need_is_not_imported() -> None:
    """Each of these would add a tenth to a half to the start of the runner."""
    source = Path(paths.__file__).parents[1]
    code = f"import sys; sys.path.append({str(source)!r}); import opengraphs.runner.startup, opengraphs.runner.supervise; "
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code + "print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {
        "json",
        "re",
        "enum",
        "typing",
        "collections",
        "signal",
        "selectors",
        "socket",
        "threading",
        "random",
    }
    assert heavy & set(done.stdout.split()) == set()


# -- what cannot be started ------------------------------------------------------------------------


def refused(runs: Runs, *command: str, **options: Any) -> LaunchError:
    with pytest.raises(LaunchError) as caught:
        runs.start(*command, **options)
    assert runs.folders() == []
    assert not list((runs.home / "run").rglob("*.sock"))
    return caught.value


def script(runs: Runs, content: str, mode: int = 0o755) -> str:
    path = runs.work / "job"
    path.write_text(content)
    path.chmod(mode)
    return "./job"


def test_program_that_is_not_there(runs: Runs) -> None:
    error = refused(runs, "no-such-program", "x")
    assert (error.reason, error.message) == ("not_found", "no such program: no-such-program")
    assert refused(runs, "./missing").reason == "not_found"


def test_file_that_may_not_be_executed(runs: Runs) -> None:
    error = refused(runs, script(runs, "#!/bin/sh\n", 0o644))
    assert (error.reason, error.path, error.hint) == ("permission", "./job", "chmod +x ./job")


def test_python_file_hints_at_its_interpreter(runs: Runs) -> None:
    (runs.work / "train.py").write_text("print(1)\n")
    assert refused(runs, "./train.py").hint == "og run -- python ./train.py"


def test_folder_is_no_program(runs: Runs) -> None:
    assert refused(runs, str(runs.work)).reason == "permission"


def test_script_without_an_interpreter_line(runs: Runs) -> None:
    error = refused(runs, script(runs, "echo hello\n"))
    assert (error.reason, error.hint) == ("format", "og run -- sh ./job")


def test_script_whose_interpreter_is_not_there(runs: Runs) -> None:
    assert refused(runs, script(runs, "#!/no/such/python\n")).reason == "interpreter"


def test_working_folder_that_is_gone(runs: Runs) -> None:
    error = refused(runs, "true", cwd=str(runs.home / "gone"))
    assert (error.reason, error.path) == ("cwd", str(runs.home / "gone"))


def test_program_is_looked_up_on_the_trainings_own_path(runs: Runs) -> None:
    (runs.work / "bin").mkdir()
    job = runs.work / "bin" / "my-job"
    job.write_text("#!/bin/sh\nexit 4\n")
    job.chmod(0o755)
    training = runs.start("my-job", env={"PATH": f"/nowhere:{runs.work / 'bin'}:/usr/bin:/bin"})
    assert training.ended()["code"] == 4


def test_store_that_cannot_be_made(runs: Runs) -> None:
    (runs.home / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        runs.start("true", store=str(runs.home / "file" / "store"))


def test_second_runner_for_one_run_is_refused(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    spec = create_run(["true"], control_socket=paths.control_socket, cwd=str(runs.work))
    own = spec["run_dir"]
    os.close(spec["lock_fd"])
    spec["lock_fd"] = os.open(os.path.join(own, "run.lock"), os.O_RDWR)
    spec["run_dir"] = str(training.folder)
    with pytest.raises(LaunchError) as caught:
        launch(spec)
    assert caught.value.reason == "lock"
    assert alive(training.pid)
    assert training.facts()["pid"] == training.pid


def test_first_run_json_holds_what_was_asked_for(runs: Runs) -> None:
    training = runs.shell(
        UNTIL_GO, name="n", project="p", tags=["a", "k=v"], notes="why", group="g", job_type="eval",
        config={"lr": 0.1, "path": Path("/x")}, parent={"run_id": "r", "step": 5}, progress={"step": 0, "total": 9},
    )  # fmt: skip
    facts = training.facts()
    assert (facts["name"], facts["project"], facts["group"], facts["job_type"]) == ("n", "p", "g", "eval")
    assert (facts["tags"], facts["notes"]) == (["a", "k=v"], "why")
    assert facts["config"] == {"lr": 0.1, "path": "/x"}
    assert facts["parent"] == {"run_id": "r", "step": 5}
    assert facts["progress"] == {"step": 0, "total": 9}
    assert (facts["status"], facts["pid"], facts["runner_pid"]) == (
        "running",
        training.pid,
        training.runner_pid,
    )
    assert facts["host"] == os.uname().nodename


# -- from elsewhere --------------------------------------------------------------------------------


_LAUNCH = """
import sys
from pathlib import Path
from opengraphs.runner.launch import create_run, launch, run_to_end
spec = create_run(sys.argv[2:], control_socket=lambda run: Path(sys.argv[1]) / "run" / "c.sock", store=sys.argv[1])
started = launch(spec)
record = run_to_end(started.run_dir, started.control_socket, sys.stdout.buffer, told_fd=started.told_fd)
sys.exit(record["code"])
"""
_OTHERS = sorted(Path("~/.pyenv/versions").expanduser().glob("3.1[0-9].*/bin/python"))


@pytest.mark.parametrize("python", _OTHERS, ids=lambda path: path.parent.parent.name)
def test_plain_pythonpath_is_enough_in_every_supported_python(python: Path, short_tmp: Path) -> None:
    source = Path(paths.__file__).parents[1]
    done = subprocess.run(
        [str(python), "-c", _LAUNCH, str(short_tmp), "sh", "-c", "echo hello; exit 9"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=short_tmp,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("hello\n", 9), done.stderr
    (run,) = (short_tmp / "runs").iterdir()
    assert json.loads((run / "run.json").read_text())["status"] == "failed"
    assert not (run / "runner.log").exists()
    wait_for(lambda: not (short_tmp / "run" / "c.sock").exists(), what="end of the runner")
