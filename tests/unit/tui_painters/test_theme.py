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
@pytest.mark.parametrize("name", ["dark", "light", "high-contrast"])
def test_series_colours_differ(name: str, depth: str) -> None:
    looks = [THEMES[name].resolve(f"series.{n}", depth).fg for n in range(7)]
    assert len(set(looks)) == 7


def luminance(color: str) -> float:
    def linear(part: str) -> float:
        share = int(part, 16) / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color[1:3]) + 0.7152 * linear(color[3:5]) + 0.0722 * linear(color[5:7])


@pytest.mark.parametrize(
    ("name", "ground"), [("dark", "#101418"), ("light", "#ffffff"), ("high-contrast", "#000000")]
)
def test_curves_and_words_stand_out_from_the_ground(name: str, ground: str) -> None:
    for role in [*(f"series.{n}" for n in range(8)), "dim", "title", "accent", "ok", "warn", "error"]:
        color = THEMES[name].resolve(role, "truecolor").fg
        assert color is not None
        pair = sorted((luminance(color), luminance(ground)))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.0, role


def test_mono_and_no_colour_never_colour() -> None:
    assert MONO.resolve("series.3", "truecolor").key() == Style().key()
    assert MONO.textured("truecolor")
    assert not DARK.textured("16")
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
