"""The terminal UI. Importing this package imports no Textual; calling `run_app` does.

    stage0 (stdlib, ~20 ms) ─ run_app ─ app (Textual shell) ─ widgets.Canvas ─ painters (rows) ─ emitter
                                          └ live (events, one question a tick) ─ client ─ ogd

`once.print_frame` and `plain.follow` are the two faces for no terminal at all.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from opengraphs.tui.handover import ExitChoice, OwnedRun, ScreenName
    from opengraphs.tui.settings import Settings

__all__ = ["ExitChoice", "OwnedRun", "ScreenName", "run_app"]


def __getattr__(name: str) -> Any:
    """The types, on first use: the first frame goes through this package and needs none of them."""
    if name not in ("ExitChoice", "OwnedRun", "ScreenName"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from opengraphs.tui import handover

    return getattr(handover, name)


def run_app(
    *,
    socket: Path | None,
    store: Path,
    screen: ScreenName = "runs",
    run: str | None = None,
    graphs: Sequence[str] = (),
    metric_filter: str | None = None,
    refresh_ms: int | None = None,
    theme: str | None = None,
    glyphs: str | None = None,
    ui: str | None = None,
    panels: str | None = None,
    color: bool = True,
    owned_run: OwnedRun | None = None,
    stage0: Any = None,
    settings: Settings | None = None,
    place: Path | None = None,
    resume: bool = False,
    selected: Mapping[str, str] | None = None,
    host: bool = False,
    process_filter: str = "",
) -> ExitChoice:
    """Show the UI on the controlling terminal until the user leaves.

    Args:
        socket: of ogd; None is the user's own (`paths.daemon_socket()`).
        store: absolute path of the store whose runs are shown.
        run: the run in view (any reference); needed by `graphs` and `logs`, else the newest.
        graphs: metric keys (or globs) to show first, in this order.
        metric_filter: regular expression; only metrics that match are shown.
        panels: names of plug-in panels, with commas; "" is none.
        refresh_ms, theme, glyphs, ui, panels: None means what `config.toml` says, else the default.
        color: False draws without any colour (`--no-color`, `NO_COLOR`).
        host: System shows this machine now, not a run.
        process_filter: words that the processes shown there have.
        place: what the store stands for, where that is not its own folder: it is named instead.
        resume: begin where a dropped line left the user, else as the project's default view says.
        selected: names of runs by their ids, for overlay and Compare.
        stage0: what `opengraphs.tui.stage0` returned when it painted the first frame.

    Raises:
        UsageError: `metric_filter` is no regular expression; `config.toml` is damaged.
        DaemonError: ogd could not be started.
    """
    from opengraphs.tui.entry import show

    return show(
        socket=socket,
        store=store,
        screen=screen,
        run=run,
        graphs=tuple(graphs),
        metric_filter=metric_filter,
        refresh_ms=refresh_ms,
        theme_name=theme,
        glyphs=glyphs,
        ui=ui,
        panels=panels,
        color=color,
        owned_run=owned_run,
        stage0=stage0,
        given=settings,
        place=place,
        resume=resume,
        selected=selected or {},
        host=host,
        process_filter=process_filter,
    )
