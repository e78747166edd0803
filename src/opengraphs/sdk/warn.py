"""What the SDK says to the user: one line on stderr for each kind of trouble, never more.

The border of the SDK. Nothing it does may stop a training, so trouble is told once,
counted, and swallowed; `OG_STRICT=1` raises instead, for those who test their logging.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Set, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

MAX_KINDS = 1000
_told: Set[str] = set()


def is_strict() -> bool:
    """Whether `OG_STRICT=1` asks for exceptions."""
    return os.environ.get("OG_STRICT") == "1"


def tell(kind: str, text: str) -> None:
    """Write `og: text` to stderr, the first time for this kind."""
    if kind in _told or len(_told) >= MAX_KINDS:
        return
    _told.add(kind)
    say(text)


def say(text: str) -> None:
    """Write `og: text` to stderr."""
    try:
        sys.stderr.write("og: %s\n" % text)
        sys.stderr.flush()
    except (
        Exception
    ):  # the border of the SDK: stderr may be closed, of the script's own making, or none at all
        pass


def complain(kind: str, text: str, error: Optional[BaseException] = None) -> None:
    """Tell about something that was not done.

    Raises:
        the error, else ValueError: under `OG_STRICT=1`.
    """
    if is_strict():
        raise error if error is not None else ValueError(text)
    tell(kind, text)


def guarded(method: F) -> F:
    """Make a public call safe for training: an exception becomes one warning and None."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception as error:  # the border of the SDK
            if is_strict():
                raise
            tell("failed:" + method.__name__, "%s() failed and is ignored: %r" % (method.__name__, error))
            return None

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(call, name, getattr(method, name))
    call.__wrapped__ = method  # type: ignore[attr-defined]  # what functools.wraps does, without its import
    return call  # type: ignore[return-value]
