"""The tree of `og lineage`: branches, marks, and what is not known."""

from __future__ import annotations

from typing import Any

from opengraphs.cli import lineage_page
from opengraphs.cli.lettering import nearest
from opengraphs.cli.output import Ink


def node(run_id: str, parent: str | None = None, *, depth: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "run_id": run_id, "missing": False, "name": run_id.upper(), "status": "finished", "archived": False,
        "parent": parent, "checkpoint_id": None, "step": None, "reason": None, "depth": depth, "last_step": None, **more,
    }  # fmt: skip


FAMILY = {
    "run": "d",
    "path": ["a", "b", "d"],
    "cut": 0,
    "nodes": [
        node("a", last_step=900),
        node("b", "a", depth=1, step=300, last_step=700, reason="crash", checkpoint_id="a0-r0-300-x"),
        node("d", "b", depth=2, step=500, status="running"),
        node("e", "b", depth=2, step=500, last_step=600, reason="auto"),
        node("c", "a", depth=1, step=0, last_step=9, archived=True),
    ],
}


def test_tree_has_branches_steps_and_the_run_that_was_asked_for() -> None:
    page = lineage_page.lines(FAMILY, limit=None, ink=Ink(on=False))
    assert [line.split() for line in page[1:]] == [
        ["A", "a", "finished", "0…900"],
        ["├─", "B", "b", "finished", "300…700", "crash", "a0-r0-300-x"],
        ["│", "├─", "D", "◀", "d", "running", "500…"],
        ["│", "└─", "E", "e", "finished", "500…600", "auto"],
        ["└─", "C", "c", "finished,", "archived", "0…9"],
    ]


def test_what_is_not_on_the_way_is_dim_and_ascii_keeps_the_shape() -> None:
    page = lineage_page.lines(FAMILY, limit=None, ink=Ink(on=True))
    assert ["\x1b[2m└─ " in line or "\x1b[2m│  └─" in line for line in page[1:]] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert nearest("│  ├─ D ◀") == "|  |- D <"


def test_a_removed_parent_and_names_of_strangers_are_shown_safely() -> None:
    nodes = [
        node("gone", missing=True, name=None, status=None),
        node("x", "gone", depth=1, name="evil\x1b[2Jname"),
    ]
    page = lineage_page.lines(
        {"run": "x", "path": ["gone", "x"], "cut": 3, "nodes": nodes}, limit=60, ink=Ink(on=False)
    )
    assert "(removed)" in page[1]
    assert "\x1b" not in "".join(page)
    assert page[-1] == "3 more runs of this family are left out"


def test_deep_families_fit_a_narrow_terminal() -> None:
    nodes = [node("r0"), *(node(f"r{at}", f"r{at - 1}", depth=at) for at in range(1, 40))]
    page = lineage_page.lines(
        {"run": "r39", "path": [], "cut": 0, "nodes": nodes}, limit=50, ink=Ink(on=False)
    )
    assert all(len(line) <= 50 for line in page)
