"""The filter language: what passes, and where a bad one broke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine.filter import compile_filter
from opengraphs.errors import UsageError
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

    def summary(self) -> Mapping[str, Any]:
        return self.facts.get("summary", {})


RUNS = {
    "a": Run(
        run_id="20261122-093012-k7f3", name="gpt-small", project="llm", tags=["baseline", "lr=0.1"], status="finished",
        notes="First try, with Adam", config={"lr": 0.1, "model": {"layers": 12}, "optim": "Adam", "amp": True},
        summary={"train/loss": 1.5, "acc": 0.7}, created_at="2026-11-22T09:30:12.000000Z", host="box1", user="ann",
    ),
    "b": Run(
        run_id="20261121-080000-m2m2", name="gpt-large", project="llm", tags=["sweep"], status="running", notes="",
        config={"lr": 0.001, "model": {"layers": 48}, "optim": "sgd", "seed": 3}, summary={"train/loss": 0.9},
        created_at="2026-11-21T08:00:00.000000Z", host="box2", user="bob",
    ),
    "c": Run(
        run_id="20261001-000000-zzzz", name="digits (old)", project="vision", tags=[], status="crashed", notes=None,
        config={}, summary={}, created_at="2026-10-01T00:00:00.000000Z", group="g1",
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
        ("config.lr>=1e-3", "ab"),
        ("config.lr>0.01", "a"),
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
        ("started<2d", ""),
        ("g*t-l", "b"),
        ("/k7f\\d/", "a"),
        ("--gpt", "ab"),
    ],
)
def test_which_runs_pass(text: str, passing: str) -> None:
    passes = compile_filter(text, now_s=NOW)
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
        ("(" * 100, 50, ""),
        ("NOT " * 100 + "x", 200, ""),
    ],
)
def test_bad_filter_says_where_and_what_helps(text: str, position: int, help_text: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_filter(text)
    assert caught.value.message.endswith(f"at position {position}")
    assert help_text in caught.value.hint


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
