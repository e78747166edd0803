"""A time limit for one call in the main thread, kept by the kernel's timer.

Python's regular expressions look for signals while they match, so even a pattern that would
search for a year ends in time.
"""

from __future__ import annotations

from . import signals


class TooSlowError(Exception):
    """The time is up."""


class Alarm:
    """`with Alarm(0.25): …` raises TooSlowError inside when it takes longer."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    def __enter__(self) -> None:
        signals.set_alarm(self._limit_s, _ring)

    def __exit__(self, *_exc: object) -> None:
        signals.clear_alarm()


def _ring(_number: int, _frame: object) -> None:
    raise TooSlowError
