"""Logged outputs chosen by what is in them, in any order, a piece at a time."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.engine import samplelook
from opengraphs.engine.samplelook import SampleQuery
from opengraphs.errors import NotFoundError

RUN = "20261122-093012-k7f3"
OTHER = "20261122-093013-m2m2"


def sample(step: int, prompt: str, completion: str, **columns: Any) -> dict[str, Any]:
    shown = {"prompt": prompt, "completion": completion, **columns}
    return {"time": 100.0 + step, "step": step, "name": "eval", "columns": shown}


@pytest.fixture
def engine(maker: Any) -> Any:
    maker.run(RUN)
    maker.append(
        [
            sample(0, "2+2", "5", score=0.1, expected="4"),
            sample(0, "name a fruit", "An Apple", score=0.9),
            sample(10, "2+2", "4", score=1.0, expected="4", meta={"tokens": 3}),
            sample(10, "name a fruit", "pear", score="n/a"),
            {"time": 120.0, "step": 20, "name": "other", "columns": {"note": "no prompt here"}},
        ],
        kind="samples",
    )
    return maker.open()


def steps(reply: dict[str, Any]) -> list[tuple[int, Any]]:
    return [(one["step"], one["columns"].get("completion")) for one in reply["samples"]]


@pytest.mark.parametrize(
    ("words", "fitting"),
    [
        ("apple", [(0, "An Apple")]),
        ("completion:p name", [(0, "An Apple"), (10, "pear")]),
        ('"a fruit"', [(0, "An Apple"), (10, "pear")]),
        ("score<0.5", [(0, "5")]),
        ("score>=0.9 step=10", [(10, "4")]),
        ("expected=4 step!=0", [(10, "4")]),
        ("meta.tokens>2", [(10, "4")]),
        ("name:other", [(20, None)]),
        ("nowhere", []),
    ],
)
def test_filter(engine: Any, words: str, fitting: list[tuple[int, Any]]) -> None:
    reply = engine.samples(RUN, query=SampleQuery(words))
    assert steps(reply) == fitting
    assert (reply["total"], reply["all"], reply["unread"]) == (len(fitting), 5, 0)


def test_order_puts_numbers_first_and_what_has_none_last(engine: Any) -> None:
    upward = steps(engine.samples(RUN, query=SampleQuery(sort="score")))
    assert upward == [(0, "5"), (0, "An Apple"), (10, "4"), (10, "pear"), (20, None)]
    downward = steps(engine.samples(RUN, query=SampleQuery(sort="-score")))
    assert downward == [(10, "4"), (0, "An Apple"), (0, "5"), (10, "pear"), (20, None)]


def test_same_prompt_in_the_run_and_in_another_one(engine: Any, maker: Any) -> None:
    first = engine.samples(RUN)["samples"][0]
    assert steps(engine.samples(RUN, like=(RUN, first["id"]))) == [(0, "5"), (10, "4")]
    maker.run(OTHER)
    maker.append([sample(3, "2+2", "22"), sample(3, "3+3", "6")], run_id=OTHER, kind="samples")
    engine.scan()
    assert steps(engine.samples(OTHER, like=(RUN, first["id"]))) == [(3, "22")]


def test_ids_stay_while_places_move(engine: Any, maker: Any) -> None:
    last = engine.samples(RUN, start=-1)["samples"][0]
    assert (last["n"], engine.sample(RUN, last["id"])["columns"]) == (4, {"note": "no prompt here"})
    maker.append([sample(5, "late", "x")], writer="b0-r1", kind="samples")
    assert engine.samples(RUN)["samples"][2]["columns"]["prompt"] == "late"
    assert engine.sample(RUN, last["id"])["n"] == 5


@pytest.mark.parametrize("unknown", ["", "a0-r0/0.7", "nobody/0.0", "a0-r0/x.0", "../../run.json/0.0"])
def test_unknown_ids_are_told(engine: Any, unknown: str) -> None:
    with pytest.raises(NotFoundError, match="no sample"):
        engine.sample(RUN, unknown)


def test_a_sample_without_a_prompt_has_none_like_it(engine: Any) -> None:
    last = engine.samples(RUN, start=-1)["samples"][0]
    with pytest.raises(NotFoundError, match="has no prompt"):
        engine.samples(RUN, like=(RUN, last["id"]))


def test_long_texts_are_cut_where_they_stand(maker: Any) -> None:
    maker.run(RUN)
    maker.append([sample(0, "p" * 50, "c", chat=[{"role": "user", "content": "x" * 50}])], kind="samples")
    (cut,) = maker.open().samples(RUN, cut=10)["samples"]
    assert cut["columns"]["prompt"] == "p" * 10
    assert cut["columns"]["chat"] == [{"role": "user", "content": "x" * 10}]
    assert cut["cut"] == ["prompt", "chat"]


def test_a_long_journal_is_looked_through_piece_by_piece(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplelook, "PIECE", 40)
    maker.run(RUN)
    maker.append([sample(n, "p", str(n), score=n % 7) for n in range(100)], kind="samples")
    engine = maker.open()
    query = SampleQuery("score=3", sort="-step")
    replies = [engine.samples(RUN, query=query) for _ in range(3)]
    assert [reply["unread"] for reply in replies] == [60, 20, 0]
    assert [reply["total"] for reply in replies] == [6, 11, 14]
    maker.append([sample(101, "p", "new", score=3)], kind="samples")
    assert steps(engine.samples(RUN, query=query))[0] == (101, "new")
    assert [step for step, _ in steps(engine.samples(RUN, query=query, limit=3))] == [101, 94, 87]
