"""What is said of a metric, and the table of what differs."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.painters import difftable, verdicts
from opengraphs.tui.painters.cells import plain, row_width

GLYPHS_USED = GLYPHS["braille"]


def metric(
    values: list[Any],
    *,
    step: int | None = 1000,
    last: list[Any] | None = None,
    last_steps: list[int | None] | None = None,
    better: str | None = "min",
    missing: tuple[int, ...] = (),
    steps: list[int | None] | None = None,
) -> Any:
    numbers = [value if isinstance(value, float | int) else None for value in values]
    deltas = [None, *(n - numbers[0] if None not in (n, numbers[0]) else None for n in numbers[1:])]
    told = [
        "unknown" if d is None or better is None else "same" if d == 0
        else "better" if (d < 0) == (better == "min") else "worse"
        for d in deltas
    ]  # fmt: skip
    own = steps or [None if at in missing else step for at in range(len(values))]
    return {
        "key": "train/loss", "values": values, "missing": list(missing), "deltas": deltas, "better": better,
        "verdicts": told, "step": step, "steps": own,
        "last": {"values": last or values, "steps": last_steps or own},
    }  # fmt: skip


def said(row: Any, names: tuple[str, ...] = ("A", "B"), running: tuple[bool, ...] = ()) -> tuple[str, str]:
    found = verdicts.verdict_of(row, names, running=running or (False,) * len(names))
    return found.text, found.kind


@pytest.mark.parametrize(
    ("row", "text", "kind"),
    [
        (metric([1.0, 0.959]), "B ends 4.1 % lower at step 1 000", "better"),
        (metric([0.5, 0.6], better="max"), "B ends 20 % higher at step 1 000", "better"),
        (metric([1.0, 1.2]), "B ends 20 % higher at step 1 000", "worse"),
        (metric([1.0, 1.2], better=None), "B ends 20 % higher at step 1 000", "unknown"),
        (metric([1.0, 1.0]), "the same at step 1 000", "same"),
        (metric([1.0, 0.9999]), "B ends under 0.1 % lower at step 1 000", "better"),
        (metric([0.0, 0.25]), "B ends 0.25 higher at step 1 000", "worse"),
        (metric([-1.0, 1.0]), "B ends 2 higher at step 1 000", "worse"),
        (metric([1.0, "NaN"]), "B is NaN at step 1 000", "wrong"),
        (metric(["NaN", "Infinity"]), "A is NaN and B is inf at step 1 000", "wrong"),
        (metric([1.0, None], missing=(1,)), "only A has it", "unknown"),
        (metric([None, None], step=None), "no step in common", "unknown"),
        (metric([1.0, 0.5], steps=[1000, 990]), "B is 50 % lower about step 1 000; B goes on to step 1 200", "better"),
    ],
)  # fmt: skip
def test_of_two_runs(row: Any, text: str, kind: str) -> None:
    if "about" in text:
        row["last"]["steps"] = [1000, 1200]
    assert said(row) == (text, kind)


def test_unequal_lengths_and_lost_ends_are_told() -> None:
    row = metric([1.0, 0.5], last_steps=[5000, 1000])
    assert said(row)[0] == "B ends 50 % lower at step 1 000; A goes on to step 5 000"
    row = metric([1.0, 0.5], last=[1.0, "NaN"], last_steps=[1000, 1400])
    assert said(row)[0] == "B is 50 % lower at step 1 000; B ends at NaN"


def test_a_running_run_has_not_ended() -> None:
    assert said(metric([1.0, 0.5]), running=(False, True))[0] == "B is 50 % lower so far at step 1 000"


@pytest.mark.parametrize(
    ("row", "text", "kind"),
    [
        (metric([1.0, 0.8, 0.9]), "B is best at step 1 000, 20 % lower than A", "better"),
        (metric([1.0, 2.0, 3.0]), "A, the baseline, is best at step 1 000", "worse"),
        (metric([2.0, 1.0, 1.0]), "B and C are best at step 1 000", "same"),
        (metric([1.0, 1.0, 1.0]), "all the same at step 1 000", "same"),
        (metric([3.0, 1.0, 2.0], better=None), "1 (B) to 3 (A) at step 1 000", "unknown"),
        (metric([1.0, None, 0.5], missing=(1,)), "C is best at step 1 000, 50 % lower than A; 1 without it", "better"),
        (metric([None, 2.0, 1.0], missing=(0,)), "C is best at step 1 000; A lacks it", "unknown"),
    ],
)  # fmt: skip
def test_of_many_runs(row: Any, text: str, kind: str) -> None:
    assert said(row, ("A", "B", "C")) == (text, kind)


def test_values_are_written_as_a_script_would() -> None:
    shown = [
        verdicts.value_text(v) for v in (3e-4, 0.0, 0.1, 1234567, "", "x", ["a", "b"], None, True, {"a": 1})
    ]
    assert shown == ["3e-4", "0.0", "0.1", "1234567", '""', "x", "a, b", "null", "true", '{"a": 1}']


def reply(rows: list[dict[str, Any]], runs: int = 2) -> dict[str, Any]:
    return {
        "runs": [{"run": f"r-{n}", "name": f"run {n}"} for n in range(runs)],
        "config": rows,
        "packages": [{"key": "ruamel.yaml", "values": ["1", "2"][:runs] * (runs // 2), "missing": []}],
        "same": {"config": 4},
    }


def test_changes_are_told_in_a_clause() -> None:
    rows = [{"key": f"k{n}", "values": [n, n + 1], "missing": []} for n in range(5)]
    assert verdicts.changes(reply(rows)) == "k0 0 → 1, k1 1 → 2, k2 2 → 3, 2 more"
    assert verdicts.changes({"runs": [1, 2]}) == "no setting differs"


def test_nested_keys_are_a_tree_where_they_share_something() -> None:
    keys = ["a.b.c", "a.b.d", "a.e", "lonely.key", "plain"]
    lines = difftable.lines_of(
        reply([{"key": key, "values": [1, 2], "missing": []} for key in keys]), "", GLYPHS_USED
    )
    assert [(line.depth, line.text) for line in lines] == [
        (0, "config"), (1, "a"), (2, "b"), (3, "c"), (3, "d"), (2, "e"), (1, "lonely.key"), (1, "plain"),
        (0, "packages"), (1, "ruamel.yaml"),
    ]  # fmt: skip


def test_the_filter_looks_at_keys_and_values() -> None:
    rows = [{"key": "opt.name", "values": ["adam", "sgd"], "missing": []}, {"key": "lr", "values": [1, 2], "missing": []}]  # fmt: skip
    for needle, keys in (("adam", ["opt.name"]), ("config lr", ["lr"]), ("nothing", [])):
        lines = difftable.lines_of(reply(rows), needle, GLYPHS_USED)
        assert [line.text for line in lines if line.values] == keys


@pytest.mark.parametrize("width", [10, 20, 38, 60, 118])
@pytest.mark.parametrize("runs", [2, 3, 16])
def test_the_table_fills_its_width_and_every_run_can_be_reached(width: int, runs: int) -> None:
    rows = [{"key": "lr", "values": ["value " * 9 + str(n) for n in range(runs)], "missing": []}]
    lines = difftable.lines_of({**reply(rows, runs), "packages": []}, "", GLYPHS_USED)
    names = [f"a long name {n}" for n in range(runs)]
    seen: set[int] = set()
    for left in range(difftable.furthest(lines, names, width) + 1):
        seen |= set(difftable.columns_for(lines, names, width, left=left).shown)
        painted = difftable.paint(lines, names, range(runs), width, 6, GLYPHS_USED, left=left)
        assert {row_width(row) for row in painted} == {width}
    assert seen == set(range(runs))


def test_values_that_begin_alike_show_how_they_end() -> None:
    rows = [{"key": "path", "values": ["/a/very/long/way/to/one", "/a/very/long/way/to/two"], "missing": []}]
    lines = difftable.lines_of({**reply(rows), "packages": []}, "", GLYPHS_USED)
    text = "\n".join(plain(difftable.paint(lines, ["A", "B"], [0, 1], 34, 6, GLYPHS_USED)))
    assert "to/one" in text
    assert "to/two" in text
