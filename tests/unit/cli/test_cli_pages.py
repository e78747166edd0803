"""The run table, the run page and metric lines: what `og list`, `og show`, `og tail` print."""

from __future__ import annotations

import re
from typing import Any

from opengraphs.cli import metric_lines, run_page, runs_table
from opengraphs.cli.output import Ink
from opengraphs.cli.table import cells

NOW = 1_800_000_000.0
PLAIN = Ink(False)
RUN: dict[str, Any] = {
    "run_id": "20270115-075900-k7f3",
    "name": "train-gpt",
    "project": "demo",
    "status": "running",
    "started_at": "2027-01-15T07:59:00Z",
    "progress": {"step": 372, "total": 1000},
    "main_metric": "train/loss",
    "last": {"train/loss": 0.412},
    "command": ["python", "train.py", "a b"],
    "cwd": "/w",
    "host": "box",
    "pid": 71,
    "git": {"branch": "main", "commit": "0123456789abcdef", "dirty": True},
    "config": {"lr": 3e-4, "model": {"dim": 64}, "empty": {}, "name": "x"},
    "tags": ["a", "k=v"],
    "metrics": [
        {
            "key": "train/loss",
            "points": 372,
            "last": 0.412,
            "min": 0.4,
            "max": 2.5,
            "first_step": 0,
            "last_step": 371,
        }
    ],
    "checkpoints": [{"step": 300, "path": "ckpt/300.pt"}],
    "alerts": [{"level": "warn", "step": 310, "title": "loss spike"}],
    "ingest": {"pending": 0, "bad_lines": 2},
    "path": "/store/runs/20270115-075900-k7f3",
}


def test_table_is_written_out_in_a_pipe() -> None:
    lines = runs_table.lines([RUN], now=NOW, limit=None, ink=PLAIN)
    assert lines[0].split() == ["RUN", "NAME", "PROJECT", "STATUS", "STEP", "METRIC", "STARTED", "TOOK"]
    assert re.split("  +", lines[1]) == [
        "20270115-075900-k7f3", "train-gpt", "demo", "running", "372/1000", "train/loss 0.412", "1m ago", "1m00s"
    ]  # fmt: skip


def test_table_keeps_id_name_and_status_on_the_smallest_terminal() -> None:
    lines = runs_table.lines([RUN], now=NOW, limit=40, ink=PLAIN)
    assert max(cells(line) for line in lines) <= 40
    assert lines[1].split()[:3] == ["k7f3", "train-gpt", "running"]


def test_table_survives_a_run_that_says_nothing() -> None:
    assert runs_table.lines([{"run_id": "x"}], now=NOW, limit=None, ink=PLAIN)[1].split() == [
        "x",
        "-",
        "-",
        "-",
    ]


def test_footer_says_what_the_table_leaves_out() -> None:
    assert runs_table.footer(50, 73) == "50 of 73 runs; --limit 73 shows all"
    assert runs_table.footer(3, 3) == ""


def test_page_tells_facts_config_checkpoints_alerts_and_metrics() -> None:
    page = run_page.lines(RUN, now=NOW, limit=None, ink=PLAIN)
    text = "\n".join(page)
    assert page[0] == "train-gpt  running  1m00s"
    assert "command  python train.py 'a b'" in text
    assert "git      main 0123456789 dirty" in text
    assert "model/dim  64" in text
    assert "empty      {}" in text
    assert "name       x" in text
    assert "step 300  ckpt/300.pt" in text
    assert "warn  step 310  loss spike" in text
    assert "step     372/1000" in text
    assert "damaged  2 lines could not be read" in text
    assert page[-1].split() == ["train/loss", "0.412", "0.4", "2.5", "372", "0…371"]


def test_page_of_a_run_that_failed_says_how() -> None:
    failed = {"run_id": "x", "status": "failed", "exit_code": 7}
    killed = {"run_id": "x", "status": "failed", "signal": 9}
    assert "exit 7" in run_page.lines(failed, now=NOW, limit=None, ink=PLAIN)[0]
    assert "signal 9" in run_page.lines(killed, now=NOW, limit=None, ink=PLAIN)[0]


def test_page_shows_no_control_character_of_a_run() -> None:
    hostile = {**RUN, "name": "a\x1b[2Jb", "notes": "x\x1b]0;t\x07y", "config": {"k\x1bc": "v\x07"}}
    assert "\x1b" not in "".join(run_page.lines(hostile, now=NOW, limit=None, ink=PLAIN))


def test_points_of_several_metrics_meet_in_their_step() -> None:
    series = [
        {"metric": "loss", "x": [1, 3], "y": [0.5, "NaN"]},
        {"metric": "acc", "x": [2, 3], "y": [0.1, 0.2]},
    ]
    table = metric_lines.by_step(series)
    assert list(table) == [1, 2, 3]
    assert metric_lines.line(3, table[3]) == "step 3  acc 0.2  loss NaN"
    assert metric_lines.record(1, table[1]) == {"step": 1, "metrics": {"loss": 0.5}}
