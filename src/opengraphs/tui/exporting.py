"""`s`: asks what to save of the screen, and saves it beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from opengraphs.errors import OgError
from opengraphs.tui import looks, saving
from opengraphs.tui.screens.overlays import Entry, Menu

if TYPE_CHECKING:
    from opengraphs.tui.app import OgApp


def open_export(app: OgApp) -> None:
    """What to save is asked; the picture is taken now, without the menu."""
    width, height = app.canvas.size
    rows = app.view.paint(width, height)
    while app.view.behind:
        rows = app.view.paint(width, height)
    name, values = saving.stem(app.desk), saving.table(app.view)
    look = app.palette

    def save(kind: str) -> None:
        app.run_worker(
            _write(app, name, kind, lambda: saving.made(kind, rows, values, look.theme, look.depth))
        )

    entries = [
        Entry("s", "Picture", "SVG, as it stands here", partial(save, "svg")),
        Entry("t", "Text", "the same in characters", partial(save, "txt")),
    ]
    if values:
        entries.append(Entry("c", "Values", f"CSV, {len(values) - 1} rows", partial(save, "csv")))
    where = looks.short_path(saving.folder(app.desk.choices.export_dir))
    app.overlay = Menu("save what is shown", entries, note=f"to {where}")


async def _write(app: OgApp, name: str, kind: str, make: Callable[[], str]) -> None:
    """In a thread: a big picture takes longer than a key may, and a disk may hang."""
    place = saving.folder(app.desk.choices.export_dir)
    try:
        path = await asyncio.to_thread(lambda: saving.write(place, name, kind, make()))
    except OgError as error:
        app.desk.say(str(error), "error")
    else:
        app.desk.say(f"saved {looks.short_path(path)}", "ok")
    app.changed()
