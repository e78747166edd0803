"""The painted input line keeps the caret in view, whatever is typed, and never breaks a character."""

from __future__ import annotations

import pytest

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.painters.cells import Row, row_width
from opengraphs.tui.screens.input_line import paint_input
from opengraphs.tui.widgets.line_edit import LineEdit

BRAILLE, ASCII = GLYPHS["braille"], GLYPHS["ascii"]
WIDE = "\u4e2d\u6587\u5b57\u6a21\u578b"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
MIXED = f"a{WIDE}e\u0301{FAMILY}b\U0001f1e9\U0001f1eac{WIDE}d"


def under_caret(row: Row) -> str:
    lit = [text for text, role in row if role == "cursor"]
    assert len(lit) == 1
    return lit[0]


@pytest.mark.parametrize("width", [14, 15, 16, 17, 22, 40])
@pytest.mark.parametrize("text", ["x" * 60, WIDE * 8, MIXED * 3], ids=["narrow", "wide", "mixed"])
def test_the_caret_is_in_view_at_every_place(text: str, width: int) -> None:
    edit = LineEdit(text)
    places = 0
    while True:
        row = paint_input(edit.state, width, BRAILLE, label="find")
        assert row_width(row) == width
        expected = BRAILLE.clean(text[edit.caret : edit.right]) or " "
        assert under_caret(row) == expected
        places += 1
        if edit.caret == 0:
            break
        edit.press("left", None)
    assert places > 20


def test_a_mark_is_drawn_on_its_letter() -> None:
    row = paint_input(LineEdit("cafe\u0301 noir").state, 30, BRAILLE, label="find")
    assert "caf\u00e9 noir" in "".join(text for text, _ in row)


def test_a_selection_is_lit_by_whole_characters() -> None:
    edit = LineEdit(f"a{FAMILY}b")
    edit.press("shift+left", None)
    edit.press("shift+left", None)
    row = paint_input(edit.state, 30, BRAILLE, label="find")
    assert under_caret(row) == BRAILLE.clean(FAMILY)
    assert [text for text, role in row if role == "sel:text"] == ["b"]


def test_an_ascii_terminal_gets_ascii_where_the_text_goes_on() -> None:
    edit = LineEdit("x" * 80)
    edit.move_to(0)
    row = paint_input(edit.state, 30, ASCII, label="find")
    assert "".join(text for text, _ in row).isascii()
