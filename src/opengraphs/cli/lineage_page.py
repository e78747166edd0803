"""A family of runs as a tree: who went on from whom, at which step and why. Pure, stdlib only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.output import STATUS_STYLES, Ink
from opengraphs.cli.table import Column, render

_COLUMNS = (
    Column("RUN", elastic=True),
    Column("ID", weight=2),
    Column("STATUS"),
    Column("STEPS", right=True),
    Column("REASON", weight=3, elastic=True),
    Column("CHECKPOINT", weight=4, elastic=True),
)
ASKED = "◀"
"""Stands behind the run that was asked for."""


def lines(reply: dict[str, Any], *, limit: int | None, ink: Ink) -> list[str]:
    """The tree of a `LineageReply`, parents above children; what is not on the way to the run asked for is dim."""
    nodes = reply["nodes"]
    path = set(reply["path"])
    stems = tree(nodes)
    rows = [
        _row(node, stem, asked=node["run_id"] == reply["run"])
        for node, stem in zip(nodes, stems, strict=True)
    ]
    styles: dict[tuple[int, int], tuple[str, ...]] = {}
    for at, node in enumerate(nodes):
        if node["run_id"] not in path:
            styles.update({(at, column): ("dim",) for column in range(len(_COLUMNS))})
        else:
            styles[at, 0] = ("bold",) if node["run_id"] == reply["run"] else ()
            styles[at, 2] = (STATUS_STYLES.get(str(node.get("status")), ""),)
    table = render(_COLUMNS, rows, limit=limit, ink=ink, styles=styles)
    return [
        *table,
        *([ink(f"{reply['cut']} more runs of this family are left out", "dim")] if reply["cut"] else []),
    ]


def tree(nodes: Sequence[dict[str, Any]]) -> list[str]:
    """What stands before each name: `├─ `, `└─ `, and `│  ` below runs that have younger siblings."""
    last: dict[str | None, str] = {}
    for node in nodes:
        last[_above(node, nodes)] = node["run_id"]
    stems: dict[str, str] = {}
    found: list[str] = []
    for node in nodes:
        above = _above(node, nodes)
        if above is None:
            stems[node["run_id"]] = ""
            found.append("")
            continue
        is_last = last[above] == node["run_id"]
        found.append(stems[above] + ("└─ " if is_last else "├─ "))
        stems[node["run_id"]] = stems[above] + ("   " if is_last else "│  ")
    return found


def _above(node: dict[str, Any], nodes: Sequence[dict[str, Any]]) -> str | None:
    """The parent, where it stands in the tree."""
    return node["parent"] if node["depth"] and node["run_id"] != nodes[0]["run_id"] else None


def _row(node: dict[str, Any], stem: str, *, asked: bool) -> list[str]:
    name = "(removed)" if node["missing"] else fmt.clean(str(node.get("name") or node["run_id"]))
    return [
        stem + name + (f" {ASKED}" if asked else ""),
        str(node["run_id"]),
        "-"
        if node["missing"]
        else str(node.get("status") or "-") + (", archived" if node["archived"] else ""),
        steps(node),
        fmt.clean(str(node.get("reason") or "")),
        fmt.clean(str(node.get("checkpoint_id") or "")),
    ]


def steps(node: dict[str, Any]) -> str:
    """`300…900`: from the step that a run went on from to the last that it logged."""
    begin, end = node.get("step"), node.get("last_step")
    if begin is None and end is None:
        return "-"
    return f"{begin or 0}…{'' if end is None else end}"
