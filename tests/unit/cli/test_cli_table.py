"""Tables that fit the terminal."""

from __future__ import annotations

import pytest

from opengraphs.cli.output import Ink
from opengraphs.cli.table import Column, cells, clip, clip_front, render

PLAIN = Ink(False)
COLUMNS = (Column("ID"), Column("NAME", weight=1, elastic=True), Column("N", weight=2, right=True))
ROWS = [["a1", "a name that is long", "12345"], ["b2", "次元", "7"]]


def test_everything_is_written_out_where_there_is_no_terminal() -> None:
    assert render(COLUMNS, ROWS, limit=None, ink=PLAIN) == [
        "ID  NAME                     N",
        "a1  a name that is long  12345",
        "b2  次元                     7",
    ]


@pytest.mark.parametrize("limit", range(6, 60))
def test_no_line_is_wider_than_the_terminal(limit: int) -> None:
    lines = render(COLUMNS, ROWS, limit=limit, ink=PLAIN)
    assert max(cells(line) for line in lines) <= limit


def test_heaviest_column_leaves_first() -> None:
    assert render(COLUMNS, ROWS, limit=18, ink=PLAIN)[0].split() == ["ID", "NAME"]
    assert render(COLUMNS, ROWS, limit=8, ink=PLAIN)[0].split() == ["ID"]


def test_elastic_column_is_cut_with_an_ellipsis() -> None:
    line = render(COLUMNS, ROWS, limit=25, ink=PLAIN)[1]
    assert "…" in line
    assert line.endswith("12345")


def test_wide_characters_count_two_and_combining_ones_none() -> None:
    assert cells("次元") == 4
    assert cells("e\u0301") == 1
    assert clip("次元次元", 5) == "次元…"
    assert clip("abc", 0) == ""


def test_styles_colour_the_text_and_not_the_padding() -> None:
    lines = render(COLUMNS, ROWS, limit=None, ink=Ink(True), styles={(1, 1): ("green",)})
    assert "\x1b[32m次元\x1b[0m  " in lines[2]


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("train/loss 0.51", 15, "train/loss 0.51"),
        ("train/loss 0.51", 9, "…oss 0.51"),
        ("数数x", 3, "…x"),
        ("ab", 0, ""),
    ],
)
def test_text_that_keeps_its_end_is_cut_in_front(text: str, limit: int, cut: str) -> None:
    assert clip_front(text, limit) == cut
    assert cells(clip_front(text, limit)) <= limit
