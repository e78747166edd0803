"""One thread, one wait: descriptors and times, without a look in between."""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Timer:
    """A call due at a time (monotonic seconds); `call` is None once it was made or cancelled."""

    def __init__(self, due: float, call: Callable[[], Any]) -> None:
        self.due = due
        self.call: Callable[[], Any] | None = call

    def cancel(self) -> None:
        """Never make the call."""
        self.call = None


class Loop:
    """Sleeps in the kernel until something is due. For a handful of descriptors, all below 1024."""

    def __init__(self) -> None:
        self._readers: dict[int, Callable[[], Any]] = {}
        self._timers: list[Timer] = []

    def watch(self, fd: int, readable: Callable[[], Any]) -> None:
        """Call `readable` whenever `fd` can be read without waiting."""
        self._readers[fd] = readable

    def unwatch(self, fd: int) -> None:
        """Stop watching `fd`; unknown descriptors are fine."""
        self._readers.pop(fd, None)

    def later(self, delay_s: float, call: Callable[[], Any]) -> Timer:
        """Call once, `delay_s` from now."""
        timer = Timer(time.monotonic() + delay_s, call)
        self._timers.append(timer)
        return timer

    def run(self, finished: Callable[[], bool]) -> None:
        """Serve until `finished()` holds after a round."""
        while not finished():
            for fd in select.select(list(self._readers), (), (), self._wait_s())[0]:
                readable = self._readers.get(fd)
                if readable is not None:  # an earlier one of this round may have closed it
                    readable()
            self._call_due()

    def _wait_s(self) -> float | None:
        self._timers = [timer for timer in self._timers if timer.call is not None]
        if not self._timers:
            return None
        return max(0.0, min(timer.due for timer in self._timers) - time.monotonic())

    def _call_due(self) -> None:
        now = time.monotonic()
        due = [timer for timer in self._timers if timer.due <= now]
        self._timers = [timer for timer in self._timers if timer.due > now]
        for timer in due:
            call, timer.call = timer.call, None
            if call is not None:
                call()
