"""`og top`: this machine now, with no run needed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from opengraphs import client as clients
from opengraphs import tui
from opengraphs.cli import output, targets, views
from opengraphs.cli.options import GLYPH_CHOICES, as_json, no_color, og_command, store

REFRESH_MS = 1000
PROCESSES = 50


@og_command("top", examples=("og top", "og top --once", "og top --export top.svg", "og top --json"))
@click.option("--once", is_flag=True, help="Print one frame and leave.")
@click.option("--export", metavar="FILE", help="Save one frame as a new .svg, .txt or .csv file, and leave.")
@click.option(
    "--for",
    "watched_s",
    type=click.FloatRange(0, 3600),
    metavar="SECONDS",
    default=0.0,
    help="With --once and --export: look so long before the frame, so that curves have a past.",
)
@click.option(
    "--filter", "words", metavar="WORDS", default="", help="Only processes that have all these words."
)
@click.option(
    "--refresh-ms",
    type=click.IntRange(500, 60_000),
    metavar="MS",
    default=REFRESH_MS,
    show_default=True,
    help="How often the machine is looked at.",
)
@click.option("--glyphs", type=click.Choice(GLYPH_CHOICES), help="What curves are drawn with.")
@click.option("--theme", metavar="NAME", help="Colour theme.")
@store
@as_json
@no_color
def command(
    once: bool,
    export: str | None,
    watched_s: float,
    words: str,
    refresh_ms: int,
    glyphs: str | None,
    theme: str | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Show CPU, memory, disk, network, GPUs and processes of this machine, live runs among them.

    Without a terminal it prints one frame.
    """
    place = targets.store_of(store)
    if as_json:
        with clients.connect(store=place) as client:
            output.put_json(client.get("/host", processes=PROCESSES, filter=words))
        return 0
    if once or export or not output.is_terminal():
        _print_once(place, glyphs, theme, words, watched_s, Path(export) if export else None)
        return 0
    choice = tui.run_app(
        socket=None,
        store=place,
        screen="system",
        refresh_ms=refresh_ms,
        theme=theme,
        glyphs=glyphs,
        color=not os.environ.get("NO_COLOR"),
        host=True,
        process_filter=words,
    )
    return views.leave(choice)


def _print_once(
    place: Path, glyphs: str | None, theme: str | None, words: str, watched_s: float, export: Path | None
) -> None:
    """One frame as text, or as a file."""
    from opengraphs.tui.once import print_frame

    columns, rows = views.frame_size()
    print_frame(
        sys.stdout,
        store=place,
        run=None,
        width=columns,
        height=rows,
        screen="system",
        theme=theme,
        glyphs=glyphs,
        color=output.ink().on if export is None else not os.environ.get("NO_COLOR"),
        host=True,
        process_filter=words,
        watched_s=watched_s,
        export=export,
    )
    if export is not None:
        output.say(f"saved {export}")
