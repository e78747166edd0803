"""Filters, sorting and pages of random runs against a slow evaluator of what was meant.

A filter is drawn as a tree, written out in the filter language for the engine, and
evaluated here on the facts the runs were made with.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_stores import CASES

from opengraphs.engine import EngineStore
from opengraphs.sdk.layout import utc_iso

pytestmark = pytest.mark.timeout(120 + CASES)
Facts = dict[str, Any]
NOW = time.time()
AGES_H = (1, 30, 100, 2000)


def make_facts(seed: int, number: int) -> Facts:
    """The facts of one run, some of them missing."""
    dice = random.Random(seed * 1000 + number)
    created = NOW - dice.choice(AGES_H) * 3600 - number
    facts: Facts = {
        "schema": 1,
        "run_id": f"20261122-0930{number:02d}-{dice.choice(['k7f', 'm2m', 'zzz'])}{'abcdefghjk'[number]}",
        "project": dice.choice(["llm", "vision", "LLM-old"]),
        "name": dice.choice(["gpt-small", "gpt-large", "digits (old)", "exp-12", "ключ"]),
        "tags": [tag for tag in ("baseline", "lr=0.1", "sweep") if dice.random() < 0.4],
        "notes": dice.choice(["", "first try with Adam", "diverged at 300"]),
        "status": "finished",
        "created_at": utc_iso(created),
        "host": dice.choice(["box1", "box2"]),
        "user": dice.choice(["ann", "bob"]),
        "group": dice.choice([None, "g1", "g2"]),
        "config": {},
        "summary": {},
    }
    config: Facts = {
        "lr": dice.choice([0.1, 0.001, 3e-4, 1]), "optim": dice.choice(["Adam", "sgd"]), "amp": dice.choice([True, False]),
        "model": {"layers": dice.choice([6, 12, 24])}, "seed": dice.choice([1, "1", 7]),
    }  # fmt: skip
    facts["config"] = {key: value for key, value in config.items() if dice.random() < 0.7}
    facts["summary"] = {
        key: dice.choice([0.5, 1.5, 2, -1.0]) for key in ("loss", "eval/acc") if dice.random() < 0.7
    }
    facts["code"] = dice.choice([0, 0, 1])
    return facts


@contextmanager
def engine_of(runs: list[Facts]) -> Iterator[EngineStore]:
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="og-", dir=memory if memory.is_dir() else None))
    for facts in runs:
        folder = root / "store" / "runs" / facts["run_id"]
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({key: facts[key] for key in facts if key != "code"}))
        (folder / "exit.json").write_text(json.dumps({"code": facts["code"]}))
    engine = EngineStore.open(root / "store", index_dir=root / "index")
    try:
        engine.scan()
        yield engine
    finally:
        engine.close()
        shutil.rmtree(root)


# -- what is meant -----------------------------------------------------------------------------


class Filter(NamedTuple):
    """A filter as text, and what it means. is_term: needs no brackets."""

    text: str
    passes: Callable[[Facts], bool]
    is_term: bool


def words_of(facts: Facts) -> str:
    return "\n".join(
        [facts["run_id"], facts["name"], facts["project"], *facts["tags"], facts["notes"]]
    ).lower()


def status_of(facts: Facts) -> str:
    return "finished" if facts["code"] == 0 else "failed"


def inside(values: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(values, dict) or part not in values:
            return None
        values = values[part]
    return values


def term(text: str, passes: Callable[[Facts], bool]) -> Filter:
    return Filter(text, passes, True)


def numeric(head: str, path: str, op: str, wanted: float) -> Filter:
    key = path.replace(".", "/") if head == "summary" else path
    tests: dict[str, Callable[[float], bool]] = {
        "<": lambda value: value < wanted, "<=": lambda value: value <= wanted, ">": lambda value: value > wanted,
        ">=": lambda value: value >= wanted, "=": lambda value: value == wanted, ":": lambda value: value == wanted,
        "!=": lambda value: value != wanted,
    }  # fmt: skip

    def passes(facts: Facts) -> bool:
        found = facts[head].get(key) if head == "summary" else inside(facts[head], key)
        return op == "!=" if found is None else tests[op](float(found))

    return term(f"{head}.{path}{op}{wanted}", passes)


TERMS = (
    *(
        term(word, lambda facts, word=word: word.lower() in words_of(facts))
        for word in ("gpt", "GPT", "old", "k7f", "adam", "sweep", "absent", "ключ")
    ),
    term('"try with"', lambda facts: "try with" in words_of(facts)),
    term('"digits (old)"', lambda facts: "digits (old)" in words_of(facts)),
    term("status:finished", lambda facts: status_of(facts) == "finished"),
    term("status!=finished", lambda facts: status_of(facts) != "finished"),
    term("status:f*", lambda facts: True),
    term("tag:baseline", lambda facts: "baseline" in facts["tags"]),
    term("tag:base*", lambda facts: "baseline" in facts["tags"]),
    term("tag:base", lambda facts: False),
    term("tag:lr=0.1", lambda facts: "lr=0.1" in facts["tags"]),
    term("tag!=sweep", lambda facts: "sweep" not in facts["tags"]),
    term("project:LLM", lambda facts: facts["project"] == "llm"),
    term("project:llm*", lambda facts: facts["project"].lower().startswith("llm")),
    term("name:small", lambda facts: "small" in facts["name"]),
    term(r"name:/^exp-\d+$/", lambda facts: re.search(r"^exp-\d+$", facts["name"]) is not None),
    term('name:"digits (old)"', lambda facts: facts["name"] == "digits (old)"),
    term("host:box1", lambda facts: facts["host"] == "box1"),
    term("user!=bob", lambda facts: facts["user"] != "bob"),
    term("group:g1", lambda facts: facts["group"] == "g1"),
    term("has:group", lambda facts: facts["group"] is not None),
    term("has:tag", lambda facts: bool(facts["tags"])),
    term("has:config.model.layers", lambda facts: inside(facts["config"], "model.layers") is not None),
    term("config.optim:adam", lambda facts: facts["config"].get("optim") == "Adam"),
    term("config.optim!=adam", lambda facts: facts["config"].get("optim") != "Adam"),
    term("config.amp:true", lambda facts: facts["config"].get("amp") is True),
    term("config.seed=1", lambda facts: facts["config"].get("seed") in (1, "1")),
    term("created<2d", lambda facts: facts["created_at"] > utc_iso(NOW - 48 * 3600)),
    term("created>48h", lambda facts: facts["created_at"] < utc_iso(NOW - 48 * 3600)),
    term(f"created>={utc_iso(NOW - 50 * 3600)[:10]}", lambda facts: facts["created_at"][:10] >= utc_iso(NOW - 50 * 3600)[:10]),
    term(f"created:{utc_iso(NOW - 3600)[:7]}", lambda facts: facts["created_at"].startswith(utc_iso(NOW - 3600)[:7])),
)  # fmt: skip


def number_term(dice: random.Random) -> Filter:
    if dice.random() < 0.5:
        op = dice.choice(("<", "<=", ">", ">=", "=", ":", "!="))
        return numeric("config", dice.choice(("lr", "model.layers")), op, dice.choice((0.1, 0.001, 1, 12, 5)))
    op = dice.choice(("<", "<=", ">", ">=", "=", "!="))
    return numeric("summary", dice.choice(("loss", "eval.acc")), op, dice.choice((0.5, 1.5, -1, 3)))


def bracketed(one: Filter) -> str:
    return one.text if one.is_term else f"({one.text})"


def negation(one: Filter, sign: str) -> Filter:
    return Filter(sign + bracketed(one), lambda facts: not one.passes(facts), True)


def conjunction(parts: list[Filter], joint: str) -> Filter:
    return Filter(
        joint.join(map(bracketed, parts)), lambda facts: all(part.passes(facts) for part in parts), False
    )


def disjunction(parts: list[Filter]) -> Filter:
    """AND binds closer, so its parts need no brackets."""
    return Filter(
        " OR ".join(part.text for part in parts),
        lambda facts: any(part.passes(facts) for part in parts),
        False,
    )


def make_filter(dice: random.Random, depth: int = 3) -> Filter:
    """A random tree. Plain dice: hypothesis would try few terms and vary those."""
    kind = dice.random()
    if depth == 0 or kind < 0.4:
        return number_term(dice) if dice.random() < 0.3 else dice.choice(TERMS)
    if kind < 0.55:
        return negation(make_filter(dice, depth - 1), dice.choice(("-", "NOT ")))
    parts = [make_filter(dice, depth - 1) for _ in range(dice.choice((2, 2, 3)))]
    return conjunction(parts, dice.choice((" ", " AND ", "  "))) if kind < 0.8 else disjunction(parts)


def comparable(value: Any) -> tuple[int, Any] | None:
    """Numbers before text, text without case; None for what has no order."""
    if isinstance(value, bool | int | float):
        return (0, value)
    if isinstance(value, list):
        return (1, " ".join(value).lower()) if value else None
    return (1, value.lower()) if isinstance(value, str) else None


def value_of(facts: Facts, key: str) -> Any:
    head, _, path = key.partition(".")
    if path:
        return facts["summary"].get(path) if head == "summary" else inside(facts[head], path)
    return {"status": status_of(facts), "exit_code": facts["code"]}.get(key, facts.get(key))


def slow_list(runs: list[Facts], where: Callable[[Facts], bool], sort: str) -> list[str]:
    newest = sorted(filter(where, runs), key=lambda facts: facts["run_id"], reverse=True)
    key = sort.lstrip("-")
    known = [facts for facts in newest if comparable(value_of(facts, key)) is not None]
    known.sort(key=lambda facts: comparable(value_of(facts, key)) or (), reverse=sort.startswith("-"))
    return [facts["run_id"] for facts in (*known, *(facts for facts in newest if facts not in known))]


SORTS = ("created_at", "name", "status", "config.lr", "config.model.layers", "config.optim", "config.seed",
         "summary.loss", "tags", "group", "exit_code", "run_id", "project")  # fmt: skip


@settings(max_examples=CASES, deadline=None)
@given(st.integers(0, 9), st.integers(0, 1 << 32), st.integers(1, 4))
def test_lists_are_what_a_slow_reader_chooses_and_sorts(count: int, seed: int, limit: int) -> None:
    dice = random.Random(seed)
    everything = Filter("", lambda facts: True, True)
    questions = [
        (
            dice.choice((everything, make_filter(dice), make_filter(dice))),
            dice.choice(SORTS),
            dice.random() < 0.5,
        )
        for _ in range(8)
    ]
    runs = [make_facts(seed, number) for number in range(count)]
    with engine_of(runs) as engine:
        for where, key, falls in questions:
            sort = f"-{key}" if falls else key
            expected = slow_list(runs, where.passes, sort)
            found: list[str] = []
            cursor = None
            while True:
                page = engine.runs(where=where.text, sort=sort, limit=limit, cursor=cursor)
                assert page["total"] == len(expected), where.text
                assert len(page["runs"]) <= limit
                found += [run["run_id"] for run in page["runs"]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert found == expected, (where.text, sort)
