"""The one door to a store: every answer, and every way a question can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine import EngineStore
from opengraphs.engine import catalog as catalog_module
from opengraphs.errors import AmbiguousError, NotFoundError, StoreError, UsageError
from opengraphs.store import liveness
from opengraphs.store.runfacts import RunReader

RUN = "20261122-093012-k7f3"
OTHER = "20261122-093013-m2m2"


def record(step: int, **metrics: Any) -> dict[str, Any]:
    return {"step": step, "time": 100.0 + step, "metrics": metrics or {"loss": 1.0 / (1 + step)}}


# -- which runs there are --------------------------------------------------------------------


def test_scan_tells_of_new_changed_and_removed_runs(maker: Any) -> None:
    maker.run(RUN)
    engine = EngineStore.open(maker.path, index_dir=maker.index_dir)
    assert [(change["kind"], change["run"]) for change in engine.scan()] == [("run", RUN)]
    assert engine.scan() == []
    maker.run(OTHER, ended=False)
    (change,) = engine.scan()
    assert (change["run"], change["facts"]["status"]) == (OTHER, "running")
    assert engine.live_runs() == [OTHER]
    maker.run(RUN, name="renamed")
    (change,) = engine.scan()
    assert change["facts"]["name"] == "renamed"
    (maker.path / "runs" / OTHER / "exit.json").write_text('{"code": 3}')
    (change,) = engine.scan()
    assert (change["facts"]["status"], change["facts"]["exit_code"]) == ("failed", 3)
    (maker.path / "runs" / RUN).rename(maker.path / "gone")
    assert [(change["kind"], change["run"]) for change in engine.scan()] == [("gone", RUN)]
    engine.close()


def test_run_whose_owner_died_is_crashed(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.run(ended=False)
    engine = maker.open()
    assert engine.runs()["runs"][0]["status"] == "running"
    monkeypatch.setattr(liveness, "YOUNG_S", -1.0)
    (change,) = engine.scan()
    assert change["facts"]["status"] == "crashed"
    assert engine.unsettled() == [RUN]
    assert engine.settle(RUN)
    assert engine.unsettled() == []
    assert json.loads((maker.path / "runs" / RUN / "run.json").read_text())["status"] == "crashed"


def test_store_that_does_not_exist_yet(maker: Any) -> None:
    engine = maker.open()
    assert engine.runs() == {"schema": 1, "runs": [], "total": 0, "next": None}
    with pytest.raises(NotFoundError, match="no run fits") as caught:
        engine.resolve("x")
    assert "no runs yet" in caught.value.hint
    maker.run()
    assert [change["run"] for change in engine.scan()] == [RUN]


def test_file_in_place_of_a_store(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("x")
    with pytest.raises(StoreError, match="folder"):
        EngineStore.open(tmp_path / "store", index_dir=tmp_path / "i")


def test_damaged_run_json_still_lists_and_opens(maker: Any) -> None:
    folder = maker.run(RUN)
    maker.append([record(0), record(1)])
    (folder / "run.json").write_text('{"schema": 1, "name": "half", "project": "p", "conf')
    maker.run_dir(OTHER)
    engine = maker.open()
    rows = {row["run_id"]: row for row in engine.runs()["runs"]}
    assert rows[RUN]["name"] == "half"
    assert rows[OTHER]["name"] == OTHER
    assert [metric["points"] for metric in engine.run(RUN)["metrics"]] == [2]
    (check,) = [check for check in engine.doctor() if check["id"] == "store.run_json"]
    assert check["status"] == "warn"
    assert f"{folder / 'run.json'}: run.json does not parse" in check["message"]


def test_snapshot_makes_the_next_start_read_nothing(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.run(RUN, config={"lr": 1.0}, tags=["x"])
    maker.run(OTHER)
    engine = maker.open()
    for run_id in engine.unsettled():
        engine.settle(run_id)
    before = engine.runs()
    engine.maintain()
    engine.close()
    monkeypatch.setattr(RunReader, "read", _refuse)
    again = EngineStore.open(maker.path, index_dir=maker.index_dir)
    assert {change["run"] for change in again.scan()} == {RUN, OTHER}
    assert again.runs() == before
    again.close()


def _refuse(*_: object) -> None:
    raise AssertionError("a run was read although nothing changed")


def test_snapshot_does_not_hide_what_changed_meanwhile(maker: Any) -> None:
    maker.run(RUN)
    engine = maker.open()
    engine.settle(RUN)
    engine.maintain()
    engine.close()
    with (maker.path / "runs" / RUN / "events" / "ogd.jsonl").open("w") as file:
        file.write('{"time": 5, "kind": "tag", "tags": ["late"]}\n')
    assert maker.open().runs()["runs"][0]["tags"] == ["late"]
    damaged = maker.index_dir / catalog_module.SNAPSHOT
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert maker.open().runs()["runs"][0]["tags"] == ["late"]


def test_very_many_ended_runs_are_looked_at_in_turns(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "ENDED_PER_SCAN", 3)
    ids = [f"20261122-0930{number:02d}-aaaa" for number in range(10)]
    for run_id in ids:
        maker.run(run_id)
    engine = maker.open()
    assert engine.runs()["total"] == 10
    for run_id in ids:
        maker.run(run_id, name="new")
    found = [change["run"] for _ in range(4) for change in engine.scan()]
    assert sorted(found) == ids


# -- lists -------------------------------------------------------------------------------------


@pytest.fixture
def listed(maker: Any) -> EngineStore:
    for number in range(7):
        run_id = f"20261122-09301{number}-aaa{number}"
        loss = [3.0, 1.0, None, 2.0, "NaN", 5.0, 4.0][number]
        maker.run(
            run_id, name=f"n{number % 3}", project="even" if number % 2 == 0 else "odd",
            config={"lr": number / 10} if number else {"lr": "auto"}, created_at=f"2026-11-22T09:30:1{number}.000000Z",
        )  # fmt: skip
        if loss is not None:
            maker.append([{"step": 7, "time": 1.0, "metrics": {"loss": loss}}], run_id=run_id)
    engine = maker.open()
    while engine.backlog():
        engine.ingest_backlog(budget_s=1)
    return engine


def order(engine: EngineStore, **options: Any) -> str:
    return "".join(row["run_id"][-1] for row in engine.runs(**options)["runs"])


def test_sorting_by_any_key_puts_unknown_ones_last(listed: EngineStore) -> None:
    assert order(listed) == "6543210"
    assert order(listed, sort="created_at") == "0123456"
    assert order(listed, sort="name") == "6304152"
    assert order(listed, sort="config.lr") == "1234560"
    assert order(listed, sort="summary.loss") == "1306542"
    assert order(listed, sort="-summary.loss")[:5] == "45603"
    assert order(listed, sort="-points")[-1] == "2"
    assert order(listed, sort="last_step")[-1] == "2"


def test_pages_hang_together(listed: EngineStore) -> None:
    seen, cursor = "", None
    while True:
        page = listed.runs(limit=3, cursor=cursor)
        assert page["total"] == 7
        seen += "".join(row["run_id"][-1] for row in page["runs"])
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == "6543210"


def test_page_goes_on_behind_the_last_run_when_new_ones_came(listed: EngineStore, maker: Any) -> None:
    cursor = listed.runs(limit=3)["next"]
    maker.run("20261122-093020-aaa9", created_at="2026-11-22T09:30:20.000000Z")
    listed.scan()
    assert order(listed, limit=3, cursor=cursor) == "321"


def test_lists_are_chosen(listed: EngineStore) -> None:
    assert order(listed, project="odd") == "531"
    assert order(listed, status="finished", where="project:even -name:n0") == "42"
    assert order(listed, status="running") == ""
    assert order(listed, where="summary.loss>=4") == "65"


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 0}, {"limit": 100_000}, {"sort": "nonsense"}, {"sort": "config"}, {"cursor": "x"},
        {"status": "runing"}, {"where": "stat:x"},
    ],
)  # fmt: skip
def test_list_arguments_that_make_no_sense(listed: EngineStore, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        listed.runs(**options)


def test_row_shows_what_a_list_needs(maker: Any, read_all: Any) -> None:
    maker.run(summary={"best": 1, "loss": "mine"})
    maker.append([record(step, loss=step, lr=0.1) for step in range(100)])
    engine = maker.open()
    (row,) = engine.runs()["runs"]  # short journals are read for it
    assert (row["points"], row["last_step"], row["main_metric"]) == (200, 99, "loss")
    assert len(row["spark"]) == 32
    assert row["spark"] == sorted(row["spark"])
    assert row["summary"] == {"best": 1, "loss": "mine", "lr": 0.1}
    assert row["last"] == {"loss": 99.0, "lr": 0.1}
    read_all(engine)
    engine.close()
    (again,) = maker.open().runs()["runs"]
    assert again == row


def test_digest_of_a_journal_that_was_replaced_is_not_shown(maker: Any, read_all: Any) -> None:
    folder = maker.run()
    maker.append([record(step) for step in range(10)])
    engine = maker.open()
    read_all(engine)
    engine.close()
    (folder / "metrics" / "a0-r0.jsonl").unlink()
    maker.append([record(step) for step in range(3)])
    engine = maker.open()
    assert engine.runs()["runs"][0]["points"] == 3


@pytest.mark.parametrize("is_longer", [True, False])
def test_ended_run_whose_files_changed_since_it_was_read_is_read_again(
    maker: Any, read_all: Any, is_longer: bool
) -> None:
    journal = maker.run() / "metrics" / "a0-r0.jsonl"
    maker.append([record(step) for step in range(10)])
    engine = maker.open()
    read_all(engine)
    engine.close()
    copy = journal.with_suffix(".copy")
    copy.write_bytes(journal.read_bytes() + b'{"step":90,"time":2.0,"metrics":{"loss":0.5}}\n' * is_longer)
    copy.replace(journal)
    for _ in range(2):  # the second time it is known again
        engine = maker.open()
        row = engine.runs()["runs"][0]
        assert (row["points"], row["last_step"]) == ((11, 90) if is_longer else (10, 9))
        read_all(engine)
        assert engine.runs()["runs"][0] == row
        engine.close()


# -- references ----------------------------------------------------------------------------------


def test_references(maker: Any) -> None:
    maker.run(RUN, name="alpha")
    maker.run(OTHER, name="beta")
    maker.run("20261123-000000-qqqq", name="beta")
    maker.run("20261124-000000-beta", name="20261122-093012-k7f3-copy")
    engine = maker.open()
    assert engine.resolve(RUN) == RUN
    assert engine.resolve("k7f3") == RUN
    assert engine.resolve("alpha") == RUN
    assert engine.resolve("m2m2") == OTHER
    with pytest.raises(AmbiguousError) as caught:
        engine.resolve("beta")
    assert OTHER in caught.value.hint
    with pytest.raises(AmbiguousError):
        engine.resolve("20261122")
    with pytest.raises(NotFoundError) as missing:
        engine.resolve("alpa")
    assert "alpha" in missing.value.hint
    with pytest.raises(NotFoundError) as missing:
        engine.resolve("k7f8")
    assert RUN in missing.value.hint
    with pytest.raises(UsageError):
        engine.resolve("")


# -- one run ---------------------------------------------------------------------------------------


def test_run_says_everything(maker: Any) -> None:
    folder = maker.run(ended=False, config={"max_steps": 1000})
    maker.append([record(step, loss=step) for step in range(10)])
    maker.append([{"step": step, "time": 1.0, "metrics": {"acc": 1}} for step in range(4)], writer="a1-r2")
    (folder / "stdout.log").write_bytes(b"hello\n")
    maker.append(
        [
            {"time": 3.0, "kind": "checkpoint", "checkpoint_id": "c1", "path": "/x", "step": 5},
            {"time": 4.0, "kind": "checkpoint", "checkpoint_id": "c0", "path": "/y", "step": 2},
            {"time": 5.0, "kind": "alert", "alert_id": "a", "state": "firing", "level": "warn"},
            {"time": 6.0, "kind": "alert", "alert_id": "a", "state": "resolved"},
        ],
        kind="events",
    )
    run = maker.open().run(RUN)
    assert [(metric["key"], metric["points"], metric["last"]) for metric in run["metrics"]] == [
        ("acc", 4, 1.0),
        ("loss", 10, 9.0),
    ]
    assert [(seen["rank"], seen["attempt"], seen["last_step"], seen["alive"]) for seen in run["ranks_seen"]] == [
        (0, 0, 9, True), (2, 1, 3, True),
    ]  # fmt: skip
    assert [checkpoint["checkpoint_id"] for checkpoint in run["checkpoints"]] == ["c0", "c1"]
    assert run["alerts"] == [
        {"time": 6.0, "kind": "alert", "alert_id": "a", "state": "resolved", "level": "warn"}
    ]
    assert run["log"] == {"size_bytes": 6}
    assert run["ingest"] == {"pending": 0.0, "bad_lines": 0}
    assert run["path"] == str(folder)
    json.dumps(run)


def test_poll_tells_what_each_live_run_appended(maker: Any) -> None:
    folder = maker.run(ended=False)
    maker.run(OTHER)
    engine = maker.open()
    assert engine.poll() == []
    maker.append([record(0), record(1)])
    maker.append([{"time": 1.0, "metrics": {"cpu.percent": 3}}], writer="node", kind="system")
    (folder / "stdout.log").write_bytes(b"abc")
    maker.append(
        [{"time": 1.0, "kind": "progress", "progress": {"step": 2, "total": 10, "unit": "step"}}],
        kind="events",
    )
    changes = {change["kind"]: change for change in engine.poll([RUN, OTHER, "nobody"])}
    assert changes["metrics"] == {
        "kind": "metrics",
        "run": RUN,
        "keys": {"loss": 1},
        "points": 2,
        "reset": False,
    }
    assert changes["log"]["size_bytes"] == 3
    assert changes["run"]["facts"]["progress"]["step"] == 2
    assert set(changes) == {"metrics", "log", "run", "events", "system"}
    assert engine.poll() == []
    maker.append_bytes(b'{"step":2,"time":1,"me')
    assert engine.poll() == []
    maker.append_bytes(b'trics":{"loss":1}}\n')
    assert [change["kind"] for change in engine.poll()] == ["metrics"]


def test_progress_speed_and_eta(maker: Any) -> None:
    maker.run(ended=False, config={"max_steps": 1000})
    maker.append([{"step": step, "time": 100.0 + step / 2, "metrics": {"loss": 1}} for step in range(200)])
    engine = maker.open()
    reply = engine.series({"runs": [RUN], "metrics": ["loss"]})
    assert reply["progress"][RUN] == {"step": 199, "total": 1000, "total_source": "config", "unit": "step", "eta_s": pytest.approx(400.5), "steps_per_s": pytest.approx(2.0)}  # fmt: skip


def test_system_metrics_by_host(maker: Any) -> None:
    maker.run()
    for host in ("n1", "n2"):
        maker.append(
            [
                {"time": 10.0 + at, "metrics": {"cpu.percent": at, "gpu.0.util_percent": 5}}
                for at in range(50)
            ],
            writer=host,
            kind="system",
        )
    engine = maker.open()
    reply = engine.system(RUN, columns=5, keys="cpu")
    assert reply["hosts"] == ["n1", "n2"]
    assert [(curve["host"], curve["metric"], curve["points"]) for curve in reply["series"]] == [
        ("n1", "cpu.percent", 50), ("n2", "cpu.percent", 50),
    ]  # fmt: skip
    assert len(reply["series"][0]["x"]) <= 20
    assert engine.system(RUN, span=(20.0, 29.0), keys="cpu")["series"][0]["points"] == 10
    (one,) = engine.system(RUN, keys="ram,gpu.0", host="n2")["series"]
    assert (one["host"], one["metric"]) == ("n2", "gpu.0.util_percent")
    assert [metric["key"] for metric in engine.run(RUN)["metrics"]] == []


def test_very_many_system_metrics_have_fewer_columns_each(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opengraphs.engine import pages

    monkeypatch.setattr(pages, "MAX_SYSTEM_CURVES", 3)
    monkeypatch.setattr(pages, "MAX_SYSTEM_COLUMNS", 6)
    maker.run()
    line = {f"gpu.{n}.util_percent": 5 for n in range(5)}
    maker.append([{"time": 10.0 + at, "metrics": line} for at in range(50)], writer="n1", kind="system")
    reply = maker.open().system(RUN, columns=100)
    assert (len(reply["series"]), reply["total"], reply["columns"]) == (3, 5, 2)


def test_the_process_of_each_live_run_is_known(maker: Any) -> None:
    maker.run(ended=False, pid=4711, host="box")
    (one,) = maker.open().processes()
    assert (one["run_id"], one["pid"], one["host"]) == (RUN, 4711, "box")


def test_logs_and_samples_and_events_in_windows(maker: Any) -> None:
    folder = maker.run()
    (folder / "stdout.log").write_text("".join(f"line {n}\n" for n in range(100)))
    maker.append(
        [{"time": float(n), "step": n, "name": "s", "columns": {"n": n}} for n in range(0, 10, 2)],
        kind="samples",
    )
    maker.append(
        [{"time": float(n), "step": n, "name": "s", "columns": {"n": n}} for n in range(1, 10, 2)],
        writer="a0-r1",
        kind="samples",
    )
    maker.append(
        [{"time": float(n // 2), "kind": "note", "text": str(n), "step": n} for n in range(10)], kind="events"
    )
    maker.append([{"seal": {"from": 0, "to": 10, "crc32": 1}}], kind="events")  # no event
    engine = maker.open()
    assert [line["text"] for line in engine.log(RUN, start=-2)["lines"]] == ["line 98", "line 99"]
    assert engine.log(RUN, start=98)["next"] is None
    assert engine.log(RUN, start=0, lines=10)["next"] == 10
    assert engine.log_search(RUN, "e 5$", start=0)["line"] == {"n": 5, "text": "line 5"}
    assert engine.log_search(RUN, "line", start=-1, forward=False)["line"]["n"] == 99
    assert [sample["step"] for sample in engine.samples(RUN, start=-3)["samples"]] == [7, 8, 9]
    page = engine.samples(RUN, start=2, limit=4)
    assert ([sample["step"] for sample in page["samples"]], page["total"], page["next"]) == (
        [2, 3, 4, 5],
        10,
        6,
    )
    seen, since = [], None
    while True:
        page = engine.events(RUN, since=since, limit=3)
        seen += [event["text"] for event in page["events"]]
        since = page["next"]
        if since is None:
            break
    assert seen == [str(n) for n in range(10)]
    assert [event["text"] for event in engine.events(RUN, since="3")["events"]] == ["8", "9"]
    with pytest.raises(UsageError):
        engine.events(RUN, since="yesterday")


def test_keys_are_found_by_their_words(maker: Any, read_all: Any) -> None:
    maker.run(RUN)
    maker.run(OTHER)
    keys = ["train/loss", "eval/loss", "loss", "train/loss_scale", "lr"]
    maker.append([record(0, **dict.fromkeys(keys, 1.0))])
    maker.append([record(0, loss=5.0), record(9, loss=7.0)], run_id=OTHER)
    engine = maker.open()
    read_all(engine)
    assert [metric["key"] for metric in engine.keys(run=RUN, q="LOSS")["keys"]][:3] == [
        "loss",
        "eval/loss",
        "train/loss",
    ]
    assert [metric["key"] for metric in engine.keys(run=RUN, q="loss train")["keys"]] == [
        "train/loss",
        "train/loss_scale",
    ]
    assert len(engine.keys(run=RUN, limit=2)["keys"]) == 2
    (metric,) = [metric for metric in engine.keys()["keys"] if metric["key"] == "loss"]
    assert (metric["points"], metric["last"], metric["min"], metric["last_step"]) == (3, 7.0, 1.0, 9)


def test_keys_of_the_store_are_there_once_a_run_was_asked_about(maker: Any) -> None:
    maker.run(RUN)
    names = [f"layer/{number:03}/norm" for number in range(300)]
    maker.append([record(0, **dict.fromkeys(names, 1.0))])
    for _ in range(2):  # open and not committed yet, then as it was stored
        engine = maker.open()
        engine.run(RUN)
        found = {metric["key"]: metric["points"] for metric in engine.keys()["keys"]}
        assert set(found) == set(names)
        assert (found[names[0]], found[names[-1]]) == (1, None)  # past the first 200 by name alone
        assert [metric["key"] for metric in engine.keys(q="norm 299")["keys"]] == [names[-1]]
        engine.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"metrics": []}, {"runs": "x"}, {"x": "epoch"}, {"range": [3, 1]}, {"range": [1]}, {"range": ["a", "b"]},
        {"range": [0, 10**400]},
        {"columns": 0}, {"columns": 5000}, {"columns": True}, {"smooth": ["median(3)"]}, {"smooth": ["ma(0)"]},
        {"smooth": ["ema(1)"]}, {"smooth": "ma(3)"}, {"ranks": "all"}, {"ranks": [-1]}, {"colums": 5},
    ],
)  # fmt: skip
def test_series_request_with_a_wrong_field(maker: Any, fields: dict[str, Any]) -> None:
    maker.run()
    maker.append([record(0)])
    with pytest.raises(UsageError):
        maker.open().series({"runs": [RUN], "metrics": ["loss"], **fields})


def test_unknown_metric_names_the_nearest(maker: Any) -> None:
    maker.run()
    maker.append([record(0, **{"train/loss": 1.0})])
    engine = maker.open()
    with pytest.raises(NotFoundError) as caught:
        engine.series({"runs": [RUN], "metrics": ["train/los"]})
    assert "train/loss" in caught.value.hint
    with pytest.raises(NotFoundError):
        engine.points(RUN, "nope")
    both = engine.series({"runs": [RUN], "metrics": ["nope", "train/loss"]})
    assert [curve["metric"] for curve in both["series"]] == ["train/loss"]


def test_ranks_on_demand(maker: Any) -> None:
    maker.run()
    for rank in range(3):
        maker.append([record(step, loss=rank, tokens_per_s=10) for step in range(5)], writer=f"a0-r{rank}")
    engine = maker.open()
    ask = {"runs": [RUN], "metrics": ["loss", "tokens_per_s"]}
    merged = engine.series(ask)["series"]
    assert [(curve["rank"], curve["y"][0]) for curve in merged] == [(None, 1.0), (None, 30.0)]
    each = engine.series({**ask, "ranks": "each", "metrics": ["loss"]})["series"]
    assert [(curve["rank"], curve["y"][0]) for curve in each] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    some = engine.series({**ask, "ranks": [2, 7], "metrics": ["loss"]})["series"]
    assert [curve["rank"] for curve in some] == [2]


def test_live_merged_ranks_grow_with_their_lanes(maker: Any) -> None:
    maker.run(ended=False)
    engine = maker.open()
    for step in range(30):
        for rank in range(3):
            if rank < 2 or step % 3 == 0:  # the third rank logs less often
                maker.append([record(step, loss=float(rank * step))], writer=f"a0-r{rank}")
            engine.poll()
            if (step * 3 + rank) % 4 == 0:
                engine.series({"runs": [RUN], "metrics": ["loss"]})
    fresh = maker.open(index_dir=maker.path.parent / "other")
    ask = {"runs": [RUN], "metrics": ["loss"]}
    assert engine.series(ask)["series"] == fresh.series(ask)["series"]


# -- bad files ---------------------------------------------------------------------------------------


def test_bad_lines_are_counted_and_named_by_doctor(maker: Any) -> None:
    folder = maker.run()
    good = b'{"step":0,"time":1,"metrics":{"loss":1}}\n'
    maker.append_bytes(good + b"junk\n" + good + b'{"step":1,"metrics":7}\n')
    engine = maker.open()
    path = folder / "metrics" / "a0-r0.jsonl"
    for _ in range(2):
        (check,) = [check for check in engine.doctor() if check["id"] == "store.lines"]
        assert check["status"] == "warn"
        assert f"{path} byte {len(good)}: not a JSON object" in check["message"]
        assert f"{path} byte {2 * len(good) + 5}: metrics is no object" in check["message"]
        assert engine.run(RUN)["ingest"]["bad_lines"] == 2
        engine.close()
        engine = maker.open()


def test_doctor_of_a_sound_store_is_ok(maker: Any) -> None:
    maker.run()
    maker.append([record(0)])
    checks = maker.open().doctor()
    assert {check["id"]: check["status"] for check in checks} == {
        "store.writable": "ok", "store.filesystem": "ok", "index": "ok", "store.run_json": "ok", "store.folders": "ok",
        "store.lines": "ok", "store.seals": "ok",
    }  # fmt: skip


def test_broken_seal_is_a_failure_with_its_place(maker: Any) -> None:
    folder = maker.run()
    maker.append_bytes(b'{"step":0,"time":1,"metrics":{"loss":1}}\n{"seal":{"from":0,"to":41,"crc32":1}}\n')
    (check,) = [check for check in maker.open().doctor() if check["id"] == "store.seals"]
    assert check["status"] == "fail"
    assert f"{folder / 'metrics' / 'a0-r0.jsonl'} bytes 0 to 41" in check["message"]


def test_unreadable_journal_folder_is_a_store_error_and_the_rest_goes_on(maker: Any) -> None:
    folder = maker.run(RUN)
    maker.run(OTHER)
    maker.append([record(0)], run_id=OTHER)
    journal = folder / "metrics" / "a0-r0.jsonl"
    journal.mkdir()  # reading it fails for root, too
    engine = maker.open()
    with pytest.raises(StoreError, match="cannot be read"):
        engine.run(RUN)
    while engine.backlog():
        engine.ingest_backlog(budget_s=1)
    assert engine.run(OTHER)["metrics"]
    (check,) = [check for check in engine.doctor() if check["id"] == "store.folders"]
    assert check["status"] == "fail"
    assert str(folder) in check["message"]


def test_nul_tail_of_a_killed_writer_is_read_and_settled(maker: Any) -> None:
    folder = maker.run()
    path = folder / "metrics" / "a0-r0.jsonl"
    maker.append([record(0), record(1)])
    with path.open("ab") as file:
        file.write(b'{"step":2,"time":1' + b"\0" * 4096)
    engine = maker.open()
    assert engine.run(RUN)["metrics"][0]["points"] == 2
    assert engine.settle(RUN)
    for line in path.read_bytes().splitlines():
        json.loads(line)
    assert engine.run(RUN)["metrics"][0]["points"] == 2
    assert json.loads((folder / "run.json").read_text())["summary"] == {"loss": 0.5}


def test_very_long_line_and_very_many_keys(maker: Any) -> None:
    maker.run()
    keys = {f"layer/{number}/norm": float(number) for number in range(10_000)}
    maker.append([record(step, **keys) for step in range(3)])
    maker.append([{"step": 3, "time": 1.0, "metrics": {"loss": 1.0, "x" * (20 << 20): 2.0}}])
    engine = maker.open()
    run = engine.run(RUN)
    assert len(run["metrics"]) == 10_002
    assert engine.series({"runs": [RUN], "metrics": ["layer/9999/norm"]})["series"][0]["y"] == [9999.0] * 3
    assert len(engine.keys(run=RUN, q="layer 42 norm", limit=5)["keys"]) == 5
    engine.maintain()
    engine.close()
    engine = maker.open()
    assert engine.series({"runs": [RUN], "metrics": ["layer/77/norm"]})["series"][0]["points"] == 3


def test_odd_keys_go_all_the_way(maker: Any) -> None:
    keys = [
        "a/b/c",
        "with space",
        "",
        "\N{GRINNING FACE}",
        "tab\tnew\nline",
        "nul\x00nul",
        'quo"te\\',
        "ключ",
        "a'b;--",
        "%s",
    ]
    maker.run()
    maker.append([record(step, **dict.fromkeys(keys, float(step))) for step in range(5)])
    for _ in range(2):
        engine = maker.open()
        assert {metric["key"] for metric in engine.run(RUN)["metrics"]} == set(keys)
        for key in keys:
            assert engine.series({"runs": [RUN], "metrics": [key]})["series"][0]["y"] == [
                0.0,
                1.0,
                2.0,
                3.0,
                4.0,
            ]
        engine.close()
    folder = maker.run("run with space ü")
    assert maker.open().resolve(folder.name) == "run with space ü"


# -- what lists say beside run.json ------------------------------------------------------------


def test_a_list_has_the_total_of_a_run_that_only_prints_a_bar(maker: Any) -> None:
    folder = maker.run(RUN, ended=False)
    (folder / "stdout.log").write_text(" 30%|###       | 30/100 [00:03<00:07, 10.00it/s]\r")
    engine = maker.open()
    (row,) = engine.runs()["runs"]
    assert (row["progress"]["step"], row["progress"]["total"]) == (30, 100)
    assert row["last_step"] is None


def test_rows_have_the_figures_that_were_asked_for_and_their_place(maker: Any, read_all: Any) -> None:
    maker.run(RUN)
    maker.append([record(0, loss=3.0, acc=0.1), record(1, loss=1.0, acc=0.5), record(2, loss=2.0, acc=0.4)])
    maker.run(OTHER, parent={"run_id": RUN, "step": 1})
    engine = maker.open()
    read_all(engine)
    names = ["min.loss", "max.loss", "best.acc", "best.loss", "min.none"]
    rows = engine.runs(values=names, tree=True, sort="min.loss")["runs"]
    assert [(row["run_id"], row["place"]["depth"]) for row in rows] == [(RUN, 0), (OTHER, 1)]
    assert list(rows[0]["values"].values()) == [1.0, 3.0, 0.5, 1.0, None]
    assert rows[0]["best"] == 1.0
    folded = engine.runs(tree=True, folded=[RUN])
    assert (folded["total"], folded["runs"][0]["place"]["below"]) == (1, 1)
    assert "place" not in engine.runs()["runs"][0]
