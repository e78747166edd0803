"""Signals as bytes on a descriptor, so that a loop wakes for them and nothing runs in between."""

from __future__ import annotations

import os

try:  # what `signal` wraps in enums; those would be a fifth of a runner's start
    import _signal as low  # type: ignore[import-not-found]
except ImportError:  # another Python
    import signal as low

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM = (
    int(low.SIGHUP), int(low.SIGINT), int(low.SIGQUIT), int(low.SIGKILL), int(low.SIGTERM)
)  # fmt: skip
SIGUSR1, SIGUSR2, SIGCHLD, SIGCONT, SIGPIPE, SIGXFSZ, SIGWINCH, SIGALRM = (
    int(low.SIGUSR1), int(low.SIGUSR2), int(low.SIGCHLD), int(low.SIGCONT), int(low.SIGPIPE), int(low.SIGXFSZ),
    int(low.SIGWINCH), int(low.SIGALRM),
)  # fmt: skip

_TO_DEFAULT = (SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE, SIGXFSZ, SIGWINCH)
"""What Python and a runner changed, and a job control shell may have (`og run … &` ignores SIGINT)."""


class Signals:
    """The signals a runner listens to."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.fd, write_fd = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(write_fd, False)
        low.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        for number in numbers:
            low.signal(number, _arrived)

    def take(self) -> list[int]:
        """The numbers that arrived since the last call, in order."""
        try:
            return list(os.read(self.fd, 4096))
        except BlockingIOError:
            return []


def set_alarm(after_s: float, ring: Callable[[int, Any], Any]) -> None:
    """Call `ring` in the main thread after a time, in the middle of whatever runs then."""
    low.signal(SIGALRM, ring)
    low.setitimer(low.ITIMER_REAL, after_s)


def clear_alarm() -> None:
    """Take `set_alarm` back."""
    low.setitimer(low.ITIMER_REAL, 0.0)
    low.signal(SIGALRM, low.SIG_IGN)


def _arrived(_number: int, _frame: object) -> None:
    """A Python handler must exist for the byte to be written; the loop does the work."""


def ignore_hangup() -> Any:
    """Be deaf to SIGHUP from now on; returns how it was treated before."""
    return low.signal(SIGHUP, low.SIG_IGN)


def block_all() -> Any:
    """Hold all signals back; returns the mask to restore."""
    return low.pthread_sigmask(low.SIG_BLOCK, low.valid_signals())


def restore(mask: Any) -> None:
    """Let signals through again as `mask` says."""
    low.pthread_sigmask(low.SIG_SETMASK, mask)


def reset_in_child(hangup: Any, mask: Any) -> None:
    """Between fork and exec: the dispositions a program expects, SIGHUP as the user left it."""
    low.set_wakeup_fd(-1)
    for number in _TO_DEFAULT:
        low.signal(number, low.SIG_DFL)
    low.signal(SIGHUP, hangup)
    restore(mask)
