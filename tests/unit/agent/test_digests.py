"""Long logs and curves in few words."""

from __future__ import annotations

from opengraphs.agent.digests import curve_digest, cut, log_digest

TRACE = [
    "Traceback (most recent call last):",
    '  File "t.py", line 1, in <module>',
    "    x()",
    "ValueError: no",
]


def test_of_a_progress_bar_the_last_state_stays() -> None:
    bars = [
        f"epoch 1: {n}%|███       | {n}/100 [00:01<00:09, 9.1it/s, loss={1 / (n + 1):.3f}]"
        for n in range(100)
    ]
    assert log_digest(["start", *bars, "end"]) == ["start", bars[-1], "end"]


def test_overprints_of_one_line_are_folded() -> None:
    assert log_digest(["a\rb\rc"]) == ["c"]


def test_equal_lines_are_counted() -> None:
    assert log_digest(["warn: slow"] * 40 + ["done"]) == ["warn: slow  (×40)", "done"]


def test_different_steps_are_not_folded() -> None:
    lines = [f"step {n} loss {n / 3:.3f}" for n in range(20)]
    assert log_digest(lines) == lines


def test_the_last_traceback_stays_whole_wherever_it_stands() -> None:
    digest = log_digest([*TRACE, *(f"line {n}" for n in range(500))], most=10)
    assert digest[1:5] == TRACE
    assert digest[-1] == "line 499"
    assert log_digest([*TRACE], most=10) == TRACE


def test_escape_sequences_and_what_cannot_be_seen_are_gone() -> None:
    assert log_digest(["\x1b[31mred\x1b[0m\u200b\u202e!"]) == ["red!"]


def test_a_curve_is_its_figures_its_end_and_its_onset() -> None:
    curve = {"metric": "loss", "points": 500, "x": list(range(500)), "y": [1 / 3] * 500, "min": 0.1}
    told = curve_digest(curve, onset=200)
    assert [point[0] for point in told["last_points"]] == list(range(480, 500))
    assert [point[0] for point in told["around_onset"]] == list(range(190, 210))
    assert told["last_points"][0][1] == 0.33333
    assert curve_digest({"metric": "x"})["last_points"] == []


def test_what_is_cut_keeps_both_ends() -> None:
    text = cut("a" * 1000 + "b" * 1000, 100)
    assert text.startswith("a")
    assert text.endswith("b")
    assert len(text) < 160
