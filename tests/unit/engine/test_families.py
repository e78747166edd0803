"""Families of runs, also where the records are wrong."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import families


def facts(run_id: str, parent: str | None = None, **parent_facts: Any) -> dict[str, Any]:
    told = {"run_id": parent, **parent_facts} if parent else None
    return {"run_id": run_id, "name": run_id.upper(), "status": "finished", "parent": told}


def test_tree_lists_parents_before_children_and_siblings_by_age() -> None:
    parents = {"b": "a", "c": "a", "d": "b", "z": "y"}
    found = families.lineage("d", parents)
    assert found == families.Lineage("a", ["a", "b", "d"], ["a", "b", "d", "c"], 0)
    assert families.member_ids("c", parents) == {"a", "b", "c", "d"}
    assert families.lineage("alone", parents) == families.Lineage("alone", ["alone"], ["alone"], 0)


def test_run_is_not_its_own_parent_and_odd_records_are_none() -> None:
    assert families.parents_of([facts("a", "a"), {"run_id": "b", "parent": "a"}, {"run_id": "c"}]) == {}
    assert families.parents_of([facts("b", "a"), {"run_id": "c", "parent": {"run_id": 3}}]) == {"b": "a"}


def test_circle_begins_with_its_oldest_and_is_never_followed_twice() -> None:
    circle = {"a": "b", "b": "c", "c": "a", "x": "b"}
    found = families.lineage("x", circle)
    assert found.root == "a"
    assert found.path == ["a", "c", "b", "x"]
    assert sorted(found.members) == ["a", "b", "c", "x"]


def test_parent_that_is_gone_is_the_missing_root() -> None:
    known = {"b": facts("b", "a", step=7, reason="lower lr", checkpoint_id="k1"), "c": facts("c", "b")}
    found = families.lineage("c", families.parents_of(known.values()))
    rows = families.nodes(found, known)
    assert [(row["run_id"], row["missing"], row["depth"]) for row in rows] == [
        ("a", True, 0),
        ("b", False, 1),
        ("c", False, 2),
    ]
    assert (rows[1]["parent"], rows[1]["step"], rows[1]["reason"], rows[1]["checkpoint_id"]) == (
        "a",
        7,
        "lower lr",
        "k1",
    )


def test_large_family_keeps_who_is_nearest() -> None:
    parents = {f"{n:04}": f"{n - 1:04}" for n in range(1, 3000)} | {f"x{n:04}": "0000" for n in range(2000)}
    found = families.lineage("2999", parents)
    assert len(found.members) == families.MAX_NODES
    assert found.cut == 5000 - families.MAX_NODES
    assert "2999" in found.members
    assert "2998" in found.members


def test_children_carry_why_they_went_on() -> None:
    known = {"b": facts("b", "a", step=3, reason="spike"), "c": facts("c", "a")}
    below = families.children_of(families.parents_of(known.values()))
    assert families.children("a", below, known) == [
        {"run_id": "b", "step": 3, "reason": "spike"},
        {"run_id": "c", "step": None, "reason": None},
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefghxy")), st.sampled_from("abcdefghxy")
)
def test_any_records_make_one_tree_that_holds_the_run(parents: dict[str, str], run: str) -> None:
    parents = {child: parent for child, parent in parents.items() if child != parent}
    found = families.lineage(run, parents)
    assert found.path[0] == found.root
    assert found.path[-1] == run
    assert len(set(found.members)) == len(found.members)
    assert set(found.path) <= set(found.members)
    for above, below in zip(found.path, found.path[1:], strict=False):
        assert parents[below] == above
    for member in found.members:
        assert families.member_ids(member, parents) == set(found.members)
