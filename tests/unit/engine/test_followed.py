"""What a live run just appended is `poll`'s to read, and no backlog that a logging run keeps alive."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.engine import rundata

RUN = "20261122-093012-k7f3"
ENDED = "20261122-093012-0000"


def _records(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {"step": step, "time": 100.0 + step, "metrics": {"loss": step * 0.5}} for step in range(first, last)
    ]


def test_fresh_lines_of_a_live_run_are_no_backlog_and_a_poll_brings_them(maker: Any) -> None:
    maker.run(ended=False)
    maker.append(_records(0, 10))
    engine = maker.open()
    engine.run(RUN)
    maker.append(_records(10, 20))
    assert engine.live_runs() == [RUN]
    assert engine.backlog() == {}
    assert [change["points"] for change in engine.poll() if change["kind"] == "metrics"] == [10]
    assert engine.points(RUN, "loss")["step"] == list(range(20))


def test_fresh_lines_of_an_ended_run_are_backlog(maker: Any) -> None:
    maker.run(ENDED)
    maker.append(_records(0, 10), run_id=ENDED)
    engine = maker.open()
    engine.run(ENDED)
    maker.append(_records(10, 20), run_id=ENDED)
    assert list(engine.backlog()) == [ENDED]


def test_live_run_with_more_than_a_poll_reads_is_backlog_until_it_is_followed(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundata, "POLL_BYTES", 1000)
    maker.run(ended=False)
    maker.append(_records(0, 10))
    engine = maker.open()
    engine.run(RUN)
    maker.append(_records(10, 200))
    assert list(engine.backlog()) == [RUN]
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.0)
    engine.poll()
    assert engine.points(RUN, "loss")["step"] == list(range(200))


def test_first_answer_has_the_newest_point_also_when_the_backlog_came_before_it(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundata, "FIRST_LOOK_BYTES", 6000)
    monkeypatch.setattr(rundata, "_LEAST_AHEAD_BYTES", 1000)
    monkeypatch.setattr("opengraphs.engine.core.FIRST_LOOK_BYTES", 6000)
    monkeypatch.setattr(rundata, "POLL_BYTES", 500)
    monkeypatch.setattr("opengraphs.engine.journal.PIECE_BYTES", 300)
    maker.run(ENDED)
    maker.append(_records(0, 1000), run_id=ENDED)
    engine = maker.open()
    assert engine.ingest_backlog(budget_s=0.0) > 0.5
    reply = engine.series({"runs": [ENDED], "metrics": ["loss"], "columns": 4000})
    assert reply["pending"][ENDED] > 0.5
    assert reply["series"][0]["last"]["step"] == 999
