"""A lane against a server on loopback that is away, slow, wrong or not a server at all."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import wait_for
from trackio_recorder import Answer, Asked, Recorder

from opengraphs.daemon.forward import cursor
from opengraphs.daemon.forward.jobs import Job, job_of
from opengraphs.daemon.forward.lane import PATIENCE_S, Lane, Pace, retry_delay_s
from opengraphs.daemon.forward.service import Forwarder
from opengraphs.records import RunFacts
from opengraphs.sdk import forwarding

QUICK = Pace(poll_s=0.005, first_retry_s=0.001, max_retry_s=0.01, timeout_s=5.0)
STEPS = 1200


class Bench:
    """One ended run of `STEPS` steps, a server, and lanes between them."""

    def __init__(self, home: Path, server: Recorder) -> None:
        self.home, self.server = home, server
        self.lanes: list[Lane] = []
        self.target = forwarding.ask(server.url)
        self.job = self.make("20261122-093012-k7f3")

    def make(self, run_id: str, value: float = 1.0) -> Job:
        folder = self.home / "store" / "runs" / run_id
        (folder / "metrics").mkdir(parents=True)
        records = [{"step": step, "time": 1.0, "metrics": {"a": step * value}} for step in range(STEPS)]
        (folder / "metrics" / "a0-r0.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
        facts: RunFacts = {"mirror_to": self.target, "status": "finished", "ended_at": "then", "project": "p"}
        job = job_of(str(self.home / "store"), folder, facts)
        assert job is not None
        return job

    def lane(self, *jobs: Job, pace: Pace = QUICK) -> Lane:
        lane = Lane(self.target, pace)
        self.lanes.append(lane)
        lane.take({job.key: job for job in jobs or (self.job,)})
        lane.start()
        return lane

    def wait(self, lane: Lane, done: Callable[[Any], object], job: Job | None = None) -> Any:
        key = (job or self.job).key
        return wait_for(lambda: (shown := lane.shown(key)) and done(shown) and shown, what="the lane")

    def is_whole(self) -> bool:
        return self.server.curve("a", self.job.run_id) == [(step, step) for step in range(STEPS)]


@pytest.fixture
def bench(og_home: Path) -> Iterator[Bench]:
    with Recorder() as server:
        made = Bench(og_home, server)
        yield made
        for lane in made.lanes:
            lane.stop(5.0)


def is_done(shown: Any) -> bool:
    return bool(shown["state"] == "done")


def has_error(text: str) -> Callable[[Any], bool]:
    return lambda shown: text in (shown.get("last_error") or "")


def test_a_server_that_is_away_for_hundreds_of_tries_gets_everything_afterwards(bench: Bench) -> None:
    tries = 0

    def away(asked: Asked) -> Answer | None:
        nonlocal tries
        tries += 1
        return Answer(503, {"error": "writes are paused"}) if 2 < tries < 300 else None

    bench.server.misbehave = away
    lane = bench.lane()
    bench.wait(lane, has_error("status 503: writes are paused"))
    bench.wait(lane, is_done)
    assert tries >= 300
    assert bench.is_whole()
    assert set(bench.server.sent.values()) == {1}


def test_nothing_listens_and_then_the_server_comes(og_home: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        recorder = Recorder.__new__(Recorder)
        recorder.url = f"http://127.0.0.1:{port}"
        bench = Bench(og_home, recorder)
        lane = bench.lane()
        bench.wait(lane, has_error("refused"))
    with Recorder(port=port) as server:
        bench.server = server
        bench.wait(lane, is_done)
        assert bench.is_whole()
        lane.stop(5.0)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            Answer(302, None, (("Location", "https://elsewhere.example/"),)),
            "points to https://elsewhere.example/",
        ),
        (Answer(200, {"data": None, "error": "no such space"}), "refuses everything: no such space"),
        (
            Answer(400, {"error": "A write_token is required"}),
            "refuses everything: A write_token is required",
        ),
        (Answer(401, "no"), "status 401"),
        (Answer(404, {"error": "unknown"}), "status 404: unknown"),
        (Answer(200, [1]), "no JSON object"),
    ],
)
def test_a_server_that_takes_nothing_is_told_and_nothing_is_skipped(
    bench: Bench, answer: Answer, error: str
) -> None:
    bench.server.misbehave = lambda asked: answer if asked.path != "/version" else None
    lane = bench.lane()
    bench.wait(lane, has_error(error))
    bench.server.misbehave = lambda _asked: None
    shown = bench.wait(lane, is_done)
    assert (shown["skipped"], shown["delivered"], shown["last_error"]) == (0, STEPS, None)
    assert bench.is_whole()


def test_a_place_that_is_no_trackio_server_gets_no_record(bench: Bench) -> None:
    bench.server.misbehave = lambda _asked: Answer(200, {"hello": "world"})
    lane = bench.lane()
    bench.wait(lane, has_error("no Trackio server"))
    assert not any(asked.rows for asked in bench.server.asked)


def test_a_poison_row_is_skipped_named_and_the_rest_delivered(bench: Bench) -> None:
    def judge(asked: Asked) -> Answer | None:
        return (
            Answer(400, {"error": "bad value"}) if any(row.get("step") == 700 for row in asked.rows) else None
        )

    bench.server.misbehave = judge
    shown = bench.wait(bench.lane(), is_done)
    assert (shown["delivered"], shown["skipped"]) == (STEPS - 1, 1)
    assert shown["skips"][0]["reason"] == "bad value"
    assert "metrics/a0-r0#0 byte" in shown["skips"][0]["place"]
    assert [step for step, _ in bench.server.curve("a")] == [step for step in range(STEPS) if step != 700]


def test_a_server_with_a_small_limit_gets_small_requests(bench: Bench) -> None:
    bench.server.misbehave = lambda asked: (
        Answer(413, {"error": "too large"}) if len(asked.rows) > 50 else None
    )
    shown = bench.wait(bench.lane(), is_done)
    assert shown["skipped"] == 0
    assert bench.is_whole()


def test_an_answer_that_never_comes_is_no_loss(bench: Bench) -> None:
    slow = iter(range(3))

    def late(asked: Asked) -> Answer | None:
        if asked.rows and next(slow, None) is not None:
            time.sleep(0.12)  # longer than the lane waits; the rows are stored all the same
            return Answer(200, {"data": None}, store=True)
        return None

    bench.server.misbehave = late
    lane = bench.lane(pace=QUICK._replace(timeout_s=0.05))
    bench.wait(lane, is_done)
    assert bench.is_whole()


def test_a_run_that_is_refused_whole_does_not_hold_up_the_others(bench: Bench) -> None:
    bad = bench.make("20261122-093013-aaaa", value=2.0)
    bench.server.misbehave = lambda asked: (
        Answer(400, {"error": "not this run"})
        if any(row["run_id"] == bad.run_id for row in asked.rows)
        else None
    )
    lane = bench.lane(bad, bench.job)
    bench.wait(lane, is_done)
    shown = bench.wait(lane, has_error("every row of this run"), bad)
    assert shown["state"] == "blocked"
    assert bench.is_whole()


def test_a_store_of_many_runs_is_delivered_by_turns(bench: Bench) -> None:
    jobs = [bench.make(f"20261122-0931{number:02d}-bbbb") for number in range(12)]
    lane = bench.lane(*jobs)
    for job in jobs:
        bench.wait(lane, is_done, job)
        assert len(bench.server.curve("a", job.run_id)) == STEPS
    assert not lane.is_busy


def test_a_lane_that_stops_in_an_outage_stops_at_once(bench: Bench) -> None:
    bench.server.misbehave = lambda _asked: Answer(503, None, (("Retry-After", "3000"),))
    lane = bench.lane()
    bench.wait(lane, has_error("503"))
    lane.stop(10.0)
    assert not lane._thread.is_alive()


def test_waits_double_up_to_a_bound_and_respect_what_the_server_asks() -> None:
    pace = Pace(first_retry_s=1.0, max_retry_s=60.0)
    assert [retry_delay_s(n, pace, asked_s=None, chance=1.0) for n in (1, 2, 3, 7, 500)] == [1, 2, 4, 60, 60]
    assert retry_delay_s(3, pace, asked_s=None, chance=0.0) == 2.0
    assert retry_delay_s(1, pace, asked_s=90.0, chance=0.5) == 90.0


def test_an_idle_daemon_stays_for_what_waits_but_not_for_a_server_that_is_long_gone(bench: Bench) -> None:
    now = 1000.0
    lane = Lane(bench.target, QUICK, clock=lambda: now)
    assert not lane.is_busy
    lane.take({bench.job.key: bench.job})
    assert lane.is_busy
    now += PATIENCE_S + 1
    assert not lane.is_busy
    lane.take({bench.job.key: bench.job._replace(ended="")})
    now -= PATIENCE_S
    assert not lane.is_busy  # a run that lives keeps the daemon by itself


def test_runs_of_others_and_addresses_that_og_would_not_write_are_left_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(job: Job) -> object:
        forwarder = Forwarder(QUICK)
        forwarder.take(job.store, [job])
        shown = forwarder.shown(job.store, job.run_id)
        await forwarder.close()
        return shown

    assert asyncio.run(told(bench.job)) is not None
    assert asyncio.run(told(bench.job._replace(target=bench.target + "/?write_token=x"))) is None
    assert asyncio.run(told(bench.job._replace(folder=bench.home / "gone"))) is None
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert asyncio.run(told(bench.job)) is None


def test_a_run_that_is_removed_is_forgotten_and_one_that_lives_on_is_sent_on(bench: Bench) -> None:
    lane = bench.lane()
    bench.wait(lane, is_done)
    lane.take({bench.job.key: bench.job._replace(ended="")})
    with (bench.job.folder / "metrics" / "a1-r0.jsonl").open("w") as journal:
        journal.write('{"step":2000,"time":2.0,"metrics":{"a":2000}}\n')
    wait_for(lambda: len(bench.server.curve("a")) == STEPS + 1)
    cursors = list(cursor.folder().glob("*.json"))
    assert len(cursors) == 1
    shutil.rmtree(bench.job.folder)
    lane.take({})
    wait_for(lambda: not cursors[0].exists(), what="the cursor's end")
    assert lane.shown(bench.job.key) is None
