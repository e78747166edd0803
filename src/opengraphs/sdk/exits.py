"""How the process ends, as far as it can be known from inside, for runs without a runner.

The end of a Python process does not say its exit code to anybody inside it. An exception
that nobody catches is seen by `sys.excepthook`; a code given to `sys.exit` is noted on the
way. `raise SystemExit(3)`, `os._exit` and signals are not seen: after the first the code
reads 0, after the others there is no end record, and the free lock says `crashed`.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import get_native_id

from . import keeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, NoReturn, Optional, Tuple, Type

    from .run import Run

SIGINT = 2


class Ending:
    """What is known of the end so far: code, or the signal that will end the process."""

    code: Optional[int] = 0
    signal: Optional[int] = None
    run: Optional[Run] = None
    is_installed = False


_ending = Ending()


def meaning(error: Optional[BaseException]) -> Tuple[Optional[int], Optional[int]]:
    """(exit code, signal) of a process that ends by `error`; None ends well."""
    if error is None:
        return 0, None
    if isinstance(error, KeyboardInterrupt):  # Python ends itself by the signal
        return None, SIGINT
    return (_exit_code(error.code), None) if isinstance(error, SystemExit) else (1, None)


def _exit_code(status: Any) -> int:
    return status & 0xFF if isinstance(status, int) else 0 if status is None else 1


def watch(run: Run) -> None:
    """Finish `run` when the process ends, with the code that is known then."""
    _ending.run = run
    if not _ending.is_installed:
        _ending.is_installed = True
        _install()


def _install() -> None:
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_child)
    before_hook, before_exit = sys.excepthook, sys.exit

    def hook(kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
        _ending.code, _ending.signal = meaning(error)
        before_hook(kind, error, trace)

    def leave(status: Any = None, /) -> NoReturn:
        if _is_main_thread():
            _ending.code = _exit_code(status)
        before_exit(status)

    sys.excepthook, sys.exit = hook, leave


def _is_main_thread() -> bool:
    """`sys.exit` in another thread ends that thread alone. Elsewhere than on Linux nobody tells cheaply."""
    return not sys.platform.startswith("linux") or get_native_id() == os.getpid()


def _at_exit() -> None:
    run = _ending.run
    if run is not None and not run.is_finished:
        run.end(code=_ending.code, signal=_ending.signal)
    keeper.keeper().end()


def _in_child() -> None:
    if _ending.run is not None:
        _ending.run.leave()
