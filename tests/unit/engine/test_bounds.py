"""What must hold whatever the size: memory, the spike on the screen, the journals of the SDK."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opengraphs.engine import EngineStore
from opengraphs.store import liveness

RUN = "20261122-093012-k7f3"
BUDGET = 3_000_000


def write_journal(path: Path, keys: list[str], records: int) -> None:
    template = '{"step":%d,"time":%d,"metrics":{' + ",".join(f'"{key}":%d.5' for key in keys) + "}}\n"
    with path.open("w") as file:
        for step in range(records):
            file.write(template % (step, step, *((step * 31 + place) % 1000 for place in range(len(keys)))))


def write_one_curve(path: Path, records: int, special: dict[int, str], usual: str) -> None:
    template = '{"step":%d,"time":%d,"metrics":{"loss":%s}}\n'
    with path.open("w") as file:
        for step in range(records):
            file.write(template % (step, step, special.get(step, usual)))


def answers(engine: EngineStore, keys: list[str]) -> list[Any]:
    curves = [engine.series({"runs": [RUN], "metrics": [key], "columns": 30})["series"] for key in keys]
    return [curves, [engine.points(RUN, key, limit=100_000) for key in keys[:2]]]


@pytest.mark.parametrize(("keys", "records"), [(40, 12_000), (3000, 90)])
def test_memory_stays_within_the_budget_and_answers_stay_the_same(
    maker: Any, keys: int, records: int
) -> None:
    """Long curves and very many short ones, 12 MB and 6 MB of points against a budget of 3 MB."""
    folder = maker.run()
    names = [f"k{place}" for place in range(keys)]
    write_journal(folder / "metrics" / "a0-r0.jsonl", names, records)
    engine = maker.open(budget_bytes=BUDGET)
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.02)
        engine.maintain()
    some = names[:: max(1, keys // 12)]
    for key in some:
        engine.series({"runs": [RUN], "metrics": [key], "columns": 30, "smooth": ["ma(15)"]})
        engine.maintain()
        assert engine._runs.memory_bytes() <= BUDGET
    found = answers(engine, some)
    roomy = maker.open(index_dir=maker.path.parent / "roomy")
    while roomy.backlog():
        roomy.ingest_backlog(budget_s=1)
    assert answers(roomy, some) == found


def test_live_run_with_many_keys_is_kept_lean(maker: Any) -> None:
    maker.run(ended=False)
    names = [f"k{place}" for place in range(2000)]
    engine = maker.open(budget_bytes=BUDGET)
    for step in range(60):
        maker.append(
            [
                {
                    "step": step,
                    "time": step,
                    "metrics": {name: step + place for place, name in enumerate(names)},
                }
            ]
        )
        engine.poll()
        if step % 10 == 9:
            engine.maintain()
            assert engine._runs.memory_bytes() <= 2 * BUDGET
    page = engine.points(RUN, "k7")
    assert page["value"] == [step + 7.0 for step in range(60)]


def test_spike_of_one_step_is_on_the_screen_at_every_zoom(maker: Any) -> None:
    folder = maker.run()
    n, spike = 200_000, 123_457
    write_one_curve(folder / "metrics" / "a0-r0.jsonl", n, {spike: "1e9"}, "0.5")
    engine = maker.open()
    while engine.backlog():
        engine.ingest_backlog(budget_s=1)
    for axis in ("step", "time"):
        span = float(n)
        while span > 1:
            low = max(0.0, spike - span * 0.37)
            for columns in (1, 40, 400):
                asked = {
                    "runs": [RUN],
                    "metrics": ["loss"],
                    "x": axis,
                    "range": [low, low + span],
                    "columns": columns,
                }
                (curve,) = engine.series(asked)["series"]
                at = curve["y"].index(1e9)
                assert curve["x"][at] == spike
                assert curve["max"] == 1e9
            span /= 3.7


def test_nans_among_very_many_points_are_counted_and_placed(maker: Any) -> None:
    folder = maker.run()
    odd = {5: '"NaN"', 70_001: '"Infinity"', 99_999: '"NaN"', 100_000: '"-Infinity"'}
    write_one_curve(folder / "metrics" / "a0-r0.jsonl", 120_000, odd, "0.25")
    engine = maker.open()
    while engine.backlog():
        engine.ingest_backlog(budget_s=1)
    (curve,) = engine.series({"runs": [RUN], "metrics": ["loss"], "columns": 50})["series"]
    assert curve["nonfinite"] == {"nan": 2, "inf": 2, "at": sorted(odd)}
    assert (curve["points"], curve["mean"], curve["slope"]) == (120_000, 0.25, pytest.approx(0, abs=1e-12))


TRAINING = """
import sys
import opengraphs as og
run = og.init(project="p", name="sdk", config={"lr": 0.5}, store=sys.argv[1])
for step in range(3000):
    run.log({"loss": 1 / (step + 1), "odd": float("nan") if step == 7 else step}, step=step)
    if step == 1500:
        print(flush=True)
        sys.stdin.readline()
run.summary["best"] = 3
run.tag("good")
print(flush=True)
if sys.stdin.readline() == "finish\\n":
    run.finish()
"""


@pytest.fixture
def training(maker: Any) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(maker.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield child
    child.kill()
    child.communicate()


def tell(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdin is not None
    child.stdin.write(word + "\n")
    child.stdin.flush()


@pytest.mark.parametrize("end", ["finish", "kill"])
def test_journals_of_the_sdk_are_followed_and_settled(
    maker: Any, training: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    assert training.stdout is not None
    training.stdout.readline()
    engine = maker.open()
    (run_id,) = engine.live_runs()
    engine.poll()
    assert [metric["points"] for metric in engine.run(run_id)["metrics"]] == [1501, 1501]
    assert engine.run(run_id)["ranks_seen"][0]["alive"] is True
    tell(training, "go on")
    training.stdout.readline()
    assert {"metrics", "run"} <= {change["kind"] for change in engine.poll()}
    if end == "finish":
        tell(training, "finish")
    else:
        training.kill()
    training.wait()
    monkeypatch.setattr(liveness, "YOUNG_S", -1.0)
    engine.poll()
    engine.scan()
    run = engine.run(run_id)
    assert run["status"] == ("finished" if end == "finish" else "crashed")
    assert (run["tags"], run["summary"]["best"]) == (["good"], 3)
    page = engine.points(run_id, "loss", limit=100_000)
    assert page["step"] == list(range(3000))
    assert page["value"] == [1 / (step + 1) for step in range(3000)]
    assert engine.points(run_id, "odd", limit=10)["value"][7] == "NaN"
    for one in engine.unsettled():
        engine.settle(one)
    for path in (maker.path / "runs" / run_id).rglob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            json.loads(line)
    assert [check["id"] for check in engine.doctor() if check["status"] != "ok"] == []
    assert math.isclose(
        sum(engine.points(run_id, "loss", limit=100_000)["value"]), float(np.sum(1 / np.arange(1, 3001)))
    )
