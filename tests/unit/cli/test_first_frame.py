"""Which words of a view allow a first frame before click."""

from __future__ import annotations

import pytest

from opengraphs.cli import first_frame


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ([], (None, {})),
        (["k7f3"], ("k7f3", {})),
        (["--store", "X", "k7f3", "--theme=dark"], ("k7f3", {"--store": "X", "--theme": "dark"})),
        (["--no-color"], (None, {"--no-color": ""})),
        (["--once"], None),
        (["--help"], None),
        (["--unknown"], None),
        (["one", "two"], None),
        (["--store"], None),
    ],
)
def test_only_plain_words_are_read(words: list[str], wish: tuple[str | None, dict[str, str]] | None) -> None:
    assert first_frame.read(words) == wish


def test_nothing_is_painted_where_there_is_no_terminal() -> None:
    first_frame.paint(["view", "no/such/place"])
    assert first_frame.take() is None
