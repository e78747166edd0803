"""What the palette offers: the actions of a screen, and the runs, metrics and views that are known."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from opengraphs.tui import actions, keys
from opengraphs.tui.questions import ViewsQuestion
from opengraphs.tui.screens import views_state
from opengraphs.tui.screens.palette import ACTION, Palette, Target

if TYPE_CHECKING:
    from opengraphs.tui.app import OgApp


def open_palette(app: OgApp) -> None:
    """Everything that can be done or gone to from here."""
    desk = app.desk
    desk.views.look_at(views_state.project_of(desk))
    if not desk.views.known:
        app.live.ask_once(ViewsQuestion(desk.views.project))
    app.overlay = Palette(
        _actions(app),
        lambda: _others(app),
        app.recent,
        desk.clipboard,
    )


def _actions(app: OgApp) -> list[Target]:
    """Every action of the screen, but the one that has just been done."""
    desk = app.desk
    out = []
    for action in keys.actions_of(desk.screen):
        if action.id != "palette":
            bound = desk.keymap.keys_of(desk.screen, action.id)
            shown = "  ".join(keys.label(key, ascii_only=desk.glyphs.ascii_only) for key in bound)
            out.append(
                Target(ACTION, action.title, action.id, shown, partial(actions.perform, app, action.id))
            )
    return out


def _others(app: OgApp) -> Iterator[Target]:
    """Runs the list has read, metrics of the run in view, and the project's views."""
    desk = app.desk
    runs = {row["run_id"]: row for row in (*desk.runs.recent, *desk.runs.rows.values()) if "run_id" in row}
    for run_id, row in runs.items():
        yield Target("run", str(row.get("name") or run_id), run_id, "", partial(_open_run, app, run_id))
    for metric in desk.graphs.order:
        yield Target("metric", metric, "", "", partial(_open_metric, app, metric))
    for name in desk.views.names():
        yield Target("view", name, "", "", partial(actions.apply_view, app, name))


def _open_run(app: OgApp, run_id: str) -> None:
    """On the screen that is open where it shows one run, else on Graphs."""
    app.desk.open_run(run_id)
    if app.desk.screen in ("runs", "compare", "alerts"):
        app.desk.screen = "graphs"


def _open_metric(app: OgApp, metric: str) -> None:
    desk = app.desk
    desk.screen = "graphs"
    desk.graphs.set_search(metric)
    desk.graphs.focus = metric
