"""The training's process group, and how it is asked, told and made to end."""

from __future__ import annotations

import os

from . import signals
from .child import signal_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop, Timer

_POLL_S = 0.05
DEFAULT_GRACE_S = 10.0


class Group:
    """All processes that a signal to the training reaches."""

    def __init__(self, loop: Loop, pid: int) -> None:
        """`pid` is the training's; it leads the group."""
        self._loop = loop
        self._pid = pid
        self._interrupts = 0
        self._kill_timer: Timer | None = None
        self.stopped = False
        """The user asked og to end the run."""
        self.asked = False
        """Somebody sent a signal through og that means "end"."""
        self.killed = False
        """The runner sent KILL itself."""

    def deliver(self, number: int, *, stop: bool = False) -> bool:
        """Pass a signal on; the second SIGINT kills, as an impatient ctrl-c means it. False: nobody is left."""
        self.stopped = self.stopped or stop
        self.asked = self.asked or number in (
            signals.SIGINT,
            signals.SIGTERM,
            signals.SIGQUIT,
            signals.SIGKILL,
        )
        if number == signals.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                return self.kill()
        return signal_group(self._pid, number)

    def deliver_to_main(self, number: int) -> None:
        """A signal for the training alone."""
        try:
            os.kill(self._pid, number)
        except ProcessLookupError:
            pass

    def stop(self, grace_s: float) -> None:
        """TERM now, KILL after the grace. Asking again with a shorter grace shortens it."""
        self.stopped = True
        signal_group(self._pid, signals.SIGTERM)
        signal_group(self._pid, signals.SIGCONT)  # a paused process takes its TERM only when it goes on
        timer = self._loop.later(max(0.0, grace_s), self.kill)
        if (
            self._kill_timer is not None
            and self._kill_timer.call is not None
            and self._kill_timer.due < timer.due
        ):
            timer.cancel()
        else:
            self._replace_timer(timer)

    def _replace_timer(self, timer: Timer | None) -> None:
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._kill_timer = timer

    def kill(self) -> bool:
        """KILL the group, and descendants that made groups of their own. False: nobody is left."""
        from .system import ProcessTree

        self.killed = True
        strays = ProcessTree(self._pid).pids()
        reached = signal_group(self._pid, signals.SIGKILL)
        for pid in strays:
            try:
                os.kill(pid, signals.SIGKILL)
            except OSError:
                continue
        return reached

    def when_gone(self, then: Callable[[], None]) -> None:
        """Call `then` once the training's own end is the end of the run.

        That is at once, unless a stop is under way: helpers of a script that died of TERM
        may still be writing a checkpoint, and have the rest of the grace for it.
        """
        waiting = self._kill_timer is not None and self._kill_timer.call is not None
        if waiting and signal_group(self._pid, 0):
            self._loop.later(_POLL_S, lambda: self.when_gone(then))
            return
        self._replace_timer(None)
        then()
