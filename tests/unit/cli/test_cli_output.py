"""Who gets colour."""

from __future__ import annotations

import io

import pytest

from opengraphs.cli.output import Ink, wants_colour


class Stream(io.StringIO):
    def __init__(self, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@pytest.mark.parametrize(
    ("tty", "env", "no_color", "wanted"),
    [
        (True, {}, False, True),
        (True, {"TERM": "dumb"}, False, False),
        (True, {"NO_COLOR": "1"}, False, False),
        (True, {"NO_COLOR": ""}, False, True),
        (True, {}, True, False),
        (False, {}, False, False),
        (False, {"FORCE_COLOR": "1"}, False, True),
        (False, {"CLICOLOR_FORCE": "1"}, False, True),
        (True, {"FORCE_COLOR": "0"}, False, False),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        (False, {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_rules(tty: bool, env: dict[str, str], no_color: bool, wanted: bool) -> None:
    assert wants_colour(Stream(tty), env=env, no_color=no_color) is wanted


def test_ink_that_is_off_leaves_text_alone() -> None:
    assert Ink(False)("x", "red", "bold") == "x"
    assert Ink(True)("x", "red", "bold") == "\x1b[31;1mx\x1b[0m"
    assert Ink(True)("", "red") == ""
    assert Ink(True).status("failed") == "\x1b[31mfailed\x1b[0m"
    assert Ink(True).status("unheard-of") == "unheard-of"


def test_line_of_output_keeps_its_colours_to_itself() -> None:
    assert Ink(True).log_line("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert Ink(False).log_line("\x1b[31mred") == "red"
    assert Ink(True).log_line("plain") == "plain"
