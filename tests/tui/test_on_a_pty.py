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
    at = terminal.screen.display[0].index("4 logs") + 3
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
