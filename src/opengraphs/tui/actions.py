"""What actions do: those of every screen here, a screen's own in its view.

`perform` is the one door: keys, palette, mouse and tests go through it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from opengraphs.tui import keys, plugins
from opengraphs.tui.painters import layout
from opengraphs.tui.questions import ViewsChange, ViewsQuestion
from opengraphs.tui.screens import views_state
from opengraphs.tui.screens.help import Help
from opengraphs.tui.screens.metric_picker import MetricPicker
from opengraphs.tui.screens.overlays import Entry, Menu
from opengraphs.tui.screens.views_overlay import ViewsOverlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from opengraphs.tui.app import OgApp


_MENU_KEYS = "123456789"


def perform(app: OgApp, action_id: str) -> bool:
    """Do one action on the screen shown; False when it means nothing there."""
    handler = app.view.handlers.get(action_id)
    if handler is not None:
        handler()
        return True
    common = _COMMON.get(action_id)
    if common is None:
        return False
    common(app)
    return True


def _show(app: OgApp, screen: str) -> None:
    """Another screen; Graphs and Logs show the run under the cursor of Runs when none is in view yet."""
    desk = app.desk
    run = desk.runs.current()
    if desk.screen == "runs" and screen != "runs" and run and "run_id" in run and desk.graphs.ref is None:
        desk.open_run(run["run_id"])
    elif desk.screen == "runs" and screen == "graphs":
        desk.graphs.set_overlay(list(desk.runs.selected.items()))
    desk.screen = screen  # type: ignore[assignment]


def _help(app: OgApp) -> None:
    desk = app.desk
    app.overlay = Help(desk.screen, desk.keymap, line=app.line_meter.text, clipboard=desk.clipboard)


def _views(app: OgApp) -> None:
    desk = app.desk
    desk.views.look_at(views_state.project_of(desk))
    app.live.ask_once(ViewsQuestion(desk.views.project))
    app.overlay = ViewsOverlay(
        desk.views,
        apply=lambda name: apply_view(app, name),
        change=lambda change: app.live.ask_once(ViewsChange(desk.views.project, change)),
        current=lambda: views_state.keep(desk, app.views),
        clipboard=desk.clipboard,
    )


def apply_view(app: OgApp, name: str) -> None:
    """Look as a saved or built-in view says."""
    saved = app.desk.views.get(name)
    if saved is None:
        app.desk.say(f"no saved view {name!r}", "warn")
        return
    views_state.apply(app.desk, app.views, saved)
    app.desk.say(f"view: {name}", "ok")


def _back(app: OgApp) -> None:
    if not app.view.back():
        app.desk.toast = None


def _rescan(app: OgApp) -> None:
    app.live.ask_all()
    app.desk.say("asked for everything again")


def leave(app: OgApp) -> None:
    """Go, or ask first what shall become of the run this command started."""
    desk = app.desk
    if desk.stopping:
        app.finish("stop")
    elif not desk.owned_live:
        app.finish("quit")
    else:
        app.overlay = _leave_menu(app)


def _leave_menu(app: OgApp) -> Menu:
    owned = app.desk.owned
    name = owned.name if owned else ""
    entries = [
        Entry("d", "Detach", "the run goes on; og attach shows it again", lambda: app.finish("detach")),
        Entry("s", "Stop run", "ask it to end, wait, leave with its exit code", app.stop_owned),
        Entry("o", "Options", "every setting, to be changed", lambda: perform(app, "options")),
        Entry("h", "Help", "the keys of this screen", lambda: _help(app)),
        Entry("c", "Cancel", "stay here", lambda: None),
    ]
    return Menu(f"{name} is still running", entries, on_ctrl_c=lambda: app.finish("detach"))


def _panels(app: OgApp) -> None:
    """What is installed is found out in a thread: it takes longer than a key may."""
    app.run_worker(_choose_panels(app))


async def _choose_panels(app: OgApp) -> None:
    desk = app.desk
    found = await asyncio.to_thread(plugins.installed)
    shown = dict.fromkeys(desk.panels.names, "") | {
        one.name: f"{one.distribution} {one.version}".strip() for one in found
    }
    if not shown:
        desk.say("no panel is installed; docs/plugins.md tells how to make one")
    else:
        entries = [
            Entry(
                _MENU_KEYS[number],
                name,
                f"{'hide' if name in desk.panels.names else 'show'}  {brought}",
                _toggle(app, name),
            )
            for number, (name, brought) in enumerate(list(shown.items())[: len(_MENU_KEYS)])
        ]
        app.overlay = Menu("panels of plug-ins", entries)
    app.changed()


def _bind(app: OgApp) -> None:
    state = app.desk.graphs
    offered = state.offered()
    if not offered:
        app.desk.say("no metric to choose from yet")
        return
    app.overlay = MetricPicker(
        offered,
        state.shown() if not state.search else state.picked or state.order,
        state.pick,
        app.desk.clipboard,
    )


def _toggle(app: OgApp, name: str) -> Callable[[], object]:
    def toggle() -> None:
        desk = app.desk
        if desk.panels.toggle(name) and app.canvas.size.width < layout.SIDE_FROM:
            desk.say(f"panels stand at the side, from {layout.SIDE_FROM} columns on")

    return toggle


_LATER = ("targets", "exporting", "effects", "chat_actions")
"""Modules of what lies behind one key: the first picture does without them."""


def _later(module: str, name: str) -> Callable[[OgApp], object]:
    def open_(app: OgApp) -> None:
        getattr(import_module(f"opengraphs.tui.{module}"), name)(app)

    return open_


def warm_up() -> None:
    """Load what no key has asked for yet, so that the first one to ask does not wait."""
    for module in _LATER:
        import_module(f"opengraphs.tui.{module}")


_COMMON: dict[str, Callable[[OgApp], object]] = {
    **{f"screen.{name}": partial(_show, screen=name) for name in keys.ALL},
    "help": _help,
    "leave": leave,
    "back": _back,
    "palette": _later("targets", "open_palette"),
    "views": _views,
    "export": _later("exporting", "open_export"),
    "options": _later("effects", "open_options"),
    "rescan": _rescan,
    "graphs.panels": _panels,
    "graphs.bind": _bind,
    "auto.stop": _later("chat_actions", "confirm_stop"),
    "chat.attach": _later("chat_actions", "attach"),
    "chat.sessions": _later("chat_actions", "choose_session"),
    "chat.edit": _later("chat_actions", "edit_approval"),
    "suspend": lambda app: app.suspend_og(),
    "redraw": lambda app: app.redraw(),
}
