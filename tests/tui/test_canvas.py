"""The canvas refreshes what changed and nothing else, and the DOM stays tiny."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from tui_fakes import FakeSource, Session, run_app_test

from opengraphs.tui.model import Desk
from opengraphs.tui.painters.cells import Row, cut, fit
from opengraphs.tui.widgets.canvas import changed_spans

runs = st.lists(st.tuples(st.text("ab é漢⣿", min_size=1, max_size=4), st.sampled_from(["text", "dim", "ok"])))


@given(runs, runs)
def test_outside_the_changed_spans_rows_are_equal(one: Row, other: Row) -> None:
    old, new = fit(one, 20), fit(other, 20)
    spans = changed_spans(old, new)
    if old == new:
        assert spans == []
        return
    edges = [0, *(edge for span in spans for edge in span), 20]
    assert edges == sorted(edges)
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        assert cells(old, low, high) == cells(new, low, high)


def test_both_borders_of_a_box_are_two_spans() -> None:
    old = [("│", "border"), ("x" * 30, "text"), ("│", "border"), ("rest", "text")]
    new = [("│", "focus"), ("x" * 30, "text"), ("│", "focus"), ("rest", "text")]
    assert changed_spans(old, new) == [(0, 1), (31, 32)]
    near = [("│", "focus"), ("x" * 30, "text"), ("│", "focus"), ("Rest", "text")]
    assert changed_spans(old, near) == [(0, 1), (31, 36)]


def cells(row: Row, low: int, high: int) -> list[tuple[str, str]]:
    """One (character, role) a cell, so that runs cut differently compare equal."""
    return [(char, role) for text, role in cut(row, low, high) for char in text]


def test_the_dom_is_one_canvas(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        for keys in (("2",), ("4",), ("1",), ("question_mark",), ("escape", "ctrl+p"), ("escape", "slash")):
            await session.press(*keys)
            assert len(session.app.screen_stack) == 1
            assert len(session.app.query("*")) < 40

    run_app_test(script, source, make_desk())


def test_a_key_refreshes_the_lines_it_changes(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("home")
        before = [list(row) for row in session.app.canvas.rows]
        refreshed: list[int] = []
        original = session.app.canvas.refresh

        def refresh(*regions: object, **options: object) -> object:
            refreshed.extend(region.y for region in regions)  # type: ignore[attr-defined]
            return original(*regions, **options)  # type: ignore[arg-type]

        session.app.canvas.refresh = refresh  # type: ignore[method-assign]
        await session.press("down")
        after = session.app.canvas.rows
        assert sorted(refreshed) == [y for y, row in enumerate(after) if row != before[y]]
        assert len(refreshed) == 2

    run_app_test(script, source, make_desk())
