"""When the daemon leaves by itself: nobody connected, nothing live, for a quarter of an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from opengraphs.errors import UnreachableError

IDLE_EXIT_S = 900.0
RECHECK_S = 60.0
"""While something is live or connected; also how often the socket is looked for."""


class IdleClock:
    """Calls `leave` once the daemon has been of no use to anybody for `after_s`.

    Args:
        busy: whether somebody is connected or something is live.
        lost: whether the socket's name no longer leads here (a logout empties the runtime
            folder): then no client can come any more, and the last one gone is the end.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        after_s: float,
        busy: Callable[[], bool],
        lost: Callable[[], bool],
        leave: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._after_s = after_s
        self._busy = busy
        self._lost = lost
        self._leave = leave
        self._since = loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def touch(self) -> None:
        """Somebody came or went."""
        self._since = self._loop.time()
        if self._timer is None:
            self._arm()

    def stop(self) -> None:
        """Never call `leave` again."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        wait_s = max(0.0, self._since + self._after_s - self._loop.time())
        self._timer = self._loop.call_later(min(RECHECK_S, wait_s), self._check)

    def _check(self) -> None:
        if self._busy():
            self._since = self._loop.time()
        elif self._lost():
            self._leave("the socket is gone")
            return
        elif self._loop.time() >= self._since + self._after_s:
            self._leave("idle")
            return
        self._arm()


def leaving() -> UnreachableError:
    """The error that makes a client start the next daemon and ask again."""
    return UnreachableError("ogd is leaving", hint="ask again: the next command starts a new one")
