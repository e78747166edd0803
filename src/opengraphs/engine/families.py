"""Families: runs that came from other runs, as trees. Pure functions of who is whose parent.

`run.json` of a child names its parent, the checkpoint and the step it went on from. A
parent may have been removed, and a record copied by hand may even close a circle; both
are shown as they are and never followed twice.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

MAX_NODES = 1000
"""Most runs that one lineage holds; the nearest to the run that was asked for come first."""

Parents = Mapping[str, str]
"""Run id → id of its parent, which need not exist; runs without one are not in it."""


class Lineage(NamedTuple):
    """One family, parents before children and siblings by age.

    root: where the family begins; the id of a run that is not there any more when its
    parent was removed. path: from the root to the run that was asked for. cut: how many
    members are left out.
    """

    root: str
    path: list[str]
    members: list[str]
    cut: int


def parent_id(facts: Mapping[str, Any]) -> str | None:
    """The id of the run that this one went on from; None when it began by itself."""
    parent = facts.get("parent")
    found = parent.get("run_id") if isinstance(parent, Mapping) else None
    return found if isinstance(found, str) and found and found != facts.get("run_id") else None


def parents_of(facts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """`Parents` of these runs."""
    return {
        run["run_id"]: parent for run in facts if run.get("parent") and (parent := parent_id(run)) is not None
    }


def children_of(parents: Parents) -> dict[str, list[str]]:
    """Id → ids of its children, by age."""
    found: dict[str, list[str]] = {}
    for run_id in sorted(parents):
        found.setdefault(parents[run_id], []).append(run_id)
    return found


def path_to(run_id: str, parents: Parents) -> list[str]:
    """From the root of its family to this run. Of a circle, the oldest run is the root."""
    path, seen = [run_id], {run_id}
    while (above := parents.get(path[-1])) is not None:
        if above in seen:
            circle = path[path.index(above) :]
            start = circle.index(min(circle))
            return _around(circle, start, path[: path.index(above)])
        path.append(above)
        seen.add(above)
    return path[::-1]


def _around(circle: list[str], start: int, below: list[str]) -> list[str]:
    """The way from the oldest of a circle (child first) down to what hangs below its entry."""
    down = circle[: start + 1][::-1]
    return down + below[::-1]


def lineage(run_id: str, parents: Parents, *, most: int = MAX_NODES) -> Lineage:
    """The whole family of one run.

    Args:
        most: bound for members; ancestors and descendants of the run are kept first.

    Cost: O(runs with a parent).
    """
    path = path_to(run_id, parents)
    children = children_of(parents)
    members = _below(path[0], children)
    if len(members) > most:
        near = [*path[-most:], *_below(run_id, children)[1:]]
        wanted = set(list(dict.fromkeys([*near, *members]))[:most])
        kept = [member for member in members if member in wanted]
    else:
        kept = members
    return Lineage(path[0], path, kept, len(members) - len(kept))


def _below(root: str, children: Mapping[str, list[str]]) -> list[str]:
    """A run and everything that came from it, parents first, each once."""
    order, waiting, seen = [], [root], {root}
    while waiting:
        run_id = waiting.pop()
        order.append(run_id)
        for child in reversed(children.get(run_id, [])):
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    return order


def member_ids(run_id: str, parents: Parents) -> frozenset[str]:
    """Ids of everybody in the family of a run, itself among them."""
    return frozenset(_below(path_to(run_id, parents)[0], children_of(parents)))


def nodes(
    found: Lineage,
    facts_of: Mapping[str, Mapping[str, Any]],
    last_steps: Mapping[str, int | None] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Protocol `LineageNode`s of a family.

    Args:
        facts_of: facts by run id; members that are not in it are marked `missing`.
        last_steps: the furthest step that each logged.
    """
    depth: dict[str, int] = {}
    rows = []
    for run_id in found.members:
        facts = facts_of.get(run_id)
        parent = facts.get("parent") if facts is not None else None
        above = parent_id(facts) if facts is not None else None
        depth[run_id] = depth[above] + 1 if above in depth else 0
        told = parent if isinstance(parent, Mapping) and above is not None else {}
        rows.append(
            {
                "run_id": run_id,
                "missing": facts is None,
                "name": facts.get("name") if facts is not None else None,
                "status": facts.get("status") if facts is not None else None,
                "created_at": facts.get("created_at") if facts is not None else None,
                "archived": bool(facts.get("archived")) if facts is not None else False,
                "parent": above,
                "checkpoint_id": told.get("checkpoint_id"),
                "step": told.get("step"),
                "reason": told.get("reason"),
                "depth": depth[run_id],
                "last_step": last_steps.get(run_id),
            }
        )
    return rows


def children(
    run_id: str, below: Mapping[str, list[str]], facts_of: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Protocol `Child`ren of one run: id, step and reason of each, by age."""
    found = []
    for child in below.get(run_id, ()):
        parent = facts_of[child].get("parent") or {}
        found.append({"run_id": child, "step": parent.get("step"), "reason": parent.get("reason")})
    return found


class Place(NamedTuple):
    """Where a run stands in the tree of its family.

    depth: 0 for one without a listed ancestor. below: its listed descendants. folded: they are left out.
    """

    depth: int
    below: int
    folded: bool


def forest(ordered: Sequence[str], parents: Parents, folded: Container[str] = ()) -> dict[str, Place]:
    """Runs in some order, with each family put together: parents first, siblings by age.

    A run hangs below its nearest ancestor that is among them, and a family stands where the
    first of its members did.

    Returns:
        Run id -> place, in the order of the tree, without what is folded away.
    """
    listed = set(ordered)
    above = {run_id: _nearest(run_id, parents, listed) for run_id in ordered if run_id in parents}
    below = children_of({run_id: parent for run_id, parent in above.items() if parent is not None})
    found: dict[str, Place] = {}
    done: set[str] = set()
    for run_id in ordered:
        if above.get(run_id) is None and run_id not in below:
            found[run_id] = Place(0, 0, False)
        elif run_id not in done:
            root = path_to(run_id, dict(_way_up(run_id, above)))[0]
            _plant(root, below, folded, found, done)
    return found


def _nearest(run_id: str, parents: Parents, listed: Container[str]) -> str | None:
    seen, at = {run_id}, parents.get(run_id)
    while at is not None and at not in listed and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at if at is not None and at in listed and at != run_id else None


def _way_up(run_id: str, above: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    while run_id not in seen and (parent := above.get(run_id)) is not None:
        seen.add(run_id)
        yield run_id, parent
        run_id = parent


def _plant(
    root: str,
    below: Mapping[str, list[str]],
    folded: Container[str],
    found: dict[str, Place],
    done: set[str],
) -> None:
    """One tree into `found`; what is folded away is done, too."""
    members = _below(root, below)
    done.update(members)
    depth = {root: 0}
    counts = dict.fromkeys(members, 0)
    up: dict[str, str] = {}
    for run_id in members:
        for child in below.get(run_id, ()):
            if child in counts and child not in depth:
                depth[child], up[child] = depth[run_id] + 1, run_id
    for run_id in reversed(members):
        if run_id in up:
            counts[up[run_id]] += counts[run_id] + 1
    hidden: set[str] = set()
    for run_id in members:
        parent = up.get(run_id)
        if parent is not None and (parent in hidden or parent in folded):
            hidden.add(run_id)
        else:
            found[run_id] = Place(depth[run_id], counts[run_id], run_id in folded and counts[run_id] > 0)
