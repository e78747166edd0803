"""The commands that read: list, show, tail, export, against a real daemon and folders with known numbers."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_runs import add_points, make_run
from og_user import OG, OgUser, wait_until

OLD, NEW, OTHER = "20270115-080000-k7f3", "20270115-080100-k9aa", "20270115-080200-b2cd"


def fill(user: OgUser) -> OgUser:
    """Three finished runs, the newest of another project and without metrics."""
    make_run(user.store, OLD, name="baseline", tags=["lr=3e-4", "best"])
    make_run(user.store, NEW, name="bigger", points=30, created_at="2027-01-15T08:01:00.000000Z")
    make_run(
        user.store, OTHER, name="train", points=0, project="speech", created_at="2027-01-15T08:02:00.000000Z"
    )
    return user


@pytest.fixture
def runs(user: OgUser) -> OgUser:
    """Runs that the test may change."""
    return fill(user)


@pytest.fixture(scope="module")
def library() -> Iterator[OgUser]:
    """Runs that the tests of this module only read, with one daemon for all of them."""
    with tempfile.TemporaryDirectory(prefix="og-") as folder, OgUser(Path(folder)) as user:
        yield fill(user)


# list


def test_list_in_a_pipe_is_a_plain_table_newest_first(library: OgUser) -> None:
    wait_until(lambda: library.runs()[2]["points"] == 200, within_s=10, what="the journals read")
    done = library.og("list")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["RUN", "NAME", "PROJECT", "STATUS", "STEP", "METRIC", "STARTED", "TOOK"]
    assert [row[0] for row in rows[1:]] == [OTHER, NEW, OLD]
    assert rows[3][1:5] == ["baseline", "digits", "finished", "100/100"]
    assert "1m40s" in rows[3]


def test_list_json_keeps_its_contract(library: OgUser) -> None:
    wait_until(lambda: library.runs()[2]["points"] == 200, within_s=10, what="the journals read")
    reply = library.json("list")
    assert reply["schema"] == 1
    assert reply["total"] == 3
    assert reply["next"] is None
    row = reply["runs"][2]
    assert row["run_id"] == OLD
    assert row["config"] == {"lr": 3e-4}
    assert row["points"] == 200
    assert row["last_step"] == 99


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--project", "speech"], [OTHER]),
        (["--status", "failed"], []),
        (["--status", "finished"], [OTHER, NEW, OLD]),
        (["--tags", "best"], [OLD]),
        (["--tags", "lr=3e-4", "--tags", "best"], [OLD]),
        (["--filter", "bigger"], [NEW]),
        (["--filter", "project:digits"], [NEW, OLD]),
        (["--sort", "created_at"], [OLD, NEW, OTHER]),
        (["--limit", "1"], [OTHER]),
    ],
)
def test_list_narrows(library: OgUser, words: list[str], found: list[str]) -> None:
    assert [row["run_id"] for row in library.json("list", *words)["runs"]] == found


def test_list_says_what_it_left_out_and_when_nothing_fits(library: OgUser) -> None:
    assert "1 of 3 runs" in library.og("list", "--limit", "1").stderr
    nothing = library.og("list", "--status", "failed")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no run fits" in nothing.stderr


def test_list_of_an_empty_store_says_how_to_begin(user: OgUser) -> None:
    done = user.og("list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "og run train.py" in done.stderr


def test_list_takes_a_store_a_project_and_a_run_folder(library: OgUser, tmp_path: Path) -> None:
    make_run(tmp_path / "p" / ".opengraphs", OLD)
    for path in ("p", "p/.opengraphs", f"p/.opengraphs/runs/{OLD}"):
        rows = library.og("list", str(tmp_path / path), "--json")
        assert [row["run_id"] for row in json.loads(rows.stdout)["runs"]] == [OLD]


def test_bare_og_in_a_pipe_is_the_list(library: OgUser) -> None:
    rows = [
        [line.split()[0] for line in done.stdout.splitlines()] for done in (library.og(), library.og("list"))
    ]
    assert rows[0] == rows[1] == ["RUN", OTHER, NEW, OLD]


def test_reader_that_has_seen_enough_ends_a_command_quietly(library: OgUser) -> None:
    script = f"{OG} export {OLD} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], env=library.env, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.splitlines()[0] == "run_id,metric,rank,step,time,value"
    assert done.stdout.splitlines()[1] in ("0", "141")
    assert done.stderr == ""


# which run


@pytest.mark.parametrize("ref", [OLD, "k7f3", "0-k7f3", "baseline"])
def test_run_is_found_by_any_unique_part_of_its_id_or_its_name(library: OgUser, ref: str) -> None:
    assert library.json("show", ref)["run_id"] == OLD


def test_run_is_found_by_its_folder(library: OgUser) -> None:
    assert library.json("show", str(library.store / "runs" / OLD))["run_id"] == OLD


@pytest.mark.parametrize("command", ["show", "tail", "export", "stop", "attach", "view"])
def test_unknown_run_names_the_nearest(library: OgUser, command: str) -> None:
    done = library.og(command, "basline")
    assert done.returncode == 3, done.stderr
    assert "baseline" in done.stderr
    assert "Traceback" not in done.stderr


def test_ambiguous_run_lists_what_fits(library: OgUser) -> None:
    done = library.og("show", "20270115")
    assert done.returncode == 3
    assert OLD in done.stderr
    assert NEW in done.stderr


def test_error_is_json_where_json_was_asked_for(library: OgUser) -> None:
    done = library.og("show", "nosuch", "--json")
    assert done.stdout == ""
    assert json.loads(done.stderr)["error"]["code"] == "not_found"


# show


def test_show_json_keeps_its_contract(library: OgUser) -> None:
    reply = library.json("show", OLD)
    assert reply["schema"] == 1
    assert reply["alerts"] == reply["checkpoints"] == []
    metrics = {row["key"]: row for row in reply["metrics"]}
    assert metrics["train/loss"] == {
        "key": "train/loss", "points": 100, "last": 0.01, "min": 0.01, "max": 1.0, "first_step": 0, "last_step": 99,
        "better": "min",
    }  # fmt: skip


def test_show_prints_facts_and_metrics(library: OgUser) -> None:
    text = library.og("show", OLD).stdout
    assert text.startswith("baseline  finished")
    assert "git" in text
    assert "train/loss" in text
    assert str(library.store / "runs" / OLD) in text


# tail


def test_tail_prints_the_last_lines(library: OgUser) -> None:
    assert library.og("tail", OLD, "-n", "2").stdout == "line 48\nline 49\n"
    assert len(library.og("-t", OLD).stdout.splitlines()) == 20
    assert library.og("tail", OLD, "-n", "0").stdout == ""
    assert len(library.og("tail", OLD, "-n", "5000").stdout.splitlines()) == 50


def test_tail_says_why_there_is_nothing_to_print(runs: OgUser) -> None:
    log = runs.store / "runs" / OLD / "stdout.log"
    log.write_text("")
    nothing = runs.og("tail", OLD)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "it printed nothing" in nothing.stderr
    facts = runs.store / "runs" / OLD / "run.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "runner_pid": None}))
    said = "nothing is kept of what it printed"
    wait_until(lambda: said in runs.og("tail", OLD).stderr, within_s=10, what="run.json read")
    assert runs.og("tail", OLD, "--json").stdout == ""


def test_tail_pages_through_more_lines_than_one_reply_holds(runs: OgUser) -> None:
    (runs.store / "runs" / OLD / "stdout.log").write_text("".join(f"{number}\n" for number in range(7000)))
    assert runs.og("tail", OLD, "-n", "5000").stdout.split() == [str(number) for number in range(2000, 7000)]


def test_tail_json_is_an_object_a_line(library: OgUser) -> None:
    lines = library.og("tail", OLD, "-n", "1", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"n": 49, "text": "line 49"}]


def test_tail_metrics_is_a_line_a_step(library: OgUser) -> None:
    assert library.og("tail", OLD, "--metrics", "-n", "2").stdout.splitlines() == [
        "step 98  lr 0.0003  train/loss 0.0101",
        "step 99  lr 0.0003  train/loss 0.01",
    ]
    (line,) = library.og("tail", OLD, "--metrics", "-n", "1", "--json").stdout.splitlines()
    assert json.loads(line) == {"step": 99, "metrics": {"lr": 3e-4, "train/loss": 0.01}}


def test_tail_follow_of_an_ended_run_ends(library: OgUser) -> None:
    assert library.og("tail", OLD, "-n", "1", "-f", timeout_s=20).stdout == "line 49\n"
    assert len(library.og("tail", OLD, "--metrics", "-n", "1", "-f", timeout_s=20).stdout.splitlines()) == 1


def test_tail_of_a_file_needs_no_daemon(user: OgUser) -> None:
    (user.work / "x.log").write_text("one\ntwo\r\n10%\r100%\n")
    assert user.og("tail", "x.log", "-n", "2").stdout == "two\n100%\n"
    assert user.processes() == {}


def test_tail_of_a_journal_as_metrics(user: OgUser) -> None:
    (user.work / "j.jsonl").write_text(
        '{"step":1,"time":1.0,"metrics":{"a":0.5}}\n{"seal":{"from":0,"to":1,"crc32":2}}\nbroken\n'
    )
    assert user.og("tail", "j.jsonl", "--metrics").stdout == "step 1  a 0.5\n"


def test_tail_follows_a_file(user: OgUser) -> None:
    (user.work / "x.log").write_text("one\n")
    og = user.start("tail", "-f", "x.log")
    try:
        assert og.stdout is not None
        assert og.stdout.readline() == "one\n"
        with (user.work / "x.log").open("a") as file:
            file.write("two\n")
        assert og.stdout.readline() == "two\n"
    finally:
        og.kill()
        og.communicate()


def test_tail_of_a_file_that_is_not_there(user: OgUser) -> None:
    assert user.og("tail", "./nosuch.log").returncode == 3


# export


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_export_csv_is_every_point_exactly(library: OgUser) -> None:
    rows = rows_of(library.og("export", OLD).stdout)
    loss = [row for row in rows if row["metric"] == "train/loss"]
    assert [(int(row["step"]), float(row["value"]), float(row["time"])) for row in loss] == [
        (step, 1 / (1 + step), 1_800_000_000.0 + step) for step in range(100)
    ]
    assert {row["rank"] for row in rows} == {""}
    assert {row["run_id"] for row in rows} == {OLD}


def test_export_json_keeps_its_contract(library: OgUser) -> None:
    reply = json.loads(library.og("export", OLD, "--format", "json").stdout)
    assert reply["schema"] == 1
    assert reply["run_id"] == OLD
    assert reply["metrics"]["train/loss"]["step"] == list(range(100))
    assert reply["metrics"]["lr"]["value"] == [3e-4] * 100
    assert set(reply["metrics"]["lr"]) == {"step", "time", "value"}


def test_export_of_a_run_without_metrics_is_empty_and_whole(library: OgUser) -> None:
    assert library.og("export", OTHER).stdout == "run_id,metric,rank,step,time,value\n"
    assert json.loads(library.og("export", OTHER, "--format", "json").stdout)["metrics"] == {}


def test_export_keeps_values_that_are_no_numbers(runs: OgUser) -> None:
    add_points(
        runs.store / "runs" / OTHER,
        "a0-r0",
        [(0, {"x": "NaN"}), (1, {"x": "Infinity"}), (2, {"x": "-Infinity"})],
    )
    rows = rows_of(runs.og("export", OTHER).stdout)
    values = [float(row["value"]) for row in rows]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]
    reply = json.loads(runs.og("export", OTHER, "--format", "json").stdout)
    assert reply["metrics"]["x"]["value"] == ["NaN", "Infinity", "-Infinity"]


def test_export_merges_ranks_unless_asked(runs: OgUser) -> None:
    folder = runs.store / "runs" / OTHER
    add_points(folder, "a0-r0", [(0, {"x": 1.0}), (1, {"x": 2.0})])
    add_points(folder, "a0-r1", [(0, {"x": 3.0}), (1, {"x": 4.0})], rank=1)
    merged = rows_of(runs.og("export", OTHER).stdout)
    assert [(row["rank"], row["step"], float(row["value"])) for row in merged] == [
        ("", "0", 2.0),
        ("", "1", 3.0),
    ]
    each = rows_of(runs.og("export", OTHER, "--ranks").stdout)
    assert sorted((row["rank"], row["step"], float(row["value"])) for row in each) == [
        ("0", "0", 1.0), ("0", "1", 2.0), ("1", "0", 3.0), ("1", "1", 4.0)
    ]  # fmt: skip
    reply = json.loads(runs.og("export", OTHER, "--ranks", "--format", "json").stdout)
    assert sorted(zip(reply["metrics"]["x"]["rank"], reply["metrics"]["x"]["value"], strict=True)) == [
        (0, 1.0), (0, 2.0), (1, 3.0), (1, 4.0)
    ]  # fmt: skip


def test_export_chooses_metrics_by_name_and_glob(library: OgUser) -> None:
    rows = rows_of(library.og("export", OLD, "--metric", "train/*").stdout)
    assert {row["metric"] for row in rows} == {"train/loss"}
    done = library.og("export", OLD, "--metric", "train/los")
    assert done.returncode == 3
    assert "train/loss" in done.stderr


def test_export_to_a_file_appears_when_it_is_complete(runs: OgUser) -> None:
    done = runs.og("export", OLD, "-o", "x.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert len(json.loads((runs.work / "x.json").read_text())["metrics"]) == 2
    assert [path.name for path in runs.work.iterdir()] == ["x.json"]
    missing = runs.og("export", OLD, "-o", "no/such/x.csv")
    assert missing.returncode == 4


def test_export_to_a_full_disk_is_a_store_error(library: OgUser) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [OG, "export", OLD],
            env=library.env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=30,
        )
    assert done.returncode == 4
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_export_asks_for_more_than_one_page(runs: OgUser) -> None:
    add_points(runs.store / "runs" / OTHER, "a0-r0", [(step, {"x": float(step)}) for step in range(25_000)])
    rows = rows_of(runs.og("export", OTHER).stdout)
    assert [float(row["value"]) for row in rows] == [float(step) for step in range(25_000)]


def test_export_parquet_is_the_rows_of_csv(runs: OgUser) -> None:
    add_points(
        runs.store / "runs" / OTHER, "a0-r0", [(0, {"x": "NaN"}), (1, {"x": "Infinity"}), (2, {"x": 0.1})]
    )
    done = runs.og("export", OLD, OTHER, "-o", "both.parquet")
    assert (done.returncode, done.stdout) == (0, "")
    assert [path.name for path in runs.work.iterdir()] == ["both.parquet"]
    table = pq.read_table(runs.work / "both.parquet")
    rows = rows_of(runs.og("export", OLD, OTHER).stdout)
    assert table.column_names == list(rows[0])
    assert table.num_rows == len(rows) == 203
    for name, convert in (("run_id", str), ("metric", str), ("step", int), ("time", float)):
        assert table.column(name).to_pylist() == [convert(row[name]) for row in rows]
    values = table.column("value").to_pylist()
    assert repr(values) == repr([float(row["value"]) for row in rows])
    assert table.column("rank").null_count == len(rows)


def test_export_parquet_holds_every_rank_on_demand_and_goes_through_a_pipe(runs: OgUser) -> None:
    folder = runs.store / "runs" / OTHER
    add_points(folder, "a0-r0", [(0, {"x": 1.0}), (1, {"x": 2.0})])
    add_points(folder, "a0-r1", [(0, {"x": 3.0}), (1, {"x": 4.0})], rank=1)
    done = subprocess.run(
        [OG, "export", OTHER, "--ranks", "--format", "parquet"],
        env=runs.env,
        cwd=runs.work,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    rows = pq.read_table(io.BytesIO(done.stdout)).to_pylist()
    assert sorted((row["rank"], row["step"], row["value"]) for row in rows) == [
        (0, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0), (1, 1, 4.0)
    ]  # fmt: skip


def test_export_of_several_runs_takes_from_each_what_it_has(runs: OgUser) -> None:
    add_points(runs.store / "runs" / OTHER, "a0-r0", [(0, {"x": 1.0})])
    rows = rows_of(runs.og("export", OLD, OTHER, OLD, "--metrics", "x", "--metric", "lr").stdout)
    assert [row["run_id"] for row in rows] == [OLD] * 100 + [OTHER]
    assert {row["metric"] for row in rows} == {"lr", "x"}
    reply = json.loads(runs.og("export", OLD, OTHER, "--format", "json").stdout)
    assert [run["run_id"] for run in reply["runs"]] == [OLD, OTHER]
    missing = runs.og("export", OLD, "nosuch")
    assert (missing.returncode, missing.stdout) == (3, "")


# damage


def test_damage_is_skipped_counted_and_named_by_the_doctor(runs: OgUser) -> None:
    journal = runs.store / "runs" / OLD / "metrics" / "a0-r0.jsonl"
    data = journal.read_bytes()
    journal.write_bytes(data + b"{broken\n" + b'{"step":100,"time":1.0,"metrics":{"lr":1.0}}\n')
    (runs.store / "runs" / NEW / "run.json").write_text('{"run_id": "x')
    assert len(rows_of(runs.og("export", OLD).stdout)) == 201
    listed = runs.og("list")
    assert listed.returncode == 0
    assert NEW in listed.stdout
    text = json.dumps(runs.json("doctor")["checks"])
    assert "a0-r0.jsonl" in text
    assert str(len(data)) in text
    assert NEW in text


def test_index_that_is_gone_changes_no_answer(runs: OgUser) -> None:
    before = [
        runs.og(*words).stdout for words in (["export", OLD], ["show", OLD, "--json"], ["list", "--json"])
    ]
    runs.og("daemon", "stop")
    for path in sorted((runs.home / "cache").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    after = [
        runs.og(*words).stdout for words in (["export", OLD], ["show", OLD, "--json"], ["list", "--json"])
    ]
    assert after == before


# views as text


def test_view_once_prints_a_frame_of_the_run(library: OgUser) -> None:
    done = library.og("view", OLD, "--once", COLUMNS="100", LINES="30")
    assert done.returncode == 0, done.stderr
    assert "train/loss" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100
    assert len(done.stdout.splitlines()) <= 30


def test_view_once_of_the_store_shows_its_runs(library: OgUser) -> None:
    done = library.og("view", "--once")
    assert done.returncode == 0, done.stderr
    assert "baseline" in done.stdout


def test_view_filter_that_is_no_expression_is_a_usage_error(library: OgUser) -> None:
    done = library.og("view", OLD, "--once", "--filter", "(")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_attach_without_a_live_run_says_what_can_be_opened(library: OgUser) -> None:
    done = library.og("attach")
    assert done.returncode == 3
    assert "og attach b2cd" in done.stderr


def test_daemon_that_is_killed_between_commands_is_started_again(runs: OgUser) -> None:
    first = runs.og("export", OLD).stdout
    os.kill(runs.json("daemon", "status")["pid"], signal.SIGKILL)
    wait_until(lambda: not runs.processes(), within_s=10, what="ogd gone")
    assert runs.og("export", OLD).stdout == first


@pytest.mark.parametrize("screen", ["runs", "graphs", "compare", "logs", "system", "samples", "alerts"])
def test_view_once_shows_any_screen(library: OgUser, screen: str) -> None:
    done = library.og("view", OLD, "--once", "--screen", screen, COLUMNS="100", LINES="24")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 24
    assert screen in lines[0]
    assert "q quit" in lines[-1]


def test_view_exports_a_picture_and_values_and_writes_over_nothing(library: OgUser) -> None:
    picture, values = library.work / "graphs.svg", library.work / "graphs.csv"
    done = library.og("view", OLD, "--with", NEW, "--export", "graphs.svg")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.strip() == "saved graphs.svg"
    assert "bigger" in picture.read_text()
    before = picture.read_bytes()
    again = library.og("view", OLD, "--export", "graphs.svg")
    assert again.returncode == 2
    assert "such a file already" in again.stderr
    assert picture.read_bytes() == before
    assert library.og("view", OLD, "--with", NEW, "--export", "graphs.csv").returncode == 0
    rows = list(csv.DictReader(values.read_text().splitlines()))
    assert {row["run"] for row in rows} == {OLD, NEW}
    assert library.og("view", OLD, "--with", "nobody", "--once").returncode == 3
