"""ogd killed again and again while twenty trainings log: the last one answers as if nothing had happened.

The trainings use the real SDK, each in a process of its own; whoever asks next starts ogd
again. In the end what the much-killed index says is compared with an index made anew, and
both with the lines of the journals. `OG_ROUNDS=50` is the nightly recipe.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import Ogd, wait_for

from opengraphs.client.sync import Client
from opengraphs.engine import EngineStore
from opengraphs.errors import OgError

ROUNDS = int(os.environ.get("OG_ROUNDS", "6"))
WRITERS = 20
KEYS = ("loss", "acc", "tokens_per_s")

TRAINING = """
import sys, time
import opengraphs as og

number, stop = int(sys.argv[1]), sys.argv[2]
run = og.init(project="killed", name=f"run-{number}", config={"lr": 10.0 ** -(number % 4), "seed": number})
from pathlib import Path
step = 0
while not Path(stop).exists():
    for _ in range(10):
        value = (step * 7919 + number) % 1009 / 7
        odd = float("nan") if step % 997 == 500 else value
        run.log({"loss": odd, "acc": value / 2, "tokens_per_s": value * 100}, step=step)
        step += 1
    if number % 5 == 0 and step % 400 == 0:
        step -= 120  # resumes lower, again and again
    time.sleep(0.05)
if number % 2:
    run.finish()
"""


@contextmanager
def trainings(ogd: Ogd, stop: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Twenty of them; on leaving they have ended (half of them without a word)."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(number), str(stop)],
            env={**os.environ, "OG_STORE": str(ogd.store)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(WRITERS)
    ]
    try:
        wait_for(lambda: len(journals(ogd.store)) == WRITERS, within_s=60, what="twenty journals")
        yield children
        stop.touch()
        assert [child.wait(timeout=60) for child in children] == [0] * WRITERS
    finally:
        for child in children:
            child.kill()
            child.wait()


def journals(store: Path) -> dict[str, list[Path]]:
    """Run id → its metric files, in order."""
    found: dict[str, list[Path]] = {}
    for path in sorted(store.glob("runs/*/metrics/*.jsonl")):
        found.setdefault(path.parent.parent.name, []).append(path)
    return found


class Asking:
    """Somebody who asks now and then, in a thread, whether or not ogd lives."""

    def __init__(self, ogd: Ogd, seed: int) -> None:
        self.answers = 0
        self.unexpected: list[BaseException] = []
        self._dice = random.Random(seed)
        self._ogd = ogd
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._over.wait(self._dice.uniform(0.0, 0.2)):
            try:
                with self._ogd.client(timeout_s=20.0) as client:
                    run = self._dice.choice(client.get("/runs")["runs"])["run_id"]
                    client.series(
                        {"runs": [run], "metrics": list(KEYS), "columns": self._dice.choice([20, 400])}
                    )
                self.answers += 1
            except OgError:
                continue  # killed in mid-answer, and once more
            except BaseException as error:
                self.unexpected.append(error)
                return


ASKED: list[dict[str, Any]] = [
    {"columns": 40, "smooth": ["ma(15)", "ema(0.9)"]},
    {"columns": 800, "x": "relative"},
    {"columns": 100, "range": [200, 900], "smooth": ["rate"]},
    {"columns": 7, "x": "time", "ranks": "each"},
]


def through_client(client: Client, run: str) -> dict[str, Any]:
    """What the screens and an export would get of a run."""
    points = {
        key: [
            (step, time, value)
            for page in client.points(run, key, limit=5000)
            for step, time, value in zip(page["step"], page["time"], page["value"], strict=True)
        ]
        for key in KEYS
    }
    series = [
        client.post("/series", {"runs": [run], "metrics": list(KEYS), **more})["series"] for more in ASKED
    ]
    keys, metrics = client.keys(run=run)["keys"], client.run(run)["metrics"]
    return plain({"points": points, "series": series, "keys": keys, "metrics": metrics})


def through_engine(engine: EngineStore, run: str) -> dict[str, Any]:
    """The same from an engine of this process."""
    while engine.run(run)["ingest"]["pending"]:
        engine.ingest_backlog(run, budget_s=1.0)
    points = {key: engine_points(engine, run, key) for key in KEYS}
    series = [engine.series({"runs": [run], "metrics": list(KEYS), **more})["series"] for more in ASKED]
    keys, metrics = engine.keys(run=run)["keys"], engine.run(run)["metrics"]
    return plain({"points": points, "series": series, "keys": keys, "metrics": metrics})


def engine_points(engine: EngineStore, run: str, key: str) -> list[tuple[int, float, Any]]:
    rows: list[tuple[int, float, Any]] = []
    after = None
    while True:
        page = engine.points(run, key, after=after, limit=100_000)
        rows += zip(page["step"], page["time"], page["value"], strict=True)
        after = page["next"]
        if after is None:
            return rows


def plain(found: dict[str, Any]) -> dict[str, Any]:
    """As it looks after the wire."""
    made: dict[str, Any] = json.loads(json.dumps(found))
    return made


def logged(paths: list[Path]) -> dict[int, dict[str, Any]]:
    """Step → metrics as the journals have them. A resumed stretch is logged twice, later lines win."""
    found: dict[int, dict[str, Any]] = {}
    for path in paths:
        *lines, _torn = path.read_bytes().split(b"\n")
        for line in lines:
            record = json.loads(line.strip(b"\0"))
            if "metrics" in record:
                found[record["step"]] = record["metrics"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * ROUNDS)
def test_killed_often_while_twenty_trainings_log(ogd: Ogd, short_tmp: Path) -> None:
    dice = random.Random(50)
    with trainings(ogd, short_tmp / "stop"), Asking(ogd, 1) as one, Asking(ogd, 2) as other:
        for _ in range(ROUNDS):
            before = one.answers + other.answers
            wait_for(
                lambda before=before: (
                    one.unexpected + other.unexpected or one.answers + other.answers > before
                ),
                within_s=60,
                what="an answer of the next daemon",
            )
            threading.Event().wait(dice.uniform(0.0, 0.5))
            ogd.kill()
    assert one.unexpected + other.unexpected == []
    files = journals(ogd.store)
    fresh = EngineStore.open(ogd.store, index_dir=short_tmp / "fresh")
    with ogd.client() as client:
        wait_for(lambda: nobody_lives(client), within_s=60, what="the end of every run")
        fresh.scan()
        listed = [run["run_id"] for run in client.get("/runs", limit=100)["runs"]]
        assert sorted(listed) == sorted(files)
        for run, paths in files.items():
            kept = through_client(client, run)
            assert kept == through_engine(fresh, run), run
            lines = logged(paths)
            for key in KEYS:
                assert [(step, value) for step, _, value in kept["points"][key]] == [
                    (step, lines[step][key]) for step in sorted(lines)
                ]
        together = compared(client, sorted(files))
        assert together == plain(compared_here(fresh, sorted(files)))
    fresh.close()
    assert "Traceback" not in ogd.log()


def nobody_lives(client: Client) -> bool:
    return all(run["status"] != "running" for run in client.get("/runs", limit=100)["runs"])


COMPARED: dict[str, Any] = {"metric_key": "loss", "downsample": 60}
GROUPED: dict[str, Any] = {"metric_key": "tokens_per_s", "by": "config.lr", "columns": 30}


def compared(client: Client, runs: list[str]) -> list[Any]:
    """What comparing and grouping the runs says."""
    return [
        client.post("/compare", {**COMPARED, "run_ids": runs}),
        client.post("/group", {**GROUPED, "run_ids": runs}),
        client.post("/diff", {"run_ids": runs[:4]}),
    ]


def compared_here(engine: EngineStore, runs: list[str]) -> list[Any]:
    return [
        engine.compare({**COMPARED, "run_ids": runs}),
        engine.group({**GROUPED, "run_ids": runs}),
        engine.diff({"run_ids": runs[:4]}),
    ]
