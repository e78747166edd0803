"""The runner: startup → main loop → shutdown around one training process.

    startup    log, start the child, run.json, tell the launcher
    main loop  signals, control requests, pty, heartbeat, capture; all from one wait
    shutdown   exit.json, run.json, answer who waits, let the capture finish, go

What counts most comes first at both ends: the child starts before anything else is
imported, and the exit code is on disk before anything is tidied up. What a short
command never needs (sockets, JSON reading, threads) is imported when it is needed.
"""

from __future__ import annotations

import os

from opengraphs.sdk import layout

from . import child as children
from . import signals
from .environ import training_env
from .events import RunnerEvents
from .group import Group
from .loop import Loop
from .runfile import Reserve, RunFile, status_of, write_exit
from .startup import SOCKET_FD
from .terminal import Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .capturing import Capture
    from .printed import Printed
    from .sampling import Sampling
    from .server import ControlServer
    from .startup import Launcher
    from .staying import Stay

EXTRAS_AFTER_S = 0.05
"""The sampler and the capture start this long after the training: its own start has the machine to itself."""

_FORWARDED = (signals.SIGINT, signals.SIGTERM, signals.SIGQUIT)
_FORWARDED_TO_MAIN = (signals.SIGUSR1, signals.SIGUSR2)
"""Slurm's and users' own signals: to the training itself, since its helpers would die of them."""

_NEEDED_LATER = (
    "struct",
    "termios",
    "opengraphs.sdk.journal",
    *(f"opengraphs.runner.{name}" for name in ("answers", "room", "sampling", "server", "staying", "system")),
)
"""Loaded soon after the start: og may be upgraded or removed while a training runs for days."""

_EXIT_TRIES = 30
_EXIT_RETRY_S = 1.0


class Runner:
    """One training process, its files and its socket."""

    def __init__(self, spec: dict[str, Any], lock_fd: int, launcher: Launcher) -> None:
        """Start the training.

        Raises:
            StartError: it cannot be started.
            OSError: the log cannot be opened.
        """
        self.spec = spec
        self.run_dir: str = spec["run_dir"]
        self.record: dict[str, Any] | None = None
        """How the training ended; None while it runs."""
        self.told = False
        """Those who wait for the end have their answer."""
        self.run_file = RunFile(self.run_dir, spec["facts"])
        self._launcher = launcher
        self.loop = self._loop = Loop()
        self._events = RunnerEvents(self.run_dir)
        self._env = training_env(spec, runner_pid=os.getpid())
        self._log_fd = self._open_log()
        self._lock_fd = lock_fd
        self._stay: Stay | None = None
        self._start_child(lock_fd)
        self._server: ControlServer | None = None
        self._sampling: Sampling | None = None
        self._capture: Capture | None = None
        self._printed: Printed | None = None
        self._oom_kills: int | None = None
        self._tidy = False

    # startup

    def _open_log(self) -> int:
        path = os.path.join(self.run_dir, layout.STDOUT_LOG)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def _start_child(self, lock_fd: int) -> None:
        self.hangup = signals.ignore_hangup()
        self._signals = signals.Signals((signals.SIGCHLD, *_FORWARDED, *_FORWARDED_TO_MAIN))
        columns, rows = self.spec["window"] or (80, 24)
        wiring = children.Wiring(
            log_fd=self._log_fd,
            lock_fd=lock_fd,
            window=(columns, rows) if self.spec["use_pty"] else None,
            hangup=self.hangup,
        )
        self.child = children.start(self.spec["command"], cwd=self.spec["cwd"], env=self._env, wiring=wiring)
        self.group = Group(self._loop, self.child.pid)
        self.terminal = Terminal(self._loop, self.child.terminal, self._log_fd)

    def announce(self) -> None:
        """Write what is known now, and tell the launcher."""
        now = layout.utc_iso()
        self.run_file.update(pid=self.child.pid, runner_pid=os.getpid(), started_at=now, heartbeat_at=now)
        self._launcher.tell({"ok": True, "pid": self.child.pid, "runner_pid": os.getpid()})
        self._reserve = Reserve(self.run_dir)
        self._loop.watch(self._signals.fd, self._signals_arrived)
        if self.spec["listens"]:
            self._loop.watch(SOCKET_FD, self._serve)
        self._loop.later(self.spec["heartbeat_s"], self._heartbeat)
        self._extras = self._loop.later(EXTRAS_AFTER_S, self._start_extras)

    def _serve(self) -> ControlServer:
        """Begin to answer: the first client has come."""
        import socket

        from .answers import Answers
        from .server import ControlServer

        self._answers = Answers(self)
        server = socket.socket(fileno=SOCKET_FD)
        server.setblocking(False)
        self._server = ControlServer(self._loop, self.spec["control_socket"], self._answers, server)
        return self._server

    def _start_extras(self) -> None:
        """The capture in any case; the sampler only while there is something to sample."""
        from .capturing import Capture

        if self.record is None:
            self._start_printed()
        self._capture = Capture(self._loop, self._captured)
        try:
            self._capture.start(self.spec)
        except OSError as error:
            self._events.status(f"bundle: {error}")
        if self.record is None:
            for name in _NEEDED_LATER:
                __import__(name)
            self._start_sampling()

    def _start_printed(self) -> Printed | None:
        if self.spec["stdout_metrics"]:
            from .printed import Printed

            self._printed = Printed(self._loop, self.run_dir, self.spec["patterns"], self._events.status)
            self._printed.start()
        return self._printed

    def _start_sampling(self) -> None:
        from .sampling import Sampling
        from .system.oom import oom_kills

        self._oom_kills = oom_kills()
        self._sampling = Sampling(
            self.run_dir,
            self.child.pid,
            host=self.run_file.facts["host"],
            env=self._env,
            log_fd=self._log_fd,
            import_paths=self.spec["import_paths"],
        )
        self._sampling.start()

    # main loop

    def run(self) -> None:
        """Serve until the training has ended and everything about it is written."""
        self._loop.run(self._is_over)
        if self._server is not None:
            self._server.close()
        elif self.spec["listens"]:
            try:
                os.unlink(self.spec["control_socket"])
            except OSError:
                pass
        self._events.close()

    def _is_over(self) -> bool:
        if not self._tidy or not (self._capture is None or self._capture.finished):
            return False
        if self._stay is None or not self._stay.holds:
            return True
        self._let_go()
        return False

    def stay(self) -> Stay:
        """What keeps this runner after the end, if anything."""
        if self._stay is None:
            from .staying import Stay

            self._stay = Stay(self)
        return self._stay

    def _let_go(self) -> None:
        """The run has ended for everybody, though its runner stays: its lock is free, its files are the daemon's."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            os.close(self._log_fd)
            self._lock_fd = self._log_fd = -1
            self._events.close()

    def _signals_arrived(self) -> None:
        for number in self._signals.take():
            if number == signals.SIGCHLD:
                self._reap()
            elif self.told:  # the training's number may be another process's by now
                if number in _FORWARDED and self._stay is not None:
                    self._stay.release()
            elif number in _FORWARDED_TO_MAIN:
                self.group.deliver_to_main(number)
            elif number != signals.SIGALRM:  # a time limit of ours that was kept
                self.group.deliver(number)

    def _reap(self) -> None:
        ended = None if self.record else children.reap(self.child.pid)
        if ended is None:
            return
        status, usage = ended
        self.record = children.exit_record(status, usage, ended_at=layout.utc_iso())
        self.group.when_gone(self._conclude)

    def _heartbeat(self) -> None:
        self._loop.later(self.spec["heartbeat_s"], self._heartbeat)
        if not self._tidy:
            self.run_file.beat()
        if not self.spec["listens"]:
            return
        try:
            (self._server or self._serve()).ensure()
        except OSError:  # $XDG_RUNTIME_DIR is gone until the next login
            pass

    def _captured(self, found: dict[str, Any]) -> None:
        if "problem" in found:
            self._events.status(found["problem"])
            return
        if "git" in found:
            found["git"] = {**(self.run_file.facts.get("git") or {}), **found["git"]}
        self.run_file.update(**found)

    # shutdown

    def _conclude(self) -> None:
        """The training, and what a stop had to wait for, are gone: put the end on disk, then tell."""
        self.terminal.drain()
        self._finish_printed()
        record = {**(self.record or {}), "stopped": self.group.stopped}
        self.record = record
        self._write_end(record, _EXIT_TRIES)

    def _finish_printed(self) -> None:
        """The metrics of what was printed last come before the end that readers wait for."""
        printed = self._printed
        if printed is None and os.fstat(self._log_fd).st_size:  # the training was shorter than the delay
            printed = self._start_printed()
        if printed is not None:
            printed.finish()

    def _write_end(self, record: dict[str, Any], tries: int) -> None:
        """exit.json, then run.json; again a second later while the disk has no room for them."""
        written = self._try_exit(record)
        if not written:
            self._reserve.release()
            written = self._try_exit(record)
        self.run_file.update(
            status=status_of(record),
            ended_at=record["ended_at"],
            exit_code=record["code"],
            signal=record["signal"],
            heartbeat_at=layout.utc_iso(),
        )
        self._tell(record)
        if written or tries <= 0:
            self._tidy_up(record)
        else:
            self._loop.later(_EXIT_RETRY_S, lambda: self._write_end(record, tries - 1))

    def _try_exit(self, record: dict[str, Any]) -> bool:
        try:
            write_exit(self.run_dir, record)
        except FileNotFoundError:  # somebody removed the run
            return True
        except OSError:
            return False
        return True

    def _tell(self, record: dict[str, Any]) -> None:
        """Answer who waits for the end; whoever asks from now on hears it at once."""
        if not self.told:
            self.told = True
            self._begin_restart(record)
            self._launcher.tell({"ok": True, "exit": record})
            if self._server is not None:
                self._server.release(self._answers.ended())

    def _begin_restart(self, record: dict[str, Any]) -> None:
        if self._is_to_go_on(record):
            children.signal_group(self.child.pid, signals.SIGTERM)  # helpers left behind would share the GPU
            self.stay().restart_later()
        elif self._stay is not None:
            self._stay.no_restart()

    def _is_to_go_on(self, record: dict[str, Any]) -> bool:
        restart = self.spec["restart"]
        if restart is None or restart["left"] <= 0:
            return False
        from .succession import is_crash

        return is_crash(record, asked=self.group.asked)

    def _tidy_up(self, record: dict[str, Any]) -> None:
        """Everything that nobody waits for."""
        self._tidy = True
        self._reserve.release()
        if self._sampling is not None:
            self._sampling.stop()
        if not children.signal_group(self.child.pid, 0):  # nobody left who could still append
            from .room import give_back

            give_back(self._log_fd)
        self._explain(record)
        if self._capture is None:  # the training was shorter than the delay
            self._extras.cancel()
            self._start_extras()
        if self._capture is not None:
            self._capture.hurry()

    def _explain(self, record: dict[str, Any]) -> None:
        """Events about an end that the exit record alone does not tell."""
        if self.terminal.lost_bytes:
            self._events.status("output found no space on the disk", dropped=self.terminal.lost_bytes)
        if record["signal"] != signals.SIGKILL or self.group.killed or self._oom_kills is None:
            return
        from .system.oom import oom_kills

        if oom_kills() > self._oom_kills:
            self._events.status("killed by the kernel: out of memory", status="failed")
