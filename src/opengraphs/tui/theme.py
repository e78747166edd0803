"""Themes: roles to colours, for true colour, 256, 16 colours and none.

The built-in dark and light themes draw on the terminal's own background and text
colour, and add one accent, four signals and a palette for series that stays apart
for colour-blind eyes (after Okabe and Ito). docs/themes.md shows how to write one.
"""

from __future__ import annotations

import os

from opengraphs.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Color = str | int
"""`#rrggbb`, or a number 0 to 15 of the terminal's own palette."""

DEPTHS = ("none", "16", "256", "truecolor")

ROLES = (
    "text", "dim", "faint", "border", "focus", "title", "accent", "ok", "warn", "error", "hit", "selection",
    "background",
)  # fmt: skip
"""What a theme may set beside `series`."""

ANSI_NAMES = (
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "bright_black", "bright_red",
    "bright_green", "bright_yellow", "bright_blue", "bright_magenta", "bright_cyan", "bright_white",
)  # fmt: skip

LINE_CONTRAST, TEXT_CONTRAST = 3.0, 4.5
"""What lines and words have at least over the ground (WCAG 2.2, 1.4.3 and 1.4.11); tests hold themes to it."""

_QUIET = frozenset({"dim", "faint", "border"})
"""Drawn with the dim attribute where there are 16 colours or none: bright black is invisible on some palettes."""

_LOUD = frozenset({"accent", "focus", "title", "error", "warn"})
"""Bold where there is no colour."""


class Style:
    """One resolved look. Colours: None is the terminal's own, else `#rrggbb` or `color(N)`, N < 256."""

    __slots__ = ("bg", "bold", "dim", "fg", "reverse", "underline")

    def __init__(
        self,
        fg: str | None = None,
        bg: str | None = None,
        *,
        bold: bool = False,
        dim: bool = False,
        underline: bool = False,
        reverse: bool = False,
    ) -> None:
        self.fg = fg
        self.bg = bg
        self.bold = bold
        self.dim = dim
        self.underline = underline
        self.reverse = reverse

    def key(self) -> tuple[str | None, str | None, bool, bool, bool, bool]:
        """Equal for styles that look the same."""
        return (self.fg, self.bg, self.bold, self.dim, self.underline, self.reverse)


class Theme:
    """Colours by role.

    colors: role → colour; a role that is missing is the terminal's own text. series: the
    palette of curves. ansi, ansi_series: colour numbers to use where there are only 16;
    without them the nearest are taken. colorless: drawn as on a terminal without colour.
    texture: curves differ by texture and marker, too, although there is colour.
    """

    def __init__(
        self,
        name: str,
        colors: Mapping[str, Color],
        series: Sequence[Color],
        *,
        dark: bool = True,
        ansi: Mapping[str, int] | None = None,
        ansi_series: Sequence[int] | None = None,
        colorless: bool = False,
        texture: bool = False,
    ) -> None:
        self.name = name
        self.colors = dict(colors)
        self.series = list(series)
        self.dark = dark
        self.ansi = dict(ansi or {})
        self.ansi_series = list(ansi_series or ())
        self.colorless = colorless
        self.texture = texture
        self._styles: dict[tuple[str, str], Style] = {}

    def resolve(self, role: str, depth: str) -> Style:
        """The style of a role (see painters.cells) at a colour depth of `DEPTHS`; kept once made."""
        style = self._styles.get((role, depth))
        if style is None:
            style = self._styles[role, depth] = self._make(role, "none" if self.colorless else depth)
        return style

    def textured(self, depth: str) -> bool:
        """Whether curves are told apart by texture and marker: colour is not there, or cannot be relied on.

        What sixteen colours look like is the terminal's affair.
        """
        return self.colorless or self.texture or depth in ("none", "16")

    def _make(self, role: str, depth: str) -> Style:
        base = role
        selected = bold = False
        while ":" in base:
            prefix, _, base = base.partition(":")
            selected |= prefix == "sel"
            bold |= prefix == "b"
        style = _attributes(base) if depth == "none" else self._colored(base, depth)
        style.bold |= bold
        return self._select(style, depth) if selected else style

    def _colored(self, base: str, depth: str) -> Style:
        background = self._color("background", depth)
        if base == "hit":
            return Style(self._text_on("hit", depth), self._color("hit", depth) or "color(3)")
        if base == "hit.now":
            return Style(self._text_on("accent", depth), self._color("accent", depth) or "color(6)")
        if base == "cursor":
            return Style(reverse=True)
        if base.startswith("ansi."):
            return Style(f"color({base[5:]})", background)
        if base.startswith("series."):
            return self._series(base, depth, background)
        style = Style(self._color(base, depth), background)
        if depth == "16" and base in _QUIET and base not in self.ansi:
            style.fg, style.dim = None, True
        return style

    def _series(self, base: str, depth: str, background: str | None) -> Style:
        number, _, shade = base[7:].partition(".")
        index = int(number)
        if depth == "16":
            palette = self.ansi_series or [_nearest16(color) for color in self.series]
            return Style(f"color({palette[index % len(palette)]})", background, dim=shade == "dim")
        color = self.series[index % len(self.series)]
        if shade != "dim":
            return Style(_in_depth(color, depth), background)
        if isinstance(color, int):
            return Style(_in_depth(color, depth), background, dim=True)
        return Style(_in_depth(_quieter(color, self.ground), depth), background)

    @property
    def ground(self) -> str:
        """What it is drawn on: its own background, else that of a usual terminal."""
        own = self.colors.get("background")
        return own if isinstance(own, str) else "#101418" if self.dark else "#ffffff"

    def _text_on(self, role: str, depth: str) -> str:
        """Black or white, what can be read on a ground of this role."""
        color = self.colors.get(role)
        white = isinstance(color, str) and contrast(color, "#ffffff") > contrast(color, "#000000")
        return _in_depth("#ffffff" if white else "#000000", depth)

    def _select(self, style: Style, depth: str) -> Style:
        if depth == "none":
            return Style(bold=style.bold, reverse=True)
        if depth == "16":
            return Style("color(0)", f"color({self.ansi.get('selection', 6)})", bold=style.bold)
        style = Style(*style.key()[:2], bold=style.bold, dim=style.dim, underline=style.underline)
        style.bg = self._color("selection", depth)
        return style

    def _color(self, role: str, depth: str) -> str | None:
        if depth == "16" and role in self.ansi:
            return f"color({self.ansi[role]})"
        color = self.colors.get(role)
        return None if color is None else _in_depth(color, depth)


def _attributes(base: str) -> Style:
    """Without colour: bold, dim, underline and reverse tell apart."""
    if base in ("hit", "hit.now", "cursor"):
        return Style(reverse=True, bold=base == "hit.now")
    return Style(bold=base in _LOUD, dim=base in _QUIET or base.endswith(".dim"))


def _in_depth(color: Color, depth: str) -> str:
    if isinstance(color, int):
        return f"color({color})"
    if depth == "truecolor":
        return color
    return f"color({_nearest256(color) if depth == '256' else _nearest16(color)})"


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def mix(color: str, ground: str, share: float) -> str:
    """`share` of `color` on `ground`, both `#rrggbb`."""
    pairs = zip(_rgb(color), _rgb(ground), strict=True)
    return "#" + "".join(f"{round(front * share + back * (1 - share)):02x}" for front, back in pairs)


def _quieter(color: str, ground: str) -> str:
    """Some of a colour mixed into the ground: as little as can still be seen as a line."""
    mixed = (mix(color, ground, percent / 100) for percent in range(42, 100, 4))
    return next((found for found in mixed if contrast(found, ground) >= LINE_CONTRAST), color)


def contrast(color: str, other: str) -> float:
    """WCAG's ratio of two colours `#rrggbb`: 1 the same, 21 black and white."""
    low, high = sorted((_luminance(color), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    parts = [value / 255 for value in _rgb(color)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_LEVELS = (0, 95, 135, 175, 215, 255)


def _nearest256(color: str) -> int:
    """Nearest of the fixed colours 16 to 255: the 6×6×6 cube or the grey ramp."""
    rgb = _rgb(color)
    steps = [min(range(6), key=lambda i, v=v: abs(_LEVELS[i] - v)) for v in rgb]  # type: ignore[misc]
    cube = sum((_LEVELS[i] - v) ** 2 for i, v in zip(steps, rgb, strict=True))
    ramp = max(0, min(23, round((sum(rgb) / 3 - 8) / 10)))
    grey = sum((8 + 10 * ramp - v) ** 2 for v in rgb)
    return 232 + ramp if grey < cube else 16 + 36 * steps[0] + 6 * steps[1] + steps[2]


_ANSI_RGB = (
    (0, 0, 0), (205, 49, 49), (13, 188, 121), (229, 190, 16), (36, 114, 200), (188, 63, 188), (17, 168, 205),
    (229, 229, 229),
)  # fmt: skip


def _nearest16(color: Color) -> int:
    """Nearest of the eight basic colours; the bright ones look different everywhere."""
    if isinstance(color, int):
        return color
    rgb = _rgb(color)
    return min(range(8), key=lambda i: sum((a - b) ** 2 for a, b in zip(_ANSI_RGB[i], rgb, strict=True)))


_KEYS = ("base", "dark", "texture", "series", "colors")


def from_table(name: str, table: Mapping[str, object], *, path: str = "") -> Theme:
    """A theme from a TOML table: `base`, `dark`, `texture`, `[colors]` by role, `series` as a list.

    Colours are `#rrggbb`, `#rgb`, one of `ANSI_NAMES`, or 0 to 15. What is not set comes
    from `base` (dark when missing).

    Raises:
        UsageError: an unknown role, a colour that is none, an unknown base.
    """
    strange = [key for key in table if key not in _KEYS]
    if strange:
        raise UsageError(
            f"theme {name!r}: unknown key {strange[0]!r}", hint=f"keys: {', '.join(_KEYS)}", path=path
        )
    base = THEMES.get(str(table.get("base", "dark")))
    if base is None:
        raise UsageError(
            f"theme {name!r}: no theme {table['base']!r} to build on",
            hint=f"one of {', '.join(THEMES)}",
            path=path,
        )
    given = table.get("colors", {})
    listed = table.get("series", [])
    if not isinstance(given, dict) or not isinstance(listed, list):
        raise UsageError(f"theme {name!r}: `colors` is a table and `series` a list", path=path)
    unknown = [role for role in given if role not in ROLES]
    if unknown:
        raise UsageError(
            f"theme {name!r}: unknown role {unknown[0]!r}", hint=f"roles: {', '.join(ROLES)}", path=path
        )
    colors = {role: parse_color(color, theme=name, path=path) for role, color in given.items()}
    series = [parse_color(color, theme=name, path=path) for color in listed]
    return Theme(
        name,
        {**base.colors, **colors},
        series or base.series,
        dark=bool(table.get("dark", base.dark)),
        texture=bool(table.get("texture", base.texture)),
        colorless=base.colorless,
        ansi={role: number for role, number in base.ansi.items() if role not in colors},
        ansi_series=() if series else base.ansi_series,
    )


def parse_color(color: object, *, theme: str = "", path: str = "") -> Color:
    """A colour as themes write it; UsageError names the theme."""
    if isinstance(color, int) and not isinstance(color, bool) and 0 <= color < 16:
        return color
    if isinstance(color, str):
        if color.lower() in ANSI_NAMES:
            return ANSI_NAMES.index(color.lower())
        digits = color[1:].lower()
        if (
            color.startswith("#")
            and len(digits) in (3, 6)
            and all(char in "0123456789abcdef" for char in digits)
        ):
            return "#" + (digits if len(digits) == 6 else "".join(char * 2 for char in digits))
    raise UsageError(
        f"theme {theme!r}: {color!r} is no colour",
        hint="#rrggbb, a name such as bright_cyan, or 0 to 15",
        path=path,
    )


_ANSI: dict[str, int] = {"accent": 6, "focus": 6, "ok": 2, "warn": 3, "error": 1, "hit": 3, "selection": 6}
_ANSI_SERIES = (6, 3, 2, 5, 4, 1, 7)

DARK = Theme(
    "dark",
    {
        "dim": "#919aa4",
        "faint": "#606975",
        "border": "#3b434d",
        "focus": "#6cb6ff",
        "title": "#c9d1d9",
        "accent": "#6cb6ff",
        "ok": "#3fb68b",
        "warn": "#e0a030",
        "error": "#f4705e",
        "hit": "#e0c050",
        "selection": "#22303f",
    },
    ["#56b4e9", "#e69f00", "#2fc39a", "#dd8fbf", "#f0e442", "#ee7733", "#7f8ef7", "#b8bec8"],
    ansi=_ANSI,
    ansi_series=_ANSI_SERIES,
)

LIGHT = Theme(
    "light",
    {
        "dim": "#5f6770",
        "faint": "#8b929b",
        "border": "#c3c9d0",
        "focus": "#0969da",
        "title": "#24292f",
        "accent": "#0969da",
        "ok": "#157753",
        "warn": "#8f5f00",
        "error": "#cf222e",
        "hit": "#f2d675",
        "selection": "#e4effc",
    },
    ["#0072b2", "#b85600", "#00805c", "#b0508a", "#8a7400", "#b02418", "#5a50c8", "#57606a"],
    dark=False,
    ansi=_ANSI,
    ansi_series=(4, 1, 2, 5, 6, 3, 0),
)

HIGH_CONTRAST = Theme(
    "high-contrast",
    {
        "background": "#000000",
        "text": "#ffffff",
        "dim": "#d8d8d8",
        "faint": "#8c8c8c",
        "border": "#8c8c8c",
        "focus": "#ffff55",
        "title": "#ffffff",
        "accent": "#ffff55",
        "ok": "#55ff99",
        "warn": "#ffcc33",
        "error": "#ff8877",
        "hit": "#ffff55",
        "selection": "#003a70",
    },
    ["#55ccff", "#ffb000", "#33ee99", "#ff99dd", "#ffff66", "#ff8844", "#aab4ff", "#ffffff"],
    ansi=_ANSI,
    ansi_series=_ANSI_SERIES,
)

COLORBLIND = Theme(
    "colorblind",
    {
        **DARK.colors,
        "accent": "#dd8fbf",
        "focus": "#dd8fbf",
        "ok": "#56b4e9",
        "warn": "#f0e442",
        "error": "#ee7733",
    },
    ["#56b4e9", "#e69f00", "#f0e442", "#dd8fbf", "#ffffff", "#009e73", "#d55e00", "#4a86e8"],
    ansi={**_ANSI, "ok": 4, "error": 5},
    ansi_series=(6, 3, 7, 5, 4, 2, 1),
    texture=True,
)
"""Signals and curves that differ in blue, yellow and lightness, never in red against green."""

COLORBLIND_LIGHT = Theme(
    "colorblind-light",
    {
        **LIGHT.colors,
        "accent": "#8c3c72",
        "focus": "#8c3c72",
        "ok": "#0072b2",
        "warn": "#b34700",
        "error": "#5c0012",
    },
    ["#0072b2", "#b34700", "#000000", "#8a00e6", "#661456", "#e6005c", "#000080"],
    dark=False,
    ansi={**_ANSI, "ok": 4, "error": 5},
    ansi_series=(4, 1, 0, 5, 3, 2, 6),
    texture=True,
)

ANSI = Theme("ansi", dict(_ANSI), list(_ANSI_SERIES), ansi=_ANSI, ansi_series=_ANSI_SERIES)
"""The terminal's own sixteen colours at any depth."""

MONO = Theme("mono", {}, [7], colorless=True)
"""No colour at any depth: bold, dim and reverse tell apart."""

THEMES: dict[str, Theme] = {
    theme.name: theme for theme in (DARK, LIGHT, HIGH_CONTRAST, COLORBLIND, COLORBLIND_LIGHT, ANSI, MONO)
}


def pick(name: str | None, *, dark: bool, folder: str | None = None) -> Theme:
    """A theme by name: built in, or `NAME.toml` in `folder`; None and `auto` follow the background.

    folder: `$XDG_CONFIG_HOME/opengraphs/themes` when None.

    Raises:
        UsageError: there is no such theme, or its file is damaged.
    """
    if name is None or name == "auto":
        return DARK if dark else LIGHT
    theme = THEMES.get(name)
    if theme is not None:
        return theme
    where = themes_folder() if folder is None else folder
    path = f"{where}/{name}.toml"
    if "/" in name or not os.path.isfile(path):  # noqa: PTH113 - stage 0 does without pathlib
        raise UsageError(f"no theme {name!r}", hint=f"one of auto, {', '.join(THEMES)}, or a file in {where}")
    return _read(name, path)


def own(folder: str | None = None) -> list[str]:
    """The names of the themes of one's own, sound or not."""
    try:
        files = os.listdir(themes_folder() if folder is None else folder)  # noqa: PTH208 - stage 0 has no pathlib
    except OSError:
        return []
    return sorted(
        name[:-5] for name in files if name.endswith(".toml") and name[:-5] not in (*THEMES, "auto")
    )


def themes_folder() -> str:
    """Where themes of one's own lie."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return f"{base}/opengraphs/themes"


def _read(name: str, path: str) -> Theme:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            table = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"theme {name!r} cannot be read ({error})", path=path) from error
    return from_table(name, table, path=path)
