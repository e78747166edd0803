"""What `og compare` and `og diff` print."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from opengraphs.cli import compare_page, comparing, diff_page
from opengraphs.cli.output import Ink
from opengraphs.cli.table import cells
from opengraphs.errors import DaemonError, UsageError

PLAIN, INKED = Ink(False), Ink(True)
UNKNOWN = {"equal_step": "unknown", "last": "unknown", "best": "unknown"}
NONE = {"equal_step": None, "last": None, "best": None}


def curve(values: list[Any]) -> dict[str, Any]:
    return {"x": list(range(len(values))), "y": values}


def run(name: str, values: list[Any], **fields: Any) -> dict[str, Any]:
    last = {"step": len(values) - 1, "time": 1.0, "value": values[-1]}
    return {
        "run": f"20270115-080000-{name}", "name": f"run {name}", "status": "finished", "missing": False,
        "series": curve(values), "smoothed": None, "points": len(values), "last": last,
        "best": {**last, "value": min(v for v in values if not isinstance(v, str))}, "equal": last,
        "delta": NONE, "verdict": UNKNOWN, **fields,
    }  # fmt: skip


COMPARE: dict[str, Any] = {
    "metric_key": "train/loss", "align_by": "step", "direction": "min", "equal_step": 3,
    "runs": [
        run("aaaa", [4.0, 3.0, 2.0, 1.0]),
        run(
            "bbbb", [4.0, 2.0, 0.5],
            delta={"equal_step": -0.5, "last": -0.5, "best": -0.5},
            verdict=dict.fromkeys(UNKNOWN, "better"),
        ),
        run(
            "cccc", [4.0, "NaN", 2.0],
            delta={"equal_step": 1.0, "last": 1.0, "best": 0.0},
            verdict={"equal_step": "worse", "last": "worse", "best": "same"},
        ),
        {**run("dddd", [1.0]), "missing": True, "series": None, "last": None, "best": None, "equal": None},
    ],
}  # fmt: skip


def test_compare_says_last_best_and_change_with_marks_that_need_no_colour() -> None:
    lines = compare_page.run_lines(COMPARE, limit=None, ink=PLAIN)
    assert lines[0] == "train/loss  lower is better  last equal step 3"
    rows = [re.split("  +", line) for line in lines[1:]]
    assert rows[0] == ["RUN", "NAME", "STATUS", "LAST", "BEST", "@STEP", "Δ LAST", "Δ BEST", "Δ @3", "CURVE"]
    assert rows[1][:9] == ["20270115-080000-aaaa", "run aaaa", "finished", "1", "1", "3", "-", "-", "-"]
    assert rows[2][3:8] == ["0.5", "0.5*", "2", "▼ -0.5 ✓", "▼ -0.5 ✓"]
    assert rows[3][3:9] == ["2", "2", "2", "▲ +1 ✗", "=", "▲ +1 ✗"]
    assert rows[4][3] == "no such metric"


def test_runs_of_one_length_need_no_change_at_the_equal_step() -> None:
    reply = {**COMPARE, "runs": COMPARE["runs"][:1] * 2}
    assert "Δ @3" not in compare_page.run_lines(reply, limit=None, ink=PLAIN)[1]


def test_curves_share_one_scale_and_one_axis() -> None:
    first, second, third = compare_page.sparks(
        [([0.0, 10.0], [0.0, 10.0]), ([0.0, 5.0], [10.0, 10.0]), ([], [])], 11
    )
    assert (first[0], first[-1]) == ("▁", "▇")
    assert second == "▇▇▇▇▇▇     "
    assert third.strip() == ""
    assert compare_page.sparks([([1.0], ["NaN"])], 4) == ["    "]
    assert compare_page.sparks([([7.0], [3.0])], 3)[0].strip() != ""


@pytest.mark.parametrize("limit", [40, 60, 80, 120, 200])
def test_compare_fits_the_terminal_and_always_has_its_curves(limit: int) -> None:
    lines = compare_page.run_lines(COMPARE, limit=limit, ink=PLAIN)
    assert max(cells(line) for line in lines) <= limit
    assert sum("▇" in line for line in lines) == 3
    assert all(short in "\n".join(lines) for short in ("aaaa", "bbbb", "cccc", "dddd"))


def test_compare_says_in_colour_what_it_says_without() -> None:
    coloured = "\n".join(compare_page.run_lines(COMPARE, limit=100, ink=INKED))
    assert "\x1b[32m▼ -0.5 ✓\x1b[0m" in coloured
    assert "\x1b[31m▲ +1 ✗\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == "\n".join(
        compare_page.run_lines(COMPARE, limit=100, ink=PLAIN)
    )


def group(value: Any, mean: list[Any]) -> dict[str, Any]:
    figures = dict.fromkeys(("mean", "p50", "p95", "min", "max"), mean)
    ones = [1] * len(mean)
    return {
        "value": value,
        "runs": ["a", "b"],
        "x": list(range(len(mean))),
        **figures,
        "n": ones,
        "nonfinite": ones,
    }


def test_groups_stand_at_their_end_and_say_who_is_in_none() -> None:
    reply = {
        "metric_key": "loss", "by": "config.lr", "align_by": "time",
        "grid": {"low": 0, "high": 90.5, "width": 1, "columns": 3},
        "groups": [group(0.001, [3.0, 2.0, 1.0]), group(0.1, ["NaN"]), group("x", [])],
        "ungrouped": ["u"], "missing": ["m", "n"],
    }  # fmt: skip
    lines = compare_page.group_lines(reply, limit=None, ink=PLAIN)
    assert lines[0] == "loss  by config.lr  s 0 to 90.5, each group at its end"
    assert lines[2].split()[:8] == ["0.001", "2", "1", "1", "1", "1", "1", "1"]
    assert lines[3].split()[:3] == ["0.1", "2", "NaN"]
    assert lines[4].split() == ["x", "2", "-", "-", "-", "-", "-", "0"]
    assert lines[5] == "1 without config.lr, 2 without the metric"


def at(values: list[Any], delta: float | None, verdict: str) -> dict[str, Any]:
    return {
        "values": values, "steps": [3, 3], "delta": delta, "deltas": [None, delta], "verdicts": ["unknown", verdict]
    }  # fmt: skip


def metric(key: str, values: list[Any], delta: float | None, verdict: str, **fields: Any) -> dict[str, Any]:
    return {
        "key": key, **at(values, delta, verdict), "missing": [], "better": "min", "step": 3,
        "best": at(values, delta, verdict), "last": at(values, delta, verdict), **fields,
    }  # fmt: skip


LONG = "/a/very/long/path/" * 8
DIFF: dict[str, Any] = {
    "runs": [
        {"run": "20270115-080000-aaaa", "name": "base", "status": "finished"},
        {"run": "20270115-080001-bbbb", "name": "fast", "status": "failed"},
    ],
    "config": [
        {"key": "lr", "values": [0.1, 0.2], "missing": []},
        {"key": "net.act", "values": [None, None], "missing": [1]},
        {"key": "data", "values": ["/d", LONG], "missing": []},
    ],
    "args": [], "env": [], "git": [{"key": "diff.files", "values": [None, ["a.py", "b.py"]], "missing": [0]}],
    "packages": [], "files": [],
    "metrics": [
        metric("loss", [1.5, 0.5], -1.0, "better"),
        metric("same", [1.0, 1.0], 0.0, "same"),
        metric("only", [None, 2.0], None, "unknown", missing=[0], better=None, step=None),
    ],
    "same": {"config": 7, "args": 2, "env": 9, "git": 3, "packages": 80, "files": 0},
    "ignored": ["env.PWD", "config.out_dir"], "unknown": {"files": ["a"]}, "left_out": {"config": 4},
}  # fmt: skip


def test_diff_shows_what_differs_and_one_line_for_the_rest() -> None:
    lines = diff_page.lines(DIFF, limit=None, ink=PLAIN)
    text = "\n".join(lines)
    assert lines[:2] == ["- aaaa base  finished", "+ bbbb fast  failed"]
    assert "config  7 differ, 7 equal" in lines
    assert re.search(r"^  lr       - 0\.1 +\+ 0\.2$", text, re.MULTILINE)
    assert re.search(r"^  net\.act  - null +\+ \(none\)$", text, re.MULTILINE)  # null is not nothing
    assert re.search(r"- \(none\) +\+ a\.py, b\.py$", text, re.MULTILINE)
    assert "and 4 more" in text
    assert re.search(r"loss +3 +1\.5 +0\.5 +▼ -1 ✓ +1\.5 +0\.5 +▼ -1 ✓", text)
    assert "same  " not in text
    assert "metrics  at the last equal step, 1 equal" in lines
    assert lines[-1] == (
        "equal: args 2, env 9, packages 80; not recorded: files; 2 ignored (--all shows them)"
    )


@pytest.mark.parametrize("limit", [40, 80, 200])
def test_diff_fits_the_terminal_and_cuts_no_value(limit: int) -> None:
    lines = diff_page.lines(DIFF, limit=limit, ink=PLAIN)
    body = [line for line in lines if not line.startswith(("equal:", "  and "))]
    assert max(cells(line) for line in body) <= limit
    assert LONG in "".join(line.strip() for line in lines).replace("+ ", "")


def test_diff_of_equal_runs_is_one_quiet_line() -> None:
    reply = {**copy.deepcopy(DIFF), "config": [], "git": [], "metrics": [DIFF["metrics"][1]], "left_out": {}}
    reply = {**reply, "ignored": [], "unknown": {}}
    lines = diff_page.lines(reply, limit=80, ink=PLAIN)
    assert lines[2:] == ["", "equal: config 7, args 2, env 9, git 3, packages 80, metrics 1"]


def test_diff_colours_the_sides_and_the_verdicts() -> None:
    text = "\n".join(diff_page.lines(DIFF, limit=80, ink=INKED))
    assert "\x1b[31m- 0.1\x1b[0m" in text
    assert "\x1b[32m+ 0.2\x1b[0m" in text
    assert "\x1b[32m▼ -1 ✓\x1b[0m" in text


def test_more_than_two_runs_are_numbered() -> None:
    third = {"run": "20270115-080001-cccc", "name": "x", "status": "lost"}
    reply = {
        **DIFF, "runs": [*DIFF["runs"], third], "git": [], "left_out": {},
        "config": [{"key": "lr", "values": [1, 2, None], "missing": [2]}],
        "metrics": [
            {
                **DIFF["metrics"][0], "values": [1.0, 0.5, None], "delta": None, "deltas": [None, -0.5, None],
                "verdicts": ["unknown", "better", "unknown"], "missing": [2],
            }
        ],
    }  # fmt: skip
    lines = diff_page.lines(reply, limit=80, ink=PLAIN)
    assert lines[2].split() == ["3", "cccc", "x", "lost"]
    assert "  lr  1 1  2 2  3 (none)" in lines
    (loss,) = [line for line in lines if line.startswith("  loss")]
    assert re.split("  +", loss.strip()) == ["loss", "3", "1", "0.5 ▼ -0.5 ✓", "-"]


def test_nothing_of_a_run_reaches_the_terminal_as_control_characters() -> None:
    evil = "a\x1b[2J\x07b"
    reply = copy.deepcopy(DIFF)
    reply["runs"][0]["name"] = evil
    reply["config"] = [{"key": evil, "values": [evil, [evil]], "missing": []}]
    reply["metrics"][0]["key"] = evil
    compared = {**COMPARE, "metric_key": evil, "runs": [{**run("aaaa", [1.0]), "name": evil}]}
    grouped = {
        "metric_key": evil, "by": evil, "align_by": "step", "grid": None, "groups": [group(evil, [1.0])],
        "ungrouped": ["x"], "missing": [],
    }  # fmt: skip
    for limit in (None, 40):
        pages = [
            *diff_page.lines(reply, limit=limit, ink=PLAIN),
            *compare_page.run_lines(compared, limit=limit, ink=PLAIN),
            *compare_page.group_lines(grouped, limit=limit, ink=PLAIN),
        ]
        assert not re.search(r"[\x00-\x1f\x7f]", "".join(pages))


def test_change_has_arrow_sign_and_mark() -> None:
    assert comparing.change(-0.5, "better") == "▼ -0.5 ✓"
    assert comparing.change(0.5, "worse") == "▲ +0.5 ✗"
    assert comparing.change(0.5, "unknown") == "▲ +0.5"
    assert comparing.change(0.0, "same") == "="
    assert comparing.change(None, "unknown") == "-"


class _Line:
    def show(self, text: str) -> None:
        self.shown = text


def test_answer_is_asked_for_until_nothing_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "_LOOK_S", (0.0, 0.0))
    replies = iter(
        [{"pending": {"a": 1.0, "b": 0.5}}, {"pending": {"a": 0.3}}, {"pending": {"a": 0.0005}, "n": 1}]
    )
    line: Any = _Line()
    assert comparing.when_whole(lambda: next(replies), line)["n"] == 1
    assert line.shown == "reading 1 run"


def test_daemon_that_does_not_get_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "_LOOK_S", (0.0, 0.0))
    monkeypatch.setattr(comparing, "_STALLED_S", -1.0)
    line: Any = _Line()
    with pytest.raises(DaemonError, match="does not get on with reading a"):
        comparing.when_whole(lambda: {"pending": {"a": 0.5}}, line)


def test_runs_of_two_stores_cannot_be_compared(tmp_path: Any) -> None:
    folders = []
    for store in ("one", "two"):
        folder = tmp_path / store / "runs" / "20270115-080000-aaaa"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
        folders.append(str(folder))
    with pytest.raises(UsageError, match="different stores"):
        comparing.one_store(folders, store=None)
