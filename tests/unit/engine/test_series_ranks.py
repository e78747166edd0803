"""What ranks did: the band beside the mean, who lags, and how far the run is."""

from __future__ import annotations

import fcntl
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import EngineStore
from opengraphs.engine.answer import Question
from opengraphs.engine.band import band
from opengraphs.engine.strip import Column, Points

RUN = "20261122-093012-k7f3"


def make_run(root: Path, writers: list[list[dict[str, Any]]], *, ended: bool = True, **facts: Any) -> Path:
    folder = root / "store" / "runs" / RUN
    (folder / "metrics").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(facts))
    if ended:
        (folder / "exit.json").write_text('{"code":0}')
    for rank, records in enumerate(writers):
        text = "".join(json.dumps(record) + "\n" for record in records)
        (folder / "metrics" / f"a0-r{rank}.jsonl").write_text(text)
    return folder


class Opened:
    def __init__(self, root: Path) -> None:
        self.engine = EngineStore.open(root / "store", index_dir=root / "index")
        self.engine.scan()

    def __enter__(self) -> EngineStore:
        return self.engine

    def __exit__(self, *_: object) -> None:
        self.engine.close()


@pytest.fixture
def small_cells(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in ("lane", "strip", "answer", "digest", "metricaxis"):
        for name, size in (("FINE", 4), ("COARSE", 16), ("CHUNK", 32)):
            monkeypatch.setattr(f"opengraphs.engine.{module}.{name}", size, raising=False)
    return None


# -- the band ------------------------------------------------------------------------------------


def column(steps: list[int], times: list[float], values: list[float]) -> Column:
    made = Column()
    made.extend(Points(np.array(steps, np.int64), np.array(times, float), np.array(values, float)))
    return made


@settings(max_examples=80, deadline=None)
@given(
    st.integers(2, 4),
    st.integers(1, 300),
    st.integers(1, 30),
    st.integers(0, 9999),
    st.sampled_from(["step", "time", "relative"]),
    st.sampled_from([None, (40.0, 160.0), (1000.0, 2000.0)]),
    st.booleans(),
)
def test_band_spans_every_value_of_every_rank(
    ranks: int,
    count: int,
    columns: int,
    seed: int,
    axis: str,
    span: tuple[float, float] | None,
    falls: bool,
) -> None:
    rng = np.random.default_rng(seed)
    strips, points = [], []
    zero = 10.0 if axis == "relative" else 0.0
    for _ in range(ranks):
        steps = np.flatnonzero(rng.random(count) < 0.8).tolist()
        times = [10.0 + step - (50 if falls and step > count // 2 else 0) for step in steps]
        values = [math.nan if rng.random() < 0.1 else float(rng.integers(-50, 50)) for _ in steps]
        strips.append(column(steps, times, values))
        x = steps if axis == "step" else [when - zero for when in times]
        points += list(zip(x, values, strict=True))
    inside = [(x, y) for x, y in points if span is None or span[0] <= x <= span[1]]
    found = band(strips, Question(axis, span, columns, zero))
    assert found is not None
    assert len(found["x"]) == len(found["low"]) == len(found["high"]) <= columns
    finite = [(x, y) for x, y in inside if math.isfinite(y)]
    if not finite:
        assert found["x"] == []
        return
    low, high = span or (min(x for x, _ in inside), max(x for x, _ in inside))

    def place(x: float) -> int:
        return min(int((x - low) * (columns / (high - low))), columns - 1) if high > low else 0

    expected: dict[int, list[tuple[float, float]]] = {}
    for x, y in finite:
        expected.setdefault(place(x), []).append((x, y))
    assert found["low"] == [min(y for _, y in expected[column]) for column in sorted(expected)]
    assert found["high"] == [max(y for _, y in expected[column]) for column in sorted(expected)]
    assert [place(x) for x in found["x"]] == sorted(expected)
    assert set(found["x"]) <= {x for x, _ in finite}


@pytest.mark.parametrize("columns", [1, 3, 20])
def test_band_of_long_ranks_misses_no_spike(tmp_path: Path, small_cells: None, columns: int) -> None:
    def value(rank: int, step: int) -> float:
        return (
            999.0 if (rank, step) == (1, 777) else -999.0 if (rank, step) == (2, 333) else step / 100 + rank
        )

    ranks = [
        [{"step": s, "time": 1.7e9 + s, "metrics": {"loss": value(rank, s)}} for s in range(1000)]
        for rank in range(3)
    ]
    make_run(tmp_path, ranks)
    asked = {"runs": [RUN], "metrics": ["loss"], "columns": columns}
    with Opened(tmp_path) as engine:
        (banded,) = engine.series({**asked, "ranks": "band"})["series"]
        (plain,) = engine.series(asked)["series"]
    found = banded.pop("band")
    assert banded == plain
    assert len(found["x"]) == columns
    assert (min(found["low"]), max(found["high"])) == (-999.0, 999.0)
    width = 999 / columns
    for column_of, step in ((found["high"].index(999.0), 777), (found["low"].index(-999.0), 333)):
        assert column_of == min(int(step / width), columns - 1)


def test_band_at_equal_steps_is_lowest_and_highest_beside_the_mean(tmp_path: Path) -> None:
    ranks = [
        [{"step": s, "time": s, "metrics": {"loss": s + rank * 2, "tokens_per_s": 10}} for s in range(4)]
        for rank in (0, 1, 2)
    ]
    make_run(tmp_path, ranks)
    asked = {"runs": [RUN], "metrics": ["loss", "tokens_per_s"], "ranks": "band", "columns": 100}
    with Opened(tmp_path) as engine:
        loss, tokens = engine.series(asked)["series"]
        over = engine.series({**asked, "metrics": ["loss"], "x": "metric:tokens_per_s"})["series"][0]
    assert loss["y"] == [2, 3, 4, 5]
    assert loss["band"] == {"x": [0, 1, 2, 3], "low": [0, 1, 2, 3], "high": [4, 5, 6, 7]}
    assert tokens["y"] == [30, 30, 30, 30]
    assert tokens["band"] == {"x": [0, 1, 2, 3], "low": [10] * 4, "high": [10] * 4}  # of the single ranks
    assert (over["x"], over["y"]) == ([30, 30], [2, 5])
    assert over["band"] == {"x": [30], "low": [0], "high": [7]}  # placed where the mean is


def test_one_rank_has_no_band(tmp_path: Path) -> None:
    make_run(tmp_path, [[{"step": s, "time": s, "metrics": {"loss": s}} for s in range(4)]])
    with Opened(tmp_path) as engine:
        (curve,) = engine.series({"runs": [RUN], "metrics": ["loss"], "ranks": "band"})["series"]
    assert curve["band"] is None
    assert curve["y"] == [0, 1, 2, 3]


# -- who lags ------------------------------------------------------------------------------------


def test_run_tells_of_ranks_that_lag_end_or_are_missing(tmp_path: Path) -> None:
    now = time.time()
    ahead = [{"step": s, "time": now - 100 + s, "metrics": {"loss": 1.0}} for s in range(100)]
    folder = make_run(tmp_path, [ahead, ahead[:60], ahead[:95]], ended=False, ranks={"world_size": 5})
    held = []
    for name in ("run.lock", "metrics/a0-r0.jsonl", "metrics/a0-r2.jsonl"):  # rank 1's process is gone
        held.append((folder / name).open("ab"))
        fcntl.flock(held[-1], fcntl.LOCK_EX)
    with Opened(tmp_path) as engine:
        ranks = engine.run(RUN)["ranks_seen"]
    for file in held:
        file.close()
    assert [rank["state"] for rank in ranks if rank["rank"] != 1] == ["ok", "lagging", "missing", "missing"]
    # A file that was written to in the last two seconds counts as held.
    assert ranks[1]["state"] == ("silent" if ranks[1]["alive"] else "ended")
    assert [rank["lag_steps"] for rank in ranks] == [0, 40, 5, None, None]
    assert [rank["interval_s"] for rank in ranks] == [1.0, 1.0, 1.0, None, None]
    assert ranks[0]["silent_s"] is not None


def test_ranks_of_an_ended_run_have_ended(tmp_path: Path) -> None:
    records = [{"step": s, "time": 1000 + s, "metrics": {"loss": 1.0}} for s in range(10)]
    make_run(tmp_path, [records, records[:4]], ranks={"world_size": 2})
    with Opened(tmp_path) as engine:
        ranks = engine.run(RUN)["ranks_seen"]
    assert [(rank["state"], rank["lag_steps"], rank["silent_s"], rank["alive"]) for rank in ranks] == [
        ("ended", 0, None, False),
        ("ended", 6, None, False),
    ]


# -- how far the run is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "printed", "total", "source"),
    [
        ({"progress": {"total": 50}, "config": {"max_steps": 60}}, "step 4/100", 50, "progress"),
        ({"config": {"max_steps": 60}}, "step 4/100", 60, "config"),
        ({}, "step 4/100", 100, "stdout"),
        ({"progress": {"step": 1, "unit": "epoch"}}, "step 4/100", None, None),
        ({}, "loss 0.5", None, None),
        ({}, None, None, None),
    ],
)
def test_total_is_said_configured_or_printed(
    tmp_path: Path, facts: dict[str, Any], printed: str | None, total: int | None, source: str | None
) -> None:
    folder = make_run(tmp_path, [[{"step": s, "time": s, "metrics": {"loss": s}} for s in range(5)]], **facts)
    if printed is not None:
        (folder / "stdout.log").write_text(f"hello\n{printed}\n")
    with Opened(tmp_path) as engine:
        progress = engine.series({"runs": [RUN], "metrics": ["loss"]})["progress"][RUN]
    assert (progress["total"], progress["total_source"]) == (total, source)


def test_throughput_names_its_unit(tmp_path: Path) -> None:
    records = [{"step": s, "time": s * 2, "metrics": {"loss": s, "tokens": s * 1000}} for s in range(5)]
    make_run(tmp_path, [records], config={"batch_size": 8})
    asked = {"runs": [RUN], "metrics": ["loss", "tokens"], "smooth": ["throughput(2)", "steps_per_s", "best"]}
    with Opened(tmp_path) as engine:
        found = engine.series(asked)["series"]
    curves = {(curve["metric"], curve["derived"]): curve for curve in found}
    assert curves["loss", "throughput(2)"]["unit"] == "samples/s"
    assert curves["loss", "throughput(2)"]["y"] == ["NaN", 4, 4, 4, 4]
    assert curves["tokens", "throughput(2)"]["unit"] == "tokens/s"
    assert curves["tokens", "throughput(2)"]["last"]["value"] == 500
    assert curves["tokens", "steps_per_s"]["last"]["value"] == 0.5
    assert "unit" not in curves["tokens", "steps_per_s"]
    assert ("loss", "best") in curves
    assert ("tokens", "best") not in curves  # neither end of a counter is better
