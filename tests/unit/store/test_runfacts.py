"""The true state of a run from run.json, events, lock and end record."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.records import RunFacts
from opengraphs.sdk.layout import utc_iso
from opengraphs.store.fdpool import FdPool
from opengraphs.store.liveness import Locks
from opengraphs.store.overlay import Overlay
from opengraphs.store.runfacts import RunReader, judge
from opengraphs.store.runjson import complete, epoch, read_run_json, salvage

HOST = "this-host"
NOW = 1_763_803_812.0


class FixedLocks(Locks):
    """Says what the test wants to hear."""

    def __init__(self, held: bool | None) -> None:
        super().__init__()
        self._answer = held

    def held(self, path: object) -> bool | None:
        return self._answer


def facts_at(age_s: float, **fields: Any) -> RunFacts:
    when = utc_iso(NOW - age_s)
    return {"created_at": when, "started_at": when, "status": "running", **fields}  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("exit_record", "lock", "here", "facts", "expected"),
    [
        ({"code": 0}, False, True, facts_at(100), "finished"),
        ({"code": 7}, False, True, facts_at(100), "failed"),
        ({"code": None, "signal": 9}, False, True, facts_at(100), "failed"),
        ({"code": None, "signal": 15, "stopped": True}, False, True, facts_at(100), "stopped"),
        ({"code": 0, "stopped": True}, False, True, facts_at(100), "stopped"),
        ({"code": 0}, False, False, facts_at(1e6), "finished"),
        ({"code": 0, "ended_at": utc_iso(NOW - 500)}, True, True, facts_at(100), "running"),
        ({"code": 0, "ended_at": utc_iso(NOW - 5)}, True, True, facts_at(100), "finished"),
        (None, True, True, facts_at(1e6, heartbeat_at=utc_iso(NOW - 1e5)), "running"),
        (None, True, False, facts_at(1e6), "running"),
        (None, False, True, facts_at(100, heartbeat_at=utc_iso(NOW - 1)), "crashed"),
        (None, None, True, facts_at(3), "running"),
        (None, None, True, facts_at(100), "crashed"),
        (None, False, False, facts_at(1e6, heartbeat_at=utc_iso(NOW - 20)), "running"),
        (None, False, False, facts_at(1e6, heartbeat_at=utc_iso(NOW - 61)), "lost"),
        (None, None, False, facts_at(1e6), "lost"),
        (None, None, False, facts_at(10), "running"),
        (None, False, True, facts_at(100, status="stopped"), "stopped"),
        (None, True, True, facts_at(100, status="finished"), "running"),
        (None, False, True, {"status": "running"}, "crashed"),
    ],
)
def test_status_follows_the_rules(
    exit_record: Any, lock: bool | None, here: bool, facts: RunFacts, expected: str
) -> None:
    found = judge(facts, exit_record=exit_record, said=None, lock_held=lambda: lock, here=here, now_s=NOW)
    assert found == expected


def test_what_the_training_said_counts_where_no_end_record_is() -> None:
    options: Any = {"exit_record": None, "here": True, "now_s": NOW}
    assert judge(facts_at(100), said="finished", lock_held=lambda: False, **options) == "finished"
    assert judge(facts_at(100), said="finished", lock_held=lambda: True, **options) == "running"


EVENTS: list[dict[str, Any]] = [
    {"time": 1.0, "kind": "config", "config": {"lr": 1, "model": {"a": 1}}},
    {"time": 2.0, "kind": "config", "config": {"lr": 2, "seed": None}},
    {"time": 0.5, "kind": "rank", "rank": 0, "project": "digits", "group": None},
    {"time": 3.0, "kind": "summary", "summary": {"best": 0.5}},
    {"time": 4.0, "kind": "tag", "tags": ["x", "y"]},
    {"time": 5.0, "kind": "untag", "tags": ["x", "old"]},
    {"time": 6.0, "kind": "name", "name": "first"},
    {"time": 7.0, "kind": "name", "name": "second"},
    {"time": 8.0, "kind": "progress", "progress": {"step": 5, "total": 10, "unit": "step"}},
    {"time": 9.0, "kind": "progress", "progress": {"step": 7, "total": 10, "unit": "step"}},
    {"time": 10.0, "kind": "note", "text": "one", "step": None},
    {"time": 11.0, "kind": "note", "text": "two"},
    {"time": 12.0, "kind": "note", "text": "at a step", "step": 3},
    {"time": 13.0, "kind": "alert", "title": "x"},
    {"time": 14.0, "kind": "status", "status": "finished"},
    {"time": 15.0, "kind": "status", "dropped": 3, "reason": "disk full"},
    {"time": 16.0, "kind": "config", "config": "damaged"},
    {"kind": "nobody knows"},
    {},
]


@settings(max_examples=100, deadline=None)
@given(st.permutations(list(enumerate(EVENTS))))
def test_events_fold_the_same_in_any_order(events: list[tuple[int, dict[str, Any]]]) -> None:
    overlay = Overlay()
    for offset, event in events:
        overlay.apply(event, writer="a0-r0", offset=offset)
    facts = overlay.onto({"config": {"seed": 0}, "tags": ["old", "kept"], "notes": "zero"})
    assert facts == {
        "config": {"seed": None, "lr": 2, "model": {"a": 1}},
        "project": "digits",
        "summary": {"best": 0.5},
        "tags": ["kept", "y"],
        "notes": "zero\none\ntwo",
        "name": "second",
        "progress": {"step": 7, "total": 10, "unit": "step"},
    }
    assert overlay.ended_as == "finished"


def test_a_process_that_joins_takes_back_the_end() -> None:
    overlay = Overlay()
    overlay.apply({"time": 1.0, "kind": "status", "status": "finished"}, writer="a0-r0", offset=0)
    overlay.apply({"time": 2.0, "kind": "rank", "rank": 0}, writer="a1-r0", offset=0)
    assert overlay.ended_as is None
    overlay.apply({"time": 3.0, "kind": "status", "status": "failed"}, writer="a1-r1", offset=0)
    assert overlay.ended_as is None  # another rank does not speak for the run


def test_truncated_run_json_gives_its_readable_part(run_maker: Any) -> None:
    facts = run_maker.facts(config={"lr": 0.1}, tags=["a"])
    data = run_maker.folder.run_json.read_bytes()
    for cut in range(len(data)):
        run_maker.folder.run_json.write_bytes(data[:cut])
        found = read_run_json(run_maker.folder.run_json)
        assert found.damage
        assert all(found.facts[key] == facts[key] for key in found.facts)  # type: ignore[literal-required]
        whole = complete(found.facts, run_maker.folder.run_id)
        assert whole["run_id"] == "20261122-093012-k7f3"
        assert whole["created_at"] == "2026-11-22T09:30:12.000000Z"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_run_json(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("r") / "run.json"
    path.write_bytes(data)
    found = read_run_json(path)
    assert isinstance(found.facts, dict)


def test_fields_of_a_wrong_type_are_left_out_and_named(run_maker: Any) -> None:
    run_maker.facts(config=[1], tags="x", status="exploded", exit_code="7", command=["python", 3])
    found = read_run_json(run_maker.folder.run_json)
    assert found.damage == "run.json has fields of a wrong type: config, exit_code, status, tags"
    assert found.facts["command"] == ["python", "3"]
    assert "config" not in found.facts


def test_salvage_stops_at_the_break() -> None:
    assert salvage('{"a": 1, "b": {"c": [2]}, "d": tru') == {"a": 1, "b": {"c": [2]}}
    assert salvage("no json") == {}


def test_reader_follows_a_live_run_and_its_end(run_maker: Any, fds: FdPool) -> None:
    run_maker.facts()
    reader = RunReader(run_maker.folder, fds, host=HOST)
    assert reader.read(FixedLocks(True)).facts["status"] == "running"
    run_maker.event(time=1.0, kind="config", config={"lr": 0.5})
    run_maker.event(writer="ogd", time=2.0, kind="tag", tags=["hot"])
    state = reader.read(FixedLocks(True))
    assert state.facts["config"] == {"lr": 0.5}
    assert state.facts["tags"] == ["hot"]
    assert not reader.wants_settle
    run_maker.exit(code=None, signal=9, ended_at="2026-11-22T10:00:00.000000Z")
    facts = reader.read(FixedLocks(False)).facts
    assert (facts["status"], facts["exit_code"], facts["signal"]) == ("failed", None, 9)
    assert facts["ended_at"] == "2026-11-22T10:00:00.000000Z"
    assert reader.wants_settle


def test_bad_event_lines_are_counted_and_passed_over(run_maker: Any, fds: FdPool) -> None:
    run_maker.facts()
    (run_maker.folder.events / "a0-r0.jsonl").write_bytes(
        b'{"time":1,"kind":"config","config":{"a":1}}\nnot json\n\xff\xfe\n[1]\n{"time":2,"kind":"config","config":{"b":2}}\n{"ti'
    )
    state = RunReader(run_maker.folder, fds, host=HOST).read(FixedLocks(True))
    assert state.facts["config"] == {"a": 1, "b": 2}
    assert state.bad_event_lines == 3


def test_facts_of_a_folder_without_run_json(run_maker: Any, fds: FdPool) -> None:
    state = RunReader(run_maker.folder, fds, host=HOST).read(FixedLocks(None))
    assert state.damage == "run.json is missing"
    assert state.facts["run_id"] == state.facts["name"] == "20261122-093012-k7f3"


def test_heartbeats_are_read_again_only_when_run_json_moved(
    run_maker: Any, fds: FdPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_maker.facts()
    reader = RunReader(run_maker.folder, fds, host=HOST)
    reader.read(FixedLocks(True))
    monkeypatch.setattr("opengraphs.store.runfacts.read_run_json", _refuse)
    assert reader.read(FixedLocks(True)).facts["status"] == "running"


def _refuse(*_: object) -> None:
    raise AssertionError("run.json was read although nothing changed")


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("1970-01-01T00:00:01.500000Z", 1.5),
        ("1970-01-01T00:00:01", 1.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_as_epoch_seconds(stamp: str | None, seconds: float | None) -> None:
    assert epoch(stamp) == seconds
    now = time.time()
    assert epoch(utc_iso(now)) == pytest.approx(now, abs=1e-5)


def test_random_events_never_break_the_fold() -> None:
    rng = random.Random(1)
    values: list[Any] = [None, 1, "x", [], ["t", 1], {}, {"step": "x"}, {"step": 1}, True, 1e400]
    for _ in range(2000):
        event = {
            key: rng.choice(values)
            for key in ("time", "config", "summary", "tags", "progress", "name", "text", "status", "archived")
        }
        event["kind"] = rng.choice(
            ["config", "summary", "tag", "untag", "progress", "name", "note", "status", "rank", "archive", 3]
        )
        overlay = Overlay()
        overlay.apply(event, writer="w", offset=0)
        json.dumps(overlay.onto({}))
