"""`og run` without a terminal: output, exit codes, signals, and what is refused. Real processes, no daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from og_user import OgUser, wait_until

HANDLES_INT = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
DEAF = "trap '' INT TERM; echo ready; while :; do sleep 0.05; done"


def run_json(user: OgUser) -> dict[str, Any]:
    (run_dir,) = user.run_dirs()
    facts: dict[str, Any] = json.loads((run_dir / "run.json").read_text())
    return facts


def ended(user: OgUser) -> dict[str, Any]:
    """run.json once the runner has written the end into it."""
    return wait_until(
        lambda: facts if (facts := run_json(user))["status"] != "running" else None,
        within_s=10,
        what="the end",
    )


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_code_is_the_commands_own(user: OgUser, code: int) -> None:
    assert user.og("run", "--", "sh", "-c", f"exit {code}").returncode == code
    assert run_json(user)["exit_code"] == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_signal_is_128_and_its_number(user: OgUser, number: signal.Signals) -> None:
    assert user.og("run", "--", "sh", "-c", f"kill -{number.value} $$").returncode == 128 + number
    assert run_json(user)["signal"] == number


def test_output_of_both_streams_is_printed_in_order_and_kept(user: OgUser) -> None:
    done = user.og("run", "--", "sh", "-c", "echo one; echo two >&2; printf three")
    assert done.stdout == "one\ntwo\nthree"
    (run_dir,) = user.run_dirs()
    assert (run_dir / "stdout.log").read_bytes() == b"one\ntwo\nthree"
    assert done.stderr == f"og: run {run_dir.name} ({run_json(user)['name']})\n"


def test_run_leaves_a_complete_folder(user: OgUser) -> None:
    (user.work / "job.py").write_text("print('x')\n")
    user.og(
        "run", "--run", "my name", "--project", "p", "--tags", "lr=1", "--tags", "best", "job.py", "--lr", "1"
    )
    facts = ended(user)
    assert facts["name"] == "my name"
    assert facts["project"] == "p"
    assert facts["tags"] == ["lr=1", "best"]
    assert facts["status"] == "finished"
    assert facts["command"] == ["python", "job.py", "--lr", "1"]
    assert facts["script"] == "job.py"
    assert facts["cwd"] == str(user.work)
    (run_dir,) = user.run_dirs()
    assert json.loads((run_dir / "exit.json").read_text())["code"] == 0


def test_colours_of_the_training_stay_in_the_log_and_out_of_a_pipe(user: OgUser) -> None:
    done = user.og("run", "--", "printf", r"\033[31mred\033[0m\n")
    assert done.stdout == "red\n"
    (run_dir,) = user.run_dirs()
    assert (run_dir / "stdout.log").read_text() == "\x1b[31mred\x1b[0m\n"
    assert "\x1b[31m" in user.og("run", "--", "printf", r"\033[31mred\033[0m\n", FORCE_COLOR="1").stdout


def test_output_comes_while_the_training_runs(user: OgUser) -> None:
    og = user.start("run", "--", "sh", "-c", "echo early; while [ ! -e go ]; do sleep 0.02; done; echo late")
    assert og.stdout is not None
    assert og.stdout.readline() == "early\n"
    (user.work / "go").touch()
    out, _ = og.communicate(timeout=20)
    assert (out, og.returncode) == ("late\n", 0)


def ready(og: subprocess.Popen[str]) -> None:
    assert og.stdout is not None
    assert og.stdout.readline() == "ready\n"


def test_interrupt_goes_to_the_training_which_may_end_as_it_likes(user: OgUser) -> None:
    og = user.start("run", "--", "sh", "-c", HANDLES_INT)
    ready(og)
    og.send_signal(signal.SIGINT)
    out, _ = og.communicate(timeout=20)
    assert (out, og.returncode) == ("caught\n", 5)
    assert ended(user)["status"] == "stopped"


def test_second_interrupt_kills(user: OgUser) -> None:
    og = user.start("run", "--", "sh", "-c", DEAF)
    ready(og)
    og.send_signal(signal.SIGINT)
    og.send_signal(signal.SIGINT)
    deadline = 0
    while og.poll() is None and deadline < 20:  # two signals at once may reach a process as one
        try:
            og.wait(1)
        except subprocess.TimeoutExpired:
            og.send_signal(signal.SIGINT)
        deadline += 1
    assert og.returncode == 128 + signal.SIGKILL
    og.communicate()


def test_term_is_passed_on(user: OgUser) -> None:
    og = user.start("run", "--", "sh", "-c", "echo ready; exec sleep 600")
    ready(og)
    og.send_signal(signal.SIGTERM)
    og.communicate(timeout=20)
    assert og.returncode == 128 + signal.SIGTERM


def test_hang_up_leaves_the_training_alone(user: OgUser) -> None:
    og = user.start("run", "--", "sh", "-c", "echo ready; while [ ! -e go ]; do sleep 0.02; done; exit 3")
    ready(og)
    og.send_signal(signal.SIGHUP)
    og.communicate(timeout=20)
    assert run_json(user)["status"] == "running"
    (user.work / "go").touch()
    assert ended(user)["exit_code"] == 3


def test_reader_that_leaves_ends_og_and_not_the_training(user: OgUser) -> None:
    og = user.start(
        "run", "--", "sh", "-c", "echo ready; while [ ! -e go ]; do echo more; sleep 0.02; done; exit 3"
    )
    ready(og)
    assert og.stdout is not None
    og.stdout.close()
    assert og.wait(20) == 141
    assert og.stderr is not None
    assert "og attach" in og.stderr.read()
    og.stderr.close()
    (user.work / "go").touch()
    assert ended(user)["exit_code"] == 3


def test_detach_prints_the_id_and_returns_while_the_training_runs(user: OgUser) -> None:
    done = user.og("run", "--detach", "--", "sh", "-c", "while [ ! -e go ]; do sleep 0.02; done; exit 4")
    (run_dir,) = user.run_dirs()
    assert (done.returncode, done.stdout) == (0, f"{run_dir.name}\n")
    assert f"og attach {run_dir.name.rpartition('-')[2]}" in done.stderr
    assert run_json(user)["status"] == "running"
    (user.work / "go").touch()
    assert ended(user)["exit_code"] == 4


def test_prompt_is_kept_as_the_note_and_not_given_to_the_script(user: OgUser) -> None:
    (user.work / "job.py").write_text("import sys; print(sys.argv[1:])\n")
    done = user.og("run", "job.py", "keep the loss low")
    assert done.stdout == "[]\n"
    assert run_json(user)["notes"] == "keep the loss low"


def test_words_behind_the_command_are_its_own(user: OgUser) -> None:
    (user.work / "job.py").write_text("import sys; print(sys.argv[1:])\n")
    done = user.og("-r", "job.py", "--json", "--help", "--", "-x", "a b")
    assert done.stdout == "['--json', '--help', '--', '-x', 'a b']\n"


def test_program_gets_a_terminal_of_its_own_on_request(user: OgUser) -> None:
    code = "import os; print(os.isatty(1), os.isatty(1) and os.get_terminal_size().columns)"
    assert user.og("run", "--", sys.executable, "-c", code).stdout.split() == ["False", "False"]
    assert user.og("run", "--pty", "--", sys.executable, "-c", code).stdout.split() == ["True", "80"]


BAD: list[tuple[list[str], int, str]] = [
    (["run"], 2, "nothing to run"),
    (["run", "--nosuch", "x"], 2, "no option --nosuch"),
    (["run", "nosuch.py"], 3, "script not found: nosuch.py"),
    (["run", "trian.py"], 3, "did you mean train.py?"),
    (["run", "python", "trian.py"], 3, "did you mean train.py?"),
    (["run", "nosuchprogram"], 3, 'no program "nosuchprogram"'),
    (["run", "./nosuch"], 3, "no such program: ./nosuch"),
    (["run", "./plain"], 6, "not executable: ./plain"),
    (["run", "./noshebang"], 6, "#!"),
    (["run", "./badshebang"], 6, "interpreter"),
    (["run", "folder"], 6, "a folder cannot be run"),
    (["run", "folder.py"], 6, "a folder is no script"),
    (["run", "--store", "plain", "train.py"], 4, "not a folder"),
    (["run", "--store", "plain/below", "train.py"], 4, "not a folder"),
]


@pytest.mark.parametrize(
    ("words", "code", "says"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else None
)
def test_bad_input_is_one_message_and_leaves_no_run(
    user: OgUser, words: list[str], code: int, says: str
) -> None:
    (user.work / "train.py").touch()
    (user.work / "plain").touch()
    (user.work / "folder").mkdir()
    (user.work / "folder.py").mkdir()
    for name, text in (("noshebang", "echo x\n"), ("badshebang", "#!/no/such/interpreter\n")):
        (user.work / name).write_text(text)
        (user.work / name).chmod(0o755)
    done = user.og(*words)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("og: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert user.run_dirs() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_store_that_cannot_be_written_is_a_store_error(user: OgUser) -> None:
    user.store.chmod(0o500)
    done = user.og("run", "--", "true")
    assert done.returncode == 4
    assert "cannot be written" in done.stderr


def test_full_disk_is_a_store_error(user: OgUser) -> None:
    """/dev/full cannot hold a folder, so the launch is made to meet ENOSPC by a file system of its own size."""
    image = user.home / "tiny"
    image.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=4", "og-test", str(image)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        done = user.og("run", "--store", str(image / "store"), "--", "true")
    finally:
        subprocess.run(["umount", str(image)], check=True)
    assert done.returncode == 4
    assert "no space left" in done.stderr


def test_unwritable_place_of_the_store_is_said(user: OgUser) -> None:
    done = user.og("run", "--store", "/proc/nowhere", "--", "true")
    assert done.returncode == 4
    assert "/proc/nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_working_folder_that_is_gone_is_said(user: OgUser) -> None:
    gone = user.home / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {Path(sys.executable).parent / 'og'} run -- true"
    done = subprocess.run(
        ["sh", "-c", script], env=user.env, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 3
    assert "working folder" in done.stderr


def test_pattern_that_cannot_be_is_refused_before_anything_starts(user: OgUser) -> None:
    done = user.og("run", "--pattern", r"loss (?P<x>\d", "--", "sh", "-c", "echo hello")
    assert done.returncode == 2
    assert "at character 6" in done.stderr
    assert user.run_dirs() == []


def test_pattern_of_the_project_is_used_and_the_command_lines_wins(user: OgUser) -> None:
    (user.work / "og.toml").write_text("[run]\npatterns = ['cost (?P<cost>\\S+) at (?P<step>\\d+)']\n")
    user.og("run", "--", "sh", "-c", "echo cost 0.5 at 3")
    user.og("run", "--pattern", r"cost (?P<price>\S+)", "--", "sh", "-c", "echo cost 0.5 at 3")
    records = [
        json.loads((folder / "metrics" / "stdout.jsonl").read_text().splitlines()[0])
        for folder in user.run_dirs()
    ]
    found = {(record["step"], *record["metrics"].items()) for record in records}
    assert found == {(3, ("cost", 0.5)), (1, ("price", 0.5))}


def test_metrics_of_the_output_can_be_switched_off(user: OgUser) -> None:
    user.og("run", "--no-stdout-metrics", "--", "sh", "-c", "echo step 3: loss 0.5")
    (run_dir,) = user.run_dirs()
    assert not (run_dir / "metrics" / "stdout.jsonl").exists()
