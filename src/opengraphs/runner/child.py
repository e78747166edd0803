"""The training process: started exactly, ended exactly.

fork and exec by hand, because what must hold between the two (session, terminal,
signals, the one inherited descriptor) is all there is to it, and `subprocess` would
double the runner's start.
"""

from __future__ import annotations

import os

from . import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Child:
    """`pid` also names the process group and the session; `terminal` is the pty's other end, None without one."""

    def __init__(self, pid: int, terminal: int | None) -> None:
        self.pid = pid
        self.terminal = terminal


class StartError(Exception):
    """The program could not be started. `stage` is `setup`, `chdir` or `exec`; `path` is what it was about."""

    def __init__(self, stage: str, number: int, path: str) -> None:
        super().__init__(stage, number, path)
        self.stage = stage
        self.number = number
        self.path = path


class Wiring:
    """What the child starts with.

    Attributes:
        log_fd: where output goes, opened to append.
        lock_fd: the run's lock; the only descriptor above 2 that the child inherits.
        window: (columns, rows) of a pty for the child; None starts it without a terminal.
        hangup: the treatment of SIGHUP that the child gets: `nohup og run …` stays deaf to it.
    """

    def __init__(self, *, log_fd: int, lock_fd: int, window: tuple[int, int] | None, hangup: Any) -> None:
        self.log_fd = log_fd
        self.lock_fd = lock_fd
        self.window = window
        self.hangup = hangup


def start(command: list[str], *, cwd: str, env: dict[str, str], wiring: Wiring) -> Child:
    """Start `command` and return once it really runs.

    Raises:
        StartError: with the reason the kernel gave.
    """
    master, slave = open_terminal(wiring.window) if wiring.window else (None, None)
    report_read, report_write = os.pipe()
    mask = signals.block_all()
    pid = os.fork()
    if pid == 0:
        _become(command, cwd, env, wiring, slave, mask, report_write)
    signals.restore(mask)
    os.close(report_write)
    if slave is not None:
        os.close(slave)
    report = _drain(report_read)
    if report:
        os.waitpid(pid, 0)
        stage, number, path = report.split("\n", 2)
        raise StartError(stage, int(number), path)
    return Child(pid, master)


def _drain(fd: int) -> str:
    """Everything until exec closes the other end: nothing on success."""
    parts: list[bytes] = []
    while part := os.read(fd, 4096):
        parts.append(part)
    os.close(fd)
    return os.fsdecode(b"".join(parts))


def _become(
    command: list[str],
    cwd: str,
    env: dict[str, str],
    wiring: Wiring,
    slave: int | None,
    mask: Any,
    report: int,
) -> None:
    """Runs in the forked child and never returns."""
    stage, path = "setup", ""
    try:
        _wire(wiring, slave)
        signals.reset_in_child(wiring.hangup, mask)
        stage, path = "chdir", cwd
        os.chdir(cwd)
        stage, path = "exec", command[0]
        _execute(command, env)
    except OSError as error:
        os.write(report, os.fsencode(f"{stage}\n{error.errno or 0}\n{error.filename or path}"))
    finally:
        os._exit(127)


def _wire(wiring: Wiring, slave: int | None) -> None:
    os.setsid()
    if slave is None:
        streams = (os.open(os.devnull, os.O_RDONLY), wiring.log_fd, wiring.log_fd)
    else:
        _control(slave)
        streams = (slave, slave, slave)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    os.set_inheritable(wiring.lock_fd, True)


def _control(slave: int) -> None:
    """Make the pty the controlling terminal of this new session."""
    import fcntl
    import termios

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def _execute(command: list[str], env: dict[str, str]) -> None:
    """exec along the child's own PATH; a file that may not be run is the reason only when no other one fits."""
    program = command[0]
    if "/" in program:
        os.execve(program, command, env)
    denied: OSError | None = None
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        try:
            os.execve(os.path.join(folder, program), command, env)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            denied = error
    raise denied or FileNotFoundError(2, "not found", program)


def open_terminal(window: tuple[int, int]) -> tuple[int, int]:
    """A pty of that size: (master, slave). With no size at all, progress bars print nothing."""
    master, slave = os.openpty()
    resize(master, *window)
    os.set_blocking(master, False)
    return master, slave


def resize(terminal: int, columns: int, rows: int) -> None:
    """Tell the programs on a pty their new size; the kernel sends SIGWINCH."""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def reap(pid: int) -> tuple[int, Any] | None:
    """(wait status, resource usage) if `pid` has ended, else None."""
    done, status, usage = os.wait4(pid, os.WNOHANG)
    return (status, usage) if done == pid else None


def exit_record(status: int, usage: Any, *, ended_at: str) -> dict[str, Any]:
    """exit.json: the exact code or signal, and what the process and its waited-for children used."""
    return {
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "stopped": False,
        "ended_at": ended_at,
        "rusage": {
            "user_s": usage.ru_utime,
            "system_s": usage.ru_stime,
            "max_rss_bytes": float(usage.ru_maxrss * _RSS_UNIT),
            "major_faults": float(usage.ru_majflt),
            "blocks_in": float(usage.ru_inblock),
            "blocks_out": float(usage.ru_oublock),
            "waits": float(usage.ru_nvcsw),
            "preemptions": float(usage.ru_nivcsw),
        },
    }


_RSS_UNIT = 1 if os.uname().sysname == "Darwin" else 1024


def signal_group(pid: int, number: int) -> bool:
    """Send a signal to the training's process group; False when nobody is left in it."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        return False
    return True
