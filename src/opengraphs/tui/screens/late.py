"""Screens by name; some are made only when they are first gone to, so that a start does without them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from opengraphs.tui.model import Desk
from opengraphs.tui.screens.base import Asker, View
from opengraphs.tui.screens.catalog import LATE, VIEWS


def view_class(name: str) -> type[View]:
    """The class of a screen, loaded when it is not yet."""
    if name in VIEWS:
        return VIEWS[name]
    module, kind = LATE[name]
    found: type[View] = getattr(import_module(module), kind)
    return found


class Views(dict[str, View]):
    """What has been made so far: `views[name]` makes one of LATE, all that goes over them leaves it alone.

    made: called when another one is there.
    """

    def __init__(self, desk: Desk, live: Asker, made: Callable[[View], object]) -> None:
        super().__init__((name, view(desk, live)) for name, view in VIEWS.items())
        self._desk, self._live, self._made = desk, live, made

    def __missing__(self, name: str) -> View:
        view = view_class(name)(self._desk, self._live)
        self[name] = view
        self._made(view)
        return view
