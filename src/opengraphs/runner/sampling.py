"""System figures of a run, every two seconds, from a thread of their own.

A thread, because a GPU that fell off the bus can hold an NVML call for minutes, and
the exit code and `og stop` must not wait for it.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opengraphs.sdk import layout

from .room import LogRoom

if TYPE_CHECKING:
    from opengraphs.sdk.journal import Journal

    from .system import HostSampler, ProcessTree

INTERVAL_S = 2.0
FIRST_AFTER_S = 0.5
"""Rates need an interval behind them; the first one is short, so that a new run has figures at once."""

SYNC_EVERY = 15
"""Samples between two syncs to disk: a power cut costs at most half a minute of figures."""


def system_writer(host: str) -> str:
    """A host's name as a journal's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", host).strip(".") or "host"


class Sampling:
    """Writes `system/<host>.jsonl` until stopped."""

    def __init__(
        self,
        run_dir: str,
        pid: int,
        *,
        host: str,
        env: Mapping[str, str],
        log_fd: int,
        import_paths: list[str],
    ) -> None:
        """Prepare; `start` begins.

        Args:
            env: the training's, for the GPUs it sees.
            log_fd: the log, ahead of which disk space is kept.
            import_paths: where psutil and pynvml are, should this machine need them.
        """
        self._import_paths = import_paths
        self._run_dir = run_dir
        self._pid = pid
        self._host = host
        self._env = env
        self._log_fd = log_fd
        self._room = LogRoom(log_fd)
        self._journal: Journal | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="og-sampler", daemon=True)

    def start(self) -> None:
        """Begin. The first line comes half a second later."""
        self._thread.start()

    def stop(self, timeout_s: float = 0.5) -> None:
        """End, waiting a moment for the line being written; a stuck driver is left behind."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        from .system import HostSampler, ProcessTree
        from .system.files import on_linux
        from .system.gpu import driver_present

        self._room.top_up()
        if driver_present() or not on_linux():
            sys.path.extend(self._import_paths)
        host = HostSampler(disk_path=self._run_dir, env=self._env)
        tree = ProcessTree(self._pid)
        host.sample()
        tree.sample()
        try:
            self._sample_until_end(host, tree)
        finally:
            host.close()
            if self._journal is not None:
                self._journal.close()

    def _sample_until_end(self, host: HostSampler, tree: ProcessTree) -> None:
        delay_s, samples = FIRST_AFTER_S, 0
        while not self._end.wait(delay_s):
            start = time.monotonic()
            journal = self._open()
            if journal is not None:
                figures = {**host.sample(), **tree.sample(), **self._log_size()}
                journal.append({"time": time.time(), "metrics": figures})
                samples += 1
                if samples % SYNC_EVERY == 0:
                    journal.sync()
            self._room.top_up()
            delay_s = max(0.1, INTERVAL_S - (time.monotonic() - start))

    def _log_size(self) -> dict[str, float]:
        """How long the log is: what tells later which line belongs to which moment."""
        try:
            return {"log.size_bytes": float(os.fstat(self._log_fd).st_size)}
        except OSError:
            return {}

    def _open(self) -> Journal | None:
        """The journal; None while it cannot be made, on a full disk or in a lost folder."""
        from opengraphs.sdk.journal import Journal

        if self._journal is None:
            try:
                self._journal = Journal(os.path.join(self._run_dir, layout.SYSTEM), system_writer(self._host))
            except OSError:
                return None
        return self._journal
