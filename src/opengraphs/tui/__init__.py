"""The terminal UI. Importing this package imports no Textual; calling `run_app` does.

    stage0 (stdlib, ~20 ms) ─ run_app ─ app (Textual shell) ─ widgets.Canvas ─ painters (rows) ─ emitter
                                          └ live (events, one question a tick) ─ client ─ ogd

`once.print_frame` and `plain.follow` are the two faces for no terminal at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from opengraphs.tui.settings import Settings

ScreenName = Literal["runs", "graphs", "logs"]


class OwnedRun(NamedTuple):
    """The run this command started: leaving asks whether to detach from it or to stop it.

    stop: a second way to ask for its end, used when the daemon cannot be reached;
    called in a thread, must not print.
    """

    run_id: str
    name: str
    stop: Callable[[], object] | None = None


class ExitChoice(NamedTuple):
    """How the user left.

    kind: `detach` the owned run goes on; `stop` its end was asked for (the caller still
    waits for it); `quit` nothing live was owned; `signal` TERM or HUP ended the screen.
    exit_code: the run's own code where it is known (128 + N for a signal), else None.
    run_id: the run that was in view, for the line that says how to attach again.
    """

    kind: Literal["detach", "stop", "quit", "signal"]
    exit_code: int | None
    run_id: str | None


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
    color: bool = True,
    owned_run: OwnedRun | None = None,
    stage0: Any = None,
    settings: Settings | None = None,
) -> ExitChoice:
    """Show the UI on the controlling terminal until the user leaves.

    Args:
        socket: of ogd; None is the user's own (`paths.daemon_socket()`).
        store: absolute path of the store whose runs are shown.
        run: the run in view (any reference); needed by `graphs` and `logs`, else the newest.
        graphs: metric keys (or globs) to show first, in this order.
        metric_filter: regular expression; only metrics that match are shown.
        refresh_ms, theme, glyphs, ui: None means what `config.toml` says, else the default.
        color: False draws without any colour (`--no-color`, `NO_COLOR`).
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
        theme=theme,
        glyphs=glyphs,
        ui=ui,
        color=color,
        owned_run=owned_run,
        stage0=stage0,
        settings=settings,
    )
