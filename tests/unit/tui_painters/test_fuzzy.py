"""What people type finds what they mean: beginnings of words first, letters left out after."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.tui.fuzzy import fit

NAMES = ("Log y, on or off", "Logs: what it printed", "train/loss", "eval/loss", "Zoom in", "Zoom out")


def best(query: str) -> str:
    found = [(one.score, name) for name in NAMES if (one := fit(query, name))]
    return max(found)[1]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("log y", "Log y, on or off"),
        ("logs", "Logs: what it printed"),
        ("tl", "train/loss"),
        ("el", "eval/loss"),
        ("loss ev", "eval/loss"),
        ("zoout", "Zoom out"),
        ("trlo", "train/loss"),
        ("ZOOM IN", "Zoom in"),
    ],
)
def test_the_best_fit_is_what_was_meant(query: str, name: str) -> None:
    assert best(query) == name


def test_the_letters_that_fit_are_told() -> None:
    found = fit("loss ev", "eval/loss")
    assert found is not None
    assert found.places == (0, 1, 5, 6, 7, 8)
    assert fit("tl", "train/loss").places == (0, 6)  # type: ignore[union-attr]


@pytest.mark.parametrize(("query", "text"), [("lgz", "Logs"), ("los", "Help for this screen"), ("x", "")])
def test_what_does_not_fit_is_left_out(query: str, text: str) -> None:
    assert fit(query, text) is None


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=8), st.text(max_size=30))
def test_places_are_letters_of_the_query(query: str, text: str) -> None:
    found = fit(query, text)
    if found is not None:
        letters = query.lower()
        assert all(0 <= place < len(text) for place in found.places)
        assert all(text[place].lower() in letters for place in found.places)
    assert query.split() == [] or query not in text or found is not None or len(text.lower()) != len(text)
