"""Runs under a real runner; whatever is left of them ends with the test."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ogd_kit import wait_for

from opengraphs import paths
from opengraphs.runner.control import Control, ControlError, wait_exit
from opengraphs.runner.launch import Launched, create_run, launch


class Training:
    """One launched run."""

    def __init__(self, launched: Launched) -> None:
        self.launched = launched
        self.pid = launched.pid
        self.runner_pid = launched.runner_pid
        self.folder = Path(launched.run_dir)
        self.control = Control(launched.control_socket)

    def wait(self) -> dict[str, Any] | None:
        """The exit record, as anybody learns it who attaches."""
        return wait_exit(str(self.folder), self.launched.control_socket)

    def ended(self) -> dict[str, Any]:
        """The exit record of a run whose runner lived to write it."""
        record = self.wait()
        assert record is not None
        return record

    def leave(self) -> None:
        """Wait until the runner itself is gone: everything that will be written is written."""
        wait_for(lambda: not alive(self.runner_pid), what="end of the runner")

    def log(self) -> str:
        return (self.folder / "stdout.log").read_text()

    def says(self, text: str) -> str:
        """The log once it contains `text`."""
        return wait_for(lambda: self.log() if text in self.log() else None, what=f"{text!r} in the log")

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return facts

    def lines(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / path).read_text().splitlines()]

    def lock_held(self) -> bool:
        fd = os.open(self.folder / "run.lock", os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(fd)


class Runs:
    """Starts runs in one store."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.work = home / "work"
        self.work.mkdir()
        self._trainings: list[Training] = []

    def start(self, *command: str, env: dict[str, str] | None = None, **options: Any) -> Training:
        """Launch; returns when it runs. `env` is added to this process's."""
        options.setdefault("cwd", str(self.work))
        options.setdefault("hooks", False)
        spec = create_run(
            command, control_socket=paths.control_socket, env={**os.environ, **(env or {})}, **options
        )
        training = Training(launch(spec))
        self._trainings.append(training)
        return training

    def shell(self, script: str, **options: Any) -> Training:
        return self.start("sh", "-c", script, **options)

    def python(self, code: str, *arguments: str, **options: Any) -> Training:
        return self.start(sys.executable, "-c", code, *arguments, **options)

    def run(self, command: Sequence[str], **options: Any) -> Training:
        """Launch and wait until the runner is gone."""
        training = self.start(*command, **options)
        training.ended()
        training.leave()
        return training

    def folders(self) -> list[str]:
        runs = self.home / "store" / "runs"
        return sorted(os.listdir(runs)) if runs.exists() else []

    def end(self) -> None:
        """Kill what is left, and wait for the runners."""
        for training in self._trainings:
            if training.launched.told_fd >= 0:
                os.close(training.launched.told_fd)
            try:
                training.control.stop(grace_s=0)
            except (ControlError, TimeoutError):
                pass
            if _is_training(training):
                os.kill(training.pid, signal.SIGKILL)
            wait_for(lambda pid=training.runner_pid: not alive(pid), what="end of a runner")


def _is_training(training: Training) -> bool:
    """Whether the pid still is that training: it may belong to somebody else by now."""
    try:
        environment = Path(f"/proc/{training.pid}/environ").read_bytes()
    except OSError:
        return False
    return f"OG_RUN_DIR={training.folder}".encode() in environment


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"
