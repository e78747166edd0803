"""From a target and the view flags to a screen, a frame or lines, and to an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs import client as clients
from opengraphs import tui
from opengraphs.cli import first_frame, output
from opengraphs.cli.targets import RunTarget, Target
from opengraphs.cli.waiting import ProgressLine, wait_read

ONCE_SIZE = (120, 40)
"""Columns and rows of `--once` where no terminal says otherwise."""

TERMINATED = 143


class Look(NamedTuple):
    """The view flags; None is what the config file says."""

    graphs: list[str]
    filter_: str | None
    refresh_ms: int | None
    ui: str | None
    glyphs: str | None
    theme: str | None
    panels: str | None


def look(options: dict[str, Any]) -> Look:
    """The view flags among a command's `options`."""
    return Look(**{name: options[name] for name in Look._fields})


def check(chosen: Look) -> None:
    """Find out that a screen could not be drawn before a run is started for it.

    Raises:
        UsageError: a setting or the config file is wrong, or there is no such theme.
    """
    from opengraphs.tui import settings, theme

    flags = {"ui.theme": chosen.theme, "ui.glyphs": chosen.glyphs, "ui.mode": chosen.ui}
    loaded = settings.load(flags={**flags, "ui.refresh_ms": chosen.refresh_ms, "ui.panels": chosen.panels})
    theme.pick(loaded.text("ui.theme"), dark=True)


def run_id_of(target: Target | RunTarget) -> str | None:
    """The id of the run that `target` names, checked with the daemon; None for a store as a whole.

    Raises:
        NotFoundError: no run fits; AmbiguousError: more than one does.
    """
    if target.ref is None:
        return None
    with clients.connect(store=target.store) as client:
        return client.run(target.ref)["run_id"]


def select(store: Path, ref: str | None, others: Sequence[str]) -> dict[str, str]:
    """Names by ids of the run in view and those `--with` names; {} where it names none.

    Raises:
        NotFoundError: no run fits; AmbiguousError: more than one does.
    """
    if not others:
        return {}
    with clients.connect(store=store) as client:
        runs = [client.run(one) for one in (*([ref] if ref else []), *others)]
    return {run["run_id"]: str(run.get("name") or run["run_id"]) for run in runs}


def open_screen(
    store: Path,
    ref: str | None,
    chosen: Look,
    *,
    screen: tui.ScreenName | None = None,
    selected: Mapping[str, str] | None = None,
    owned: tui.OwnedRun | None = None,
    place: Path | None = None,
) -> tui.ExitChoice:
    """Show the full-screen view until the user leaves: Graphs of a run, or Runs of a store."""
    return tui.run_app(
        socket=None,
        store=store,
        screen=screen or ("graphs" if ref else "runs"),
        run=ref,
        graphs=chosen.graphs,
        metric_filter=chosen.filter_,
        refresh_ms=chosen.refresh_ms,
        theme=chosen.theme,
        glyphs=chosen.glyphs,
        ui=chosen.ui,
        panels=chosen.panels,
        color=not os.environ.get("NO_COLOR"),
        owned_run=owned,
        stage0=first_frame.take(),
        place=place,
        selected=selected,
        resume=not (screen or selected or chosen.graphs or chosen.filter_),
    )


def leave(choice: tui.ExitChoice, *, live_name: str | None = None) -> int:
    """The exit code of a view of a run that somebody else started, and a last line about it."""
    if choice.kind == "signal":
        return choice.exit_code or TERMINATED
    if choice.kind == "detach" and choice.run_id:
        output.say(attach_line(live_name or choice.run_id, choice.run_id))
    return 0


def attach_line(name: str, run_id: str) -> str:
    """How to come back to a run that goes on."""
    return f"{name} goes on; watch it again with: og attach {run_id.rpartition('-')[2]}"


def print_once(
    store: Path,
    ref: str | None,
    chosen: Look,
    *,
    screen: tui.ScreenName | None = None,
    export: Path | None = None,
    selected: Mapping[str, str] | None = None,
) -> None:
    """One frame as text, or as a file; of a run that is still being read, once it is."""
    from opengraphs.tui.once import check_export, print_frame

    check_export(export)
    if ref is not None:
        with ProgressLine() as line, clients.connect(store=store) as client:
            wait_read(client, ref, line, partial=True)
    columns, rows = frame_size()
    print_frame(
        sys.stdout,
        store=store,
        run=ref,
        width=columns,
        height=rows,
        screen=screen or ("graphs" if ref else "runs"),
        graphs=chosen.graphs,
        metric_filter=chosen.filter_,
        theme=chosen.theme,
        glyphs=chosen.glyphs,
        ui=chosen.ui,
        panels=chosen.panels,
        color=output.ink().on if export is None else not os.environ.get("NO_COLOR"),
        export=export,
        selected=selected,
    )
    if export is not None:
        output.say(f"saved {export}")


def frame_size() -> tuple[int, int]:
    """`COLUMNS` and `LINES`, the terminal's own size, or ONCE_SIZE."""
    columns, rows = ONCE_SIZE
    if sys.stdout.isatty():
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    given = [os.environ.get(name, "") for name in ("COLUMNS", "LINES")]
    wanted = [int(text) if text.isdigit() and int(text) > 0 else None for text in given]
    return wanted[0] or columns, wanted[1] or rows


def follow_lines(store: Path, ref: str, chosen: Look) -> None:
    """A plain line for each step that arrives, until the run ends."""
    from opengraphs.tui.plain import follow

    follow(sys.stdout, store=store, run=ref, metric_filter=chosen.filter_)
