"""Saved views: what of the screens is kept, and what is known of the store's. No painting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opengraphs.tui import keys

if TYPE_CHECKING:
    from opengraphs.tui.model import Desk
    from opengraphs.tui.screens.base import View

_WHOLE: dict[str, Any] = {"metrics": [], "folded": [], "x": "step", "log_y": []}

BUILT_IN: dict[str, dict[str, Any]] = {
    "loss only": {"screen": "graphs", "minimal": False, "search": "loss"},
    "everything": {"screen": "graphs", "minimal": False, "search": "", "screens": {"graphs": _WHOLE}},
    "curves alone": {"screen": "graphs", "minimal": True},
    "system beside": {"screen": "system", "minimal": False},
}
"""Views that every project has."""


class ViewsState:
    """The saved views of one project as the daemon last told them; `error` is why there are none."""

    def __init__(self) -> None:
        self.project = ""
        self.known = False
        self.version = ""
        self.default: str | None = None
        self.saved: dict[str, dict[str, Any]] = {}
        self.error = ""

    def look_at(self, project: str) -> None:
        """The project whose views are wanted; what was known of another one goes."""
        if project != self.project:
            self.project, self.known, self.version, self.default, self.saved = project, False, "", None, {}
        self.error = ""

    def take(self, reply: Mapping[str, Any]) -> None:
        """`GET` or `PUT /views` answered."""
        if reply["project"] == self.project:
            self.known, self.error = True, ""
            self.version, self.default = reply["version"], reply["default"]
            self.saved = dict(reply["views"])

    def names(self) -> list[str]:
        """The saved ones first, by name; after them the built-in ones that nobody has replaced."""
        return [*sorted(self.saved, key=str.lower), *(name for name in BUILT_IN if name not in self.saved)]

    def get(self, name: str) -> dict[str, Any] | None:
        return self.saved.get(name) or BUILT_IN.get(name)


def project_of(desk: Desk) -> str:
    """The project of the run in view, else of the one under the cursor of Runs."""
    run: Mapping[str, Any] = desk.graphs.run or desk.runs.current() or {}
    return str(run.get("project") or "")


def keep(desk: Desk, views: Mapping[str, View]) -> dict[str, Any]:
    """How all looks now, as plain values that TOML can hold."""
    saved = {name: found for name, view in views.items() if (found := view.saved())}
    return {
        "screen": desk.screen,
        "minimal": desk.choices.minimal,
        "search": desk.graphs.search,
        "panels": list(desk.panels.names),
        "screens": saved,
    }


def apply(desk: Desk, views: Mapping[str, View], saved: Mapping[str, Any], *, screen: bool = True) -> None:
    """Look as a saved view says; what it does not say, or cannot be, stays. screen: also go to its screen."""
    if screen and saved.get("screen") in keys.ALL:
        desk.screen = saved["screen"]
    if isinstance(saved.get("minimal"), bool):
        desk.choices = desk.choices._replace(minimal=saved["minimal"])
    if isinstance(saved.get("search"), str):
        desk.graphs.search, desk.graphs.page = saved["search"], 0
    panels = saved.get("panels")
    if isinstance(panels, list):
        wanted = {name for name in panels if isinstance(name, str)}
        for name in wanted ^ set(desk.panels.names):
            desk.panels.toggle(name)
    parts = saved.get("screens")
    if not isinstance(parts, Mapping):
        return
    for name, view in views.items():
        part = parts.get(name)
        if isinstance(part, Mapping):
            view.restore(part)
