"""CPU and memory of a process and everything it started."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from .files import on_linux, read_text

if TYPE_CHECKING:
    from .portable import PortableTree

_SCAN_SHARE = 0.001
"""Part of one core that looking for new processes may cost; a host with thousands of them is scanned less often."""


class Stat(NamedTuple):
    """What og needs of `/proc/<pid>/stat`. Times in clock ticks, memory in pages."""

    ppid: int
    session: int
    cpu_ticks: int
    start_ticks: int
    rss_pages: int


def parse_stat(text: str) -> Stat | None:
    """None for a zombie, which holds neither memory nor CPU, and for a process that is gone."""
    fields = text[text.rfind(")") + 2 :].split()
    if len(fields) < 22 or fields[0] in "ZX":
        return None
    return Stat(
        ppid=int(fields[1]),
        session=int(fields[3]),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        start_ticks=int(fields[19]),
        rss_pages=int(fields[21]),
    )


def members(stats: dict[int, Stat], root: int) -> set[int]:
    """`root`, its descendants, and what is left in its session after a parent between them died."""
    found = {pid for pid, stat in stats.items() if root in (pid, stat.session)}
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.ppid, []).append(pid)
    ahead = list(found)
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in found:
                found.add(child)
                ahead.append(child)
    return found


class ProcessTree:
    """Samples one process tree; CPU is since the previous call."""

    def __init__(self, root: int, *, proc: str = "/proc") -> None:
        """`root` is the training process; it leads its own session under the runner."""
        self._root = root
        self._proc = proc
        self._portable = None if on_linux() else _portable_tree(root)
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._pids: set[int] = {root}
        self._scan_at = 0.0
        self._ticks: dict[int, tuple[int, int]] = {}
        self._time = 0.0

    def sample(self) -> dict[str, float]:
        """`proc.cpu_percent` (100 is one core), `proc.rss_bytes`, `proc.count`; empty when the tree is gone.

        The first call has no CPU figure. Shared pages count once for each process.
        """
        if self._portable is not None:
            return self._portable.sample()
        stats = self._read()
        if not stats:
            return {}
        metrics = {
            "proc.rss_bytes": float(sum(stat.rss_pages for stat in stats.values()) * self._page_bytes),
            "proc.count": float(len(stats)),
        }
        percent = self._cpu_percent(stats, time.clock_gettime(time.CLOCK_BOOTTIME))
        return metrics if percent is None else {"proc.cpu_percent": percent, **metrics}

    def pids(self) -> set[int]:
        """Who is in the tree at this moment."""
        if self._portable is not None:
            return self._portable.pids()
        self._scan_at = 0.0
        return set(self._read())

    def _read(self) -> dict[int, Stat]:
        start = time.monotonic()
        if start < self._scan_at:
            return self._stats(self._pids)
        everything = self._stats(int(name) for name in os.listdir(self._proc) if name.isdigit())
        self._pids = members(everything, self._root)
        self._scan_at = start + (time.monotonic() - start) / _SCAN_SHARE
        return {pid: everything[pid] for pid in self._pids if pid in everything}

    def _stats(self, pids: Iterable[int]) -> dict[int, Stat]:
        read = ((pid, parse_stat(read_text(f"{self._proc}/{pid}/stat"))) for pid in pids)
        return {pid: stat for pid, stat in read if stat is not None}

    def _cpu_percent(self, stats: dict[int, Stat], now: float) -> float | None:
        """None at the first call. `now` is on the clock that the kernel stamps process starts with."""
        ticks = sum(self._new_ticks(pid, stat) for pid, stat in stats.items())
        first, elapsed = not self._ticks, now - self._time
        self._ticks = {pid: (stat.start_ticks, stat.cpu_ticks) for pid, stat in stats.items()}
        self._time = now
        if first or elapsed <= 0:
            return None
        return round(100.0 * ticks / self._ticks_per_s / elapsed, 2)

    def _new_ticks(self, pid: int, stat: Stat) -> int:
        start, before = self._ticks.get(pid, (-1, 0))
        if start == stat.start_ticks:
            return max(0, stat.cpu_ticks - before)
        born_since = stat.start_ticks >= self._time * self._ticks_per_s
        return (
            stat.cpu_ticks if born_since else 0
        )  # an old process found late: its past is not this interval's


def _portable_tree(root: int) -> PortableTree:
    from .portable import PortableTree

    return PortableTree(root)
