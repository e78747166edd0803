"""The curve of a family as a chart shows it: one line down the path, abandoned branches thin."""

from __future__ import annotations

from typing import Any

from opengraphs.tui.glyphs import BRAILLE
from opengraphs.tui.painters import chart, family
from opengraphs.tui.painters.cells import plain


def piece(
    run: str, role: str, xs: list[float], *, of: str = "leaf", derived: str | None = None, **more: Any
) -> Any:
    return {
        "run": run, "metric": "loss", "derived": derived, "rank": None, "x": xs, "y": [x * 10 for x in xs], "points": len(xs),
        "last": {"step": xs[-1], "time": 0.0, "value": xs[-1] * 10}, "nonfinite": {"nan": 0, "inf": 0, "at": []},
        "family": {"of": of, "role": role}, **more,
    }  # fmt: skip


REPLY = [
    piece("root", "path", [0.0, 1.0]),
    piece("root", "path", [0.0, 1.0], derived="ma(2)"),
    piece("root", "abandoned", [2.0, 3.0]),
    piece("root", "abandoned", [2.0, 3.0], derived="ma(2)"),
    piece("leaf", "path", [2.0, 3.0, 4.0]),
    piece("leaf", "path", [2.0, 3.0, 4.0], derived="ma(2)"),
]


def test_the_path_is_one_line_in_the_colour_of_the_run_and_the_rest_is_thin() -> None:
    curves = family.curves_of(REPLY, metric="loss", colors={"leaf": 3, "root": 1}, labels={"leaf": "mine"})
    assert [(list(one.x), one.series, one.thin, one.label) for one in curves] == [
        ([2.0, 3.0], 3, True, ""),
        ([0.0, 1.0, 2.0, 3.0, 4.0], 3, True, "mine"),
        ([0.0, 1.0, 2.0, 3.0, 4.0], 3, False, "mine"),
    ]
    assert curves[-1].last == 40.0


def test_the_title_tells_the_last_value_of_the_run_and_not_of_what_was_abandoned() -> None:
    curves = family.curves_of(REPLY, metric="loss", colors={}, labels={"leaf": "mine"})
    rows = chart.paint(chart.ChartSpec("loss", curves), 60, 12, BRAILLE)
    assert plain(rows[:1])[0].split()[-2] == "40"


def test_without_an_average_the_path_itself_is_bright() -> None:
    raw = [one for one in REPLY if one["derived"] is None]
    assert [one.thin for one in family.curves_of(raw, metric="loss", colors={}, labels={})] == [True, False]


def test_two_families_keep_their_colours_and_bands_are_of_the_path() -> None:
    band = {"x": [0.0], "low": [1.0], "high": [2.0]}
    both = [
        *REPLY,
        piece("other", "path", [0.0], of="other", band=band),
        piece("x", "abandoned", [0.0], of="other", band=band),
    ]
    curves = family.curves_of(both, metric="loss", colors={"leaf": 3, "other": 5}, labels={})
    assert {one.series for one in curves} == {3, 5}
    assert [one.series for one in family.family_bands(both, metric="loss", colors={"other": 5})] == [5]
    assert not family.is_of_families([{"run": "a"}])  # type: ignore[list-item]
