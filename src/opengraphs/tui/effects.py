"""A setting that changes while og runs: what it does at once, and its way into the user's file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from opengraphs import paths
from opengraphs.errors import OgError
from opengraphs.tui import config_edit, terminal, theme
from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.keys import Keymap
from opengraphs.tui.screens.options import Options
from opengraphs.tui.screens.options_state import Hands, OptionsState

if TYPE_CHECKING:
    from opengraphs.tui.app import OgApp
    from opengraphs.tui.settings import Value

Told = Callable[[str], object]
"""Called when something was written: with "", or with what went wrong."""


def open_options(app: OgApp) -> None:
    """Every setting over the screen, to be changed."""
    hands = Hands(partial(show, app), partial(keep, app), partial(bind, app))
    state = OptionsState(app.settings, paths.config_file(), hands)
    app.overlay = Options(state, app.desk.screen, lambda: app.desk.keymap, app.desk.clipboard)


def show(app: OgApp, name: str, value: Value) -> None:
    """Be as the setting says from now on. One of `run.*` is for runs that are yet to start.

    Raises:
        UsageError: there is no such theme, or its file is damaged.
    """
    effect = _EFFECTS.get(name)
    if effect is not None:
        effect(app, value)


def keep(app: OgApp, name: str, value: Value, told: Told) -> None:
    """Write it into the user's file, in a thread: a home on a network may hang."""
    _write(app, lambda: config_edit.put(paths.config_file(), name, value), told)


def bind(app: OgApp, action: str, keys: tuple[str, ...] | None, told: Told) -> None:
    """Other keys for an action from now on, and in the user's file; None is its own again.

    Raises:
        UsageError: another action of the same screen was given that key by the user.
    """
    overrides = {**app.settings.keys, action: keys}
    keymap = Keymap({name: chosen for name, chosen in overrides.items() if chosen is not None})
    app.desk.keymap = keymap
    app.desk.choices = app.desk.choices._replace(keymap=keymap)
    app.forget_pictures()
    _write(app, lambda: config_edit.put_keys(paths.config_file(), action, keys), told)


def _write(app: OgApp, change: Callable[[], object], told: Told) -> None:
    async def write() -> None:
        async with app.keeping:
            try:
                await asyncio.to_thread(change)
            except OgError as error:
                app.desk.say(f"not kept: {error}", "error")  # the options may be closed by now
                told(error.message)
            else:
                told("")
        app.changed()

    app.run_worker(write())


def _theme(app: OgApp, value: Any) -> None:
    app.set_look(colors=theme.pick(value, dark=terminal.detect().dark))


def _glyphs(app: OgApp, value: Any) -> None:
    app.set_look(glyphs=GLYPHS[terminal.detect(glyphs=None if value == "auto" else value).glyphs])


def _refresh(app: OgApp, value: Any) -> None:
    app.desk.choices = app.desk.choices._replace(refresh_ms=value)
    app.live.set_refresh(value / 1000)


def _mode(app: OgApp, value: Any) -> None:
    app.desk.choices = app.desk.choices._replace(minimal=value == "minimal")


def _panels(app: OgApp, value: Any) -> None:
    wanted = [name for part in value.split(",") if (name := part.strip())]
    for name in {*wanted} ^ {*app.desk.panels.names}:
        app.desk.panels.toggle(name)


def _export_dir(app: OgApp, value: Any) -> None:
    app.desk.choices = app.desk.choices._replace(export_dir=value)


def _mouse(app: OgApp, value: Any) -> None:
    app.set_mouse(value)


_EFFECTS: dict[str, Callable[[OgApp, Any], None]] = {
    "ui.theme": _theme,
    "ui.glyphs": _glyphs,
    "ui.refresh_ms": _refresh,
    "ui.mode": _mode,
    "ui.panels": _panels,
    "ui.export_dir": _export_dir,
    "ui.mouse": _mouse,
}
