"""A user of og with a home, a store and a daemon of his own; nothing of his outlives the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

BIN = Path(sys.executable).parent
OG = BIN / "og"
ROOT = Path(__file__).resolve().parents[2]
_DROPPED = (
    "OG",
    "XDG_",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "TMUX",
    "STY",
    "COLUMNS",
    "LINES",
    "CI",
    "PYTHON",
)

T = TypeVar("T")

for number, handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if (
        signal.getsignal(number) == signal.SIG_IGN
    ):  # as under nohup or `&`: children would inherit the deafness
        signal.signal(number, handler)


def wait_until(found: Callable[[], T | None], *, within_s: float, what: str) -> T:
    """The first truthy answer of `found`, asked again and again until the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        answer = found()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)


class OgUser:
    """Runs the installed `og` with private folders. A context manager; leaving it ends every process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = home / "store"
        self.work = home / "work"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
        self.env = {
            **kept,
            "HOME": str(home),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "LANG": "C.UTF-8",
            "OG_STORE": str(self.store),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for name in ("RUNTIME_DIR", "CACHE_HOME", "CONFIG_HOME", "STATE_HOME", "DATA_HOME"):
            folder = home / name.split("_", maxsplit=1)[0].lower()
            folder.mkdir(mode=0o700, exist_ok=True)
            self.env[f"XDG_{name}"] = str(folder)
        self.store.mkdir(exist_ok=True)
        self.work.mkdir(exist_ok=True)

    def __enter__(self) -> OgUser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill_all()

    def og(
        self, *words: str, timeout_s: float = 60, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `og` to its end without a terminal."""
        return subprocess.run(
            [str(OG), *words],
            cwd=cwd or self.work,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        """Start `og` without a terminal; its stdout and stderr are pipes."""
        return subprocess.Popen(
            [str(OG), *words],
            cwd=cwd or self.work,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *words: str) -> dict[str, Any]:
        """The object that a command prints; the command must succeed."""
        done = self.og(*words, "--json")
        assert done.returncode == 0, done.stderr
        reply: dict[str, Any] = json.loads(done.stdout)
        return reply

    def runs(self) -> list[dict[str, Any]]:
        """Every run of the store, newest first."""
        rows: list[dict[str, Any]] = self.json("list")["runs"]
        return rows

    def run_dirs(self) -> list[Path]:
        """The run folders, oldest first, without asking anybody."""
        folder = self.store / "runs"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def wait_status(self, run: str, status: str, *, within_s: float = 20) -> dict[str, Any]:
        """The run once `og show` says `status` of it."""

        deadline = time.monotonic() + within_s
        while True:
            facts = self.json("show", run)
            if facts["status"] == status:
                return facts
            assert time.monotonic() < deadline, (
                f"{run} is {facts['status']}, not {status}, after {within_s:g} s"
            )
            time.sleep(0.05)

    def processes(self) -> dict[int, str]:
        """Living processes that belong to this user, with their command lines; needs /proc."""
        mark = f"XDG_RUNTIME_DIR={self.env['XDG_RUNTIME_DIR']}\0".encode()
        found: dict[int, str] = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                if mark in (folder / "environ").read_bytes() + b"\0":
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:
                continue
        return {pid: line for pid, line in found.items() if line}

    def pid_of(self, part: str) -> int:
        """The one process of this user whose command line holds `part`."""
        pids = [pid for pid, line in self.processes().items() if part in line]
        assert len(pids) == 1, f"{part}: {self.processes()}"
        return pids[0]

    def kill_all(self) -> None:
        """KILL every process of this user and wait until they are gone."""

        def gone() -> bool:
            pids = self.processes()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not pids

        wait_until(gone, within_s=10, what="processes of the test end")
