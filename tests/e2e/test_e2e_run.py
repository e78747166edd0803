"""`og run` in a real terminal: live curves, leaving, closing the window, coming back, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from og_user import OG, ROOT, OgUser
from terminal import Terminal
from tmux import INSTALLED, Tmux

BRAILLE = re.compile("[\u2801-\u28ff]")
DIGITS = ROOT / "examples" / "train_digits.py"

TRAIN = """
import os, sys, time
import opengraphs as og

run = og.init(progress_total=200)
for step in range(200):
    run.log({"train/loss": 1.0 / (1 + step / 20), "eval/acc": step / 200}, step=step)
    print("step", step, flush=True)
    while step >= 40 and not os.path.exists("go"):
        time.sleep(0.01)
run.finish()
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
"""


def terminal(user: OgUser, *words: str, columns: int = 120, rows: int = 40, **env: str) -> Terminal:
    return Terminal([str(OG), *words], env={**user.env, **env}, cwd=user.work, columns=columns, rows=rows)


@pytest.fixture
def script(user: OgUser) -> Path:
    """A training that logs 41 of its 200 steps and then waits for the file `go`."""
    path = user.work / "train.py"
    path.write_text(TRAIN)
    return path


def go(user: OgUser) -> None:
    (user.work / "go").touch()


def curves(*names: str) -> Callable[[str], bool]:
    """Charts of `names` with something drawn in them."""
    return lambda text: all(name in text for name in names) and len(BRAILLE.findall(text)) > 20


def test_curves_are_live_and_the_end_is_the_trainings(user: OgUser, script: Path) -> None:
    with terminal(user, "run", "--run", "digits", "train.py", "5") as screen:
        screen.wait_for(curves("train/loss", "eval/acc"))
        screen.wait_text("digits", "running", "0.3333")
        go(user)
        screen.wait_for(lambda text: "failed" in text)
        screen.send("q")
        assert screen.exit_code() == 5
        assert "digits failed (exit code 5)" in screen.text()
    (run,) = user.runs()
    assert (run["status"], run["exit_code"], run["last_step"]) == ("failed", 5, 199)


def test_progress_bar_follows_the_steps(user: OgUser, script: Path) -> None:
    with terminal(user, "run", "train.py") as screen:
        screen.wait_for(lambda text: re.search(r"step 4[01]/200", text))


@pytest.mark.slow
def test_real_training_survives_its_window_and_shows_its_curves_again(user: OgUser) -> None:
    with terminal(user, "run", "python", str(DIGITS), "--steps", "400", "--steps-per-s", "50") as screen:
        screen.wait_for(curves("train/loss"), within_s=60)
        screen.hang_up()
    (run_dir,) = user.run_dirs()
    assert user.json("show", run_dir.name)["status"] == "running"
    with terminal(user, "attach") as screen:
        screen.wait_for(curves("train/loss", "lr"))
        screen.send("q")
        assert screen.exit_code() == 0
    facts = user.wait_status(run_dir.name, "finished", within_s=90)
    points = {row["key"]: row["points"] for row in facts["metrics"]}
    assert points["train/loss"] == 400
    exported = json.loads(
        user.og("export", run_dir.name, "--format", "json", "--metric", "train/loss").stdout
    )
    steps = exported["metrics"]["train/loss"]["step"]
    assert steps == list(range(steps[0], steps[0] + 400))
    assert "finished" in user.og("list").stdout


@pytest.mark.skipif(not INSTALLED, reason="tmux is not installed")
def test_training_survives_the_tmux_session_it_was_started_in(user: OgUser, script: Path) -> None:
    with Tmux([str(OG), "run", "train.py"], env=user.env, cwd=user.work, folder=user.home) as pane:
        pane.wait_for(curves("train/loss"))
        pane.kill()
    (run,) = user.runs()
    assert run["status"] == "running"
    with Tmux([str(OG), "attach"], env=user.env, cwd=user.work, folder=user.home) as pane:
        pane.wait_for(curves("train/loss"))
        go(user)
        pane.wait_for(lambda text: "finished" in text)
    assert user.runs()[0]["last_step"] == 199


def test_detaching_leaves_the_run_and_says_how_to_come_back(user: OgUser, script: Path) -> None:
    with terminal(user, "run", "--run", "digits", "train.py") as screen:
        screen.wait_for(curves("train/loss"))
        screen.send("q")
        screen.wait_text("digits is still running", "Detach", "Stop run", "Cancel")
        screen.send("c")
        screen.wait_for(lambda text: "is still running" not in text)
        screen.send("q")
        screen.wait_text("Detach")
        screen.send("d")
        assert screen.exit_code() == 0
        (run,) = user.runs()
        assert f"og attach {run['run_id'].rpartition('-')[2]}" in screen.text()
    assert run["status"] == "running"


def test_stopping_from_the_menu_ends_with_the_runs_code(user: OgUser, script: Path) -> None:
    with terminal(user, "run", "train.py") as screen:
        screen.wait_for(curves("train/loss"))
        screen.send("q")
        screen.wait_text("Stop run")
        screen.send("s")
        code = screen.exit_code()
    (run,) = user.runs()
    assert run["status"] == "stopped"
    assert code == (128 + run["signal"] if run["signal"] else run["exit_code"])


def test_terminal_is_as_it_was_after_every_way_out(user: OgUser, script: Path) -> None:
    for leave in (lambda s: s.send("q"), lambda s: s.process.send_signal(signal.SIGTERM)):
        with terminal(user, "view") as screen:
            screen.wait_for(lambda text: "runs" in text)
            leave(screen)
            screen.exit_code()
            seen = bytes(screen.seen)
            assert seen.count(b"\x1b[?1049h") >= 1
            assert seen.rindex(b"\x1b[?1049l") > seen.rindex(b"\x1b[?1049h")
            assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_told_by_the_exit_code_and_the_same_screen_comes_back(
    user: OgUser, script: Path, number: signal.Signals
) -> None:
    user.og("run", "--detach", "--run", "kept", "--", "python", str(script))
    with terminal(user, "attach", "kept") as screen:
        screen.wait_text("train/loss")
        screen.send("4")
        screen.wait_for(lambda text: "find" in text.splitlines()[-1])
        screen.process.send_signal(number)
        assert screen.exit_code() == 128 + number
    with terminal(user, "attach", "kept") as screen:
        screen.wait_text("as you left it")
        screen.wait_for(lambda text: "find" in text.splitlines()[-1])
        screen.send("q")
        assert screen.exit_code() == 0
    user.og("stop", "kept")


def test_watch_shows_the_screen_and_ends_with_the_commands_code(user: OgUser, script: Path) -> None:
    with terminal(user, "watch", "--", "python", "train.py", "7") as screen:
        screen.wait_for(curves("train/loss"))
        go(user)
        screen.wait_for(lambda text: "failed" in text)
        screen.send("q")
        assert screen.exit_code() == 7


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -15 $$", 143), ("kill -9 $$", 137)])
def test_command_that_ends_at_once_gives_its_code_through_the_screen(
    user: OgUser, command: str, code: int
) -> None:
    with terminal(user, "run", "--", "sh", "-c", command) as screen:
        screen.wait_for(lambda text: "failed" in text)
        screen.send("q")
        assert screen.exit_code() == code


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {}])
def test_plain_output_on_a_terminal_keeps_the_trainings_colours(user: OgUser, env: dict[str, str]) -> None:
    words = ["run", *([] if env else ["--plain"]), "--", "printf", r"\033[31mred\033[0m done\n"]
    with terminal(user, *words, **env) as screen:
        assert screen.exit_code() == 0
        assert b"\x1b[?1049h" not in screen.seen
        assert "red done" in screen.text()


def test_ctrl_c_of_plain_output_reaches_the_training(user: OgUser) -> None:
    script = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    with terminal(user, "run", "--plain", "--", "sh", "-c", script) as screen:
        screen.wait_text("ready")
        screen.send("\x03")
        assert screen.exit_code() == 5
        assert "caught" in screen.text()


def test_training_that_fails_says_why_after_the_screen(user: OgUser) -> None:
    (user.work / "broken.py").write_text("import nothing_of_this_name\n")
    with terminal(user, "run", "broken.py") as screen:
        screen.wait_for(lambda text: "failed" in text)
        screen.send("q")
        assert screen.exit_code() == 1
        text = screen.text()
        assert "No module named 'nothing_of_this_name'" in text
        assert "failed (exit code 1)" in text


def test_graphs_choose_the_curves(user: OgUser, script: Path) -> None:
    with terminal(user, "run", "--graphs", "{eval/acc}", "--ui", "minimal", "train.py") as screen:
        text = screen.wait_for(curves("eval/acc"))
        assert "eval/acc" in text


def test_bad_view_flag_starts_nothing(user: OgUser, script: Path) -> None:
    with terminal(user, "run", "--theme", "nosuch", "train.py") as screen:
        assert screen.exit_code() == 2
        assert "nosuch" in screen.text()
    assert user.run_dirs() == []


def test_daemon_killed_under_the_screen_comes_back(user: OgUser, script: Path) -> None:
    with terminal(user, "run", "train.py") as screen:
        screen.wait_for(curves("train/loss"))
        os.kill(user.json("daemon", "status")["pid"], signal.SIGKILL)
        go(user)
        screen.wait_for(lambda text: "finished" in text and "0.0913" in text, within_s=30)
        screen.send("q")
        assert screen.exit_code() == 0


def test_error_before_the_screen_leaves_the_terminal_alone(user: OgUser) -> None:
    with terminal(user, "view", "nosuch") as screen:
        assert screen.exit_code() == 3
        assert "og: " in screen.text()
    with terminal(user, "attach") as screen:
        assert screen.exit_code() == 3
        assert "no run is going on" in screen.text()


def test_bare_og_opens_the_runs_with_the_live_one_under_the_cursor(user: OgUser, script: Path) -> None:
    user.og("run", "--run", "older", "--", "true")
    user.og("run", "--detach", "--run", "digits", "train.py")
    with terminal(user) as screen:
        screen.wait_text("older", "digits", "running")
        screen.send("\r")
        screen.wait_for(curves("train/loss"))
        go(user)
        screen.send("q")
        assert screen.exit_code() == 0


def test_help_and_search_answer_keys(user: OgUser, script: Path) -> None:
    go(user)
    user.og("run", "--run", "digits", "train.py")
    with terminal(user, "view", "digits") as screen:
        screen.wait_for(curves("train/loss", "eval/acc"))
        screen.send("?")
        screen.wait_text("Graphs: keys")
        screen.send("\x1b")
        screen.wait_for(lambda text: "Graphs: keys" not in text)
        screen.send("/acc")
        screen.wait_for(lambda text: "train/loss" not in text)
        screen.send("\x1b")
        screen.wait_text("train/loss", "eval/acc")
        screen.send("4")
        screen.wait_text("step 199")
        screen.send("1")
        screen.wait_text("digits", "finished")
