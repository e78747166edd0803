"""One documented key and what it must do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tui_fakes import FakeSource, Session

Look = Callable[[Session], Any]


class Case(NamedTuple):
    """before: keys that lead there. look: what is observed. after: what it must be, or None for "another".

    size: of the window, where it matters. store: what the daemon must know beside the usual.
    """

    look: Look
    before: tuple[str, ...] = ()
    after: Any = None
    size: tuple[int, int] = (120, 40)
    store: Callable[[FakeSource], None] | None = None


def graphs(session: Session) -> Any:
    return session.desk.graphs
