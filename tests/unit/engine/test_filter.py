"""The filter language: what passes, and where a bad one broke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import matching
from opengraphs.engine.filter import compile_filter
from opengraphs.errors import NotFoundError, UsageError
from opengraphs.store.runjson import epoch

NOW = epoch("2026-11-22T12:00:00Z")


class Run:
    def __init__(self, **facts: Any) -> None:
        self.facts: Mapping[str, Any] = facts
        words = (
            facts.get("run_id"),
            facts.get("name"),
            facts.get("project"),
            *facts.get("tags", ()),
            facts.get("notes"),
        )
        self.text = "\n".join(word for word in words if word).lower()

        self.digest: Mapping[str, Any] = facts.pop("digest", {})

    def summary(self) -> Mapping[str, Any]:
        return self.facts.get("summary", {})


class Store:
    """What a filter may ask about the store: b came from a, and these are its fields."""

    def family(self, ref: str) -> frozenset[str]:
        if ref not in ("k7f3", "m2m2"):
            raise NotFoundError(f"no run fits {ref!r}", hint="nearest: k7f3")
        return frozenset((RUNS["a"].facts["run_id"], RUNS["b"].facts["run_id"]))

    def fields(self) -> list[str]:
        return ["config.lr", "config.model.layers", "summary.train/loss", "tag.lr"]


RUNS = {
    "a": Run(
        run_id="20261122-093012-k7f3", name="gpt-small", project="llm", tags=["baseline", "lr=0.1"], status="finished",
        notes="First try, with Adam", config={"lr": 0.1, "model": {"layers": 12}, "optim": "Adam", "amp": True},
        summary={"train/loss": 1.5, "acc": 0.7}, created_at="2026-11-22T09:30:12.000000Z", host="box1", user="ann",
        exit_code=0, command=["python", "train.py"],
        started_at="2026-11-22T09:30:12.000000Z", ended_at="2026-11-22T11:30:12.000000Z", git={"branch": "main"},
        digest={"points": 1200, "last_step": 99, "last": {"train/loss": 0.25}, "main_metric": "train/loss"},
    ),
    "b": Run(
        run_id="20261121-080000-m2m2", name="gpt-large", project="llm", tags=["sweep"], status="running", notes="",
        config={"lr": 0.001, "model": {"layers": 48}, "optim": "sgd", "seed": 3}, summary={"train/loss": 0.9},
        created_at="2026-11-21T08:00:00.000000Z", host="box2", user="bob", exit_code=None, job_type="eval",
        started_at="2026-11-22T11:00:00.000000Z", parent={"run_id": "20261122-093012-k7f3", "step": 100},
        ranks={"world_size": 8}, odd={"x": 1},
    ),
    "c": Run(
        run_id="20261001-000000-zzzz", name="digits (old)", project="vision", tags=[], status="crashed", notes=None,
        config={"sizes": [1, 64.5, "big"], "lr": "0.01", "x": "NaN", "flags": [True], "big": 12345678901234567891},
        summary={}, created_at="2026-10-01T00:00:00.000000Z", group="g1", archived=True, exit_code=137,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "passing"),
    [
        ("", "abc"),
        ("   ", "abc"),
        ("gpt", "ab"),
        ("GPT large", "b"),
        ("adam", "a"),
        ("k7f3", "a"),
        ('"first try"', "a"),
        ("-gpt", "c"),
        ("gpt -large", "a"),
        ("NOT gpt", "c"),
        ("small OR digits", "ac"),
        ("(small OR large) status:running", "b"),
        ("gpt AND large", "b"),
        ("status:running", "b"),
        ("status:r*", "b"),
        ("status!=running", "ac"),
        ("-status:finished", "bc"),
        ("tag:baseline", "a"),
        ("tag:base*", "a"),
        ("tag:lr=0.1", "a"),
        ("tag:base", ""),
        ("project:llm", "ab"),
        ("project:LLM", "ab"),
        ("project:vis?on", "c"),
        ("name:small", "a"),
        ("name:/^gpt-(small|large)$/", "ab"),
        ('name:"digits (old)"', "c"),
        ("host:box1", "a"),
        ("user:bob", "b"),
        ("group:g1", "c"),
        ("config.lr>=1e-3", "abc"),
        ("config.lr>0.01", "a"),
        ("config.lr:1e-2", "c"),
        ("config.lr=0.001", "b"),
        ("config.lr:0.1", "a"),
        ("config.lr!=0.1", "bc"),
        ("config.model.layers<20", "a"),
        ("config.optim:adam", "a"),
        ("config.amp:true", "a"),
        ("summary.train/loss<1", "b"),
        ("summary.train.loss<1", "b"),
        ("summary.acc>0.5", "a"),
        ("has:config.seed", "b"),
        ("has:tag", "ab"),
        ("-has:group", "ab"),
        ("created<1d", "a"),
        ("created>2d", "c"),
        ("created<6w", "ab"),
        ("created>=2026-11-21", "ab"),
        ("created:2026-10", "c"),
        ("started<2d", "ab"),
        ("status:FINISHED", "a"),
        ("config.optim>0.5", ""),
        ("config.lr>adam", ""),
        ("config.optim>b", "b"),
        ("config.amp:1", "a"),
        ("config.amp>0", ""),
        ("config.amp!=true", "bc"),
        ("config.sizes:64.5", "c"),
        ("config.sizes:big", "c"),
        ("config.sizes>60", "c"),
        ("config.sizes>100", ""),
        ("config.sizes!=64.5", "ab"),
        ("config.flags:true", "c"),
        ("config.x:nan", "c"),
        ("config.x>0", ""),
        ("config.big:12345678901234567890", ""),
        ("config.big:12345678901234567891", "c"),
        ("config.model:12", ""),
        ("has:config.model", "ab"),
        ("last.train/loss<0.3", "a"),
        ("has:last.train/loss", "a"),
        ("points>1000", "a"),
        ("last_step:99", "a"),
        ("main_metric:*loss", "a"),
        ("exit_code!=0", "bc"),
        ("exit_code>100", "c"),
        ("tag.lr>0.05", "a"),
        ("has:tag.lr", "a"),
        ("git.branch:main", "a"),
        ("ranks.world_size>1", "b"),
        ("job_type:eval", "b"),
        ("job:eval", "b"),
        ("command:train.py", "a"),
        ("archived:true", "c"),
        ("archived:false", "ab"),
        ("archived:any", "abc"),
        ("parent:k7f3", "b"),
        ("has:parent", "b"),
        ("parent.step>50", "b"),
        ("family:m2m2", "ab"),
        ("-family:k7f3", "c"),
        ("duration>90m", "a"),
        ("duration<=3600", "b"),
        ("created:today", "a"),
        ("created:yesterday", "b"),
        ("created:2026-11", "ab"),
        ("created>2026-11-21", "a"),
        ("created<=2026-11-21", "bc"),
        ("created!=2026-11-22", "bc"),
        ("created:2026-11-22T09:30", "a"),
        ("created>=2026-11-22T09:30:12Z", "a"),
        ("created<2026", ""),
        ("started!=2026-11-22", "c"),
        ("ended>30m", ""),
        ("ended>20m", "a"),
        ('name:"gpt*"', ""),
        ('name:"gpt-small"', "a"),
        ('notes:""', "bc"),
        ('tag:"base line"', ""),
        ('"status:running"', ""),
        ("name:/^gpt-/ config.lr:/0\\.1/", "a"),
        ("g*t-l", "b"),
        ("/k7f\\d/", "a"),
        ("--gpt", "ab"),
    ],
)
def test_which_runs_pass(text: str, passing: str) -> None:
    passes = compile_filter(text, now_s=NOW, about=Store())
    assert "".join(name for name, run in RUNS.items() if passes(run)) == passing


@pytest.mark.parametrize(
    ("text", "position", "help_text"),
    [
        ("stat:running", 0, "did you mean status?"),
        ("gpt proj:x", 4, "did you mean project?"),
        ("status:runing", 7, "did you mean running?"),
        ("status:", 7, "status:x"),
        ('name "open', 5, 'add "'),
        ("(gpt", 0, "add )"),
        ("gpt)", 3, "remove it"),
        ("gpt OR", 6, "around terms"),
        ("OR gpt", 0, "around terms"),
        ("status>running", 6, ""),
        ("created<soon", 8, "2d"),
        ("created:2d", 7, "created<2d"),
        ("name:/(/", 0, ""),
        ("name:/(a+)+/", 0, "repeat"),
        ("has:confg.seed", 4, "has:config"),
        ("http://x", 0, "quote"),
        ("gpt lr>1e-3", 4, "did you mean config.lr?"),
        ("confg.lr>1e-3", 0, "did you mean config.lr?"),
        ("layers:12", 0, "did you mean config.model.layers?"),
        ("creatd<2d", 0, "did you mean created?"),
        ("family:zzzz", 7, "nearest: k7f3"),
        ("archived:maybe", 9, ""),
        ("points>many", 7, "points>100"),
        ("duration>long", 9, "duration>2h"),
        ("created:soon", 8, "2d"),
        ("created>2026-13", 8, "2d"),
        ("has:points.x", 4, "known"),
        ("parent>k7f3", 6, ""),
        ("name:/a{99999999999}/", 0, ""),
        ("(" * 100, 50, ""),
        ("NOT " * 100 + "x", 200, ""),
    ],
)
def test_bad_filter_says_where_and_what_helps(text: str, position: int, help_text: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_filter(text, about=Store())
    assert caught.value.message.endswith(f"at position {position}")
    assert help_text in caught.value.hint


def test_slow_expression_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "REGEX_S", 0.0)
    passes = compile_filter("/x.*y.*/")
    run = Run(run_id="a", notes="x" * 2000)
    with pytest.raises(UsageError, match="longer than 0 s"):
        [passes(run) for _ in range(1000)]


def test_expression_looks_at_a_bounded_part_of_a_text() -> None:
    run = Run(run_id="a", notes="x" * 10_000 + "end")
    assert not compile_filter("/end/")(run)
    assert compile_filter("end")(run)


def test_filter_says_which_fields_it_names() -> None:
    found = compile_filter("(archived:any OR config.lr>1) has:last.loss word")
    assert found.fields == {"archived", "config", "has", "last"}
    assert found.paths == ("config.lr", "last.loss")


def test_endless_filter_is_refused() -> None:
    with pytest.raises(UsageError, match="2000"):
        compile_filter("x" * 2001)


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.sampled_from(' ()"-:=<>/*abstatuconfig.OR NT1d'), max_size=40))
def test_any_text_is_a_filter_or_a_usage_error(text: str) -> None:
    try:
        passes = compile_filter(text)
    except UsageError:
        return
    for run in RUNS.values():
        assert passes(run) in (True, False)


def test_number_without_a_float_has_its_place_too() -> None:
    run = Run(run_id="a", config={"huge": 10**400})
    assert compile_filter("config.huge>1e300 config.huge!=nan")(run)
    assert not compile_filter("config.huge:nan")(run)


def test_one_look_of_an_expression_is_bounded_by_what_it_can_cost() -> None:
    """Nothing can interrupt a look, so an open repeat more looks at less of the text."""
    seen = [
        size
        for size in range(1, 8000, 100)
        for run in [Run(run_id="a", notes="1" * size + "end")]
        if compile_filter("/^a?1*end|1*end/")(run)
    ]
    cubic = [
        size
        for size in range(1, 8000, 100)
        for run in [Run(run_id="a", notes="1" * size + "end")]
        if compile_filter(r"/1.*\w*end/")(run)
    ]
    assert 3000 < max(seen) < matching.SEARCHED_CHARS
    assert 300 < max(cubic) < 600
    with pytest.raises(UsageError, match="without end"):
        compile_filter("/" + "a?" * 30 + "a" * 30 + "/")
