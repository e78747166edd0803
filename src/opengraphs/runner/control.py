"""The client of a runner's control socket, and waiting for the end of a run."""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
from typing import Any

from opengraphs.sdk import layout

from .address import check_private, socket_name

_REPLY_TIMEOUT_S = 5.0


class ControlError(OSError):
    """The runner cannot be reached, or refused."""


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        check_private(os.path.dirname(path))
        with socket_name(path) as name:
            connection.connect(name)
    except OSError as error:
        connection.close()
        raise ControlError(error.errno, f"no runner answers: {error.strerror}", path) from error
    return connection


class Control:
    """Asks one runner; every call is a connection of its own."""

    def __init__(self, control_socket: str) -> None:
        """`control_socket` as in the launch spec."""
        self._path = control_socket

    def ask(self, request: dict[str, Any], *, timeout_s: float | None = _REPLY_TIMEOUT_S) -> dict[str, Any]:
        """One request, one reply.

        Raises:
            ControlError: nobody listens, the runner went away, or it refused; the message says which.
            TimeoutError: no reply within `timeout_s`.
        """
        with _connect(self._path) as connection:
            connection.settimeout(timeout_s)
            try:
                connection.sendall(json.dumps(request).encode() + b"\n")
                reply = json.loads(self._line(connection))
            except ConnectionError as error:
                raise ControlError(error.errno, "the runner went away", self._path) from error
        if not reply.get("ok"):
            raise ControlError(0, str(reply.get("error")), self._path)
        return dict(reply)

    @staticmethod
    def _line(connection: socket.socket) -> bytes:
        parts: list[bytes] = []
        while not parts or not parts[-1].endswith(b"\n"):
            part = connection.recv(65536)
            if not part:
                raise ConnectionResetError(0, "no reply")
            parts.append(part)
        return b"".join(parts)

    def status(self) -> dict[str, Any]:
        """`run_id, pid, runner_pid, status, stopping, exit`."""
        return self.ask({"op": "status"})

    def signal(self, number: int, *, stop: bool = False) -> dict[str, Any]:
        """Send a signal to the training's process group; the second SIGINT kills it.

        Args:
            stop: the user wants the run to end: its status becomes `stopped`.
        """
        return self.ask({"op": "signal", "number": int(number), "stop": stop})

    def stop(self, *, grace_s: float = 10.0) -> dict[str, Any]:
        """TERM now, KILL after the grace; returns at once."""
        return self.ask({"op": "stop", "grace_s": grace_s})

    def resize(self, columns: int, rows: int) -> dict[str, Any]:
        """Change the size of the training's pty."""
        return self.ask({"op": "resize", "columns": columns, "rows": rows})

    def wait(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The exit record once the training has ended; None when it has not within `timeout_s`.

        Raises:
            ControlError: the runner is gone; `wait_exit` knows what to do then.
        """
        try:
            record: dict[str, Any] = self.ask({"op": "wait"}, timeout_s=timeout_s)["exit"]
        except TimeoutError:
            return None
        return record


class ExitWaiter:
    """Waits for one run to end: at the runner's socket, and when the runner is gone at the run's lock.

    The lock lives as long as the training does, so a run whose runner was killed is
    still waited for to its end; only its exit code nobody knows then.
    """

    def __init__(self, run_dir: str, control_socket: str, *, told_fd: int = -1) -> None:
        """`told_fd` as in `Launched`, for who launched the run; it is closed at the end."""
        self._run_dir = run_dir
        self._source = told_fd if told_fd >= 0 else self._ask(control_socket)
        self._received = b""
        self.ended = False
        self.record: dict[str, Any] | None = None
        """How it ended; None while it runs, and when nobody knows."""

    @staticmethod
    def _ask(control_socket: str) -> int:
        """A descriptor on which one line comes when the run has ended; -1 when no runner answers."""
        try:
            with _connect(control_socket) as connection:
                connection.sendall(b'{"op":"wait"}\n')
                return connection.detach()
        except OSError:
            return -1

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether the run has ended, after at most `timeout_s`; None waits for it."""
        if not self.ended and self._source >= 0:
            self._wait_for_runner(timeout_s)
        elif not self.ended:
            self._wait_for_lock(timeout_s)
        return self.ended

    def _wait_for_runner(self, timeout_s: float | None) -> None:
        if not select.select([self._source], [], [], timeout_s)[0]:
            return
        try:
            part = os.read(self._source, 65536)
        except OSError:
            part = b""
        self._received += part
        if self._received.endswith(b"\n"):
            self._finish(json.loads(self._received).get("exit"))
        elif not part:  # the runner died; the training may live on
            self.close()
            self._wait_for_lock(timeout_s)

    def _wait_for_lock(self, timeout_s: float | None) -> None:
        """A run without a runner: its lock is free once it has ended."""
        record = read_exit(self._run_dir)
        if record is not None or self._lock_free(timeout_s):
            self._finish(record or read_exit(self._run_dir))

    def _lock_free(self, timeout_s: float | None) -> bool:
        try:
            fd = os.open(os.path.join(self._run_dir, layout.RUN_LOCK), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return True
        try:
            return _shared_lock(fd, timeout_s)
        finally:
            os.close(fd)

    def _finish(self, record: dict[str, Any] | None) -> None:
        self.record = record
        self.ended = True
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._source >= 0:
            os.close(self._source)
            self._source = -1


def _shared_lock(fd: int, timeout_s: float | None) -> bool:
    """Whether a lock could be had: in the kernel's own queue without a limit, else by looking twice."""
    try:
        if timeout_s is None:
            fcntl.flock(fd, fcntl.LOCK_SH)
            return True
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        select.select([], [], [], timeout_s)
        return False
    except OSError:  # a file system without locks: nobody can tell
        return True
    return True


def read_exit(run_dir: str) -> dict[str, Any] | None:
    """exit.json; None when there is none (yet)."""
    try:
        with open(os.path.join(run_dir, layout.EXIT_JSON), encoding="utf-8") as file:
            record: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    return record


def wait_exit(run_dir: str, control_socket: str) -> dict[str, Any] | None:
    """Wait until a run has ended, whatever becomes of its runner.

    Returns:
        The exit record; None when the run ended and nobody knows how.
    """
    waiter = ExitWaiter(run_dir, control_socket)
    try:
        while not waiter.wait(None):
            pass
    finally:
        waiter.close()
    return waiter.record
