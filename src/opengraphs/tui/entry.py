"""From `run_app`'s arguments to a running UI, and back to how the user left. Nothing here paints."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opengraphs.errors import OgError
from opengraphs.tui import looks, settings
from opengraphs.tui.handover import ExitChoice, OwnedRun, ScreenName

_TEXTUAL = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0", "TEXTUAL_FPS": "240"}
"""Read by Textual when it is imported: nothing moves by itself, and a key's picture does not wait for the next
sixtieth of a second. The clock runs only while there is something to paint."""

_COLOR_SYSTEMS = {"none": "standard", "16": "standard"}


def show(
    *,
    socket: Path | None,
    store: Path,
    screen: ScreenName,
    run: str | None,
    graphs: Sequence[str],
    metric_filter: str | None,
    refresh_ms: int | None,
    theme_name: str | None,
    glyphs: str | None,
    ui: str | None,
    panels: str | None,
    color: bool,
    owned_run: OwnedRun | None,
    stage0: Any,
    given: settings.Settings | None,
    place: Path | None = None,
    resume: bool = False,
    selected: Mapping[str, str] | None = None,
    host: bool = False,
    process_filter: str = "",
) -> ExitChoice:
    """See `opengraphs.tui.run_app`. Whatever is raised, stage 0's frame is taken off the terminal first."""
    gc.disable()  # no collection pays off before the first frame; a tenth of the start otherwise
    try:
        daemon = _Daemon(socket)
        looks.check_metric_filter(metric_filter)
        look = looks.settle(
            store=place or store,
            theme_name=theme_name,
            glyphs=glyphs,
            ui=ui,
            refresh_ms=refresh_ms,
            color=color,
            panels=panels,
            given=given,
        )
        app = _build(
            look,
            store,
            socket,
            screen,
            run,
            graphs,
            metric_filter,
            owned_run,
            stage0,
            resume and not host,
            selected or {},
        )
        if host:
            app.desk.system.mode, app.desk.system.process_filter = "host", process_filter
            app.remember_nothing()
        daemon.wait()
    except BaseException:
        gc.enable()
        if stage0 is not None:
            stage0.restore()
        raise
    return run_to_end(app, mouse=look.mouse)


def run_to_end(app: Any, *, mouse: bool) -> ExitChoice:
    """Run the app; what went wrong inside it is raised here, once the terminal is right again."""
    left: ExitChoice | None = app.run(mouse=mouse)
    if app.failure is not None:
        raise app.failure
    return left or ExitChoice("signal", 128 + signal.SIGHUP, app.desk.graphs.run_id)


class _Daemon:
    """Finds or starts ogd in a thread, while the imports below take their time."""

    def __init__(self, socket: Path | None) -> None:
        self._socket = socket
        self._error: OgError | None = None
        self._thread = threading.Thread(target=self._find, name="og-find-daemon")
        self._thread.start()

    def _find(self) -> None:
        from opengraphs import paths
        from opengraphs.client.autostart import ensure_daemon

        try:
            ensure_daemon(socket_path=self._socket or paths.daemon_socket())
        except OgError as error:
            self._error = error

    def wait(self) -> None:
        """Raises DaemonError when it could be neither found nor started."""
        self._thread.join()
        if self._error is not None:
            raise self._error


def _build(
    look: looks.Look,
    store: Path,
    socket: Path | None,
    screen: ScreenName,
    run: str | None,
    graphs: Sequence[str],
    metric_filter: str | None,
    owned_run: OwnedRun | None,
    stage0: Any,
    resume: bool,
    selected: Mapping[str, str],
) -> Any:
    """The app, ready to run. The imports in here are most of the start."""
    os.environ.update({**_TEXTUAL, "TEXTUAL_COLOR_SYSTEM": _COLOR_SYSTEMS.get(look.depth, look.depth)})

    from opengraphs import paths
    from opengraphs.tui import driver
    from opengraphs.tui.app import OgApp
    from opengraphs.tui.messages import Link
    from opengraphs.tui.model import Desk
    from opengraphs.tui.remembered import Memory
    from opengraphs.tui.screens.graphs_state import GraphsState
    from opengraphs.tui.watched import WatchedClient
    from opengraphs.tui.widgets.canvas import Palette

    state = GraphsState(bound=graphs, metric_filter=metric_filter)
    desk = Desk(look.choices, graphs=state, screen=screen, owned=owned_run)
    desk.runs.selected.update(selected)
    if run is not None:
        desk.open_run(run)
    client = WatchedClient(store=store, socket_path=socket)
    app = OgApp(
        client,
        desk,
        Palette(look.theme, look.depth),
        driver_class=driver.make(stage0=stage0, mouse=look.mouse),
        first_rows=stage0.rows if stage0 is not None else None,
        on_first_frame=_settle_memory,
        chosen=look.given,
        memory=Memory(store, owned_run.run_id if owned_run else run),
        resume=resume,
        lasting=paths.screens_file(store),
    )
    client.on_search = lambda: app.take_live(Link(False, "looking for ogd"))
    return app


def _settle_memory() -> None:
    """What the start left behind stays for good: keep it out of every later collection."""
    gc.freeze()
    gc.enable()
