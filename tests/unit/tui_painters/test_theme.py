"""Themes: every role has a look at every depth, own themes are read, nonsense is refused by name."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from opengraphs.errors import UsageError
from opengraphs.tui import ansi, terminal, theme
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.theme import DARK, DEPTHS, MONO, ROLES, THEMES, Style

PAINTED_ROLES = [
    *(role for role in ROLES if role not in ("selection", "background")),
    *(f"series.{n}{shade}" for n in range(10) for shade in ("", ".dim")),
    *(f"ansi.{n}" for n in range(16)),
    "hit.now",
    "cursor",
]

COLORED = [name for name in THEMES if name not in ("ansi", "mono")]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", list(THEMES))
def test_every_role_resolves_to_colours_of_the_depth(name: str, depth: str) -> None:
    for prefix, role in itertools.product(("", "b:", "sel:", "sel:b:"), PAINTED_ROLES):
        style = THEMES[name].resolve(prefix + role, depth)
        for color in (style.fg, style.bg):
            if color is None:
                continue
            assert depth != "none"
            if color.startswith("#"):
                assert depth == "truecolor"
                assert len(color) == 7
            else:
                assert 0 <= int(color[6:-1]) < (16 if depth == "16" else 256)
        assert style.bold or "b:" not in prefix
        assert all(char in "0123456789;" for char in ansi.sgr(style))


@pytest.mark.parametrize("depth", ["16", "256", "truecolor"])
@pytest.mark.parametrize("name", COLORED)
def test_series_colours_differ(name: str, depth: str) -> None:
    looks = [THEMES[name].resolve(f"series.{n}", depth).fg for n in range(7)]
    assert len(set(looks)) == 7


WORDS = ("dim", "title", "accent", "focus", "ok", "warn", "error")
CURVES = tuple(f"series.{n}{shade}" for n in range(8) for shade in ("", ".dim"))


def ratio(name: str, role: str, ground: str) -> float:
    color = THEMES[name].resolve(role, "truecolor").fg
    assert color is not None
    return theme.contrast(color, ground)


def test_contrast_is_that_of_wcag() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", COLORED)
def test_words_can_be_read_and_lines_be_seen(name: str) -> None:
    """Frames (`border`) are not held to it: nothing is lost without them, save where contrast was asked for."""
    own = THEMES[name]
    for ground in {own.ground, "#000000" if own.dark else "#ffffff"}:
        for role in WORDS:
            assert ratio(name, role, ground) >= theme.TEXT_CONTRAST, role
        for role in (*CURVES, "faint"):
            assert ratio(name, role, ground) >= theme.LINE_CONTRAST, role
    selection = str(own.colors["selection"])
    for role in WORDS:
        assert ratio(name, role, selection) >= 4.4, role
    assert ratio(name, "border", own.ground) >= (theme.LINE_CONTRAST if name == "high-contrast" else 1.5)


@pytest.mark.parametrize("name", COLORED)
@pytest.mark.parametrize("role", ["hit", "hit.now"])
def test_matches_can_be_read(name: str, role: str) -> None:
    style = THEMES[name].resolve(role, "truecolor")
    assert style.fg is not None
    assert style.bg is not None
    assert theme.contrast(style.fg, style.bg) >= theme.TEXT_CONTRAST


def test_high_contrast_is_higher() -> None:
    for role in WORDS:
        assert ratio("high-contrast", role, "#000000") >= 7, role


VISION = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "no red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "no blue": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
"""How eyes without one kind of cone see linear RGB (Machado, Oliveira and Fernandes, 2009)."""


def seen(color: str, vision: str) -> tuple[float, float, float]:
    """A colour in CIE L*a*b*, as these eyes see it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    rows = VISION[vision]
    r, g, b = (max(0.0, min(1.0, sum(a * v for a, v in zip(row, linear, strict=True)))) for row in rows)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.0888,
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def nearest(colors: list[str], vision: str) -> float:
    """The distance of the two colours that look most alike; 2 is just noticeable, side by side."""
    return min(
        sum((a - b) ** 2 for a, b in zip(seen(one, vision), seen(other, vision), strict=True)) ** 0.5
        for one, other in itertools.combinations(colors, 2)
    )


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", ["colorblind", "colorblind-light"])
def test_colours_stay_apart_for_every_eye(name: str, vision: str) -> None:
    own = THEMES[name]
    signals = [own.resolve(role, "truecolor").fg or "" for role in ("ok", "warn", "error")]
    curves = [own.resolve(f"series.{n}", "truecolor").fg or "" for n in range(7)]
    assert nearest(signals, vision) >= 20
    assert nearest(curves[:5], vision) >= 14
    assert nearest(curves, vision) >= 10


def test_mono_and_no_colour_never_colour() -> None:
    assert MONO.resolve("series.3", "truecolor").key() == Style().key()
    assert MONO.textured("truecolor")
    assert not DARK.textured("256")
    assert DARK.textured("16"), "what sixteen colours look like is the terminal's affair"
    assert THEMES["colorblind"].textured("truecolor")
    assert DARK.resolve("accent", "none").bold
    assert DARK.resolve("sel:dim", "none").reverse


def test_a_theme_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "sea.toml").write_text(
        'base = "light"\nseries = ["#123", "bright_cyan", 3]\n[colors]\naccent = "#8aadf4"\nok = "green"\n'
    )
    sea = theme.pick("sea", dark=True, folder=str(tmp_path))
    assert not sea.dark
    assert sea.resolve("accent", "truecolor").fg == "#8aadf4"
    assert sea.resolve("ok", "truecolor").fg == "color(2)"
    assert [sea.resolve(f"series.{n}", "truecolor").fg for n in range(4)] == [
        "#112233",
        "color(14)",
        "color(3)",
        "#112233",
    ]
    assert sea.resolve("dim", "truecolor").fg == THEMES["light"].resolve("dim", "truecolor").fg
    assert sea.resolve("accent", "16").fg == "color(7)"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("base = 'nope'", "nope"),
        ("accent = '#fff'", "unknown key 'accent'"),
        ("[colors]\nacent = '#fff'", "acent"),
        ("[colors]\naccent = 'pinkish'", "pinkish"),
        ("series = [true]", "True"),
        ("series = '#fff'", "list"),
        ("this is no toml", "cannot be read"),
    ],
)
def test_nonsense_in_a_theme_is_named_with_its_file(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        theme.pick("mine", dark=True, folder=str(tmp_path))
    assert word in caught.value.message
    assert caught.value.path.endswith("mine.toml")


def test_an_unknown_theme_says_which_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        theme.pick("../dark", dark=True)
    assert "high-contrast" in caught.value.hint


def test_rows_as_lines_end_reset_and_without_trailing_blanks() -> None:
    rows: list[Row] = [
        [("a ", "accent"), ("b", "text"), ("   ", "dim")],
        [("x", "sel:text"), ("  ", "sel:text")],
    ]
    assert ansi.lines(rows, DARK, "16").split("\n")[0] == "\x1b[36ma \x1b[0mb"
    assert ansi.lines(rows, DARK, "16").split("\n")[1].endswith("x  \x1b[0m")
    assert ansi.lines(rows, DARK, "none") == "\x1b[1ma \x1b[0mb\n\x1b[7mx  \x1b[0m\n"


# The terminal


@pytest.mark.parametrize(
    ("env", "depth"),
    [
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-kitty"}, "truecolor"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm", "CLICOLOR": "0"}, "none"),
        ({"TERM": "xterm", "NO_COLOR": "1", "OG_COLOR": "16"}, "16"),
    ],
)
def test_colour_depth_follows_the_environment(env: dict[str, str], depth: str) -> None:
    assert terminal.detect(env).depth == depth
    assert terminal.detect(env, no_color=True).depth == "none"


@pytest.mark.parametrize(
    ("env", "glyphs"),
    [
        ({"LANG": "en_US.UTF-8"}, "braille"),
        ({"LANG": "C"}, "ascii"),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "ascii"),
        ({"LC_CTYPE": "C.UTF-8"}, "braille"),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, "ascii"),
        ({"LANG": "de_DE.ISO-8859-1"}, "ascii"),
        ({"LANG": "C.UTF-8", "TERM": "linux"}, "ascii"),
        ({"LANG": "C", "OG_GLYPHS": "block"}, "block"),
        ({}, "braille"),
    ],
)
def test_glyphs_follow_the_locale(env: dict[str, str], glyphs: str) -> None:
    assert terminal.detect(env).glyphs == glyphs
    assert terminal.detect(env, glyphs="ascii").glyphs == "ascii"


@pytest.mark.parametrize(
    ("version", "parsed", "sync"),
    [
        ("3.3a", (3, 3, "a"), True),
        ("3.7", (3, 7, ""), False),
        ("3.7c", (3, 7, "c"), False),
        ("3.7d", (3, 7, "d"), True),
    ],
)
def test_tmux_versions_whose_synchronized_updates_repaint_everything_are_known(
    version: str, parsed: tuple[int, int, str], sync: bool
) -> None:
    env = {"TMUX": "/tmp/x,1,0", "TERM_PROGRAM": "tmux", "TERM_PROGRAM_VERSION": version}
    found = terminal.detect(env)
    assert found.tmux == parsed
    assert found.sync_output is sync


def test_background_and_dumb_terminals() -> None:
    assert terminal.detect({"COLORFGBG": "15;0"}).dark
    assert not terminal.detect({"COLORFGBG": "0;15"}).dark
    assert terminal.detect({}).dark
    assert not terminal.detect({"TERM": "dumb"}).screen
