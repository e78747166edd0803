"""The owner of run.json where there is no runner: whoever holds `run.lock`.

Of several ranks it is the first. If it dies while others live, one of them takes over,
so that the run stays `running` as long as any of its processes does.
"""

from __future__ import annotations

import os
import time
from _thread import RLock

from . import layout, locks
from .jsonfile import read_json, write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    Facts = Dict[str, Any]

HEARTBEAT_S = 15.0
TAKEOVER_S = 5.0
_OF_THIS_LIFE = ("started_at", "pid", "host", "command", "python")
_ANOTHER_LIFE: Facts = {"status": "running", "ended_at": None, "exit_code": None, "signal": None}


class Owner:
    """Keeps run.json and writes exit.json, while the lock is ours.

    Args:
        first: the facts of a run that has none yet.

    Attributes:
        current: gives what changes: config, summary, tags, progress, name.
    """

    def __init__(self, run_dir: str, first: Facts) -> None:
        self._run_dir = run_dir
        self._first = first
        self.current: Callable[[], Facts] = dict
        self._facts: Facts = {}
        self._fd = -1
        self._next_look = 0.0
        self._lock = RLock()

    @property
    def is_owner(self) -> bool:
        return self._fd >= 0

    def try_own(self, *, resume: bool = False) -> bool:
        """Take the lock and write run.json, unless somebody lives or the run has ended.

        Args:
            resume: a run that has ended begins again.

        Raises:
            OSError: the run folder cannot be written.
        """
        with self._lock:
            if self._fd >= 0:
                return True
            fd = os.open(os.path.join(self._run_dir, layout.RUN_LOCK), os.O_RDWR | os.O_CREAT, 0o644)
            has_ended = os.path.exists(self._path(layout.EXIT_JSON))
            if not locks.try_lock(fd):
                locks.close(fd)
                return False
            if has_ended and not resume:
                locks.unlock_and_close(fd)
                return False
            self._fd = fd
            self._next_look = time.monotonic() + HEARTBEAT_S
            self._begin()
            return True

    def _begin(self) -> None:
        before = read_json(self._path(layout.RUN_JSON))
        self._facts = {**self._first, **before}
        if before:
            self._facts.update(_ANOTHER_LIFE, **{key: self._first[key] for key in _OF_THIS_LIFE})
            self._facts["config"] = {**before.get("config", {}), **self._first["config"]}
            tags = before.get("tags", [])
            self._facts["tags"] = [*tags, *(tag for tag in self._first["tags"] if tag not in tags)]
        self._write()
        try:
            os.unlink(self._path(layout.EXIT_JSON))  # of the life before this one
        except FileNotFoundError:
            pass

    def _path(self, name: str) -> str:
        return os.path.join(self._run_dir, name)

    def _write(self) -> None:
        current = self.current()
        for key in ("config", "summary"):
            current[key] = {**self._facts.get(key, {}), **current.get(key, {})}
        self._facts.update(current)
        write_json(self._path(layout.RUN_JSON), self._facts)

    def tend(self, now: float) -> None:
        """Refresh the heartbeat, or see whether the run has lost its owner. `now` is monotonic."""
        if now < self._next_look:
            return
        with self._lock:
            self._next_look = now + (HEARTBEAT_S if self.is_owner else TAKEOVER_S)
            try:
                if self.try_own():
                    self._facts["heartbeat_at"] = layout.utc_iso()
                    self._write()
            except OSError:
                pass  # a full disk: the lock is the sign of life on this host

    def finish(self, *, code: Optional[int], signal: Optional[int], stopped: bool) -> None:
        """Write how the run ended, last of all exit.json, and let go of the lock.

        Raises:
            OSError: the disk is full; then the lock alone tells that the run is over.
        """
        with self._lock:
            if not self.try_own():
                return
            ended_at = layout.utc_iso()
            status = "stopped" if stopped else "finished" if code == 0 else "failed"
            self._facts.update(
                status=status, ended_at=ended_at, heartbeat_at=ended_at, exit_code=code, signal=signal
            )
            try:
                self._write()
                record = {"code": code, "signal": signal, "stopped": stopped, "ended_at": ended_at}
                write_json(self._path(layout.EXIT_JSON), {**record, "rusage": _rusage()}, durable=True)
            finally:
                fd, self._fd = self._fd, -1
                locks.unlock_and_close(fd)

    def forget(self) -> None:
        """In a forked child: the lock stays with the parent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            locks.close(fd)


def _rusage() -> Dict[str, float]:
    try:
        import resource
    except ImportError:  # Windows
        return {}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return {
        "user_s": usage.ru_utime,
        "system_s": usage.ru_stime,
        "max_rss_bytes": float(usage.ru_maxrss * unit),
    }
