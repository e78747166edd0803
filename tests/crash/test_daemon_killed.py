"""kill -9 of the daemon at random moments: the next command starts it, nothing is lost or doubled."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import LiveRun, Ogd, append_points, make_run

from opengraphs import paths
from opengraphs.client.sync import Client
from opengraphs.errors import OgError

ROUNDS = 12
STEPS = 20_000


def noise(seed: int, number: int) -> list[float]:
    dice = random.Random(seed)
    return [dice.random() for _ in range(number)]


def answers(client: Client, runs: list[str]) -> dict[str, Any]:
    """Every point of every run, and what the screens would ask."""
    found: dict[str, Any] = {}
    for run in runs:
        for key in ("loss", "acc"):
            pages = list(client.points(run, key, limit=7000))
            found[f"{run} {key}"] = [
                (step, value)
                for page in pages
                for step, value in zip(page["step"], page["value"], strict=True)
            ]
        request = {"runs": [run], "metrics": ["loss", "acc"], "columns": 60, "smooth": ["ma(15)"]}
        found[f"{run} series"] = client.series(request)["series"]  # type: ignore[arg-type,typeddict-item]
        found[f"{run} keys"] = client.keys(run=run)
    return found


class Background:
    """Something that goes on in a thread while the context is open; og's errors are part of it."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._act()
            except OgError:
                continue

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()


def writer(live: LiveRun) -> Callable[[], object]:
    """Appends ten points at a time to a live run, step after step."""
    at = [0]

    def append() -> None:
        steps = range(at[0], at[0] + 10)
        live.append({"loss": [float(n) for n in steps], "acc": [n / 2 for n in steps]}, first_step=at[0])
        at[0] += 10
        over.wait(0.002)

    over = threading.Event()
    return append


@pytest.mark.slow
def test_answers_after_many_kills_equal_those_of_a_fresh_index(ogd: Ogd) -> None:
    dice = random.Random(7)
    runs = [
        make_run(ogd.store, name=f"run-{n}", metrics={"loss": noise(n, STEPS), "acc": noise(-n, STEPS)})
        for n in range(3)
    ]
    pause = threading.Event()
    with LiveRun(ogd.store, name="live") as live:
        ids = [*(folder.name for folder in runs), live.run_id]

        def ask() -> None:
            with ogd.client() as client:
                for _ in range(20):
                    client.series({"runs": [dice.choice(ids)], "metrics": ["loss"], "columns": 100})
                    client.runs()

        with Background(writer(live)), Background(ask):
            for _ in range(ROUNDS):
                pause.wait(dice.uniform(0.0, 0.6))
                late = {"loss": [dice.random()], "acc": [dice.random()]}
                append_points(runs[0], late, first_step=STEPS + dice.randrange(50))
                ogd.kill()
        with ogd.client() as client:
            kept = answers(client, ids)
        ogd.kill()
        shutil.rmtree(paths.cache_dir())
        with ogd.client() as client:
            fresh = answers(client, ids)
    assert kept == fresh
    steps = [step for step, _ in kept[f"{live.run_id} loss"]]
    assert steps == list(range(len(steps)))
    assert [value for _, value in kept[f"{ids[1]} loss"]] == noise(1, STEPS)
    assert "Traceback" not in ogd.log()


@pytest.mark.slow
def test_killed_in_mid_answer_the_same_question_is_answered_by_the_next_daemon(ogd: Ogd) -> None:
    folder = make_run(ogd.store, metrics={"loss": noise(1, STEPS), "acc": noise(2, STEPS)})
    dice = random.Random(3)
    expected = noise(1, STEPS)
    for _ in range(ROUNDS):
        killer = threading.Timer(dice.uniform(0.0, 0.3), ogd.kill)
        with ogd.client() as client:
            client.open()
            killer.start()
            values = [value for page in _patient_pages(client, folder) for value in page["value"]]
        killer.join(timeout=30)
        assert values == expected


def _patient_pages(client: Client, folder: Path) -> list[Any]:
    """All pages; a second kill within one request may need asking once more."""
    try:
        return list(client.points(folder.name, "loss", limit=3000))
    except OgError:
        return list(client.points(folder.name, "loss", limit=3000))
