"""Text in the pieces that people take for characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengraphs.tui import graphemes

WOMAN_HEALTH = "\U0001f469\U0001f3fd\u200d\u2695\ufe0f"
RAINBOW = "\U0001f3f3\ufe0f\u200d\U0001f308"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
HEAD_SHAKE = "\U0001f642\u200d\u2194\ufe0f"


@pytest.mark.parametrize(
    "pieces",
    [
        ["a", "b", " "],
        ["e\u0301", "x"],
        ["\u0301", "x"],
        [WOMAN_HEALTH, WOMAN_HEALTH],
        [RAINBOW, SCOTLAND, HEAD_SHAKE],
        ["\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7", "\U0001f1e9", "x"],
        ["\u1112\u1161\u11ab", "\u1100\u1173\u11af"],
        ["\ud55c", "\uae00\u11a8\u11ab", "\u1161", "x"],
        ["\u0915\u093f", "\u0928\u094d"],
        ["a\u200d", "b"],
        ["\U0001f1e9\u200d", "\U0001f44d"],
        ["\u2764\ufe0f", "1\ufe0f\u20e3", "\u4e2d"],
    ],
    ids=ascii,
)
def test_clusters(pieces: list[str]) -> None:
    assert graphemes.clusters("".join(pieces)) == pieces


LETTERS = st.text(
    "ab \u0301\u200d\ufe0f\u4e2d\uac00\u1100\u1161\u11a8\U0001f1e9\U0001f468\U0001f3fd", max_size=12
)


@given(LETTERS)
def test_clusters_lose_nothing(text: str) -> None:
    pieces = graphemes.clusters(text)
    assert "".join(pieces) == text
    assert all(pieces)


@given(LETTERS, st.integers(-1, 14))
def test_steps_go_to_the_next_boundary_and_no_farther(text: str, at: int) -> None:
    found = list(graphemes.boundaries(text))
    assert graphemes.before(text, at) == max([one for one in found if one < at], default=0)
    assert graphemes.after(text, at) == min([one for one in found if one > at], default=len(text))
    assert graphemes.at_or_before(text, at) == max([one for one in found if one <= at], default=0)
