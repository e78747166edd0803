"""og's driver under a Textual app in a real pty: the right screen, few bytes, and a terminal put right again."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon
from pty_screen import PtyProgram
from test_stage0 import answers

APP = (Path(__file__).parent / "driver_app.py").read_text(encoding="utf-8")


def start(tmp_path: Path, *args: str, columns: int = 60, rows: int = 16) -> PtyProgram:
    return PtyProgram(APP, str(tmp_path / "dump"), *args, columns=columns, rows=rows)


def ready(shown: PtyProgram, tick: int = 0) -> None:
    shown.wait_until(lambda: shown.screen.display[0].startswith(f"tick {tick} size"), f"tick {tick}")


def dumped(shown: PtyProgram, tmp_path: Path) -> list[str]:
    """What the app says should be on the screen."""
    path = tmp_path / "dump"
    path.unlink(missing_ok=True)
    shown.send("d")
    shown.wait_until(
        lambda: path.is_file() and path.read_text().count("\n") == shown.screen.lines - 1, "the dump"
    )
    return path.read_text().split("\n")


def check(shown: PtyProgram, tmp_path: Path) -> None:
    """The terminal shows, cell for cell, what the app drew."""
    wanted = dumped(shown, tmp_path)
    shown.wait_until(lambda: shown.screen.display == wanted, "the screen the app drew")


def test_the_screen_is_what_the_app_drew_after_many_small_updates(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        ready(shown)
        check(shown, tmp_path)
        before = len(shown.raw)
        for tick in range(1, 21):
            shown.send("s")
            ready(shown, tick)
        check(shown, tmp_path)
        assert len(shown.raw) - before < 20 * 400
        shown.send("q")
        assert shown.wait() == 7


def test_modes_are_taken_and_given_back(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        before = shown.attrs()
        ready(shown)
        assert shown.attrs() != before
        for wanted in (b"\x1b[?1049h", b"\x1b[?1002h", b"\x1b[?1006h", b"\x1b[?2004h", b"\x1b[?25l"):
            assert wanted in shown.raw
        for unwanted in (b"\x1b[?1003h", b"\x1b[?1004h", b"\x1b[?1015h", b"\x1b[?2048"):
            assert unwanted not in shown.raw
        shown.send("q")
        assert shown.wait() == 7
        assert shown.attrs() == before
        last = shown.raw[shown.raw.rindex(b"\x1b[?1049l") :]
        assert b"left" in last
        for off in (b"\x1b[?1002l", b"\x1b[?1006l", b"\x1b[?2004l", b"\x1b[<u"):
            assert off in shown.raw


def test_resize_repaints_at_the_new_size(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        ready(shown)
        shown.resize(44, 11)
        shown.wait_until(lambda: "size 44x11" in shown.screen.display[0], "the new size")
        shown.send("s")
        ready(shown, 1)
        check(shown, tmp_path)


def test_repaint_writes_over_what_something_else_has_written(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        ready(shown)
        shown._stream.feed(b"\x1b[3;3Hgarbage of another program")
        shown.send("r")
        shown.wait_until(lambda: "garbage" not in shown.text(), "the repaint")
        check(shown, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_put_the_terminal_right(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path) as shown:
        before = shown.attrs()
        ready(shown)
        os.kill(shown.pid, number)
        assert shown.wait() == 128 + number
        assert shown.attrs() == before
        assert shown.raw.rindex(b"\x1b[?1049l") > shown.raw.rindex(b"\x1b[?1049h")


def test_a_crash_of_the_app_puts_the_terminal_right(tmp_path: Path) -> None:
    with start(tmp_path, columns=100, rows=30) as shown:
        before = shown.attrs()
        ready(shown)
        shown.send("e")
        shown.wait()
        assert shown.attrs() == before
        assert shown.raw.rindex(b"\x1b[?1049l") > shown.raw.rindex(b"\x1b[?1049h")
        assert b"a defect of the app" in shown.raw


def test_suspend_and_resume(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        before = shown.attrs()
        ready(shown)
        os.kill(shown.pid, signal.SIGTSTP)
        shown.wait_until(lambda: b"\x1b[?1049l" in shown.raw, "leaving the screen")
        _, status = os.waitpid(shown.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert shown.attrs() == before
        shown.screen.reset()
        os.kill(shown.pid, signal.SIGCONT)
        ready(shown)
        check(shown, tmp_path)
        shown.send("q")
        assert shown.wait() == 7
        assert shown.attrs() == before


def test_a_terminal_that_does_not_answer_gets_no_live_frames_but_keys_get_through(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        ready(shown)
        shown.send("s")
        ready(shown, 1)
        shown.answering = False
        shown.send("l")
        shown.wait_until(
            lambda: int(shown.screen.display[0].split()[1]) > 2, "live frames in the wake of a key"
        )
        while shown.read_some(0.4):
            pass
        stopped_at = int(shown.screen.display[0].split()[1])
        shown.send("d")
        shown.wait_until(
            lambda: int(shown.screen.display[0].split()[1]) > stopped_at, "a frame after the key"
        )
        shown.answering = True
        shown.send("\x1b[0n")
        shown.wait_until(
            lambda: int(shown.screen.display[0].split()[1]) > stopped_at + 30, "live frames again"
        )


def test_pictures_that_a_silent_terminal_never_saw_are_counted(tmp_path: Path) -> None:
    with start(tmp_path, columns=100) as shown:
        ready(shown)
        shown.send("s")
        ready(shown, 1)
        shown.send("l")
        shown.wait_until(lambda: int(shown.screen.display[0].split()[1]) > 10, "live frames")
        shown.answering = False
        while shown.read_some(0.4):
            pass
        stopped_at = int(shown.screen.display[0].split()[1])
        shown.send("d")
        shown.wait_until(
            lambda: int(shown.screen.display[0].split()[1]) > stopped_at + 10, "what the key brings along"
        )
        shown.answering = True
        shown.send("\x1b[0nq")
        assert shown.wait() == 7
        told = shown.raw.decode(errors="replace").rsplit("LineFacts", 1)[1]
        facts = dict(re.findall(r"(\w+)=([\d.]+)", told))
        assert int(facts["dropped"]) >= 10
        assert int(facts["frames"]) >= int(facts["answered"]) >= 1
        assert int(facts["size_bytes"]) > 1000
        assert 0 < float(facts["answer_s"]) < 5


def test_an_answer_still_on_its_way_does_not_reach_the_shell(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        ready(shown)
        shown.send("s")
        ready(shown, 1)
        shown.answering = False
        shown.send("s")
        ready(shown, 2)
        shown.send("q")
        shown.wait_until(lambda: b"\x1b[?1049l" in shown.raw, "leaving the screen")
        shown.send("\x1b[0n")
        assert shown.wait() == 7
        assert b"0n" not in shown.raw.split(b"left")[-1]


def test_taking_over_from_stage_0_never_shows_a_blank_screen(tmp_path: Path, short_tmp: Path) -> None:
    with FakeDaemon(short_tmp / "run", answers()) as daemon, start(tmp_path, daemon.path) as shown:
        before = shown.attrs()
        shown.wait_until(lambda: "q quit" in shown.text(), "the first frame")
        ready(shown)
        assert shown.raw.count(b"\x1b[?1049h") == 1
        assert shown.raw.count(b"\x1b[2J") == 1
        check(shown, tmp_path)
        shown.send("q")
        assert shown.wait() == 7
        assert shown.attrs() == before


def test_idle_costs_no_bytes(tmp_path: Path) -> None:
    with start(tmp_path) as shown:
        ready(shown)
        while shown.read_some(0.3):
            pass
        size = len(shown.raw)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            shown.read_some(0.2)
        assert len(shown.raw) == size
