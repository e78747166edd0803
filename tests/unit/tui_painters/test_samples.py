"""Samples as text: wrapping, what is as expected, differences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.painters import samples
from opengraphs.tui.painters.cells import plain
from opengraphs.tui.painters.text import cell_len

GLYPH = GLYPHS["braille"]


def sample(**columns: Any) -> dict[str, Any]:
    return {"step": 1, "name": "samples", "columns": columns}


@given(st.text(max_size=200), st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(text: str, width: int) -> None:
    lines = samples.wrap(text, width, GLYPH)
    assert all(cell_len(line) <= width for line in lines)
    cleaned = "".join(map(GLYPH.clean, text.expandtabs(4).split("\n")))
    assert "".join(lines).replace(" ", "") == cleaned.replace(" ", "")


def test_words_stay_whole_and_indents_stay() -> None:
    assert samples.wrap("the quick brown fox", 10, GLYPH) == ["the quick", "brown fox"]
    assert samples.wrap("if a:\n    return b", 20, GLYPH) == ["if a:", "    return b"]
    assert samples.wrap("漢字漢字漢字", 5, GLYPH) == ["漢字", "漢字", "漢字"]


@pytest.mark.parametrize(
    ("columns", "right"),
    [
        ({"completion": "4", "expected": " 4\n"}, True),
        ({"completion": "5", "expected": "4"}, False),
        ({"output": 4, "target": 4}, True),
        ({"completion": "4"}, None),
        ({"expected": "4"}, None),
    ],
)
def test_as_expected(columns: dict[str, Any], right: bool | None) -> None:
    assert samples.as_expected(sample(**columns)) is right


def test_the_score_is_the_usual_name_or_the_first_number() -> None:
    assert samples.score_column([sample(tokens=3, score=0.1)]) == "score"
    assert samples.score_column([sample(text="a", tokens=3, ok=True)]) == "tokens"
    assert samples.score_column([sample(text="a")]) == ""


def test_difference_marks_words_by_signs() -> None:
    old, new = (
        sample(prompt="p", completion="It is 7, I think.", n=1),
        sample(prompt="p", completion="It is 6.", n=2),
    )
    rows = samples.difference(old, new, 60, GLYPH)
    text = "\n".join(plain(rows))
    assert "It is [-7, I think-]{+6+}." in text
    assert "[-1-]{+2+}" in text
    assert "prompt  the same" in text
    roles = {role for row in rows for _, role in row}
    assert {"error", "ok"} <= roles


@given(st.text(max_size=120), st.text(max_size=120))
def test_difference_of_anything_keeps_its_width(old: str, new: str) -> None:
    for row in samples.difference(sample(completion=old), sample(completion=new), 30, GLYPH):
        assert cell_len("".join(text for text, _ in row)) <= 30


def test_a_conversation_is_read_as_its_turns() -> None:
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    assert samples.text_of(chat) == "user: hi\nassistant: hello"
    assert samples.text_of([1, 2]) == "[1, 2]"
