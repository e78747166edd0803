"""A daemon on a private socket, run folders written by hand, and servers that misbehave."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from opengraphs import paths
from opengraphs.client.raw import raw_get
from opengraphs.client.sync import Client
from opengraphs.errors import UnreachableError
from opengraphs.sdk import layout
from opengraphs.sdk.jsonfile import write_json

T = TypeVar("T")


def wait_for(found: Callable[[], T | None], *, within_s: float = 20.0, what: str = "it") -> T:
    """The first truthy answer of `found`, asked again and again until the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        answer = found()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        time.sleep(0.005)


class Ogd:
    """One user's daemon. `start` runs it as our child; commands may start others by themselves."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = home / "store"
        self.socket = paths.daemon_socket()
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        """Run the daemon; returns once it listens."""
        reader, writer = os.pipe()
        child = subprocess.Popen(
            [sys.executable, "-I", "-m", "opengraphs.daemon", "--ready-fd", str(writer)],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[writer],
        )
        self._children.append(child)
        os.close(writer)
        with os.fdopen(reader) as word:
            assert word.read() == "ready", self.log()
        return child

    def client(self, **options: Any) -> Client:
        """A client of this store."""
        return Client(store=self.store, **options)

    def version(self) -> dict[str, Any]:
        return raw_get(self.socket, "/version", timeout_s=10.0)

    def pid(self) -> int | None:
        """The process that holds the daemon's lock."""
        try:
            with open(f"{self.socket}.lock", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            word = Path(f"{self.socket}.lock").read_text().strip()
            return int(word) if word else None
        return None

    def kill(self) -> None:
        """KILL whichever daemon runs; done when it is gone."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.pid() != pid or pid is None, what="the daemon's end")
        for child in self._children:
            if child.pid == pid:
                child.wait(timeout=10)

    def end(self) -> None:
        """Nothing of ours goes on."""
        self.kill()
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait(timeout=10)

    def gone(self) -> bool:
        """Whether nobody answers on the socket."""
        try:
            self.version()
        except UnreachableError:
            return True
        return False

    def log(self) -> str:
        path = paths.daemon_log()
        return path.read_text() if path.exists() else ""


def make_run(
    store: Path,
    *,
    name: str = "trained",
    metrics: Mapping[str, Iterable[float]] | None = None,
    run_id: str | None = None,
    ended: bool = True,
    **facts: Any,
) -> Path:
    """A run folder as a runner and the SDK leave it; step i at time 1000 + i. The folder's path."""
    run_id = run_id or layout.new_run_id()
    folder = Path(layout.create_run_folder(str(store), run_id))
    now = layout.utc_iso()
    write_json(
        str(folder / layout.RUN_JSON),
        {
            "schema": 1,
            "run_id": run_id,
            "project": "tests",
            "name": name,
            "status": "finished" if ended else "running",
            "created_at": now,
            "started_at": now,
            "ended_at": now if ended else None,
            "heartbeat_at": now,
            "host": os.uname().nodename,
            "tags": [],
            "config": {},
            "summary": {},
            "journal": "append",
            **facts,
        },
    )
    if metrics:
        append_points(folder, metrics)
    if ended:
        write_json(str(folder / layout.EXIT_JSON), {"code": 0, "signal": None, "ended_at": now})
        (folder / layout.RUN_LOCK).touch()
    return folder


def append_points(
    folder: Path, metrics: Mapping[str, Iterable[float]], *, first_step: int = 0, writer: str = "a0-r0"
) -> None:
    """Append wide records, one a step."""
    columns = {key: list(values) for key, values in metrics.items()}
    length = max(map(len, columns.values()))
    with open(folder / layout.METRICS / f"{writer}.jsonl", "ab") as journal:
        for row in range(length):
            values = {key: column[row] for key, column in columns.items() if row < len(column)}
            record = {"step": first_step + row, "time": 1000.0 + first_step + row, "metrics": values}
            journal.write(json.dumps(record).encode() + b"\n")


class LiveRun:
    """A run that is live because we hold its lock, as a training process would. A context manager."""

    def __init__(self, store: Path, **options: Any) -> None:
        run_id = layout.new_run_id()
        self._lock = None
        self._store, self._options, self.run_id = store, options, run_id
        self.folder = store / layout.RUNS / run_id

    def __enter__(self) -> LiveRun:
        staging = self._store.parent / "staging"
        built = make_run(staging, run_id=self.run_id, ended=False, **{"pid": os.getpid(), **self._options})
        self._lock = open(built / layout.RUN_LOCK, "wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        built.rename(self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def append(self, metrics: Mapping[str, Iterable[float]], *, first_step: int = 0) -> None:
        append_points(self.folder, metrics, first_step=first_step)

    def release(self) -> None:
        """Die without a word: the lock is free, nothing says how it ended."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class ScriptedServer:
    """Answers every connection on `path` with what `answer` makes of the request's first line.

    `asked` holds those lines. An answer of None hangs up without a word. `end`: what a
    request's head ends with.
    """

    def __init__(
        self, path: Path, answer: Callable[[str], bytes | None], *, end: bytes = b"\r\n\r\n"
    ) -> None:
        self.asked: list[str] = []
        self._end = end
        self._answer = answer
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError:
                return
            with link:
                link.settimeout(5)
                head = b""
                while self._end not in head and (piece := link.recv(65536)):
                    head += piece
                line = head.splitlines()[0].decode()
                self.asked.append(line)
                reply = self._answer(line)
                if reply:
                    link.sendall(reply)


def http_reply(value: Any, status: str = "200 OK") -> bytes:
    """A JSON reply on the wire."""
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status.encode(), len(body), body)
