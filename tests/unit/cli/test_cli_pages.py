"""The run table, the run page and metric lines: what `og list`, `og show`, `og tail` print."""

from __future__ import annotations

import re
from typing import Any

import pytest

from opengraphs.cli import metric_lines, run_page, runs_table
from opengraphs.cli.output import Ink
from opengraphs.cli.table import cells
from opengraphs.errors import UsageError

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
    assert runs_table.footer(50, 73) == "50 of 73 runs; --all shows all"
    assert runs_table.footer(3, 3) == ""


def test_page_tells_facts_config_checkpoints_alerts_and_metrics() -> None:
    page = run_page.lines(RUN, now=NOW, limit=None, ink=PLAIN)
    text = "\n".join(page)
    assert page[0] == "train-gpt  running  1m00s"
    assert "command  python train.py 'a b'" in text
    assert "git      main 0123456789 dirty" in text
    assert "model.dim  64" in text
    assert "empty      {}" in text
    assert "name       x" in text
    assert "step 300  ckpt/300.pt" in text
    assert "warn  step 310  loss spike" in text
    assert "step     372/1000" in text
    assert "damaged  2 lines could not be read" in text
    assert page[-1].split() == ["train/loss", "0.412", "0.4", "2.5", "372", "0…371"]


def test_page_tells_the_whole_alert_and_what_the_script_summed_up() -> None:
    alerts = [
        {"level": "info", "step": 9, "title": "done", "text": "all right"},
        {"step": 9, "title": "x", "text": "x"},
    ]
    summed = {**RUN, "alerts": alerts, "summary": {"train/loss": 0.412, "best": 0.99}}
    text = "\n".join(run_page.lines(summed, now=NOW, limit=None, ink=PLAIN))
    assert "info  step 9  done: all right\ninfo  step 9  x\n" in text
    assert "\nsummary\nbest  0.99\n" in text


def test_page_tells_who_recorded_a_run_of_another_program() -> None:
    for facts, said in (
        ({"source": "csv", "source_path": "/a/b.csv"}, "source  csv, /a/b.csv"),
        ({"source": "trackio"}, "source  trackio"),
    ):
        text = "\n".join(run_page.lines({"run_id": "x", **facts}, now=NOW, limit=None, ink=PLAIN))
        assert said in text.replace("source   ", "source  ")
    own = run_page.lines({"run_id": "x", "source": "run"}, now=NOW, limit=None, ink=PLAIN)
    assert not any(line.startswith("source") for line in own)


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


def page_of(progress: dict[str, Any] | None = None, **facts: Any) -> str:
    return "\n".join(run_page.lines({**RUN, **facts}, now=NOW, limit=None, ink=PLAIN, progress=progress))


def rank(number: int, state: str = "ok", **more: Any) -> dict[str, Any]:
    seen = {"rank": number, "attempt": 0, "writer": f"a0-r{number}", "last_step": 371, "last_time": NOW - 2}
    return {**seen, "alive": True, "lag_steps": 0, "silent_s": 2.0, "interval_s": 0.1, "state": state, **more}


def test_page_tells_progress_and_where_a_total_comes_from() -> None:
    progress = {"step": 372, "total": 1000, "eta_s": 252.0, "steps_per_s": 2.5, "total_source": "stdout"}
    text = page_of(progress)
    assert "step     372/1000  37%  eta 4m12s  2.5 steps/s  (the total is read off its output)" in text
    said = page_of({**progress, "total_source": "progress", "eta_s": None})
    assert "step     372/1000  37%  2.5 steps/s\n" in said


def test_page_tells_how_far_a_run_is_forwarded() -> None:
    told = {"target": "https://t", "state": "blocked", "delivered": 12, "skipped": 1, "pending_bytes": 2048}
    text = page_of(forwarding={**told, "last_error": "no \x1banswer"})
    assert "to https://t: 12 records, 1 refused, 2.0 kB wait; no " in text
    assert "\x1b" not in text
    done = {"target": "https://t", "state": "done", "delivered": 12}
    assert "to https://t: 12 records, all of them" in page_of(forwarding=done)
    assert "forwarded" not in page_of()


def test_page_tells_the_family_and_that_a_run_is_archived() -> None:
    text = page_of(
        parent={"run_id": "20270115-070000-aaaa", "step": 300, "checkpoint_id": "c3", "reason": "resume"},
        children=[{"run_id": "20270115-090000-bbbb", "step": 350, "reason": None}],
        archived=True,
    )
    assert "parent   20270115-070000-aaaa  from step 300  c3  (resume)" in text
    assert "children\n20270115-090000-bbbb  from step 350" in text
    assert text.splitlines()[0] == "train-gpt  running  archived  1m00s"


def test_page_shows_the_best_where_the_name_tells_which_end_it_is() -> None:
    known = RUN["metrics"][0]
    metrics = [{**known, "better": "min"}, {**known, "key": "lr", "better": None}]
    rows = page_of(metrics=metrics).splitlines()[-2:]
    assert rows[0].split() == ["train/loss", "0.412", "0.4", "0.4", "2.5", "372", "0…371"]
    assert rows[1].split() == ["lr", "0.412", "0.4", "2.5", "372", "0…371"]


def test_page_has_a_line_a_rank_and_a_mark_at_those_in_trouble() -> None:
    ranks = [rank(0), rank(1, "silent", silent_s=240.0, last_time=NOW - 240, last_step=300, lag_steps=71)]
    ranks.append(rank(2, "missing", writer="", last_step=None, last_time=None, lag_steps=None))
    lines = page_of(ranks_seen=ranks).splitlines()
    at = next(number for number, line in enumerate(lines) if line.split()[:2] == ["RANK", "STEP"])
    assert [line.split() for line in lines[at + 1 : at + 4]] == [
        ["0", "371", "2.0s", "ago", "ok"],
        ["1", "300", "71", "4m00s", "ago", "!", "silent"],
        ["2", "-", "-", "!", "missing"],
    ]


def test_page_of_one_rank_has_no_table_of_ranks() -> None:
    assert "RANK" not in page_of(ranks_seen=[rank(0)])
    assert "RANK" not in page_of(ranks_seen=[rank(0), rank(0, attempt=1)])


def test_page_of_very_many_ranks_lists_only_those_in_trouble() -> None:
    text = page_of(ranks_seen=[rank(number, "lagging" if number == 40 else "ok") for number in range(64)])
    assert "! lagging" in text
    assert "63 ranks are as they should be" in text
    calm = page_of(ranks_seen=[rank(number) for number in range(64)])
    assert "64 ranks are as they should be" in calm
    assert "RANK" not in calm


def test_page_says_that_it_is_about_a_part() -> None:
    assert "read     37% so far" in page_of(ingest={"pending": 0.63, "bad_lines": 0})
    assert "so far" not in page_of()


def test_column_that_no_run_has_is_told_with_the_nearest() -> None:
    runs = [{**RUN, "tags": ["lr=0.1"], "config": {"model": {"width": 64}}}, {"run_id": "x"}]
    assert runs_table.unknown_columns(runs, ["config.model.width", "tag.lr", "archived", "ended"]) == []
    assert runs_table.unknown_columns(runs, ["config.model.widht"]) == [
        "no run shown has config.model.widht; did you mean config.model.width?"
    ]
    assert runs_table.unknown_columns([], ["nme"]) == []


@pytest.mark.parametrize(
    ("key", "meant"), [("nme", "name"), ("model.width", "config.model.width"), ("config.", "config")]
)
def test_what_is_no_column_at_all_is_refused(key: str, meant: str) -> None:
    runs = [{**RUN, "config": {"model": {"width": 64}}}]
    with pytest.raises(UsageError, match="no column") as caught:
        runs_table.unknown_columns(runs, [key])
    assert caught.value.hint.startswith(f"did you mean {meant}")


def test_long_keys_give_their_ends_where_the_table_does_not_fit() -> None:
    runs = [{**RUN, "config": {"a": {"lr": 1}, "b": {"lr": 2}, "width": 64}}]
    chosen = ["config.a.lr", "config.b.lr", "config.width", "created"]
    wide = runs_table.lines(runs, now=NOW, limit=200, ink=PLAIN, chosen=chosen)[0].split()
    assert wide == ["RUN", "NAME", "STATUS", *chosen]
    narrow = runs_table.lines(runs, now=NOW, limit=70, ink=PLAIN, chosen=chosen)[0].split()
    assert narrow[-4:] == ["config.a.lr", "config.b.lr", "…width", "created"]


def test_list_on_a_narrow_terminal_has_short_ids_and_keeps_the_value_of_the_metric() -> None:
    run = {**RUN, "name": "a rather long name of a run", "main_metric": "train/cross_entropy/mean"}
    run["last"] = {"train/cross_entropy/mean": 0.412}
    header, line = runs_table.lines([run], now=NOW, limit=80, ink=PLAIN)
    assert line.startswith("k7f3  ")
    assert "0.412" in line
    assert "…" in line
    assert max(cells(header), cells(line)) <= 80
