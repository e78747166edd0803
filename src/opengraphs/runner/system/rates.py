"""Growing counters as amounts a second."""

from __future__ import annotations

import time


class Rate:
    """Turns growing counters into amounts a second."""

    def __init__(self) -> None:
        self._time = 0.0
        self._before: dict[str, int] = {}

    def per_second(self, now: dict[str, int]) -> dict[str, float]:
        """Nothing at the first call and after a counter was reset."""
        time_now = time.monotonic()
        elapsed, before = time_now - self._time, self._before
        self._time, self._before = time_now, now
        if elapsed <= 0:
            return {}
        return {
            key: round((value - before[key]) / elapsed, 1)
            for key, value in now.items()
            if key in before and value >= before[key]
        }
