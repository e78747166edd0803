"""A place of its own for every measurement: folders, socket and `ogd` that are nobody else's."""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.engine_rows import Spread, timed_ms

SETTLED_SHARE = 0.02
"""A daemon that uses less of a core than this has nothing left to do."""
_XDG = ("RUNTIME_DIR", "CACHE_HOME", "STATE_HOME", "DATA_HOME", "CONFIG_HOME")


class Home:
    """Temporary folders, and at most one `ogd` that lives in them.

    Points are written once and shared by measurements: `store(name)` is a folder below
    `stores`, made by whoever needs it first.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pid: int | None = None
        self.cache = root / "cache_home"

    def store(self, name: str) -> Path:
        """The store of that name; it need not exist yet."""
        return self.root / "stores" / name

    # the daemon

    def start_daemon(self) -> int:
        """Make sure that `ogd` runs; its process id."""
        from opengraphs.client import lifecycle

        self.pid = lifecycle.start()["pid"]
        return self.pid

    def stop_daemon(self) -> None:
        """End it; the index is committed."""
        from opengraphs.client import lifecycle

        lifecycle.stop()
        self.pid = None

    def forget_index(self) -> None:
        """Delete every index; only while no daemon runs.

        Raises:
            RuntimeError: a daemon still runs, so the next answer would not be a cold one.
        """
        if self.pid is not None:
            raise RuntimeError("the daemon still holds the index")
        shutil.rmtree(self.cache / "opengraphs", ignore_errors=True)

    def has_index(self, store: Path) -> bool:
        from opengraphs import paths

        return any(paths.index_dir(store).glob("*"))

    def index_bytes(self, store: Path) -> int:
        from opengraphs import paths

        return sum(file.stat().st_size for file in paths.index_dir(store).iterdir())

    @contextlib.contextmanager
    def client(self, store: Path, *, timeout_s: float = 120.0) -> Iterator[Any]:
        """A client of the running daemon; the daemon is started when it is not there."""
        from opengraphs.client.sync import Client

        with Client(store=store, timeout_s=timeout_s) as client:
            self.pid = client.open()["pid"]
            yield client

    @contextlib.contextmanager
    def asker(self, store: Path) -> Iterator[Asker]:
        """Requests about a store whose answers are taken as bytes."""
        with self.client(store) as client:
            asker = Asker(client, self.start_daemon())
            try:
                yield asker
            finally:
                asker.close()

    def read_all(self, client: Any, run: str) -> float:
        """Wait until a run is read to its end; seconds that took."""
        began = time.perf_counter()
        while (left := client.run(run)["ingest"]["pending"]) > 0.0:
            time.sleep(0.02 if left < 0.1 else 0.05)
        return time.perf_counter() - began


class Asker:
    """One keep-alive connection; an answer is timed until its last byte is here."""

    def __init__(self, client: Any, pid: int) -> None:
        from opengraphs.client.sync import UnixConnection

        self.client = client
        self.pid = pid
        self._link = UnixConnection(client.socket_path, timeout_s=120.0)

    def close(self) -> None:
        self._link.close()

    def ask(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> bytes:
        """The body of an answer.

        Raises:
            RuntimeError: it is an error.
        """
        from opengraphs.client.wire import with_query

        target = with_query(path, {"store": str(self.client.store), **query})
        data = None if body is None else json.dumps(body)
        self._link.request("GET" if body is None else "POST", target, data)
        with contextlib.closing(self._link.getresponse()) as reply:
            answer = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{path}: {reply.status} {answer[:300].decode('utf-8', 'replace')}")
        return answer

    def repeat(
        self, times: int, path: str, body: dict[str, Any] | None = None, *, again: bool = False, **query: Any
    ) -> tuple[Spread, float, Any]:
        """Milliseconds of so many questions, `ogd`'s processor time of one, and the last answer.

        Args:
            again: the very same question each time. Else the width of the chart differs from
                time to time, so that no answer can be one that was kept.
        """
        bodies = [body if again else _of_width(body, times - number) for number in range(times + 1)]
        answer = self.ask(path, bodies[0], **query)
        before, taken = cpu_ms(self.pid), []
        for one in bodies[1:]:
            took, answer = timed_ms(lambda one=one: self.ask(path, one, **query))  # type: ignore[misc]
            taken.append(took)
        return Spread.of(taken), (cpu_ms(self.pid) - before) / times, json.loads(answer)


def _of_width(body: dict[str, Any] | None, narrower: int) -> dict[str, Any] | None:
    """The same question for a chart that is so many columns narrower."""
    name = next((name for name in ("columns", "downsample") if body and name in body), None)
    return body if body is None or name is None else {**body, name: body[name] - narrower}


@contextlib.contextmanager
def own_home() -> Iterator[Home]:
    """Fresh folders and an environment that points at them; no daemon stays behind."""
    # a short path: a Unix socket's name is at most 107 bytes
    root = Path(tempfile.mkdtemp(prefix="og-"))
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("OG_") or name == "OGD_SOCKET"]:
        del os.environ[name]
    for name in _XDG:
        folder = root / name.lower()
        folder.mkdir(mode=0o700)
        os.environ[f"XDG_{name}"] = str(folder)
    os.environ["OG_STORE"] = str(root / "stores" / "none")
    home = Home(root)
    try:
        yield home
    finally:
        with contextlib.suppress(Exception):
            home.stop_daemon()
        os.environ.clear()
        os.environ.update(kept)
        shutil.rmtree(root, ignore_errors=True)


# -- figures of processes --------------------------------------------------------------------------


def cpu_ms(pid: int) -> float:
    """Processor milliseconds of a process so far, by its own clock (nanoseconds, not ticks)."""
    return time.clock_gettime(~pid << 3 | 2) * 1e3


def wait_quiet(pid: int, *, limit_s: float = 120.0) -> None:
    """Until the daemon has done what it does behind; that is no part of an answer.

    Raises:
        RuntimeError: it is still busy after `limit_s`.
    """
    deadline = time.perf_counter() + limit_s
    while time.perf_counter() < deadline:
        before = cpu_ms(pid)
        time.sleep(0.5)
        if cpu_ms(pid) - before < 500 * SETTLED_SHARE:
            return
    raise RuntimeError(f"ogd is still busy after {limit_s:g} s")


class Memory:
    """What a process holds, in MB (10^6 bytes): resident, its share of shared pages counted
    in part (PSS), and the most it ever was resident."""

    def __init__(self, pid: int) -> None:
        status = _fields(Path(f"/proc/{pid}/status"))
        self.rss = status["VmRSS"]
        self.peak = status["VmHWM"]
        self.pss = _fields(Path(f"/proc/{pid}/smaps_rollup")).get("Pss", self.rss)


def _fields(path: Path) -> dict[str, float]:
    found = {}
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith("kB"):
            found[name] = int(rest.split()[0]) * 1024 / 1e6
    return found


# -- the page cache ----------------------------------------------------------------------------------


def forget_pages(folder: Path) -> None:
    """Drop the files below a folder from the page cache, so that a first look reads the disk.

    Folders and inodes stay known to the kernel.
    """
    os.sync()  # a page that is not on the disk yet would stay
    for path in folder.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            with contextlib.suppress(OSError):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def cached_share(folder: Path) -> float:
    """Which part of the files below a folder lies in the page cache (0 to 1)."""
    mincore = ctypes.CDLL(None, use_errno=True).mincore
    there = pages = 0
    for path in folder.rglob("*"):
        size = path.stat().st_size if path.is_file() else 0
        if not size:
            continue
        count = -(-size // mmap.PAGESIZE)
        flags = (ctypes.c_ubyte * count)()
        # copy-on-write, so that it counts as writable and has an address; nothing is written
        with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as view:
            start = ctypes.c_char.from_buffer(view)
            failed = mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), flags)
            del start
        if failed:
            raise OSError(ctypes.get_errno(), "mincore", str(path))
        there += sum(flag & 1 for flag in flags)
        pages += count
    return there / pages if pages else 0.0
