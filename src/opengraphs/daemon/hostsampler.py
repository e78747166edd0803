"""One sampler of this machine for everybody who asks."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opengraphs.runner.system import HostSampler

WINDOW_S = 0.2
STALE_S = 30.0
"""Rates are since the last sample, unless that is older than this."""


class Host:
    """Samples in a thread, one question at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._sampler: HostSampler | None = None
        self._sampled_at = float("-inf")

    async def sample(self) -> dict[str, float]:
        """Metric → value, named as in a run's `system/` files."""
        async with self._lock:
            if self._sampler is None:
                self._sampler = await asyncio.to_thread(_open)
            age_s = time.monotonic() - self._sampled_at
            if age_s > STALE_S:
                await asyncio.to_thread(self._sampler.sample)
                age_s = 0.0
            await asyncio.sleep(max(0.0, WINDOW_S - age_s))  # what the rates are measured over
            figures = await asyncio.to_thread(self._sampler.sample)
            self._sampled_at = time.monotonic()
            return figures

    def close(self) -> None:
        """Give open files back."""
        if self._sampler is not None:
            self._sampler.close()


def _open() -> HostSampler:
    from opengraphs.runner.system import HostSampler

    return HostSampler()
