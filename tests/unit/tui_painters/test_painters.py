"""Everything around the charts: exact sizes at any size, golden frames at the usual ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from conftest_frames import (
    METRICS,
    NOW,
    SIZES,
    SYSTEM,
    check_frame,
    log_lines,
    run_reply,
    run_rows,
    series_reply,
    system_reply,
    training,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.tui.glyphs import ASCII, BRAILLE, GLYPHS
from opengraphs.tui.painters import cards, cells, frame, layout, log, overlays, panels, screen, spark, table
from opengraphs.tui.painters.cells import Row, plain, row_width
from opengraphs.tui.painters.layout import Rect

Golden = Callable[[str, Sequence[Row]], None]

RUNS = run_rows()
REPLY = series_reply()
PROGRESS: Any = REPLY["progress"]["20261122-093012-k7f3"]
HELP = [
    (
        "anywhere",
        [("?", "help"), ("1 2 4", "runs, graphs, logs"), ("q", "leave"), ("ctrl+p", "every action")],
    ),
    ("graphs", [("enter", "enlarge"), ("x y m", "x axis, log y, smoothing"), ("← →", "read-out cursor")]),
    ("logs", [("/", "find"), ("n N", "next, previous match")]),
]
MENU = [("d", "Detach", "the run goes on"), ("s", "Stop run", "ends the training"), ("esc", "Cancel", "")]


def whole_screens(width: int, height: int, name: str) -> dict[str, list[Row]]:
    glyphs = GLYPHS[name]
    model = screen.graphs_model(run_reply(), REPLY, system_reply(), metrics=METRICS)
    text: Any = {"lines": log_lines(), "total_lines": 1260, "size_bytes": 9000, "next": 1260}
    return {
        "graphs": screen.paint_graphs(model, width, height, glyphs),
        "runs": screen.paint_runs(RUNS, width, height, glyphs, now=NOW, total=40, source="~/runs", cursor=2),
        "logs": screen.paint_logs(run_reply(), text, width, height, glyphs),
    }


@pytest.mark.parametrize("name", list(GLYPHS))
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_screens_at_the_usual_sizes(golden: Golden, width: int, height: int, name: str) -> None:
    for kind, rows in whole_screens(width, height, name).items():
        check_frame(rows, width, height)
        if name != "block":
            golden(f"screen_{kind}_{name}_{width}x{height}", rows)
        if name == "ascii":
            assert "".join(plain(rows)).isascii()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 130), st.integers(1, 45), st.sampled_from(list(GLYPHS)))
def test_screens_at_any_size(width: int, height: int, name: str) -> None:
    for rows in whole_screens(width, height, name).values():
        check_frame(rows, width, height)


def test_screens_of_nothing() -> None:
    empty: Any = {"schema": 1, "series": [], "pending": {}, "progress": {}}
    for width, height in [*SIZES, (5, 2), (1, 1)]:
        model = screen.graphs_model(run_reply(metrics=[]), empty, None, metrics=[])
        check_frame(screen.paint_graphs(model, width, height, BRAILLE), width, height)
        check_frame(screen.paint_runs([], width, height, BRAILLE, now=NOW), width, height)
    text: Any = {"lines": [], "total_lines": 0, "size_bytes": 0, "next": None}
    rows = screen.paint_logs(run_reply(), text, 60, 10, BRAILLE)
    assert any("no output yet" in line for line in plain(rows))


def test_old_data_is_dim_and_says_its_age() -> None:
    model = screen.graphs_model(run_reply(), REPLY, None, metrics=METRICS, stale_s=125)
    rows = screen.paint_graphs(model, 120, 40, BRAILLE)
    assert "stale 2m" in plain(rows)[-1]
    assert not any(role == "series.0" for row in rows[1:20] for _, role in row[:20])


# Header, status, boxes


@settings(deadline=None, max_examples=80)
@given(
    st.integers(1, 220),
    st.text(max_size=50),
    st.sampled_from(["", "running", "failed", "odd"]),
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.one_of(st.none(), st.floats(0, 1e9)),
)
def test_header_fits_any_width(
    width: int, name: str, status: str, step: int | None, total: int | None, eta_s: float | None
) -> None:
    progress: Any = None if step is None else {"step": step, "total": total, "eta_s": eta_s}
    row = frame.header(
        width, BRAILLE, active="graphs", name=name, status=status, progress=progress, note="2 runs"
    )
    check_frame([row], width, 1)


@pytest.mark.parametrize("width", [200, 120, 100, 80, 60, 40, 25])
def test_header_and_status_give_up_the_least_important_first(golden: Golden, width: int) -> None:
    rows = [
        frame.header(width, BRAILLE, active="graphs", name="train-gpt", status="running", progress=PROGRESS),
        frame.header(width, BRAILLE, active="runs", note="12 runs, 3 live"),
        frame.status_bar(
            width,
            BRAILLE,
            source="runs/…-k7f3",
            refresh_ms=250,
            mode="live",
            hints=[("?", "help"), ("/", "search"), ("enter", "focus"), ("space", "select"), ("q", "quit")],
        ),
        frame.status_bar(width, BRAILLE, source="", refresh_ms=None, mode="stale", hints=[], age_s=125),
        frame.prompt(width, BRAILLE),
        frame.prompt(width, BRAILLE, text="why did the loss jump at step 240?", focused=True),
    ]
    check_frame(rows, width, len(rows))
    golden(f"frame_{width}", rows)


def test_progress_is_full_only_at_the_end() -> None:
    assert plain([frame.progress_bar(0.999, 10, BRAILLE)]) == ["━━━━━━━━━╸"]
    assert plain([frame.progress_bar(1.0, 10, BRAILLE)]) == ["━━━━━━━━━━"]
    assert plain([frame.progress_bar(0.001, 10, BRAILLE)]) == ["╸─────────"]
    assert plain([frame.progress_bar(None, 4, ASCII)]) == ["----"]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.integers(0, 12), st.text(max_size=30), st.text(max_size=12), st.booleans())
def test_boxes_and_prompts_fit(width: int, height: int, title: str, right: str, focused: bool) -> None:
    content: list[Row] = [[("x" * 80, "text")], []]
    check_frame(
        frame.box(content, width, height, BRAILLE, title=title, right=right, focused=focused), width, height
    )
    check_frame([frame.prompt(width, BRAILLE, text=title, focused=focused, cursor=3)], width, 1)


# Panels, cards, table


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 60), st.integers(2, 40))
def test_panels_fit(width: int, height: int) -> None:
    history = {"cpu.percent": [float(x % 50) for x in range(64)]}
    check_frame(panels.paint_stats(REPLY["series"], width, height, BRAILLE, focused="lr"), width, height)
    check_frame(
        panels.paint_system(SYSTEM, width, height, BRAILLE, history=history, host="node17.x"), width, height
    )
    check_frame(panels.paint_system({}, width, height, BRAILLE), width, height)


def test_panels(golden: Golden) -> None:
    golden("panel_stats", panels.paint_stats(training(), 36, 24, BRAILLE, focused="train/loss"))
    golden("panel_stats_low", panels.paint_stats(training(), 34, 7, BRAILLE))
    history = {"cpu.percent": [float(x * 3 % 50) for x in range(40)], "gpu.0.util_percent": [90.0] * 40}
    golden(
        "panel_system", panels.paint_system(SYSTEM, 36, 14, BRAILLE, history=history, host="node17.cluster")
    )
    golden("panel_system_low", panels.paint_system(SYSTEM, 34, 7, BRAILLE))


def test_gpus_are_ordered_by_number() -> None:
    latest = {f"gpu.{index}.util_percent": 1.0 for index in (10, 2, 0)} | {"gpu.0.mig.1.mem_used_bytes": 2.0}
    assert panels.gpu_names(latest) == ["gpu.0", "gpu.0.mig.1", "gpu.2", "gpu.10"]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 220), st.integers(1, 12), st.integers(0, 40))
def test_table_and_cards_fit(width: int, height: int, top: int) -> None:
    rows = table.paint(RUNS, width, height, BRAILLE, now=NOW, top=top, cursor=3, selected={RUNS[1]["run_id"]})
    check_frame(rows, width, height)
    check_frame(cards.paint(RUNS[: top % 7], width, 5, BRAILLE, now=NOW, cursor=RUNS[0]["run_id"]), width, 5)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 160, 200])
def test_columns_add_up(width: int) -> None:
    columns = table.columns_for(width)
    assert sum(column.width + 1 for column in columns) == width - 1
    assert columns[0].key == "status"
    assert "name" in {column.key for column in columns} or width < 30


def test_the_row_under_the_cursor_is_lit_from_edge_to_edge() -> None:
    columns = table.columns_for(100)
    row = table.paint_run(RUNS[0], columns, 100, BRAILLE, now=NOW, cursor=True)
    assert row_width(row) == 100
    assert all(role.startswith("sel:") for _, role in row)


def test_durations_end_with_the_run() -> None:
    run: Any = {
        "status": "finished",
        "started_at": "2026-11-22T09:30:00.5Z",
        "ended_at": "2026-11-22T10:30:00.5Z",
    }
    assert table.duration_s(run, now=NOW) == 3600
    assert table.duration_s({"status": "lost", "created_at": "2026-11-22T09:30:00Z"}, now=NOW) is None
    assert table.epoch("2026-11-22T09:30:12.123456Z") == 1795339812
    assert table.epoch("yesterday, at noon, or so") is None


def test_sparkline_keeps_the_spike_and_shows_gaps() -> None:
    values = [1.0] * 50 + [9.0] + [1.0] * 50
    assert spark.sparkline(values, 10, BRAILLE).count("▇") == 1
    assert spark.sparkline([1.0, "NaN", 2.0], 5, BRAILLE) == "▁ ▇  "
    assert spark.sparkline([3.0, 3.0], 2, BRAILLE) == "▄▄"
    assert spark.sparkline([], 4, BRAILLE) == "    "


@pytest.mark.parametrize("name", ["braille", "block"])
def test_bars_of_two_rows_never_touch(name: str) -> None:
    assert "█" not in spark.sparkline(list(range(40)), 40, GLYPHS[name])


# Logs


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(max_size=80), max_size=12),
    st.integers(1, 120),
    st.integers(1, 14),
    st.integers(0, 40),
    st.booleans(),
)
def test_log_of_anything_fits(texts: list[str], width: int, height: int, left: int, follow: bool) -> None:
    lines: Any = [{"n": index + 10, "text": text} for index, text in enumerate(texts)]
    spec = log.LogSpec(lines, total_lines=500, left=left, search=re.compile("a|e"), current=11, follow=follow)
    check_frame(log.paint(spec, width, height, BRAILLE), width, height)


def test_log_pane(golden: Golden) -> None:
    lines = log_lines(16)
    golden("log_follow", log.paint(log.LogSpec(lines, total_lines=1216), 70, 10, BRAILLE))
    spec = log.LogSpec(
        lines, total_lines=1300, search=re.compile("loss|GPU"), current=1202, follow=False, left=2
    )
    golden("log_search", log.paint(spec, 70, 10, BRAILLE))


def test_program_colours_become_roles_and_other_escapes_vanish() -> None:
    assert log.parse_sgr("\x1b[1;31mred\x1b[0m plain \x1b[38;5;46mg\x1b[39m\x1b[2K!", BRAILLE) == [
        ("red", "b:ansi.1"),
        (" plain ", "text"),
        ("g", "ansi.2"),
        ("!", "text"),
    ]
    assert log.parse_sgr("\x1b[38;2;255;80;80mx", BRAILLE) == [("x", "ansi.9")]
    assert log.parse_sgr("\x1b]52;c;aGk=\x07\x1bPq\x1b\\ok\x1b", BRAILLE)[-1] == ("ok·", "text")


def test_matches_are_lit_across_colours() -> None:
    line: Any = {"n": 0, "text": "lo\x1b[31mss=1 loss\x1b[0m"}
    (row,) = log.paint_line(line, 20, BRAILLE, search=re.compile("loss"))
    assert [(text, role) for text, role in row if role == "hit"] == [
        ("lo", "hit"),
        ("ss", "hit"),
        ("loss", "hit"),
    ]


def test_a_long_line_costs_no_more_than_its_window() -> None:
    line: Any = {"n": 0, "text": "x" * 5_000_000}
    assert row_width(log.paint_line(line, 100, BRAILLE, gutter=4)[0]) == 100


# Overlays


def test_overlays(golden: Golden) -> None:
    golden("help_wide", overlays.paint_help("help: graphs", HELP, 84, 16, BRAILLE, footer="esc closes"))
    golden("help_narrow", overlays.paint_help("help: graphs", HELP, 44, 12, BRAILLE, top=2))
    golden(
        "menu", overlays.paint_menu("leave train-gpt?", MENU, 60, BRAILLE, cursor=1, note="still training")
    )
    golden("toast", overlays.paint_toast("new series discovered: critic/rewards/mean", 60, BRAILLE))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 120), st.integers(2, 30), st.integers(0, 50), st.text(max_size=60))
def test_overlays_fit(width: int, height: int, top: int, text: str) -> None:
    check_frame(overlays.paint_help(text, HELP, width, height, BRAILLE, top=top, footer=text), width, height)
    menu = overlays.paint_menu(text, MENU, width, BRAILLE, note=text)
    check_frame(menu, width, len(menu))
    toast = overlays.paint_toast(text, width, BRAILLE, kind="warn")
    check_frame(toast, row_width(toast[0]), 3)
    assert row_width(toast[0]) <= width


@settings(deadline=None, max_examples=60)
@given(st.integers(-10, 40), st.integers(-4, 12))
def test_overlay_keeps_the_size_of_what_lies_below(x: int, y: int) -> None:
    base = frame.box([[("训练实验" * 4, "text")]] * 6, 30, 8, BRAILLE, title="base")
    block = overlays.paint_toast("hello 训练", 20, BRAILLE)
    check_frame(cells.overlay(base, block, x, y), 30, 8)


# Layout


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 60), st.integers(0, 40), st.integers(0, 9))
def test_slots_lie_inside_and_apart(width: int, height: int, count: int, page: int) -> None:
    area = Rect(3, 2, width, height)
    grid = layout.grid(area, count, page=page)
    taken: set[tuple[int, int]] = set()
    for slot in grid.slots:
        assert slot.x >= 3
        assert slot.y >= 2
        assert slot.x + slot.width <= 3 + width
        assert slot.y + slot.height <= 2 + height
        corners = {(slot.x, slot.y)}
        assert not corners & taken or not slot.width or not slot.height
        taken |= corners
    assert grid.first + len(grid.slots) <= max(count, 0)


def test_a_new_series_takes_an_empty_slot_and_moves_nobody() -> None:
    area = Rect(0, 0, 160, 45)
    before, after = layout.grid(area, 5), layout.grid(area, 6)
    assert after.slots[:5] == before.slots
    assert len(after.slots) == 6


def test_every_chart_is_on_exactly_one_page() -> None:
    area = Rect(0, 0, 80, 20)
    pages = layout.grid(area, 17).pages
    seen = [
        grid.first + index
        for page in range(pages)
        for grid in [layout.grid(area, 17, page=page)]
        for index in range(len(grid.slots))
    ]
    assert seen == list(range(17))


def test_side_panels_and_prompt_vanish_when_there_is_no_room() -> None:
    wide, low, narrow = layout.graphs(120, 40, 4), layout.graphs(120, 14, 4), layout.graphs(80, 24, 4)
    assert wide.stats
    assert wide.system
    assert wide.prompt
    assert low.prompt is None
    assert narrow.stats is None
    assert layout.graphs(200, 50, 4, minimal=True).stats is None
    assert layout.runs(120, 40, 3).cards
    assert layout.runs(40, 10, 3).cards is None
