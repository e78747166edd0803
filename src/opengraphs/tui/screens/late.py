"""Screens by name; some are made only when they are first gone to, so that a start does without them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from opengraphs.tui.model import Desk
from opengraphs.tui.screens.base import Asker, View
from opengraphs.tui.screens.catalog import LATE, VIEWS


class Views(dict[str, View]):
    """What has been made so far: `views[name]` makes one of LATE, all that goes over them leaves it alone.

    made: called when another one is there.
    """

    def __init__(self, desk: Desk, live: Asker, made: Callable[[View], object]) -> None:
        super().__init__((name, view(desk, live)) for name, view in VIEWS.items())
        self._desk, self._live, self._made = desk, live, made

    def __missing__(self, name: str) -> View:
        module, kind = LATE[name]
        view: View = getattr(import_module(module), kind)(self._desk, self._live)
        self[name] = view
        self._made(view)
        return view
