"""Two runs in one chart can be told apart whatever the terminal can do: by colour, by marker, by texture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from og_user import OG, OgUser
from scene import make_scene
from terminal import Terminal

LOOKS = {
    "no colour": ((), {"NO_COLOR": "1"}),
    "16 colours": ((), {"TERM": "xterm-16color", "COLORTERM": ""}),
    "ascii": (("--glyphs", "ascii"), {}),
    "ascii, no colour": (("--glyphs", "ascii"), {"NO_COLOR": "1"}),
    "colour-blind": (("--theme", "colorblind"), {}),
    "colour-blind, 256": (("--theme", "colorblind"), {"TERM": "xterm-256color", "COLORTERM": ""}),
    "block": (("--glyphs", "block"), {}),
}


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OgUser]:
    with OgUser(tmp_path_factory.mktemp("apart")) as user:
        make_scene(user.store)
        user.og("list")
        yield user


@pytest.mark.parametrize("look", LOOKS)
def test_two_runs_are_told_apart(viewer: OgUser, look: str) -> None:
    words, env = LOOKS[look]
    command = [str(OG), "view", "aa11", "--with", "cc33", "--graphs", "train/loss", *words]
    with Terminal(command, env={**viewer.env, **env}, cwd=viewer.work) as screen:
        text = screen.wait_for(lambda text: "baseline" in text and "slower-lr" in text and _drawn(text))
        at, first, second = _legend(text)
        assert first != second, "the legend has a marker for each"

        def places(mark: str) -> list[Any]:
            """The cells of the plot that hold a marker."""
            rows = [screen.screen.buffer[y] for y in range(at + 1, at + 20)]
            return [row[x] for row in rows for x in range(8, 80) if row[x].data == mark]

        screen.wait_for(lambda _: places(first) and places(second))  # each curve carries its marker
        colours = [{cell.fg for cell in places(mark)} for mark in (first, second)]
        if "NO_COLOR" in env:
            assert colours == [{"default"}, {"default"}]
        else:
            assert not colours[0] & colours[1], "and has a colour of its own"


def _legend(text: str) -> tuple[int, str, str]:
    """The row of the legend, and the markers of both runs in it."""
    lines = text.split("\n")
    at = next(y for y, line in enumerate(lines) if "baseline" in line and "slower-lr" in line)
    first, second = (lines[at][: lines[at].index(name)].rstrip()[-1] for name in ("baseline", "slower-lr"))
    return at, first, second


def _drawn(text: str) -> bool:
    return text.count("\n") > 10 and "0.26" in text
