"""The filter language against a slow and obvious reading of the same terms.

A filter is drawn as a tree, written out as text for the engine, and judged here from the
tree itself: bracket by bracket, value by value.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine.filter import compile_filter

CASES = int(os.environ.get("OG_CASES", "100"))
NOW_S = 1_800_000_000.0
DAY_S = 86400.0


class Run(NamedTuple):
    """What both sides see of a run."""

    facts: dict[str, Any]
    digest: dict[str, Any]

    @property
    def text(self) -> str:
        facts = self.facts
        words = [facts["run_id"], facts["name"], facts["project"], *facts["tags"], facts["notes"]]
        return "\n".join(word for word in words if word).lower()

    def summary(self) -> dict[str, Any]:
        return {**self.digest["last"], **self.facts["summary"]}


Judge = Callable[[Run], bool]


class Drawn(NamedTuple):
    """A filter as text, and what it means."""

    text: str
    holds: Judge


WORDS = ("alpha", "beta", "Gamma", "al", "warm-up")
NUMBERS = (-1, 0, 1, 2, 0.5, 1e-3, 2.0)
VALUES = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(("alpha", "Beta", "0.5", "1", "NaN", "x y")),
    st.booleans(),
    st.none(),
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "a": VALUES,
        "b": st.lists(VALUES, max_size=3),
        "m": st.fixed_dictionaries({}, optional={"c": VALUES}),
    },
)


def iso(moment: float) -> str:
    from opengraphs.sdk.layout import utc_iso

    return utc_iso(moment)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    age = draw(st.sampled_from((0.0, 3600.0, DAY_S, 1.5 * DAY_S, 2 * DAY_S, 40 * DAY_S)))
    return Run(
        {
            "run_id": draw(st.sampled_from(("20270101-000000-k7f3", "20270102-000000-m2m2"))),
            "name": draw(st.sampled_from(WORDS)),
            "project": draw(st.sampled_from(("alpha", "other"))),
            "status": draw(st.sampled_from(("running", "finished", "failed"))),
            "tags": draw(st.lists(st.sampled_from(("alpha", "k=1", "k=2", "K=x")), unique=True)),
            "notes": draw(st.sampled_from(("", "Beta went well"))),
            "config": draw(CONFIGS),
            "summary": draw(st.dictionaries(st.sampled_from(("s", "t")), VALUES)),
            "created_at": iso(NOW_S - age),
            "archived": draw(st.booleans()),
            "exit_code": draw(st.sampled_from((None, 0, 137))),
        },
        {
            "last": draw(st.dictionaries(st.sampled_from(("t", "loss")), VALUES)),
            "points": draw(st.integers(0, 3)),
        },
    )


# what a value means


def as_number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def ordered(left: Any, op: str, right: Any) -> bool:
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def judge(found: Any, op: str, wanted: str) -> bool:
    if op == "!=":
        return not judge(found, "=", wanted) if found is not None else True
    if found is None:
        return False
    if isinstance(found, list):
        return any(judge(item, op, wanted) for item in found)
    if isinstance(found, dict):
        return False
    left, right = as_number(found), as_number(wanted)
    if op in (":", "="):
        if isinstance(found, bool):
            return wanted.lower() in (("true", "1") if found else ("false", "0"))
        if left is not None and right is not None:
            return left == right or (math.isnan(left) and math.isnan(right))
        return str(found).lower() == wanted.lower()
    if isinstance(found, bool) or (left is None) != (right is None):
        return False
    if left is not None and right is not None:
        return ordered(left, op, right)
    return ordered(str(found).lower(), op, wanted.lower())


def value_at(run: Run, field: str) -> Any:
    head, _, path = field.partition(".")
    if head == "tag":
        found = [tag.partition("=")[2] for tag in run.facts["tags"] if tag.startswith(f"{path}=")]
        return found or None
    values: Any = {"config": run.facts["config"], "summary": run.summary(), "last": run.digest["last"]}[head]
    for part in path.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


# terms


def quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


@st.composite
def value_terms(draw: st.DrawFn) -> Drawn:
    field = draw(
        st.sampled_from(
            ("config.a", "config.b", "config.m.c", "config.m", "summary.s", "summary.t", "last.t", "tag.k")
        )
    )
    op = draw(st.sampled_from((":", "=", "!=", "<", "<=", ">", ">=")))
    wanted = draw(
        st.sampled_from(("1", "0.5", "1e-3", "-1", "2", "alpha", "BETA", "true", "false", "nan", "x"))
    )
    return Drawn(f"{field}{op}{wanted}", lambda run: judge(value_at(run, field), op, wanted))


@st.composite
def text_terms(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(("bare", "whole", "part", "glob", "regex", "tag")))
    word = draw(st.sampled_from((*WORDS, "went well", "k=1")))
    if kind == "bare":
        return Drawn(f'"{word}"', lambda run: word.lower() in run.text)
    if kind == "tag":
        return Drawn(
            f'tag:"{word}"', lambda run: any(tag.lower() == word.lower() for tag in run.facts["tags"])
        )
    if kind == "whole":
        return Drawn(f'project!="{word}"', lambda run: run.facts["project"].lower() != word.lower())
    if kind == "part":
        return Drawn(f'name:"{word}"', lambda run: word.lower() in run.facts["name"].lower())
    start = word[0]
    if kind == "glob":
        return Drawn(f"project:{start}*", lambda run: run.facts["project"].lower().startswith(start.lower()))
    return Drawn(f"name:/^{start}/", lambda run: re.search(f"^{start}", run.facts["name"]) is not None)


@st.composite
def other_terms(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(("status", "age", "day", "has", "archived", "exit", "points")))
    if kind == "status":
        status = draw(st.sampled_from(("running", "finished", "lost")))
        return Drawn(f"status:{status}", lambda run: run.facts["status"] == status)
    if kind == "archived":
        wanted = draw(st.booleans())
        return Drawn(f"archived:{str(wanted).lower()}", lambda run: run.facts["archived"] is wanted)
    if kind == "has":
        field = draw(st.sampled_from(("config.a", "config.m.c", "last.loss", "tag.k", "summary.t")))
        return Drawn(f"has:{field}", lambda run: value_at(run, field) is not None)
    op = draw(st.sampled_from(("<", "<=", ">", ">=")))
    if kind == "age":
        days = draw(st.sampled_from((1, 1.5, 30)))
        return Drawn(f"created{op}{days}d", lambda run: ordered(NOW_S - born(run), op, days * DAY_S))
    if kind == "day":
        day = draw(st.integers(-3, 1))
        begin = NOW_S - NOW_S % DAY_S + day * DAY_S
        edge = begin + DAY_S if op in (">", "<=") else begin  # a date stands for the whole of its day
        after = op in (">", ">=")
        return Drawn(
            f"created{op}{iso(begin)[:10]}", lambda run: born(run) >= edge if after else born(run) < edge
        )
    number = draw(st.sampled_from((0, 2, 137)))
    if kind == "exit":
        return Drawn(
            f"exit_code!={number}",
            lambda run: run.facts["exit_code"] is None or run.facts["exit_code"] != number,
        )
    return Drawn(f"points{op}{number}", lambda run: ordered(run.digest["points"], op, number))


def born(run: Run) -> float:
    from opengraphs.store.runjson import epoch

    return epoch(run.facts["created_at"]) or 0.0


def both(left: Drawn, right: Drawn, join: str) -> Drawn:
    return Drawn(f"({left.text}){join}({right.text})", lambda run: left.holds(run) and right.holds(run))


def either(left: Drawn, right: Drawn) -> Drawn:
    return Drawn(f"({left.text} OR {right.text})", lambda run: left.holds(run) or right.holds(run))


def neither(term: Drawn, sign: str) -> Drawn:
    return Drawn(f"{sign}({term.text})", lambda run: not term.holds(run))


FILTERS = st.recursive(
    st.one_of(value_terms(), text_terms(), other_terms()),
    lambda inner: st.one_of(
        st.builds(both, inner, inner, st.sampled_from((" ", " AND "))),
        st.builds(either, inner, inner),
        st.builds(neither, inner, st.sampled_from(("-", "NOT "))),
    ),
    max_leaves=6,
)


@settings(max_examples=3 * CASES, deadline=None)
@given(FILTERS, st.lists(runs(), min_size=1, max_size=8))
def test_filter_passes_what_its_terms_say(drawn: Drawn, found: list[Run]) -> None:
    passes = compile_filter(drawn.text, now_s=NOW_S)
    for run in found:
        assert passes(run) == drawn.holds(run), (drawn.text, run)


@settings(max_examples=CASES, deadline=None)
@given(FILTERS, FILTERS, FILTERS, runs())
def test_without_brackets_and_binds_before_or(one: Drawn, two: Drawn, three: Drawn, run: Run) -> None:
    text = f"{one.text} {two.text} OR {three.text}"
    assert compile_filter(text, now_s=NOW_S)(run) == ((one.holds(run) and two.holds(run)) or three.holds(run))
