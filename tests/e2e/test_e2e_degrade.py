"""Small windows, no colour, sixteen colours, ASCII: nothing broken, nothing clipped that matters."""

from __future__ import annotations

import re

import pytest
from made_runs import make_run
from og_user import OG, OgUser
from terminal import Terminal

RUN = "20270115-080000-k7f3"
BRAILLE = re.compile("[\u2801-\u28ff]")
SIZES = [(200, 50), (120, 40), (80, 24), (40, 10)]
TRUECOLOUR, INDEXED, SIXTEEN = (
    re.compile(p) for p in (rb"[34]8[;:]2[;:]", rb"[34]8[;:]5[;:]", rb"\x1b\[[0-9;]*[349][0-7]m")
)


@pytest.fixture
def ended(user: OgUser) -> OgUser:
    make_run(user.store, RUN, name="digits")
    user.og("list")
    return user


def view(user: OgUser, *words: str, columns: int = 120, rows: int = 40, **env: str) -> Terminal:
    return Terminal(
        [str(OG), "view", "k7f3", *words], env={**user.env, **env}, cwd=user.work, columns=columns, rows=rows
    )


def drawn(text: str) -> bool:
    return "train/loss" in text and len(BRAILLE.findall(text)) > 5


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_every_size_shows_a_chart_with_its_title_and_value(ended: OgUser, columns: int, rows: int) -> None:
    with view(ended, columns=columns, rows=rows) as screen:
        text = screen.wait_for(drawn)
        assert "digits" in text
        assert "0.01" in text
        screen.send("q")
        assert screen.exit_code() == 0


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_every_size_shows_the_runs(ended: OgUser, columns: int, rows: int) -> None:
    with Terminal([str(OG)], env=ended.env, cwd=ended.work, columns=columns, rows=rows) as screen:
        screen.wait_text("digits")
        screen.send("q")
        assert screen.exit_code() == 0


def test_window_may_change_its_size_again_and_again(ended: OgUser) -> None:
    with view(ended) as screen:
        screen.wait_for(drawn)
        screen.send("?")
        screen.wait_text("Graphs: keys")
        screen.send("\x1b")
        screen.wait_for(lambda text: "Graphs: keys" not in text)
        for columns, rows in (*SIZES, (20, 5), (10, 3), (1, 1), (120, 40)):
            screen.resize(columns, rows)
        screen.wait_for(drawn)
        assert screen.process.poll() is None


@pytest.mark.parametrize(("words", "env"), [((), {"NO_COLOR": "1"}), (("--no-color",), {})])
def test_no_colour_means_none(ended: OgUser, words: tuple[str, ...], env: dict[str, str]) -> None:
    with view(ended, *words, **env) as screen:
        screen.wait_for(drawn)
        seen = bytes(screen.seen)
        for kind in (TRUECOLOUR, INDEXED, SIXTEEN):
            assert not kind.search(seen), kind.pattern
        assert {style[:2] for style in screen.styles()} == {("default", "default")}


@pytest.mark.parametrize(
    ("env", "used", "unused"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TRUECOLOUR, None),
        ({"TERM": "xterm-256color", "COLORTERM": ""}, INDEXED, TRUECOLOUR),
        ({"TERM": "xterm", "COLORTERM": ""}, SIXTEEN, INDEXED),
        ({"TERM": "linux", "COLORTERM": ""}, SIXTEEN, INDEXED),
    ],
)
def test_colours_are_those_of_the_terminal(
    ended: OgUser, env: dict[str, str], used: re.Pattern[bytes], unused: re.Pattern[bytes] | None
) -> None:
    with view(ended, **env) as screen:
        screen.wait_for(lambda text: "train/loss" in text and "0.01" in text)
        seen = bytes(screen.seen)
        assert used.search(seen)
        assert unused is None or not unused.search(seen)


@pytest.mark.parametrize(
    ("words", "env"),
    [(("--glyphs", "ascii"), {}), ((), {"LANG": "C", "LC_ALL": "C"}), ((), {"OG_GLYPHS": "ascii"})],
)
def test_ascii_glyphs_draw_everything_in_ascii(
    ended: OgUser, words: tuple[str, ...], env: dict[str, str]
) -> None:
    with view(ended, *words, **env) as screen:
        text = screen.wait_for(lambda text: "train/loss" in text and "0.01" in text)
        assert text.isascii(), sorted({char for char in text if not char.isascii()})


def test_block_glyphs_draw_no_braille(ended: OgUser) -> None:
    with view(ended, "--glyphs", "block") as screen:
        text = screen.wait_for(lambda text: "train/loss" in text and re.search("[▀▄█]", text))
        assert not BRAILLE.search(text)


def test_hostile_names_cannot_reach_the_terminal(user: OgUser) -> None:
    make_run(user.store, RUN, name="a\x1b]0;owned\x07\x1b[2Jb", notes="\x1b[31m", project="p\nq")
    for words in ((), ("view", "k7f3"), ("list",), ("show", "k7f3")):
        with Terminal([str(OG), *words], env=user.env, cwd=user.work) as screen:
            screen.wait_for(lambda text: "b" in text)
            if words and words[0] in ("list", "show"):
                screen.exit_code()
            assert b"owned\x07" not in screen.seen
