"""The first frame: real data on the screen before Textual is imported.

    og ─ stage0.paint ─┬─ terminal facts, theme, glyphs           ~1 ms
                       ├─ raw tty mode (typed keys wait, unseen)
                       ├─ ask ogd (quick) for runs, or a run, its series and its machine
                       └─ alternate screen and the frame in one write ─▶ the app takes over unseen

Stdlib only, and little of it; a test fails when this module loads more. Whatever goes
wrong, `paint` leaves the terminal as it was, returns None, and the normal path goes on.
"""

from __future__ import annotations

import gc
import os
import termios
import time

from opengraphs.errors import OgError
from opengraphs.tui import ansi, quick, terminal
from opengraphs.tui import theme as themes
from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.painters import chart, layout, screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

TIMEOUT_S = 0.25
"""A daemon that needs longer is not waited for: the app says what it is doing, a blank screen does not."""

MAX_RUNS = 200
SYSTEM_COLUMNS = 64
ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
LEAVE = "\x1b[m\x1b[?1049l\x1b[?25h"

_FAILURES = (
    OSError,
    OgError,
    quick.QuickError,
    termios.error,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
)
"""No terminal, no daemon, a reply of another shape: each means that there is no first frame."""


class Painted:
    """What stage 0 left on the terminal; the driver takes over from it.

    rows: the frame, for the front buffer; theme and depth: how its roles were drawn.
    tty_attrs: `termios.tcgetattr` from before raw mode.
    """

    __slots__ = ("_fd_out", "_open", "columns", "depth", "fd", "height", "rows", "theme", "tty_attrs")

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        columns: int,
        height: int,
        depth: str,
        theme: themes.Theme,
        fd: int,
        fd_out: int,
        tty_attrs: list[Any],
    ) -> None:
        self.rows = rows
        self.columns = columns
        self.height = height
        self.depth = depth
        self.theme = theme
        self.fd = fd
        self.tty_attrs = tty_attrs
        self._fd_out = fd_out
        self._open = True

    def handed_over(self) -> None:
        """The driver looks after the terminal from now on; `restore` does nothing any more."""
        self._open = False

    def restore(self) -> None:
        """Leave the alternate screen and raw mode: for when the app never starts."""
        if not self._open:
            return
        self._open = False
        try:
            os.write(self._fd_out, LEAVE.encode())
            termios.tcsetattr(self.fd, termios.TCSANOW, self.tty_attrs)
        except (OSError, termios.error):
            return  # the terminal is gone: nothing is left to restore


class _Wish:
    """What `paint` was asked for."""

    __slots__ = ("fd_in", "fd_out", "minimal", "run", "shown_store", "socket", "store", "view")

    def __init__(
        self,
        view: str,
        run: str | None,
        *,
        store: str,
        socket: str,
        minimal: bool,
        fd_in: int,
        fd_out: int,
        place: str | None = None,
    ) -> None:
        self.view = view
        self.run = run
        self.store = store
        self.shown_store = place or store
        self.socket = socket
        self.minimal = minimal
        self.fd_in = fd_in
        self.fd_out = fd_out


def paint(
    view: str,
    *,
    run: str | None = None,
    store: str | None = None,
    theme: str | None = None,
    glyphs: str | None = None,
    ui: str | None = None,
    no_color: bool = False,
    socket: str | None = None,
    fd_in: int = 0,
    fd_out: int = 1,
    place: str | None = None,
) -> Painted | None:
    """Paint the first frame of `view` (runs, graphs or logs); None when it cannot be done at once.

    run: reference of the run in view; None is the newest live one, else the newest.
    place: named instead of the store, where the store only stands for it.
    theme, glyphs, ui: what the command line said; else environment, then the settings files.
    Garbage collection stays off behind a painted frame: the app turns it on when it has started.
    """
    env = os.environ
    gc.disable()
    try:
        chosen = settings(env)
        wish = _Wish(
            view,
            run,
            store=quick.find_store(store, env),
            socket=socket or quick.daemon_socket(env),
            minimal=(ui or chosen["mode"]) == "minimal",
            fd_in=fd_in,
            fd_out=fd_out,
            place=place,
        )
        wanted = glyphs or chosen["glyphs"]
        facts = terminal.detect(
            env,
            fd_in=fd_in,
            fd_out=fd_out,
            no_color=no_color,
            glyphs=wanted if wanted in terminal.GLYPH_NAMES else None,
        )
        if facts.screen:
            return _paint(wish, facts, themes.pick(theme or chosen["theme"] or None, dark=facts.dark))
    except _FAILURES:
        pass  # no first frame: the normal path shows what is wrong, if anything is
    gc.enable()
    return None


def _paint(wish: _Wish, facts: terminal.Terminal, theme: themes.Theme) -> Painted:
    """Raw mode, question, picture; raises one of `_FAILURES` with the terminal as it was."""
    attrs = termios.tcgetattr(wish.fd_in)
    try:
        _raw_mode(wish.fd_in, attrs)
        rows = _frame(wish, facts, GLYPHS[facts.glyphs].with_texture(theme.textured(facts.depth)))
        data = ENTER + ansi.screen(rows, theme, facts.depth)
        painted = Painted(
            rows,
            columns=facts.columns,
            height=facts.rows,
            depth=facts.depth,
            theme=theme,
            fd=wish.fd_in,
            fd_out=wish.fd_out,
            tty_attrs=attrs,
        )
        _restore_on_signals(painted)
        _write(wish.fd_out, data.encode("utf-8", "replace"))
    except BaseException:
        termios.tcsetattr(wish.fd_in, termios.TCSANOW, attrs)
        raise
    return painted


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _raw_mode(fd: int, attrs: Sequence[Any]) -> None:
    """No echo, no line editing, enter as it is; signals stay, so that ctrl+c still works."""
    mine = list(attrs)
    mine[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    mine[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR)
    mine[6] = list(mine[6])
    mine[6][termios.VMIN] = 1
    termios.tcsetattr(fd, termios.TCSANOW, mine)


def _restore_on_signals(painted: Painted) -> None:
    """TERM and HUP until the driver is there. (`signal` would import enum; this is what it wraps.)"""
    import _signal  # type: ignore[import-not-found]

    def end(number: int, _frame: object) -> None:
        painted.restore()
        os._exit(128 + number)

    for number in (_signal.SIGTERM, _signal.SIGHUP):
        _signal.signal(number, end)


# What to show


def _frame(wish: _Wish, facts: terminal.Terminal, glyphs: Glyphs) -> list[Row]:
    """Ask the daemon and paint; raises one of `_FAILURES`."""
    link = quick.Link(wish.socket, timeout_s=TIMEOUT_S)
    query = f"store={quick.quote(wish.store)}"
    size = (facts.columns, facts.rows)
    try:
        if wish.view == "runs":
            return _runs_frame(link, query, wish, size, glyphs)
        if wish.view == "graphs":
            return _graphs_frame(link, query, wish, size, glyphs)
        return _logs_frame(link, query, wish, size, glyphs)
    finally:
        link.close()


def _runs_frame(
    link: quick.Link, query: str, wish: _Wish, size: tuple[int, int], glyphs: Glyphs
) -> list[Row]:
    limit = min(MAX_RUNS, max(6, size[1]))
    reply = link.ask([("GET", f"/runs?{query}&sort=-created_at&limit={limit}", "")])[0]
    runs = reply["runs"]
    live = next((index for index, one in enumerate(runs) if one.get("status") == "running"), 0)
    return screen.paint_runs(
        runs,
        *size,
        glyphs,
        now=time.time(),
        total=reply["total"],
        cursor=live,
        source=short_path(wish.shown_store),
        minimal=wish.minimal,
    )


def _the_run(link: quick.Link, query: str, run: str | None) -> Any:
    """The run in view: named, or the newest live one, or the newest."""
    if run is None:
        newest = f"/runs?{query}&sort=-created_at&limit=1"
        live, any_run = link.ask([("GET", f"{newest}&status=running", ""), ("GET", newest, "")])
        found = live["runs"] or any_run["runs"]
        run = found[0]["run_id"]
    return link.ask([("GET", f"/runs/{quick.quote(run)}?{query}", "")])[0]


def _graphs_frame(
    link: quick.Link, query: str, wish: _Wish, size: tuple[int, int], glyphs: Glyphs
) -> list[Row]:
    facts = _the_run(link, query, wish.run)
    metrics = screen.choose_metrics(facts)
    lay = layout.graphs(*size, len(metrics), minimal=wish.minimal, sections=screen.sections_of(metrics))
    shown = metrics[: len(lay.grid.slots)]
    columns = max((chart.dot_columns(slot.width, glyphs) for slot in lay.grid.slots), default=1)
    names = quick.text_list([facts["run_id"]])
    body = f'{{"runs":{names},"metrics":{quick.text_list(shown)},"x":"step","columns":{columns},"smooth":["ma(15)"],"ranks":"band"}}'
    requests = [("POST", f"/series?{query}", body)] if shown else []
    if lay.system:
        path = f"/runs/{quick.quote(facts['run_id'])}/system"
        requests.append(("GET", f"{path}?{query}&columns={SYSTEM_COLUMNS}", ""))
    replies = link.ask(requests)
    series: Any = replies[0] if shown else {"schema": 1, "series": [], "pending": {}, "progress": {}}
    model = screen.graphs_model(facts, series, replies[-1] if lay.system else None, metrics=metrics)
    return screen.paint_graphs(model, *size, glyphs, minimal=wish.minimal)


def _logs_frame(
    link: quick.Link, query: str, wish: _Wish, size: tuple[int, int], glyphs: Glyphs
) -> list[Row]:
    facts = _the_run(link, query, wish.run)
    height = max(1, layout.logs(*size).log.height)
    target = f"/runs/{quick.quote(facts['run_id'])}/log?{query}&from=-{height}&lines={height}"
    return screen.paint_logs(facts, link.ask([("GET", target, "")])[0], *size, glyphs)


def short_path(path: str) -> str:
    """A path as people write it: ~ for home."""
    home = os.path.expanduser("~")  # noqa: PTH111
    return "~" + path[len(home) :] if path.startswith(home + "/") else path


# Settings, without a TOML parser


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """theme, glyphs and mode of `[ui]`: environment, then the nearest og.toml, then the user's file.

    Reads `key = "value"` lines only: the parser alone would cost half a frame. What it
    cannot read it leaves out, and the app, which can, repaints.
    """
    found: dict[str, str] = {"theme": "", "glyphs": "", "mode": ""}
    for path in _settings_files(env):
        found.update(_scan(path))
    for key, name in (("theme", "OG_THEME"), ("glyphs", "OG_GLYPHS"), ("mode", "OG_UI")):
        found[key] = env.get(name) or found[key]
    return found


def _settings_files(env: Mapping[str, str]) -> list[str]:
    """The user's file first; the nearest project file wins over it."""
    base = env.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    out = [f"{base}/opengraphs/config.toml"]
    folder = os.getcwd()  # noqa: PTH109
    while True:
        candidate = f"{folder.rstrip('/')}/og.toml"
        if os.path.isfile(candidate):  # noqa: PTH113
            return [*out, candidate]
        parent = os.path.dirname(folder)  # noqa: PTH120
        if parent == folder:
            return out
        folder = parent


def _scan(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            lines = file.read(1 << 16).split("\n")
    except OSError:
        return {}
    out: dict[str, str] = {}
    table = ""
    for line in lines:
        text = line.strip()
        if text.startswith("["):
            table = text.partition("]")[0][1:].strip()
            continue
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        name = key if table == "ui" else key[3:] if key.startswith("ui.") and not table else ""
        if equals and name in ("theme", "glyphs", "mode") and value[:1] in ("'", '"'):
            out[name] = value[1:].partition(value[0])[0]
    return out
