"""Values of runs as cells, completion of filters, the column picker: pure parts of the Runs screen."""

from __future__ import annotations

import math
from typing import Any

import pytest

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.painters import cards, table, values
from opengraphs.tui.painters.cells import plain, row_width
from opengraphs.tui.painters.values import Chosen
from opengraphs.tui.screens import runs_filter
from opengraphs.tui.screens.runs_columns import ColumnPicker
from opengraphs.tui.screens.runs_state import RunsState
from opengraphs.tui.widgets.line_edit import LineEdit

RUN: dict[str, Any] = {
    "run_id": "r1",
    "name": "one",
    "status": "finished",
    "config": {"lr": 3e-4, "model": {"layers": 4}, "a.b": {"c": True}},
    "summary": {"train/loss": 0.5},
    "last": {"train/loss": 0.41, "eval/acc": 0.9},
    "values": {"min.train/loss": 0.3},
    "tags": ["lr=0.1", "base"],
    "created_at": "2026-11-22T09:30:12.123456Z",
}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("config.lr", 3e-4),
        ("config.model.layers", 4),
        ("config.a.b.c", True),
        ("config.none", None),
        ("summary.train/loss", 0.5),
        ("summary.eval/acc", 0.9),
        ("last.train/loss", 0.41),
        ("min.train/loss", 0.3),
        ("best.train/loss", None),
        ("tag.lr", "0.1"),
        ("created", "2026-11-22T09:30:12.123456Z"),
        ("git.branch", None),
    ],
)
def test_values_are_found_by_their_dotted_names(key: str, expected: Any) -> None:
    assert values.at(RUN, key) == expected


@pytest.mark.parametrize(
    ("found", "form", "text"),
    [
        (0.0003, "auto", "3e-4"),
        (0.0003, "fixed 4", "0.0003"),
        (0.372, "percent", "37.2 %"),
        (4000.4, "int", "4000"),
        (3661, "duration", "1h01m"),
        (0.00031, "scientific", "3.10e-04"),
        ("NaN", "fixed 2", "NaN"),
        (math.inf, "int", "inf"),
        (True, "int", "true"),
        (["a", 1], "auto", "a 1"),
        (None, "auto", "-"),
        ("2026-11-22T09:30:12.123456Z", "auto", "2026-11-22 09:30"),
        ("adam", "percent", "adam"),
    ],
)
def test_values_are_written_in_the_format_chosen(found: Any, form: str, text: str) -> None:
    assert values.shown(found, form) == text


def test_numbers_of_metrics_stand_in_line() -> None:
    columns = table.chosen_columns([Chosen("last.train/loss", number=True)], 100)
    lines = [
        plain([table.paint_run(run, columns, 100, GLYPHS["braille"], now=0.0)])[0]  # type: ignore[arg-type]
        for run in (RUN, {**RUN, "last": {"train/loss": 0.4123}})
    ]
    assert lines[0].index("0.4100") == lines[1].index("0.4123")


def test_differences_are_dotted_and_name_what_came_and_went() -> None:
    found = values.differences(
        {"lr": 1, "m": {"x": 1, "y": 2}, "old": 3}, {"lr": 1, "m": {"x": 2, "y": 2}, "new": 0}
    )
    assert found == [("m.x", 1, 2), ("new", None, 0), ("old", 3, None)]


def test_chosen_columns_keep_name_and_scroll_the_rest() -> None:
    many = [Chosen(f"config.key{n}", number=True) for n in range(30)]
    for width in (20, 40, 80, 200):
        for left in (0, 7, 29):
            columns = table.chosen_columns(many, width, left=left)
            assert [column.key for column in columns[:2]] == ["status", "name"]
            assert len(columns) < 3 or columns[2].key == f"config.key{left}"
            assert (
                row_width(table.paint_header(columns, width, GLYPHS["ascii"], sort=("config.key7", True)))
                == width
            )


def test_a_heading_is_found_by_its_cell() -> None:
    columns = table.columns_for(120)
    line = plain([table.paint_header(columns, 120, GLYPHS["braille"], sort=("created_at", True))])[0]
    for column in columns:
        found = table.column_at(columns, line.index(column.title))
        assert found is not None
        assert found.key == column.key
    assert table.column_at(columns, 500) is None


def test_an_open_card_leaves_out_from_below_what_does_not_fit() -> None:
    for most in range(2, 20):
        rows = cards.paint_open(RUN, {**RUN, "config": {}}, 56, most, GLYPHS["braille"], now=0.0)  # type: ignore[arg-type]
        assert len(rows) <= most
        assert {row_width(row) for row in rows} == {56}
    assert "unlike one" in "\n".join(plain(rows))


FIELDS = [
    {"field": "status", "runs": 3, "kind": "text", "values": [{"value": "failed", "runs": 1}]},
    {"field": "config.lr", "runs": 2, "kind": "number", "values": [{"value": "0.1", "runs": 2}]},
    {"field": "name", "runs": 3, "kind": None, "values": []},
    {"field": "tag", "runs": 1, "kind": "list", "values": [{"value": "two words", "runs": 1}]},
]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sta", ["status:"]),
        ("lr", ["config.lr"]),
        (
            "config.lr",
            ["config.lr:", "config.lr!=", "config.lr<", "config.lr<=", "config.lr>", "config.lr>="],
        ),
        ("config.lr>=", ["config.lr>=0.1"]),
        ("status!=f", ["status!=failed"]),
        ("tag:t", ['tag:"two words"']),
        ("status:failed", []),
        ("zzz", []),
    ],
)
def test_completions_are_fields_operators_and_values(word: str, expected: list[str]) -> None:
    assert [one.text for one in runs_filter.completions(word, FIELDS)] == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a b", "b"),
        ("(sta", "sta"),
        ("-sta", "sta"),
        ('name:"a b', 'name:"a b'),
        ("a ", ""),
        ("", ""),
        ("-", ""),
    ],
)
def test_the_term_at_the_caret(text: str, word: str) -> None:
    assert runs_filter.term_at(text, len(text)).word == word


def test_a_completed_term_takes_the_place_of_the_old_one() -> None:
    edit = LineEdit("a sta b")
    edit.caret = 5
    runs_filter.complete(edit, runs_filter.term_at(edit.text, 5), "status:")
    assert (edit.text, edit.caret) == ("a status: b", 9)
    edit.caret = 9
    runs_filter.complete(edit, runs_filter.term_at(edit.text, 9), "status:failed")
    assert edit.text == "a status:failed b"


def test_picker_moves_columns_and_keeps_its_cursor_on_them() -> None:
    picker = ColumnPicker([Chosen("step", number=True), Chosen("tags")])
    picker.shift(1, "")
    assert [one.key for one in picker.chosen] == ["tags", "step"]
    assert picker.at_cursor("") == Chosen("step", number=True)
    picker.toggle("")
    assert [one.key for one in picker.chosen] == ["tags"]
    picker.next_form("notes")
    assert picker.chosen == [Chosen("tags")]


def test_a_saved_view_that_makes_no_sense_changes_nothing_else() -> None:
    state = RunsState()
    state.restore(
        {"sort": "spark", "columns": [1, {"key": "config.lr", "form": "odd"}, {"key": 3}], "filter": 4}
    )
    assert state.sort == ("created_at", True)
    assert state.columns == [Chosen("config.lr")]
    assert state.filter == ""
    assert RunsState().saved() == {"sort": "created_at", "descending": True, "tree": False}
