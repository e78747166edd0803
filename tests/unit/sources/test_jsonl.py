from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sink_kit import RecordingSink, read_all, read_once, read_until, reopened
from table_kit import curves, kill, lines_of, spawn, tree

from opengraphs.sources import jsonl

OPEN = jsonl.open_reader
WRITER = """
import json, sys
out = open(sys.argv[1], "a")
for step in range(100000):
    out.write(json.dumps({"step": step, "loss": step / 8}) + "\\n")
    if step % 3 == 0:
        out.flush()
    print(step, flush=True)
"""


def _log(path: Path, *records: Any) -> tuple[RecordingSink, list[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(record if isinstance(record, str) else json.dumps(record) + "\n" for record in records)
    )
    sink, reader = read_once(OPEN, path)
    return sink, [trouble.reason for trouble in reader.troubles()]


def test_plain_objects_nested_and_timed(tmp_path: Path) -> None:
    path = tmp_path / "exp7.jsonl"
    record = {
        "step": 3,
        "timestamp": 1795168800.5,
        "train": {"loss": 0.5, "deep": {"x": 1}},
        "ok": True,
        "note": "hi",
    }
    sink, troubles = _log(path, record, {"step": 4, "train": {"loss": math.nan}})
    assert jsonl.accepts(path) == path
    assert sink.points[""]["train/loss"][0] == (3, 1795168800.5, 0.5)
    assert math.isnan(sink.points[""]["train/loss"][1][2])
    assert sink.points[""].keys() == {"train/loss", "train/deep/x"}
    assert sink.facts[""]["name"] == "exp7"
    assert troubles == []


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([{"_step": 5, "_timestamp": 1795168800, "a": 1}], {"a": {5: 1.0}}),
        ([{"global_step": 5, "epoch": 1, "a": 1}], {"a": {5: 1.0}, "epoch": {5: 1.0}}),
        ([{"epoch": 2, "a": 1}], {"a": {2: 1.0}}),
        ([{"step": 1, "data": {"actor/loss": 0.5}}], {"actor/loss": {1: 0.5}}),
        ([{"step": 1, "metrics": {"a": "NaN", "b": "1.5", "c": "007"}}], {"a": {1: math.nan}, "b": {1: 1.5}}),
        ([{"trainer": {"global_step": 9}, "a": 1}], {"a": {9: 1.0}}),
        ([{"a": 1}, {"a": 2}], {"a": {0: 1.0, 1: 2.0}}),
        (
            [{"step": 4, "a": 1}, {"b": 2}, {"epoch": 1, "c": 3}],
            {"a": {4: 1.0}, "b": {4: 2.0}, "epoch": {4: 1.0}, "c": {4: 3.0}},
        ),
        (
            [{"epoch": 0, "a": 1}, {"step": 10, "epoch": 1, "a": 2}],
            {"a": {0: 1.0, 10: 2.0}, "epoch": {10: 1.0}},
        ),
        (['{"step": 1, "a": 1, "a": 2}\n'], {"a": {1: 2.0}}),
    ],
)
def test_steps_by_many_names(tmp_path: Path, records: list[Any], found: dict[str, dict[int, float]]) -> None:
    sink, troubles = _log(tmp_path / "a.jsonl", *records)
    assert repr({key: sink.curves()[key] for key in sorted(sink.curves())}) == repr(
        {key: found[key] for key in sorted(found)}
    )
    assert troubles == []


def test_llama_factory_tells_its_progress(tmp_path: Path) -> None:
    path = tmp_path / "sft" / "trainer_log.jsonl"
    record = {
        "current_steps": 10, "total_steps": 100, "loss": 1.5, "lr": 5e-05, "epoch": 0.1, "percentage": 10.0,
        "elapsed_time": "0:00:10", "remaining_time": "0:01:30", "throughput": 512.5,
    }  # fmt: skip
    sink, _troubles = _log(path, record, {**record, "current_steps": 20, "loss": 1.25})
    assert jsonl.accepts(path) == path
    assert sink.curves()["loss"] == {10: 1.5, 20: 1.25}
    assert sink.curves().keys() == {"loss", "lr", "epoch", "throughput"}
    ((_time, kind, payload),) = sink.events[""]
    assert (kind, payload) == ("progress", {"progress": {"step": None, "total": 100, "unit": "step"}})
    assert sink.facts[""]["name"] == "sft"


def test_ms_swift_steps_are_fractions(tmp_path: Path) -> None:
    path = tmp_path / "v0-20261120" / "logging.jsonl"
    record = {
        "loss": 2.5, "grad_norm": 1.0, "memory(GiB)": 10.5, "train_speed(iter/s)": 0.25, "epoch": 0.5,
        "global_step/max_steps": "12/100", "percentage": "12.00%", "elapsed_time": "1m 2s", "remaining_time": "5m",
    }  # fmt: skip
    sink, _troubles = _log(path, record)
    assert jsonl.accepts(path) == path
    assert sink.curves() == {
        "loss": {12: 2.5}, "grad_norm": {12: 1.0}, "memory(GiB)": {12: 10.5}, "train_speed(iter/s)": {12: 0.25}, "epoch": {12: 0.5},
    }  # fmt: skip
    assert sink.events[""][0][2]["progress"]["total"] == 100
    assert sink.facts[""]["name"] == "v0-20261120"


def test_ray_results_tell_their_config(tmp_path: Path) -> None:
    path = tmp_path / "trial_7" / "result.json"
    record = {
        "loss": 0.5, "training_iteration": 1, "timestamp": 1795168800, "trial_id": "abc", "pid": 7, "hostname": "box",
        "done": False, "config": {"lr": 0.1, "model": {"width": 3}},
    }  # fmt: skip
    sink, _troubles = _log(path, record, {**record, "training_iteration": 2})
    assert jsonl.accepts(path) == path
    assert sink.points[""] == {"loss": [(1, 1795168800.0, 0.5), (2, 1795168800.0, 0.5)]}
    assert sink.facts[""]["config"] == {"lr": 0.1, "model": {"width": 3}}
    (path.parent / "progress.csv").write_text("")
    assert jsonl.accepts(path) is None


def test_a_last_object_cut_anywhere_is_not_yet_and_whole_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    start, line = '{"step": 1, "loss": 0.5}\n', '{"step": 2, "loss": 0.1234, "s": "é"}\n'.encode()
    reader, sink = OPEN(path.with_name("b.jsonl"), None), RecordingSink()
    for size in range(len(line) + 1):
        path.write_bytes(start.encode() + line[:size])
        fresh, fresh_reader = read_once(OPEN, path)
        assert fresh.curves() == {"loss": {1: 0.5, **({2: 0.1234} if size >= len(line) - 1 else {})}}
        assert fresh_reader.troubles() == []
        path.with_name("b.jsonl").write_bytes(path.read_bytes())
        reader = reopened(OPEN, path.with_name("b.jsonl"), reader)
        read_all(reader, sink)
    assert sink.points[""]["loss"][1:] == [(2, sink.points[""]["loss"][1][1], 0.1234)]
    assert reader.troubles() == []


def test_a_live_writer_is_followed_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "live.jsonl"
    process = spawn(WRITER, path)
    lines_of(process, 10)
    reader, sink = OPEN(path, None), RecordingSink()
    read_until(reader, sink, lambda: len(sink.points.get("", {}).get("loss", [])) >= 5)
    lines_of(process, 500)
    kill(process)
    before = tree(tmp_path)
    whole = path.read_bytes().count(b"\n")
    reader = reopened(OPEN, path, reader)
    read_until(reader, sink, lambda: len(sink.points[""]["loss"]) >= whole)
    assert curves(sink, "") == {"loss": [(step, step / 8) for step in range(whole)]}
    assert tree(tmp_path) == before


def test_bad_lines_are_counted_with_the_first_ones_offset(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        b'{"step": 1, "a": 1}',
        b"{broken",
        b"[1, 2]",
        b"\xff\xfe",
        b"",
        b'{"step": 2, "a": 2}',
        b"9" * 6000,
        b"x" * (3 << 20),
        b'{"step": 3, "a": 3}',
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    sink, reader = read_once(OPEN, path)
    assert sink.curves() == {"a": {1: 1.0, 2: 2.0, 3: 3.0}}
    bad, long = reader.troubles()
    assert (bad.skipped, bad.offset) == (4, 20)
    assert (long.skipped, long.offset) == (1, sum(len(line) + 1 for line in lines[:7]))


def test_a_rewritten_file_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    _log(path, {"step": 1, "a": 1}, {"step": 2, "a": 2})
    reader, sink = OPEN(path, None), RecordingSink()
    read_all(reader, sink)
    _log(path, {"step": 1, "b": 7})
    reader = reopened(OPEN, path, reader)
    read_all(reader, sink)
    assert ("reset", "") in sink.calls
    assert sink.curves() == {"b": {1: 7.0}}


def test_hostile_objects_never_raise(tmp_path: Path) -> None:
    deep = '{"a":' * 5000 + "1" + "}" * 5000 + "\n"
    wide = {"step": 1, **{f"m{index}": index for index in range(10_000)}}
    sink, troubles = _log(
        tmp_path / "a.jsonl",
        deep, "[" * 200_000 + "\n", wide, {"step": "x\x1b[0m", "\x1b[31mred": 1}, {"step": 10**400, "a": 10**400},
        '{"step": 1e999, "a": 1e999}\n', {"step": None, "a": [1], "b": {}}, {"data": {"data": {"step": 2, "q": 1}}},
        '{"step": 2, "\\ud800": 1}\n',
    )  # fmt: skip
    assert sink.curves()["m9999"] == {1: 9999.0}
    assert all(name.isprintable() for name in sink.points[""])
    assert len(troubles) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["step", "epoch", "data", "time", "a", "config"]) | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(json_values | st.binary(max_size=30), max_size=5))
def test_no_lines_make_it_raise(tmp_path_factory: pytest.TempPathFactory, lines: list[Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    jsonl.accepts(path)
    jsonl.accepts_any(path)
    read_once(OPEN, path)


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "what is it?", "response": "a thing", "score": 1},
        {"step": 1, "text": "word " * 100, "score": 0.5},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"id": 1, "tokens": list(range(100)), "step": 3},
        {"step": 1, "question": "q", "answer": "a", "label": "b", "score": 1},
        {"step": 1},
        {"epoch": "first", "a": 1},
        {"step": -1, "a": 1},
        {"time": 1795168800.5, "kind": "note", "text": "x"},
        [1, 2],
        "text",
    ],
)
def test_data_sets_are_no_runs(tmp_path: Path, record: Any) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text((json.dumps(record) + "\n") * 3)
    assert jsonl.accepts(path) is None


def test_ogs_own_journals_and_trackios_fragments_are_not_taken(tmp_path: Path) -> None:
    own = tmp_path / "run" / "metrics" / "a0-r0.jsonl"
    _log(own, {"step": 1, "metrics": {"a": 1}})
    assert jsonl.accepts(own) == own
    (tmp_path / "run" / "run.json").write_text("{}")
    assert jsonl.accepts(own) is None
    fragment = tmp_path / "inbox" / "writer" / "00000001.jsonl"
    _log(fragment, {"step": 1, "metrics": {"a": 1}})
    assert jsonl.accepts(fragment) is None
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert jsonl.accepts(tmp_path / "pipe.jsonl") is None


def test_a_file_that_is_named_by_hand_needs_no_step(tmp_path: Path) -> None:
    path = tmp_path / "notes.log"
    path.write_text('{"score": 1}\n{"score": 2}\n')
    assert jsonl.accepts_any(path) == path
    path.write_text("[1]\n")
    assert jsonl.accepts_any(path) is None
    path.write_text('{"score": 1}\nplain words\n{"score": 1}\n')
    assert jsonl.accepts_any(path) is None
