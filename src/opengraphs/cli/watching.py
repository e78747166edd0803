"""What the terminal of `og run` shows while the run goes on, and the exit code it ends with.

Without a screen, ctrl-c and TERM are passed on to the run, and a second ctrl-c kills
it. A hang-up is not: the terminal may go, the run stays. The daemon only serves the
view: when it cannot be had, the output is printed instead.
"""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from opengraphs import tui
from opengraphs.cli import border, first_frame, following, output, restarts, views
from opengraphs.cli.command_line import Program
from opengraphs.cli.launching import Order, Started, start
from opengraphs.errors import DaemonError, ProcessError
from opengraphs.runner import foreground
from opengraphs.runner.control import Control, ExitWaiter
from opengraphs.sdk import layout

_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-9;:]*)?\Z")
LAST_LINES = 15
_LEFT_S = 2.0
"""A run whose end the screen has seen has ended; its last record may come a moment later."""


class Uncoloured:
    """A binary stream that lets everything through but colours: for pipes and files."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._held = b""

    def write(self, data: bytes, /) -> None:
        """Pass `data` on; an escape sequence that is not complete yet waits for its rest."""
        data = self._held + data
        cut = _UNFINISHED.search(data)
        self._held = data[cut.start() :] if cut else b""
        self._out.write(_COLOUR.sub(b"", data[: cut.start()] if cut else data))

    def flush(self) -> None:
        """Pass everything on that is complete."""
        self._out.flush()

    def finish(self) -> None:
        """What never became an escape sequence was text."""
        self._out.write(self._held)
        self._out.flush()


def start_and_watch(
    program: Program,
    order: Order,
    chosen: views.Look,
    *,
    detach: bool = False,
    plain: bool = False,
    steps_only: bool = False,
) -> int:
    """Start a run and stay with it to its end, or until the user leaves; the exit code.

    Args:
        detach: do not stay.
        plain: no screen, whatever the terminal can do.
        steps_only: without a screen, print a line for each step instead of the output.

    Raises:
        OgError: the screen could not be drawn (before anything is started), or the run not be started.
    """
    on_screen = check_screen(chosen, detach=detach, plain=plain)
    started = start(program, order)
    if detach:
        return leave_running(started)
    if on_screen:
        return show_screen(started, chosen)
    return print_steps(started, chosen) if steps_only else print_output(started)


def check_screen(chosen: views.Look, *, detach: bool, plain: bool) -> bool:
    """Whether a screen is to be opened; OgError when it could not be drawn."""
    on_screen = output.is_terminal() and not (plain or detach)
    if on_screen:
        views.check(chosen)
    return on_screen


def leave_running(started: Started) -> int:
    """`--detach`: the run's id on stdout, how to come back on stderr, and nothing more."""
    output.put(started.run_id)
    output.say(views.attach_line(started.name, started.run_id))
    return 0


def print_output(started: Started) -> int:
    """Print the run's output to its end and return its exit code; ctrl-c and TERM go to the run.

    After a crash the run that goes on from it is followed, where there is one.

    Raises:
        BrokenPipeError: nobody reads any more; the run goes on.
        ProcessError: the run ended and nobody knows how.
    """
    output.say(f"og: run {started.run_id} ({started.name})")
    raw = sys.stdout.buffer
    sink = None if output.ink().on else Uncoloured(raw)
    try:
        record = foreground.run_to_end(started.run_dir, started.control_socket, sink or raw)
        if sink:
            sink.finish()
    except BrokenPipeError:
        output.say(views.attach_line(started.name, started.run_id))
        raise
    later = restarts.successor(started, record)
    return print_output(later) if later else exit_code(record, started)


def print_steps(started: Started, chosen: views.Look) -> int:
    """Print a line for each step and return the run's exit code; signals as in `print_output`."""
    with foreground.forwarded_signals(Control(started.control_socket)):
        try:
            views.follow_lines(started.store, started.run_id, chosen)
        except DaemonError as error:
            border.report(error)
        record = _end(started)
    later = restarts.successor(started, record)
    return print_steps(later, chosen) if later else _code_of(record, started)


def show_screen(started: Started, chosen: views.Look) -> int:
    """Open the graphs of a run that was just started; its exit code, or 0 when the user detached."""
    owned = tui.OwnedRun(started.run_id, started.name, stop=Control(started.control_socket).stop)
    choice = None
    try:
        first_frame.paint_view(
            started.store, started.run_id, theme=chosen.theme, glyphs=chosen.glyphs, ui=chosen.ui
        )
        choice = views.open_screen(started.store, started.run_id, chosen, owned=owned)
    except DaemonError as error:
        first_frame.give_back()
        border.report(error)
    finally:
        if choice is None:
            first_frame.give_back()
            output.say(views.attach_line(started.name, started.run_id))
    return _leave(choice, started) if choice else print_output(started)


def _leave(choice: tui.ExitChoice, started: Started) -> int:
    if choice.kind == "stop":
        output.say(f"{started.name} is stopping; ctrl-c again to end it at once")
        with foreground.forwarded_signals(Control(started.control_socket)):
            return _code_of(_end(started), started)
    if choice.kind == "quit" and _has_ended(started):
        return _left_after_end(started)
    output.say(views.attach_line(started.name, started.run_id))
    return (choice.exit_code or views.TERMINATED) if choice.kind == "signal" else 0


def _has_ended(started: Started) -> bool:
    waiter = ExitWaiter(started.run_dir, started.control_socket)
    try:
        return waiter.wait(_LEFT_S)
    finally:
        waiter.close()


def _left_after_end(started: Started) -> int:
    """The screen was left behind a run that has ended; one that goes on after its crash does so without us."""
    record = _end(started)
    if restarts.is_due(started, record):
        output.say(
            f"{started.name} crashed and goes on by itself; og list shows the run, og stop calls it off"
        )
        return 0
    return _code_of(record, started)


def _end(started: Started) -> dict[str, Any] | None:
    """Wait for the end; how it was, None when nobody knows."""
    waiter = ExitWaiter(started.run_dir, started.control_socket)
    try:
        while not waiter.wait(None):
            pass
    finally:
        waiter.close()
    return waiter.record


def _code_of(record: dict[str, Any] | None, started: Started) -> int:
    """Say in a line how the end was, and return the exit code."""
    code = exit_code(record, started)
    if code and not (record or {}).get("stopped"):
        _say_last_output(started)
    output.say(ending(record or {}, started))
    return code


def _say_last_output(started: Started) -> None:
    """What a training that failed said last: a curve does not tell why."""
    try:
        with (Path(started.run_dir) / layout.STDOUT_LOG).open("rb") as log:
            lines = following.last_lines(log, LAST_LINES)
    except OSError:
        return
    ink = output.ink(sys.stderr)
    for line in lines:
        output.say(ink.log_line(following.printable(line)))


def exit_code(record: dict[str, Any] | None, started: Started) -> int:
    """The training's own exit code; 128 + N when signal N ended it.

    Raises:
        ProcessError: it ended and nobody knows how.
    """
    if record is None:
        hint = f"og show {started.run_id} tells what is known; its output: og tail {started.run_id}"
        raise ProcessError(
            "the run ended, and its exit code is lost with its runner", hint=hint, path=started.run_dir
        )
    if record.get("signal"):
        return 128 + int(record["signal"])
    return int(record.get("code") or 0)


def ending(record: dict[str, Any], started: Started) -> str:
    """`train-gpt failed (exit code 7); its output: og tail k7f3`."""
    short = started.run_id.rpartition("-")[2]
    if record.get("stopped"):
        return f"{started.name} stopped; look at it again with: og view {short}"
    if record.get("signal"):
        return f"{started.name} was ended by {_signal_name(record['signal'])}; its output: og tail {short}"
    if record.get("code"):
        return f"{started.name} failed (exit code {record['code']}); its output: og tail {short}"
    return f"{started.name} finished; look at it again with: og view {short}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
