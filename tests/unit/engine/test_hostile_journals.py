"""Journals as nobody would write them: correct or clearly refused, never a crash, a hang or a wrong number."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine import EngineStore
from opengraphs.errors import OgError

RUN = "20261122-093012-k7f3"
OTHER = "20261122-093013-m2m2"
pytestmark = pytest.mark.timeout(60)


def line(step: Any, value: Any = 1.5, **more: Any) -> bytes:
    return json.dumps({"step": step, "time": 100.0, "metrics": {"loss": value}, **more}).encode() + b"\n"


GOOD = [line(0, 0.5), line(1, 1.5)]
AFTER = line(100, 2.5)


def points(engine: EngineStore, key: str = "loss", run_id: str = RUN) -> list[tuple[int, Any]]:
    page = engine.points(run_id, key, limit=100_000)
    return list(zip(page["step"], page["value"], strict=True))


def doctor(engine: EngineStore, check_id: str) -> dict[str, str]:
    (check,) = [check for check in engine.doctor() if check["id"] == check_id]
    return check


REFUSED: dict[str, bytes] = {
    "no JSON": b"\xff\xfe\x00garbage"[:2] + b"garbage",
    "half a line": b'{"step":2,"time":100.0,"metr',
    "a list": b"[1,2,3]",
    "a number": b"17",
    "metrics is a list": b'{"step":2,"time":1,"metrics":[1,2]}',
    "step too large": b'{"step":9223372036854775808,"time":1,"metrics":{"loss":1}}',
    "step of 400 digits": b'{"step":1' + b"0" * 400 + b',"time":1,"metrics":{"loss":1}}',
    "step below all": b'{"step":-9223372036854775809,"time":1,"metrics":{"loss":1}}',
    "step is infinite": b'{"step":1e999,"time":1,"metrics":{"loss":1}}',
    "step is a list": b'{"step":[2],"time":1,"metrics":{"loss":1}}',
    "step is a word": b'{"step":"two","time":1,"metrics":{"loss":1}}',
    "time is infinite": b'{"step":2,"time":1e999,"metrics":{"loss":1}}',
    "time is a word": b'{"step":2,"time":"noon","metrics":{"loss":1}}',
    "rank below zero": b'{"step":2,"time":1,"rank":-1,"metrics":{"loss":1}}',
    "bytes that are no text in a key": b'{"step":2,"time":1,"metrics":{"lo\xffss":1,"loss":7}}',
    "two objects on a line": b'{"step":2,"time":1,"metrics":{"loss":7}}{"step":3,"time":1,"metrics":{"loss":8}}',
    "nested deeper than anybody reads": b'{"step":2,"time":1,"metrics":'
    + b'{"a":' * 200_000
    + b"1"
    + b"}" * 200_001,
    "lists deeper than anybody reads": b"[" * 500_000,
    "NULs in the middle": b'{"step":2,"time":1,"met\0\0\0rics":{"loss":1}}',
    "twenty megabytes of nothing": b"x" * (20 << 20),
}


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("ended", [True, False])
def test_line_that_means_nothing_is_refused_and_named(maker: Any, bad: bytes, ended: bool) -> None:
    folder = maker.run(ended=ended)
    maker.append_bytes(GOOD[0] + bad + b"\n" + GOOD[1] + AFTER)
    engine = maker.open()
    engine.poll()
    assert points(engine) == [(0, 0.5), (1, 1.5), (100, 2.5)]
    assert engine.run(RUN)["ingest"]["bad_lines"] == 1
    check = doctor(engine, "store.lines")
    assert check["status"] == "warn"
    assert f"{folder / 'metrics' / 'a0-r0.jsonl'} byte {len(GOOD[0])}" in check["message"]
    engine.close()
    assert points(maker.open()) == [(0, 0.5), (1, 1.5), (100, 2.5)]


TAKEN: dict[str, tuple[bytes, list[tuple[int, Any]]]] = {
    "a step with a fraction": (b'{"step":2.0,"time":1,"metrics":{"loss":7}}', [(2, 7.0)]),
    "a step as text": (b'{"step":"2","time":1,"metrics":{"loss":7}}', [(2, 7.0)]),
    "a step below zero": (b'{"step":-3,"time":1,"metrics":{"loss":7}}', [(-3, 7.0)]),
    "an infinite value": (b'{"step":2,"time":1,"metrics":{"loss":1e999}}', [(2, "Infinity")]),
    "a whole number of 400 digits": (
        b'{"step":2,"time":1,"metrics":{"loss":1' + b"0" * 400 + b"}}",
        [(2, "Infinity")],
    ),
    "a whole number of 19 digits": (
        b'{"step":2,"time":1,"metrics":{"loss":9007199254740993}}',
        [(2, 9007199254740992.0)],
    ),
    "NaN as text": (b'{"step":2,"time":1,"metrics":{"loss":"NaN"}}', [(2, "NaN")]),
    "NaN as Python writes it": (b'{"step":2,"time":1,"metrics":{"loss":NaN}}', [(2, "NaN")]),
    "-Infinity as Python writes it": (
        b'{"step":2,"time":1,"metrics":{"loss":-Infinity}}',
        [(2, "-Infinity")],
    ),
    "a boolean": (b'{"step":2,"time":1,"metrics":{"loss":true}}', [(2, 1.0)]),
    "a key twice": (b'{"step":2,"time":1,"metrics":{"loss":1,"loss":7}}', [(2, 7.0)]),
    "time going back": (b'{"step":2,"time":-1e6,"metrics":{"loss":7}}', [(2, 7.0)]),
    "space around and a carriage return": (b' \t{"step":2,"time":1,"metrics":{"loss":7}} \r', [(2, 7.0)]),
    "fields nobody knows": (b'{"step":2,"time":1,"metrics":{"loss":7},"x":{"y":[1]}}', [(2, 7.0)]),
    "values that are no numbers": (
        b'{"step":2,"time":1,"metrics":{"a":"x","b":null,"c":[1],"loss":7}}',
        [(2, 7.0)],
    ),
    "no metrics at all": (b'{"step":2,"time":1}', []),
    "an empty object": (b"{}", []),
    "an empty line": (b"", []),
    "a negative zero": (b'{"step":2,"time":1,"metrics":{"loss":-0.0}}', [(2, 0.0)]),
    "the smallest number": (b'{"step":2,"time":1,"metrics":{"loss":5e-324}}', [(2, 5e-324)]),
}


@pytest.mark.parametrize(("odd", "expected"), TAKEN.values(), ids=TAKEN.keys())
@pytest.mark.parametrize("many", [False, True])
def test_odd_line_that_means_something_is_taken_for_it(
    maker: Any, odd: bytes, expected: list[tuple[int, Any]], many: bool
) -> None:
    """Alone, and after so many plain lines of two keys that they are decoded in bulk."""
    maker.run()
    plain = [(step, 0.25) for step in range(10, 80)] if many else []
    bulk = b"".join(
        b'{"step":%d,"time":1,"metrics":{"loss":%s,"lr":1}}\n' % (step, str(value).encode())
        for step, value in plain
    )
    maker.append_bytes(GOOD[0] + GOOD[1] + odd + b"\n" + bulk + AFTER)
    engine = maker.open()
    assert points(engine) == sorted([(0, 0.5), (1, 1.5), *expected, *plain, (100, 2.5)])
    assert engine.run(RUN)["ingest"]["bad_lines"] == 0
    assert doctor(engine, "store.lines")["status"] == "ok"


# -- what stands where a journal should be --------------------------------------------------------


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        here = Path.cwd()
        os.chdir(path.parent)  # names of sockets are short
        try:
            link.bind(path.name)
        finally:
            os.chdir(here)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


PLACES: dict[str, Callable[[Path], object]] = {
    "an empty file": Path.touch,
    "a folder": Path.mkdir,
    "a FIFO": fifo,
    "a socket": listening,
    "a link to itself": loop,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to a folder": lambda path: path.symlink_to("/"),
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to another endless device": lambda path: path.symlink_to("/dev/urandom"),
}
JOURNALS = (
    "metrics/a0-r1.jsonl",
    "metrics/a0-r0.000001.jsonl",
    "system/box.jsonl",
    "events/x.jsonl",
    "samples/x.jsonl",
)
FILES = ("run.json", "exit.json", "run.lock", "stdout.log", "events/ogd.jsonl")


@pytest.fixture(params=PLACES)
def put(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], object]]:
    return PLACES[request.param]  # type: ignore[return-value]


def asked(call: Callable[[], Any]) -> Any:
    """The answer, or the name of the error it was refused with."""
    try:
        return call()
    except OgError as error:
        return type(error).__name__ if error.message else "an error without a word"


def ask_everything(engine: EngineStore, run_id: str) -> None:
    """Every question about a run; answers and clear refusals are both fine."""
    engine.scan()
    engine.poll()
    for _ in range(50):
        waiting = engine.backlog()
        if not waiting:
            break
        for one in waiting:
            engine.ingest_backlog(one, budget_s=0.1)
    asked(lambda: engine.run(run_id))
    asked(lambda: engine.series({"runs": [run_id], "metrics": ["loss"]}))
    asked(lambda: engine.points(run_id, "loss"))
    asked(lambda: engine.log(run_id))
    asked(lambda: engine.log_search(run_id, "x", start=0))
    asked(lambda: engine.system(run_id))
    asked(lambda: engine.events(run_id))
    asked(lambda: engine.samples(run_id))
    for one in engine.unsettled():
        asked(lambda one=one: engine.settle(one))
    engine.maintain()
    assert all(check["status"] in ("ok", "warn", "fail") for check in engine.doctor())


@pytest.mark.parametrize("name", [*JOURNALS, *FILES])
@pytest.mark.parametrize("ended", [True, False])
def test_anything_in_place_of_a_file_costs_at_most_its_run(
    maker: Any, put: Callable[[Path], object], name: str, ended: bool
) -> None:
    folder = maker.run(RUN, ended=ended)
    maker.append_bytes(b"".join(GOOD))
    maker.run(OTHER)
    maker.append_bytes(b"".join(GOOD) + AFTER, run_id=OTHER)
    path = folder / name
    if path.exists():
        path.unlink()
    put(path)
    for _ in range(2):
        engine = maker.open()
        ask_everything(engine, RUN)
        assert {run["run_id"] for run in engine.runs()["runs"]} == {RUN, OTHER}
        assert points(engine, run_id=OTHER) == [(0, 0.5), (1, 1.5), (100, 2.5)]
        found = asked(lambda engine=engine: points(engine))
        assert found in ([(0, 0.5), (1, 1.5)], "StoreError"), found
        engine.close()


@pytest.mark.parametrize("name", ["metrics", "events", "system", "samples"])
def test_anything_in_place_of_a_journal_folder(maker: Any, put: Callable[[Path], object], name: str) -> None:
    folder = maker.run(RUN)
    maker.run(OTHER)
    maker.append_bytes(GOOD[0], run_id=OTHER)
    if name != "metrics":
        maker.append_bytes(b"".join(GOOD))
    (folder / name).rmdir()
    put(folder / name)
    engine = maker.open()
    ask_everything(engine, RUN)
    assert points(engine, run_id=OTHER) == [(0, 0.5)]


RUN_JSONS: dict[str, bytes] = {
    "garbage": os.urandom(4096),
    "NULs": bytes(4096),
    "a list": b"[1,2,3]",
    "cut off": b'{"run_id":"20261122-093012-k7f3","name":"trained","config":{"lr":0.1',
    "wrong types": b'{"name":7,"tags":"x","config":[],"summary":3,"status":"flying","created_at":{},"git":"main","progress":[1]}',
    "huge": b'{"notes":"' + b"x" * (20 << 20) + b'"}',
    "deep": b'{"config":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "control characters": json.dumps(
        {"name": "\x1b[2J\x07\x00", "tags": ["\u202e"], "project": "a\nb"}
    ).encode(),
    "odd numbers": b'{"config":{"a":1e999,"b":NaN,"c":-Infinity,"d":1'
    + b"0" * 400
    + b'},"exit_code":99999999999999999999}',
    "lone surrogates": b'{"name":"\\ud800","config":{"\\udfff":"\\ud800"},"tags":["\\ud800"]}',
}


@pytest.mark.parametrize("text", RUN_JSONS.values(), ids=RUN_JSONS.keys())
def test_any_run_json_is_listed_and_its_numbers_are_read(maker: Any, text: bytes) -> None:
    folder = maker.run(RUN)
    maker.append_bytes(b"".join(GOOD))
    (folder / "run.json").write_bytes(text)
    for _ in range(2):
        engine = maker.open()
        ask_everything(engine, RUN)
        (row,) = engine.runs(sort="config.a")["runs"]
        for where in (
            "config.a>1",
            "name:x",
            "trained",
            "tag:x",
            "has:config.lr",
            "created<2d",
            "summary.loss<9",
        ):
            engine.runs(where=where)
        for sort in ("name", "-config.lr", "tags", "created_at", "exit_code", "summary.loss"):
            engine.runs(sort=sort)
        assert row["run_id"] == RUN
        assert points(engine) == [(0, 0.5), (1, 1.5)]
        for answer in (row, engine.run(RUN), engine.runs()):
            encodable(answer)
        engine.close()


def encodable(answer: Any) -> None:
    """What the daemon has to put on the wire."""
    from opengraphs.daemon.encode import encode

    json.loads(encode(answer))


# -- files that are not what they were --------------------------------------------------------------


def seen(maker: Any, lines: list[bytes]) -> tuple[EngineStore, Path]:
    """An engine that has read a live journal of these lines."""
    folder = maker.run(ended=False)
    maker.append_bytes(b"".join(lines))
    engine = maker.open()
    engine.poll()
    return engine, folder / "metrics" / "a0-r0.jsonl"


def now(engine: EngineStore) -> list[tuple[int, Any]]:
    """What an engine says once it had a chance to look."""
    for _ in range(2):
        engine.scan()
        engine.poll()
    while engine.run(RUN)["ingest"]["pending"]:
        engine.ingest_backlog(RUN, budget_s=1.0)
    return points(engine)


LINES = [line(step, step / 4) for step in range(300)]
EXPECTED = [(step, step / 4) for step in range(300)]
OTHERS = [line(step, -float(step)) for step in range(300)]
CHANGED = [(step, -float(step)) for step in range(300)]


def test_shrunk_journal_loses_what_it_lost(maker: Any) -> None:
    engine, path = seen(maker, LINES)
    assert now(engine) == EXPECTED
    os.truncate(path, sum(map(len, LINES[:100])))
    assert now(engine) == EXPECTED[:100]
    os.truncate(path, 0)
    assert engine.scan() is not None
    assert not engine.run(RUN)["metrics"]


def test_journal_shrunk_in_the_middle_of_a_line(maker: Any) -> None:
    engine, path = seen(maker, LINES)
    assert now(engine) == EXPECTED
    os.truncate(path, sum(map(len, LINES[:100])) + 9)
    assert now(engine) == EXPECTED[:100]
    with path.open("ab") as file:
        file.write(LINES[100][9:] + LINES[101])
    assert now(engine) == EXPECTED[:102]


def test_replaced_journal_of_the_same_size(maker: Any) -> None:
    engine, path = seen(maker, LINES)
    assert now(engine) == EXPECTED
    text = b"".join(LINES).replace(b'"loss": ', b'"loss":-')
    other = path.with_name("copy")
    other.write_bytes(text)
    other.replace(path)
    assert now(engine) == [(step, -step / 4 if step else 0.0) for step in range(300)]


def test_journal_rewritten_in_place(maker: Any) -> None:
    engine, path = seen(maker, LINES)
    assert now(engine) == EXPECTED
    with path.open("r+b") as file:
        file.write(b"".join(OTHERS))
        file.truncate()
    assert now(engine) == CHANGED


def test_journal_cut_and_written_on_beyond_where_it_was_read(maker: Any) -> None:
    engine, path = seen(maker, LINES[:100])
    assert now(engine) == EXPECTED[:100]
    path.write_bytes(b"".join(OTHERS))  # the same inode, longer, all else different
    assert now(engine) == CHANGED


def test_removed_journal_takes_its_points_along_and_may_come_back(maker: Any) -> None:
    engine, path = seen(maker, LINES)
    assert now(engine) == EXPECTED
    path.unlink()
    engine.scan()
    engine.poll()
    assert engine.run(RUN)["metrics"] == []
    path.write_bytes(b"".join(OTHERS))
    assert now(engine) == CHANGED


def test_what_changed_while_nobody_looked_is_not_taken_from_the_index(maker: Any) -> None:
    engine, path = seen(maker, LINES)
    assert now(engine) == EXPECTED
    engine.close()
    path.write_bytes(b"".join(OTHERS))
    engine = maker.open()
    assert now(engine) == CHANGED


def test_two_writers_in_one_file(maker: Any) -> None:
    """Whole lines of both, in any order: steps that jump to and fro are disorder, none is hidden."""
    maker.run()
    mixed = [
        one
        for step in range(100)
        for one in (line(step, 1.0), line(1000 - step, 2.0))
    ]  # fmt: skip
    maker.append_bytes(b"".join(mixed))
    assert points(maker.open()) == [(step, 1.0) for step in range(100)] + [
        (step, 2.0) for step in range(901, 1001)
    ]


def test_two_writers_that_tear_each_others_lines(maker: Any) -> None:
    maker.run()
    torn = LINES[0] + LINES[1][:20] + LINES[2] + LINES[1][20:] + LINES[3]
    maker.append_bytes(torn)
    engine = maker.open()
    assert set(points(engine)) <= set(EXPECTED)
    assert {(0, 0.0), (3, 0.75)} <= set(points(engine))
    assert engine.run(RUN)["ingest"]["bad_lines"] == 2


# -- very many, very long ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(300)  # a hundred thousand keys are some 15 s of work, more on a busy machine
def test_twenty_megabytes_on_one_line_are_a_point_like_any_other(maker: Any) -> None:
    maker.run()
    wide = {f"layer/{number:06d}/weight/{'x' * 180}": float(number) for number in range(100_000)}
    long_line = json.dumps({"step": 2, "time": 1.0, "metrics": {"loss": 7.0, **wide}}).encode() + b"\n"
    assert len(long_line) > 20 << 20
    maker.append_bytes(b"".join(GOOD) + long_line + AFTER)
    engine = maker.open()
    while engine.ingest_backlog(RUN, budget_s=1.0):
        pass
    assert points(engine) == [(0, 0.5), (1, 1.5), (2, 7.0), (100, 2.5)]
    run = engine.run(RUN)
    assert len(run["metrics"]) == 100_001
    key = f"layer/{77_777:06d}/weight/{'x' * 180}"
    assert points(engine, key) == [(2, 77_777.0)]
    assert [found["key"] for found in engine.keys(run=RUN, q="077777 layer")["keys"]] == [key]
    engine.maintain()
    engine.close()
    assert points(maker.open(), key) == [(2, 77_777.0)]


def test_line_longer_than_any_is_skipped_and_named(maker: Any) -> None:
    folder = maker.run()
    maker.append_bytes(GOOD[0])
    path = folder / "metrics" / "a0-r0.jsonl"
    with path.open("ab") as file:
        for _ in range(65):
            file.write(b"y" * (1 << 20))
        file.write(b"\n" + GOOD[1])
    engine = maker.open()
    while engine.run(RUN)["ingest"]["pending"]:
        engine.ingest_backlog(RUN, budget_s=1.0)
    assert points(engine) == [(0, 0.5), (1, 1.5)]
    assert f"{path} byte {len(GOOD[0])}: longer than 64 MiB" in doctor(engine, "store.lines")["message"]


ODD_KEYS = (
    "a/b/c", "with space", "", " ", "/", "//", "a/", "\N{GRINNING FACE}", "tab\tnew\nline", "\x1b[31mred", "nul\x00nul",
    'quo"te\\', "ключ", "a'b;--", "%s%n", "../../etc/passwd", "\u202ertl", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "x" * 100_000, "e\u0301", "\u00e9", "metrics", "step", "NaN", "null", "\ufeffbom", "\x7f", "\x85",
)  # fmt: skip


def test_any_key_goes_all_the_way_and_stays_itself(maker: Any) -> None:
    maker.run()
    for step in range(3):
        metrics = {key: float(step * 1000 + place) for place, key in enumerate(ODD_KEYS)}
        maker.append([{"step": step, "time": 1.0, "metrics": metrics}])
    for _ in range(2):
        engine = maker.open()
        assert {metric["key"] for metric in engine.run(RUN)["metrics"]} == set(ODD_KEYS)
        for place, key in enumerate(ODD_KEYS):
            assert points(engine, key) == [(step, float(step * 1000 + place)) for step in range(3)]
            (curve,) = engine.series({"runs": [RUN], "metrics": [key]})["series"]
            assert (curve["metric"], curve["points"]) == (key, 3)
        encodable(engine.run(RUN))
        engine.maintain()
        engine.close()


def test_steps_and_values_at_the_ends_of_their_range(maker: Any) -> None:
    """Sums, slopes and decimation of numbers that are almost too large stay answers."""
    maker.run()
    huge = (1 << 62) - 1
    rows = [(-huge, 1.7e308), (-1, -1.7e308), (0, 1.7e308), (1, 5e-324), (huge, -1.7e308)]
    maker.append_bytes(b"".join(line(step, value) for step, value in rows))
    engine = maker.open()
    assert points(engine) == rows
    for columns in (1, 3, 400):
        (curve, *_) = engine.series(
            {"runs": [RUN], "metrics": ["loss"], "columns": columns, "smooth": ["ma(3)", "ema(0.5)", "rate"]}
        )["series"]
        assert (curve["min"], curve["max"], curve["points"]) == (-1.7e308, 1.7e308, 5)
        assert curve["first_step"], curve["last_step"] == (-huge, huge)
        assert curve["mean"] is None or math.isfinite(curve["mean"])
        encodable(curve)


DIGITS = b"1" + b"0" * 400


@pytest.mark.parametrize(
    ("kind", "odd"),
    [
        ("events", b'{"time":%s,"kind":"note","text":"x"}'),
        ("events", b'{"time":1e999,"kind":"name","name":"x","at":%s}'),
        ("events", b'{"time":"noon","kind":"checkpoint","checkpoint_id":"c","step":%s}'),
        ("events", b'{"time":1,"kind":"progress","progress":{"step":1,"total":%s}}'),
        ("events", b'{"time":1,"kind":"config","config":{"max_steps":%s,"batch_size":%s}}'),
        ("samples", b'{"time":%s,"step":%s,"name":"a","columns":{}}'),
    ],
)
@pytest.mark.parametrize("ended", [True, False])
def test_numbers_beyond_any_float_cost_at_most_their_line(
    maker: Any, kind: str, odd: bytes, ended: bool
) -> None:
    maker.run(RUN, ended=ended)
    maker.append_bytes(b"".join(GOOD))
    maker.append_bytes(odd.replace(b"%s", DIGITS) + b"\n", kind=kind)
    maker.append_bytes(b'{"time":2,"kind":"note","text":"after"}\n', kind="events")
    for _ in range(2):
        engine = maker.open()
        ask_everything(engine, RUN)
        engine.poll()
        assert points(engine) == [(0, 0.5), (1, 1.5)]
        shown = engine.run(RUN)
        assert shown["notes"].endswith("after")
        assert math.isfinite(engine.newest_event_s(RUN))
        engine.close()
