"""Foreign runs through a real daemon: attached, followed live and across kills, imported, detached."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ogd_kit import Ogd, make_run, wait_for

from opengraphs import paths
from opengraphs.client.sync import Client
from opengraphs.errors import NotFoundError, ProcessError, StoreError, UsageError
from opengraphs.sdk import layout

OLD_S = 1_700_000_000.0
"""A time at which nothing is live any more."""


@pytest.fixture
def client(ogd: Ogd) -> Iterator[Client]:
    ogd.start()
    with ogd.client() as asked:
        yield asked


@pytest.fixture
def place(og_home: Path) -> Path:
    folder = og_home / "foreign"
    folder.mkdir()
    return folder


def write_csv(path: Path, rows: range, *, old: bool = True, append: bool = False) -> None:
    """`step,loss` with loss = 1 / (1 + step), from `rows`."""
    with path.open("a" if append else "w") as out:
        if not append:
            out.write("step,loss\n")
        out.writelines(f"{step},{1 / (1 + step)!r}\n" for step in rows)
    if old:
        os.utime(path, (OLD_S, OLD_S))


def write_jsonl(path: Path, rows: range, *, start_s: float = OLD_S) -> None:
    path.write_text(
        "".join(
            json.dumps({"step": step, "timestamp": start_s + step, "loss": 1 / (1 + step)}) + "\n"
            for step in rows
        )
    )


def attach(client: Client, path: Path, **body: Any) -> dict[str, Any]:
    return client.post("/sources", {"path": str(path), **body})


def settled(client: Client, place_id: str) -> dict[str, Any]:
    """What `GET /sources` says of a place once all in it was read."""

    def look() -> dict[str, Any] | None:
        reply = client.get("/sources", place=place_id)
        is_reading = any(source["state"] == "reading" for source in reply["sources"])
        return None if reply["looking"] or is_reading else reply

    return wait_for(look, what="the sources")


def points(client: Client, run_id: str, metric: str = "loss") -> dict[int, float]:
    found: dict[int, float] = {}
    for page in client.points(run_id, metric):
        found.update(zip(page["step"], page["value"], strict=True))
    return found


def expected(rows: range) -> dict[int, float]:
    return {step: 1 / (1 + step) for step in rows}


def by_source(client: Client) -> dict[str, Mapping[str, Any]]:
    return {run.get("source", ""): run for run in client.runs()["runs"]}


def import_of(client: Client, path: Path, **body: Any) -> dict[str, Any]:
    reply = attach(client, path, mode="import", **body)
    return wait_for(
        lambda: found if (found := client.get(f"/imports/{reply['import_id']}"))["done"] else None,
        what="the import",
    )


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every name below a folder with its size and the time it was changed."""
    found = (path for path in [folder, *folder.rglob("*")])
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


# -- attached ------------------------------------------------------------------------------------


def test_folder_of_two_formats_is_listed_beside_the_stores_own_runs(
    ogd: Ogd, client: Client, place: Path
) -> None:
    make_run(ogd.store, name="ours", metrics={"loss": [3.0, 2.0]})
    write_csv(place / "a.csv", range(20))
    write_jsonl(place / "b.jsonl", range(30))
    before = tree(place)
    reply = attach(client, place)
    assert (reply["looking"], {source["format"] for source in reply["sources"]}) == (False, {"csv", "jsonl"})
    found = by_source(client)
    assert len(client.runs()["runs"]) == 3
    assert (found["csv"]["status"], found["jsonl"]["status"]) == ("finished", "finished")
    assert found["csv"]["source_path"] == str(place / "a.csv")
    assert points(client, found["csv"]["run_id"]) == expected(range(20))
    assert points(client, found["jsonl"]["run_id"]) == expected(range(30))
    assert [run["source"] for run in client.runs(filter="source:csv")["runs"]] == ["csv"]
    compared = client.compare(
        {"run_ids": [found["csv"]["run_id"], found["jsonl"]["run_id"]], "metric_key": "loss"}
    )
    assert len(compared["runs"]) == 2
    assert tree(place) == before, "og writes nothing beside foreign runs"


def test_growing_file_is_followed_and_told_on_the_event_stream(client: Client, place: Path) -> None:
    file = place / "live.csv"
    write_csv(file, range(3), old=False)
    run_id = attach(client, file)["sources"][0]["run_ids"][0]
    assert client.run(run_id)["status"] == "running"
    events = client.stream("/events")
    assert next(events)["kind"] == "hello"
    write_csv(file, range(3, 6), old=False, append=True)
    for event in events:
        if event["kind"] == "metrics" and event["keys"].get("loss") == 5:
            assert event["run"] == run_id
            break
    events.close()
    assert points(client, run_id) == expected(range(6))


def test_new_file_in_an_attached_folder_becomes_a_run(client: Client, place: Path) -> None:
    write_csv(place / "a.csv", range(3))
    attach(client, place)
    events = client.stream("/events")  # somebody watches, so the folder is looked through often
    next(events)
    write_csv(place / "b.csv", range(4))
    for event in events:
        if event["kind"] == "run" and event["facts"]["name"] == "b":
            break
    events.close()


@pytest.mark.parametrize("when", ["while it is read", "between"])
def test_kill_of_the_daemon_loses_and_doubles_nothing(ogd: Ogd, place: Path, when: str) -> None:
    file = place / "long.csv"
    rows = range(60_000)
    write_csv(file, rows)
    ogd.start()
    with ogd.client() as client:
        place_id = attach(client, file)["id"]
        if when == "between":
            settled(client, place_id)
    ogd.kill()
    copies = list((paths.attached_dir(ogd.store) / "runs").glob("*/metrics/csv.jsonl"))
    for copy in copies:  # what a later write would have left behind the last mark
        with copy.open("ab") as out:
            out.write(b'{"step":999999,"time":1.0,"metrics":{"loss":1.0}}\n{"step"')
    ogd.start()
    with ogd.client() as client:
        settled(client, place_id)
        (run,) = client.runs()["runs"]
        assert points(client, run["run_id"]) == expected(rows)
    (copy,) = (paths.attached_dir(ogd.store) / "runs").glob("*/metrics/csv.jsonl")
    steps = [json.loads(line)["step"] for line in copy.read_bytes().splitlines()]
    assert steps == list(rows), "each record once, in order"


def test_what_grew_while_no_daemon_ran_is_there_at_the_first_question(ogd: Ogd, place: Path) -> None:
    file = place / "a.csv"
    write_csv(file, range(10))
    ogd.start()
    with ogd.client() as client:
        attach(client, file)
    ogd.kill()
    write_csv(file, range(10, 20), append=True)
    ogd.start()
    with ogd.client() as client:
        (run,) = client.runs()["runs"]
        assert points(client, run["run_id"]) == expected(range(20))
        assert run["status"] == "finished"


def test_deleted_cache_costs_nothing_but_the_attachment(ogd: Ogd, place: Path) -> None:
    write_jsonl(place / "b.jsonl", range(30))
    ids = []
    for _ in range(2):
        ogd.start()
        with ogd.client() as client:
            assert client.runs()["runs"] == []
            ids.append(attach(client, place)["sources"][0]["run_ids"])
        ogd.kill()
        shutil.rmtree(paths.cache_dir())
    assert ids[0] == ids[1]


def test_rewritten_file_starts_its_run_anew(client: Client, place: Path) -> None:
    file = place / "a.csv"
    write_csv(file, range(50))
    run_id = attach(client, file)["sources"][0]["run_ids"][0]
    assert len(points(client, run_id)) == 50
    with closing(client.stream("/events")) as events:
        next(events)
        file.write_text("step,loss\n0,7.5\n")
        for event in events:
            if event["kind"] == "metrics" and event.get("reset"):
                break
    wait_for(lambda: points(client, run_id) == {0: 7.5}, what="the rewritten run")


def test_removed_file_leaves_its_run_and_a_word_about_it(client: Client, place: Path) -> None:
    file = place / "sub" / "a.csv"
    file.parent.mkdir()
    write_csv(file, range(5))
    reply = attach(client, place)
    run_id = reply["sources"][0]["run_ids"][0]
    shutil.rmtree(file.parent)
    wait_for(lambda: client.get("/sources")["sources"][0]["state"] == "unreadable", what="the missing source")
    assert points(client, run_id) == expected(range(5))
    checks = {check["id"]: check for check in client.get("/doctor")["checks"]}
    assert checks["sources"]["status"] == "warn"
    assert str(file) in checks["sources"]["message"]


def test_corrupt_lines_are_counted_where_the_run_is_shown(client: Client, place: Path) -> None:
    file = place / "b.jsonl"
    write_jsonl(file, range(30))
    with file.open("a") as out:
        out.write('{"step": 30, "loss"\n{"step": 31, "loss": 0.5}\n')
    reply = attach(client, file)
    assert reply["sources"][0]["skipped"] == 1
    shown = client.run(reply["sources"][0]["run_ids"][0])
    assert "1 record skipped" in shown["source_trouble"]
    (check,) = [check for check in client.get("/doctor")["checks"] if check["id"] == "sources"]
    assert (check["status"], str(file) in check["message"]) == ("warn", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_folder_is_followed(client: Client, place: Path) -> None:
    write_csv(place / "a.csv", range(5))
    place.chmod(0o500)
    try:
        run_id = attach(client, place)["sources"][0]["run_ids"][0]
        assert points(client, run_id) == expected(range(5))
    finally:
        place.chmod(0o700)


def test_tags_and_notes_work_and_removal_says_what_to_do(client: Client, place: Path) -> None:
    write_csv(place / "a.csv", range(5))
    reply = attach(client, place)
    run_id = reply["sources"][0]["run_ids"][0]
    client.edit(run_id, {"name": "mine", "tags": {"add": ["good"]}})
    shown = client.run(run_id)
    assert (shown["name"], shown["tags"]) == ("mine", ["good"])
    with pytest.raises(StoreError, match="not og's") as refused:
        client.remove(run_id)
    assert f"og attach --detach {place / 'a.csv'}" in refused.value.hint
    with pytest.raises(ProcessError):
        client.stop(run_id)
    write_csv(place / "a.csv", range(5, 9), append=True)
    wait_for(lambda: len(points(client, run_id)) == 9, what="the new rows")
    assert client.run(run_id)["name"] == "mine", "what people say stays when the source grows"


def test_detach_takes_the_runs_away_and_leaves_the_files(client: Client, place: Path) -> None:
    write_csv(place / "a.csv", range(5))
    write_csv(place / "b.csv", range(5))
    attach(client, place)
    assert client.runs()["total"] == 2
    client.delete(f"/sources/{quote(str(place), safe='')}")
    wait_for(lambda: client.runs()["total"] == 0, what="no runs")
    assert len(list(place.iterdir())) == 2
    assert client.get("/sources")["places"] == []
    with pytest.raises(NotFoundError, match="not attached"):
        client.delete("/sources/nonsense")


def test_thousand_small_sources(client: Client, place: Path) -> None:
    for number in range(1000):
        write_csv(place / f"{number:04}.csv", range(3))
    reply = attach(client, place)
    settled(client, reply["id"])
    wait_for(lambda: client.runs(limit=1)["total"] == 1000, what="all runs in the list")
    assert client.get("/sources", limit=10)["total"] == 1000


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        ({"path": "relative"}, UsageError, "not absolute"),
        ({}, UsageError, "path is missing"),
        ({"path": "/nowhere/at/all"}, NotFoundError, "no such file"),
        ({"path": "/", "mode": "borrow"}, UsageError, "mode"),
        ({"path": "/", "format": "betamax"}, UsageError, "no format"),
        ({"path": "/", "fromat": "csv"}, UsageError, "unknown key"),
    ],
)
def test_wrong_requests_say_what_is_wrong(
    client: Client, body: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        client.post("/sources", body)


def test_file_of_no_known_format_says_what_was_looked_for(client: Client, place: Path) -> None:
    (place / "notes.bin").write_bytes(bytes(4096))
    with pytest.raises(NotFoundError, match="no foreign runs") as missed:
        attach(client, place / "notes.bin")
    assert "TensorBoard" in missed.value.hint


def test_idle_daemon_leaves_though_something_ended_is_attached(ogd: Ogd, place: Path) -> None:
    write_csv(place / "a.csv", range(5))
    daemon = ogd.start(OG_IDLE_EXIT_S="0.3")
    with ogd.client(autostart=False) as client:
        attach(client, place)
    assert daemon.wait(timeout=20) == 0


# -- imported ------------------------------------------------------------------------------------


def test_import_twice_adds_only_what_is_new_and_keeps_edits(ogd: Ogd, client: Client, place: Path) -> None:
    file = place / "a.csv"
    write_csv(file, range(10))
    first = import_of(client, place)
    assert [(run["state"], run["points"]) for run in first["runs"]] == [("imported", 10)]
    run_id = first["runs"][0]["run_id"]
    wait_for(lambda: client.runs()["total"] == 1, what="the imported run")
    assert (ogd.store / layout.RUNS / run_id / layout.RUN_JSON).is_file()
    client.edit(run_id, {"name": "mine", "tags": ["kept"]})
    again = import_of(client, place)
    assert [(run["state"], run["points"]) for run in again["runs"]] == [("unchanged", 0)]
    write_csv(file, range(10, 15), append=True)
    dry = import_of(client, place, dry_run=True)
    assert [(run["state"], run["points"]) for run in dry["runs"]] == [("updated", 5)]
    assert len(points(client, run_id)) == 10
    more = import_of(client, place)
    assert [(run["state"], run["points"]) for run in more["runs"]] == [("updated", 5)]
    wait_for(lambda: points(client, run_id) == expected(range(15)), what="the new rows")
    shown = client.run(run_id)
    assert (shown["name"], shown["tags"], shown["status"], shown["source"]) == (
        "mine",
        ["kept"],
        "finished",
        "csv",
    )


def test_import_does_not_bring_back_what_was_removed(client: Client, place: Path) -> None:
    write_csv(place / "a.csv", range(10))
    run_id = import_of(client, place)["runs"][0]["run_id"]
    wait_for(lambda: client.runs()["total"] == 1, what="the imported run")
    client.remove(run_id)
    write_csv(place / "a.csv", range(10, 15), append=True)
    assert [run["state"] for run in import_of(client, place)["runs"]] == ["removed"]
    assert client.runs()["total"] == 0


def test_import_of_an_attached_run_takes_its_place(client: Client, place: Path) -> None:
    write_jsonl(place / "b.jsonl", range(30))
    attach(client, place)
    (attached,) = client.runs()["runs"]
    run_id = import_of(client, place)["runs"][0]["run_id"]
    assert run_id == attached["run_id"]
    wait_for(lambda: "attached" not in client.run(run_id)["path"], what="the store's own run")
    assert client.runs()["total"] == 1
    assert points(client, run_id) == expected(range(30))
    client.remove(run_id)  # the attached copy shows again
    wait_for(lambda: "attached" in client.run(run_id)["path"], what="the copy")


def test_import_that_was_killed_goes_on(ogd: Ogd, place: Path) -> None:
    rows = range(150_000)
    write_csv(place / "long.csv", rows)
    ogd.start()
    with ogd.client() as client:
        attach(client, place, mode="import")
        wait_for(lambda: list((ogd.store / "imports").glob("*.json")), what="the first stretch")
    pid = ogd.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    ogd.kill()
    ogd.start()
    with ogd.client() as client:
        run_id = import_of(client, place)["runs"][0]["run_id"]
        wait_for(lambda: client.runs()["total"] == 1, what="the imported run")
        wait_for(lambda: len(points(client, run_id)) == len(rows), what="all points")
    lines = [
        line
        for file in sorted((ogd.store / layout.RUNS / run_id / layout.METRICS).glob("csv*.jsonl"))
        for line in file.read_bytes().splitlines()
    ]
    assert [json.loads(line)["step"] for line in lines] == list(rows)
    assert not list((ogd.store / "imports" / layout.RUNS).iterdir())
