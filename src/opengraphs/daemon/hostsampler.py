"""One sampler of this machine for everybody who asks."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from opengraphs.runner.system import HostSampler, Processes

WINDOW_S = 0.2
STALE_S = 30.0
"""Rates are since the last sample, unless that is older than this."""

MAX_CORES = 1024
"""A monitor shows every core, where a run's file has figures of the first few."""


class Wanted(NamedTuple):
    """Processes to tell of. roots: pid of a live run's process → its id and name."""

    limit: int
    sort: str
    filter: str
    roots: dict[int, tuple[str, str]]


class _Pace:
    """When something was read last, and how long to wait so that rates have an interval behind them."""

    def __init__(self) -> None:
        self._at = float("-inf")

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._at > STALE_S

    @property
    def wait_s(self) -> float:
        return max(0.0, WINDOW_S - (time.monotonic() - self._at))

    def note(self) -> None:
        self._at = time.monotonic()


class Host:
    """Samples in a thread, one question at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._readers: tuple[HostSampler, Processes] | None = None
        self._figures_pace, self._processes_pace = _Pace(), _Pace()

    async def sample(self) -> dict[str, float]:
        """Metric → value, named as in a run's `system/` files."""
        figures, _ = await self.look(None)
        return figures

    async def look(self, wanted: Wanted | None) -> tuple[dict[str, float], dict[str, Any]]:
        """The figures, and what `Processes.top` says when processes are wanted."""
        async with self._lock:
            if self._readers is None:
                self._readers = await asyncio.to_thread(_open)
            sampler, processes = self._readers
            if self._figures_pace.is_stale:
                await asyncio.to_thread(sampler.sample)
                self._figures_pace.note()
            if wanted is not None and self._processes_pace.is_stale:
                await asyncio.to_thread(processes.sample)
                self._processes_pace.note()
            wait_s = max(self._figures_pace.wait_s, self._processes_pace.wait_s if wanted else 0.0)
            await asyncio.sleep(wait_s)  # what the rates are measured over
            figures = await asyncio.to_thread(sampler.sample)
            self._figures_pace.note()
            if wanted is None:
                return figures, {}
            told = await asyncio.to_thread(_told, processes, wanted)
            self._processes_pace.note()
            return figures, told

    def close(self) -> None:
        """Give open files back."""
        if self._readers is not None:
            self._readers[0].close()


def _told(processes: Processes, wanted: Wanted) -> dict[str, Any]:
    processes.sample()
    return processes.top(wanted.limit, sort=wanted.sort, filter_=wanted.filter, roots=wanted.roots)


def _open() -> tuple[HostSampler, Processes]:
    from opengraphs.runner.system import HostSampler, Processes

    return HostSampler(max_cores=MAX_CORES), Processes()


def uptime_s() -> float | None:
    """Seconds since boot; None where the system does not say."""
    try:
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    except OSError:
        return None


def load() -> list[float]:
    """Over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]
