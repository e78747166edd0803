"""The UI in a real terminal: it is left as it was found, whatever ends it, and nothing is written while nothing happens."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pty_screen import DEADLINE_S, PtyProgram

SCRIPT = Path(__file__).parent / "pty_app.py"
LEFT = b"\x1b[?1049l"


class Terminal(PtyProgram):
    """pty_app.py on a pty."""

    def __init__(self) -> None:
        super().__init__(
            SCRIPT.read_text(), columns=100, rows=30, env={"COLORTERM": "truecolor", "PTY_APP": str(SCRIPT)}
        )

    def until(self, text: str) -> None:
        self.wait_until(lambda: text in self.text(), text)

    def until_quiet(self, seconds: float = 0.4) -> None:
        while self.read_some(seconds):
            pass

    @property
    def after_leaving(self) -> str:
        return self.raw.rsplit(LEFT, 1)[1].decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal() as child:
        yield child


def test_it_starts_and_is_left_by_a_key(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.send("q")
    terminal.until("is still running")
    terminal.send("d")
    assert terminal.wait() == 0
    assert (
        "ExitChoice(kind='detach', exit_code=None, run_id='20261122-093012-k7f3')" in terminal.after_leaving
    )
    assert terminal.attrs() == terminal.attrs_at_start[:4]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_the_terminal_right(terminal: Terminal, number: signal.Signals) -> None:
    terminal.until("train/loss")
    assert terminal.attrs() != terminal.attrs_at_start[:4]
    os.kill(terminal.pid, number)
    assert terminal.wait() == 0
    assert f"ExitChoice(kind='signal', exit_code={128 + number}" in terminal.after_leaving
    assert terminal.attrs() == terminal.attrs_at_start[:4]
    assert b"\x1b[?1000l" in terminal.raw
    assert b"\x1b[?25h" in terminal.raw


def test_two_ctrl_c_leave(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.send("\x03")
    terminal.until("is still running")
    terminal.send("\x03")
    terminal.wait()
    assert "kind='detach'" in terminal.after_leaving


def test_a_lost_terminal_ends_it(terminal: Terminal) -> None:
    terminal.until("train/loss")
    keep, terminal.fd = terminal.fd, os.open(os.devnull, os.O_RDWR)
    os.close(keep)
    deadline = time.monotonic() + DEADLINE_S
    while terminal.exit_code is None:
        pid, status = os.waitpid(terminal.pid, os.WNOHANG)
        terminal.exit_code = os.waitstatus_to_exitcode(status) if pid else None
        assert time.monotonic() < deadline
        select.select([], [], [], 0.02)


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.send("\x1a")
    deadline = time.monotonic() + DEADLINE_S
    stopped = 0
    while not stopped:
        terminal.read_some(0.05)
        pid, status = os.waitpid(terminal.pid, os.WNOHANG | os.WUNTRACED)
        stopped = pid and os.WIFSTOPPED(status)
        assert time.monotonic() < deadline
    terminal.until_quiet()
    assert LEFT in terminal.raw
    terminal.screen.reset()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.until("train/loss")
    terminal.send("q")
    terminal.until("is still running")


def test_nothing_is_written_while_nothing_happens(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.until_quiet()
    size = len(terminal.raw)
    assert not terminal.read_some(1.5)
    assert len(terminal.raw) == size


def test_a_key_costs_a_few_hundred_bytes(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.send("4")
    terminal.until("line 299")
    terminal.until_quiet()
    size = len(terminal.raw)
    terminal.send("k")
    terminal.until("line 271")
    terminal.until_quiet()
    assert len(terminal.raw) - size < 1500


def test_resizing_settles_on_the_new_size(terminal: Terminal) -> None:
    terminal.until("train/loss")
    for columns in range(60, 121, 4):
        terminal.resize(columns, 24)
    terminal.until("q quit")
    terminal.until_quiet()
    lines = terminal.screen.display
    assert len(lines) == 24
    assert lines[-1].rstrip().endswith("quit")
    assert lines[1].startswith(" ▾ train")
    assert lines[2].startswith("┌ train/loss")


def test_mouse_and_escape_keys_arrive(terminal: Terminal) -> None:
    terminal.until("train/loss")
    at = terminal.screen.display[0].index(" 4") + 2
    terminal.send(f"\x1b[<0;{at};1M\x1b[<0;{at};1m")
    terminal.until("line 299")
    terminal.send("\x1b[5~")
    terminal.until("line 245")
    terminal.send("1")
    terminal.until("status")


def test_a_paste_goes_into_the_search_line(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.send("/")
    terminal.until("search")
    terminal.send("\x1b[200~eval\x1b[201~")
    terminal.until("2 metrics")
    terminal.send("\x1b\x7f")
    terminal.until("7 metrics")
    terminal.send("lr")
    terminal.until("1 metric")
    terminal.send("\x1b\x08")
    terminal.until("7 metrics")


def test_keys_of_input_lines_arrive_as_a_terminal_sends_them(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.send("/")
    terminal.until("search")
    for sent, shown in (
        ("lr", "1 metric"),
        ("\x1f", "7 metrics"),  # ctrl+_
        ("\x1bZ", "1 metric"),  # alt+shift+z
        ("\x1bz", "7 metrics"),  # alt+z
        ("rl", "0 metrics"),
        ("\x14", "1 metric"),  # ctrl+t
        ("\r/\x15", "7 metrics"),
        ("\x1b[A", "1 metric"),  # up
        ("\x1bn", "7 metrics"),  # alt+n
        ("\x1b[200~ev\x07al\n\x1b[201~", "2 metrics"),
    ):
        terminal.send(sent)
        terminal.until(f" {shown} ")


def stop_by_ctrl_z(terminal: Terminal) -> None:
    """Press ctrl+z and wait until the process sleeps and has written its last."""
    terminal.send("\x1a")
    deadline = time.monotonic() + DEADLINE_S
    stopped = 0
    while not stopped:
        terminal.read_some(0.05)
        pid, status = os.waitpid(terminal.pid, os.WNOHANG | os.WUNTRACED)
        stopped = pid and os.WIFSTOPPED(status)
        assert time.monotonic() < deadline
    terminal.until_quiet(0.1)


def test_fg_in_a_window_of_another_size_again_and_again(terminal: Terminal) -> None:
    terminal.until("train/loss")
    for columns, rows in ((70, 20), (110, 32)):
        stop_by_ctrl_z(terminal)
        assert terminal.attrs() == terminal.attrs_at_start[:4], "the shell has its modes while og sleeps"
        terminal.screen.reset()
        terminal.resize(columns, rows)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.until("q quit")
        terminal.until_quiet()
        lines = terminal.screen.display
        assert len(lines) == rows
        assert lines[-1].rstrip().endswith("quit")
        assert "train" in lines[1]
    terminal.send("4")
    terminal.until("line 299")


def test_a_signal_to_a_sleeping_og_leaves_the_shells_terminal_alone(terminal: Terminal) -> None:
    terminal.until("train/loss")
    stop_by_ctrl_z(terminal)
    os.kill(terminal.pid, signal.SIGTERM)
    os.kill(terminal.pid, signal.SIGCONT)
    assert terminal.wait() in (0, 128 + signal.SIGTERM)
    assert terminal.attrs() == terminal.attrs_at_start[:4]
    assert terminal.raw.rfind(b"\x1b[?1049h") < terminal.raw.rfind(LEFT)


@pytest.mark.parametrize("keys", ["?", ",", "\x10", "/", "s", "q"])
def test_a_signal_ends_it_whatever_is_open(terminal: Terminal, keys: str) -> None:
    terminal.until("train/loss")
    terminal.send(keys)
    terminal.until_quiet(0.2)
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 0
    assert "exit_code=143" in terminal.after_leaving
    assert terminal.attrs() == terminal.attrs_at_start[:4]


def test_a_signal_in_the_middle_of_a_resize_storm(terminal: Terminal) -> None:
    terminal.until("train/loss")
    for columns in range(40, 140, 3):
        terminal.resize(columns, 10 + columns // 4)
    os.kill(terminal.pid, signal.SIGHUP)
    assert terminal.wait() == 0
    assert "exit_code=129" in terminal.after_leaving
    assert terminal.attrs() == terminal.attrs_at_start[:4]


@pytest.mark.parametrize("keys", ["", "?", ",", "\x10"])
def test_a_storm_down_to_nothing_and_back_with_something_open(terminal: Terminal, keys: str) -> None:
    terminal.until("train/loss")
    if keys:
        terminal.send(keys)
    terminal.until_quiet(0.2)
    for columns, rows in [(n, max(1, n // 3)) for n in range(100, 0, -7)] + [(100, 60)]:
        terminal.resize(columns, rows)
        terminal.read_some(0.005)
    terminal.until({"": "train/loss", "?": ": keys", ",": "options", "\x10": "actions"}[keys])
    terminal.until_quiet()
    lines = terminal.screen.display
    assert lines[-1].rstrip().endswith("quit")
    assert "train" in lines[1]


def test_a_storm_costs_one_picture_or_two(terminal: Terminal) -> None:
    terminal.until("train/loss")
    terminal.until_quiet()
    size = len(terminal.raw)
    for n in range(60):
        terminal.resize(100 + n % 7, 30)
    terminal.resize(100, 30)
    terminal.until("q quit")
    terminal.until_quiet()
    assert len(terminal.raw) - size < 60_000


def test_help_tells_what_the_terminal_was_sent_and_acknowledged(terminal: Terminal) -> None:
    terminal.resize(120, 56)
    terminal.until("train/loss")
    terminal.send("?")
    terminal.until("acknowledged, the last in")
    line = next(line for line in terminal.screen.display if "terminal: " in line)
    assert " frames, " in line
    terminal.until("B/s, ")
