"""The index of fields: what completion offers, kept up to date run by run."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine.catalog import Entry
from opengraphs.engine.fields import KEPT_VALUES, FieldIndex
from opengraphs.errors import UsageError
from opengraphs.store.folder import RunFolder


def entry(run_id: str, **facts: Any) -> Entry:
    made = Entry(RunFolder(Path("/nowhere") / run_id))
    made.set_facts({"run_id": run_id, **facts})  # type: ignore[typeddict-item]
    return made


def index(*entries: Entry) -> FieldIndex:
    made = FieldIndex()
    assert made.refresh({one.run_id: one for one in entries}) == 0.0
    return made


def names(found: FieldIndex, typed: str) -> list[str]:
    return [row["field"] for row in found.page(typed, 100)["fields"]]


def values(found: FieldIndex, typed: str) -> list[tuple[str, int]]:
    (row,) = found.page(typed, 100)["fields"]
    return [(item["value"], item["runs"]) for item in row["values"]]


def test_nested_config_tags_and_facts_are_named_as_filters_name_them() -> None:
    found = index(
        entry(
            "a",
            config={"lr": 0.1, "model": {"layers": 12, "act": "gelu"}},
            tags=["k=v", "x"],
            status="failed",
        ),
        entry("b", config={"lr": 0.3, "amp": True, "none": None, "sizes": [1]}, summary={"train/loss": 1.0}),
    )
    assert names(found, "config.l") == ["config.lr"]
    assert names(found, "layers") == ["config.model.layers"]
    assert names(found, "tag") == ["tag", "tag.k"]
    assert names(found, "train") == ["summary.train/loss"]
    assert values(found, "status:") == [("failed", 1)]
    assert values(found, "config.lr>=") == [("0.1", 1), ("0.3", 1)]
    assert values(found, "-tag:X") == [("x", 1)]
    kinds = {row["field"]: row["kind"] for row in found.page("config.", 100)["fields"]}
    assert kinds == {
        "config.lr": "number",
        "config.model.layers": "number",
        "config.model.act": "text",
        "config.amp": "bool",
        "config.none": "null",
        "config.sizes": "list",
    }


def test_run_counts_once_a_field_however_many_tags_it_has() -> None:
    (row, *_) = index(entry("a", tags=["x", "y", "k=1", "k=2"])).page("tag", 10)["fields"]
    assert row["runs"] == 1


def test_most_frequent_come_first_and_the_rest_is_said_to_be_there() -> None:
    many = [entry(f"r{n:03}", config={"seed": n, "opt": "adam" if n % 3 else "sgd"}) for n in range(200)]
    found = index(*many)
    assert values(found, "config.opt:")[0] == ("adam", 133)
    (row,) = found.page("config.seed", 5)["fields"]
    assert row["more"]
    assert row["runs"] == 200
    assert len(found._fields["config.seed"].values) == KEPT_VALUES


def test_unknown_field_offers_nothing_and_a_wrong_limit_is_refused() -> None:
    assert index().page("config.x:1", 10) == {"fields": [], "total": 0}
    with pytest.raises(UsageError):
        index().page("", 0)


def test_slices_come_to_an_end_and_to_the_same() -> None:
    entries = {f"r{n}": entry(f"r{n}", config={f"k{n % 7}": n}) for n in range(1000)}
    sliced = FieldIndex()
    left = [1.0]
    while left[-1] > 0.0:
        left.append(sliced.refresh(entries, budget_s=0.0))
    assert len(left) > 3
    assert left == sorted(left, reverse=True)
    assert sliced.page("config.", 100) == index(*entries.values()).page("config.", 100)


def test_after_any_changes_it_says_what_a_new_one_says() -> None:
    draw = random.Random(7)
    entries: dict[str, Entry] = {}
    kept = FieldIndex()

    def facts() -> dict[str, Any]:
        return {
            "config": {draw.choice("abc"): draw.choice([1, 2.5, "x", True, None, {"n": draw.randrange(3)}])},
            "tags": draw.sample(["t", "u", "k=1", "k=2"], draw.randrange(4)),
            "status": draw.choice(["finished", "failed"]),
        }

    for _ in range(400):
        run_id = f"r{draw.randrange(30)}"
        if draw.random() < 0.3:
            entries.pop(run_id, None)
        elif run_id in entries and draw.random() < 0.7:
            entries[run_id].set_facts({"run_id": run_id, **facts()})  # type: ignore[typeddict-item]
        else:
            entries[run_id] = entry(run_id, **facts())
        kept.refresh(entries)
        if draw.random() < 0.1:
            assert kept.page("", 1000) == index(*entries.values()).page("", 1000)
    assert kept.page("", 1000) == index(*entries.values()).page("", 1000)
