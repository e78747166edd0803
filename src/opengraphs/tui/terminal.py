"""What the terminal can do, from the environment and the tty: once, at start, without asking it.

tty, TERM=dumb          whether there is a screen at all
NO_COLOR, COLORTERM     colour depth: none, 16, 256, truecolor
LANG, LC_ALL, LC_CTYPE  glyphs: braille, or ascii where the locale is not UTF-8
TMUX, STY               synchronized output only where it helps
COLORFGBG               dark or light background
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEPTHS = ("none", "16", "256", "truecolor")
GLYPH_NAMES = ("braille", "block", "ascii")

_TRUECOLOR_TERMS = ("kitty", "alacritty", "ghostty", "foot", "wezterm", "contour", "direct", "iterm2")
_SLOW_SYNC = ((3, 7, ""), (3, 7, "d"))
"""tmux from 3.7 to before 3.7d redraws the whole pane when a synchronized update ends."""


class Terminal:
    """Facts of one terminal. tmux: version such as (3, 4, ""), None outside. sync_output: mode 2026 may be used."""

    __slots__ = ("columns", "dark", "depth", "glyphs", "rows", "screen", "sync_output", "tmux")

    def __init__(
        self,
        *,
        screen: bool,
        depth: str,
        glyphs: str,
        dark: bool,
        columns: int,
        rows: int,
        tmux: tuple[int, int, str] | None,
        sync_output: bool,
    ) -> None:
        self.screen = screen
        """There is a terminal that takes cursor addressing: the TUI may start."""
        self.depth = depth
        self.glyphs = glyphs
        self.dark = dark
        self.columns = columns
        self.rows = rows
        self.tmux = tmux
        self.sync_output = sync_output


def detect(
    env: Mapping[str, str] | None = None,
    *,
    fd_in: int = 0,
    fd_out: int = 1,
    no_color: bool = False,
    glyphs: str | None = None,
) -> Terminal:
    """The terminal of this process. `glyphs`, `no_color`: the user's flags, which win.

    `OG_GLYPHS` and `OG_COLOR` (none, 16, 256, truecolor) come next, then what is found.
    """
    environ = os.environ if env is None else env
    term = environ.get("TERM", "")
    columns, rows = _size(fd_out)
    tmux = _tmux(environ)
    wanted = glyphs or environ.get("OG_GLYPHS", "")
    return Terminal(
        screen=os.isatty(fd_in) and os.isatty(fd_out) and term not in ("", "dumb", "unknown"),
        depth="none" if no_color else _depth(environ, term),
        glyphs=wanted if wanted in GLYPH_NAMES else _glyphs(environ, term),
        dark=_dark(environ),
        columns=columns,
        rows=rows,
        tmux=tmux,
        sync_output=not (tmux and _SLOW_SYNC[0] <= tmux < _SLOW_SYNC[1]) and not environ.get("STY"),
    )


def _size(fd: int) -> tuple[int, int]:
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return 80, 24
    return columns or 80, rows or 24


def _depth(env: Mapping[str, str], term: str) -> str:
    if env.get("OG_COLOR") in DEPTHS:
        return env["OG_COLOR"]
    if env.get("NO_COLOR") or env.get("CLICOLOR") == "0":
        return "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "truecolor"
    if any(name in term for name in _TRUECOLOR_TERMS):
        return "truecolor"
    return "256" if "256color" in term else "16"


def _glyphs(env: Mapping[str, str], term: str) -> str:
    """Braille unless something says that it will not arrive: a charset that is not UTF-8, or a console font.

    Python itself sets LC_CTYPE=C.UTF-8 where the locale is C, so an explicit C in LANG
    or LC_ALL counts more; where nothing is set (containers) the terminal outside decides.
    """
    if term == "linux":
        return "ascii"
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = env.get(name, "")
        coerced = name == "LC_CTYPE" and value == "C.UTF-8"
        if value and not coerced:
            return "braille" if "utf" in value.lower() else "ascii"
    return "braille"


def _dark(env: Mapping[str, str]) -> bool:
    ground = env.get("COLORFGBG", "").rpartition(";")[2]
    return not (ground.isdigit() and int(ground) in (7, 9, 10, 11, 12, 13, 14, 15))


def _tmux(env: Mapping[str, str]) -> tuple[int, int, str] | None:
    """tmux's version; (0, 0, "") where it does not say."""
    if not env.get("TMUX"):
        return None
    text = env.get("TERM_PROGRAM_VERSION", "") if env.get("TERM_PROGRAM") == "tmux" else ""
    major, _, rest = text.partition(".")
    digits = "".join(char for char in rest[:2] if char.isdigit())
    if not major.isdigit() or not digits:
        return (0, 0, "")
    return int(major), int(digits), rest[len(digits) :]
