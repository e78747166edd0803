"""The one background thread of a process that logs: upkeep that log() must not do itself.

It prepares windows, syncs to disk, seals, asks a full disk again and refreshes the
heartbeat. It sleeps between its rounds and never keeps the process alive.
"""

from __future__ import annotations

import _thread
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

PERIOD_S = 1.0


class Keeper:
    """Calls its chores in turn, about once a second and whenever it is woken.

    A raw thread and a raw lock: `threading` would cost every training process its import,
    and its `Event` cannot be set from a signal handler that interrupted `set`.
    """

    def __init__(self) -> None:
        self._chores: List[Callable[[float], None]] = []
        self._gate = _thread.allocate_lock()
        self._gate.acquire()
        self._lock = _thread.RLock()
        self._is_running = False
        self._is_ending = False

    def add(self, chore: Callable[[float], None]) -> None:
        """Have `chore(now)` called until it is removed; `now` is monotonic seconds."""
        with self._lock:
            self._chores.append(chore)
            if self._is_running or self._is_ending:
                return
            try:
                _thread.start_new_thread(self._run, ())
            except RuntimeError:  # no threads any more (shutdown, limits): logging works without
                return
            self._is_running = True

    def remove(self, chore: Callable[[float], None]) -> None:
        """Stop calling `chore`. The thread ends with its last chore."""
        with self._lock:
            if chore in self._chores:
                self._chores.remove(chore)
        self.wake()

    def wake(self) -> None:
        """Have the next round now. Safe anywhere, also inside itself."""
        try:
            self._gate.release()
        except RuntimeError:
            pass  # already awake

    def end(self) -> None:
        """No further rounds: the interpreter is about to end."""
        with self._lock:
            self._is_ending = True
            self._chores.clear()
        self.wake()

    def _run(self) -> None:
        while True:
            self._gate.acquire(True, PERIOD_S)
            with self._lock:
                if not self._chores:
                    self._is_running = False
                    return
                chores = list(self._chores)
            for chore in chores:
                self._call(chore)

    @staticmethod
    def _call(chore: Callable[[float], None]) -> None:
        try:
            chore(time.monotonic())
        except Exception:  # the border of the SDK: upkeep that fails must not end the thread
            pass


_keeper = Keeper()


def keeper() -> Keeper:
    """The keeper of this process. Its thread starts with its first chore."""
    return _keeper


def forget() -> None:
    """In a forked child: the thread did not come along."""
    global _keeper
    _keeper = Keeper()
