"""`og run` without a terminal screen: the run's output here, its end awaited, ctrl-c passed on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from opengraphs.sdk import layout

from .control import Control, ExitWaiter

_LOOK_EVERY_S = 0.05
_PIECE_BYTES = 1 << 20


class Sink(Protocol):
    """Where output goes: a binary stream."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""

    def flush(self) -> object:
        """Pass them on."""


def follow_output(run_dir: str, sink: Sink, until: Callable[[float], bool]) -> None:
    """Copy a run's output to `sink` as it grows, from its beginning to the end of the run.

    Args:
        sink: gets the very bytes of stdout.log.
        until: waits the given seconds at most and says whether the run has ended, such as
            `ExitWaiter.wait` or `threading.Event.wait`.

    Raises:
        OSError: the log cannot be read, or `sink` cannot be written (BrokenPipeError).
    """
    fd = os.open(os.path.join(run_dir, layout.STDOUT_LOG), os.O_RDONLY | os.O_CLOEXEC)
    try:
        ended = False
        while not ended:
            ended = until(_LOOK_EVERY_S)
            _copy(fd, sink)
    finally:
        os.close(fd)


def _copy(fd: int, sink: Sink) -> None:
    copied = False
    while data := os.read(fd, _PIECE_BYTES):
        sink.write(data)
        copied = True
    if copied:
        sink.flush()


@contextmanager
def forwarded_signals(control: Control, run_dir: str = "") -> Iterator[None]:
    """SIGINT and SIGTERM of this process go to the run; the second SIGINT kills it.

    A run ended by SIGINT counts as stopped by its user; SIGTERM comes from schedulers too.

    Args:
        run_dir: where the runner's pid is found when its socket does not answer.
    """

    def forward(number: int, _frame: object) -> None:
        try:
            control.signal(number, stop=number == signal.SIGINT)
        except TimeoutError:  # it has the request, and will get to it
            pass
        except OSError:
            _signal_runner(run_dir, number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_runner(run_dir: str, number: int) -> None:
    """Without its socket: to the runner itself, if that pid still is this run's runner."""
    try:
        with open(os.path.join(run_dir, layout.RUN_JSON), encoding="utf-8") as file:
            pid = int(json.load(file)["runner_pid"])
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if os.fsencode(run_dir) in file.read().split(b"\0"):
                os.kill(pid, number)
    except (OSError, ValueError, KeyError, TypeError):  # it has just ended: there is nobody to pass it on to
        pass


def run_to_end(run_dir: str, control_socket: str, sink: Sink, *, told_fd: int = -1) -> dict[str, Any] | None:
    """Print a run's output to its end, forwarding ctrl-c. `told_fd` as in `Launched`, for who launched the run.

    Returns:
        The exit record; None when the run ended and nobody knows how.

    Raises:
        OSError: as `follow_output`; the run itself goes on.
    """
    waiter = ExitWaiter(run_dir, control_socket, told_fd=told_fd)
    try:
        with forwarded_signals(Control(control_socket), run_dir):
            follow_output(run_dir, sink, waiter.wait)
    finally:
        waiter.close()
    return waiter.record
