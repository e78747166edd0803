"""The line that says how far it is: only on a terminal, rewritten in place, gone at the end."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from opengraphs.cli import waiting
from opengraphs.errors import DaemonError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal on stderr; called by the test itself, since what captures output puts stderr back before it."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(waiting, "_LEAST_S", 0.0)
    return stream


def on_screen(text: str) -> str:
    """What a terminal shows of one line that was rewritten."""
    return text.rpartition("\r\x1b[K")[2]


def test_a_line_is_rewritten_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting.ProgressLine(silent_s=0.0) as line:
        line.show("reading 37%")
        assert on_screen(terminal.getvalue()) == "reading 37%"
        line.show("reading 40%")
        assert on_screen(terminal.getvalue()) == "reading 40%"
    assert on_screen(terminal.getvalue()) == ""
    assert "\n" not in terminal.getvalue()


def test_what_takes_no_time_is_not_talked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting.ProgressLine(silent_s=3600.0) as line:
        line.show("reading 37%")
    assert terminal.getvalue() == ""


def test_a_pipe_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with waiting.ProgressLine(silent_s=0.0) as line:
        line.show("reading 37%")
    with waiting.saying("reading"):
        pass
    assert stream.getvalue() == ""


def test_a_dumb_terminal_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    with waiting.ProgressLine(silent_s=0.0) as line:
        line.show("reading 37%")
    assert terminal.getvalue() == ""


def test_the_line_never_wraps_and_holds_no_escape_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting.ProgressLine(silent_s=0.0) as line:
        line.show("x\x1b[2Jy" * 100)
        shown = on_screen(terminal.getvalue())
    assert len(shown) <= 79
    assert "\x1b" not in shown


def test_an_error_leaves_a_clean_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)

    def fail() -> None:
        with waiting.ProgressLine(silent_s=0.0) as line:
            line.show("reading 37%")
            raise DaemonError("gone")

    with pytest.raises(DaemonError):
        fail()
    assert on_screen(terminal.getvalue()) == ""


def test_nothing_is_shown_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting.ProgressLine(silent_s=0.0) as line:
        pass
    line.show("too late")
    assert "too late" not in terminal.getvalue()


class Reading:
    """A client whose run is read step by step, as far as `parts` go."""

    def __init__(self, *pending: float, status: str = "finished") -> None:
        self._pending = list(pending)
        self._status = status

    def run(self, ref: str) -> Any:
        left = self._pending.pop(0) if len(self._pending) > 1 else self._pending[0]
        return {"run_id": ref, "name": "big", "status": self._status, "ingest": {"pending": left}}


def test_a_run_is_waited_for_until_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setattr(waiting, "_LOOK_S", 0.0)
    with waiting.ProgressLine(silent_s=0.0) as line:
        facts = waiting.wait_read(Reading(0.63, 0.3, 0.0), "r1", line)  # type: ignore[arg-type]
    assert waiting.is_read(facts)
    assert "big: reading 37%" in terminal.getvalue()
    assert "big: reading 70%" in terminal.getvalue()


def test_a_live_run_is_read_when_only_its_newest_moment_is_missing() -> None:
    live: Any = Reading(0.0005, status="running")
    with waiting.ProgressLine() as line:
        assert waiting.is_read(waiting.wait_read(live, "r1", line))


def test_a_daemon_that_gets_nowhere_is_an_error_or_a_partial_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_LOOK_S", 0.0)
    monkeypatch.setattr(waiting, "_STALLED_S", -1.0)
    monkeypatch.setattr(waiting, "_GIVE_UP_S", -1.0)
    stuck: Any = Reading(0.5)
    with waiting.ProgressLine() as line:
        with pytest.raises(DaemonError):
            waiting.wait_read(stuck, "r1", line)
        assert not waiting.is_read(waiting.wait_read(stuck, "r1", line, partial=True))
