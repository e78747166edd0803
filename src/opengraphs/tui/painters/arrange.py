"""In which order a run's charts stand: what a person would put first.

Groups (what stands before the last `/`): training first, then what has no group, then the rest
by how often it is logged. Inside a group losses come first. Pure, so that the first frame,
`--once` and the app agree.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from opengraphs.records import MetricSummary


def metrics(summaries: Iterable[MetricSummary]) -> list[str]:
    """The keys of a run's metrics in the order of their charts."""
    groups: dict[str, list[MetricSummary]] = {}
    for summary in summaries:
        groups.setdefault(summary["key"].rpartition("/")[0], []).append(summary)
    ordered = sorted(groups.items(), key=lambda group: _group_rank(*group))
    return together([summary["key"] for _, members in ordered for summary in sorted(members, key=_rank)])


def together(keys: Iterable[str]) -> list[str]:
    """Keys of one section beside each other, sections and keys in the order of their first appearance."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(section_of(key), []).append(key)
    return [key for members in found.values() for key in members]


def section_of(key: str) -> str:
    """What stands before the first `/`; "" without one."""
    return key.partition("/")[0] if "/" in key else ""


def sections(keys: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Neighbours of one section together, in the order given."""
    out: list[tuple[str, list[str]]] = []
    for key in keys:
        name = section_of(key)
        if out and out[-1][0] == name:
            out[-1][1].append(key)
        else:
            out.append((name, [key]))
    return out


def _group_rank(name: str, members: list[MetricSummary]) -> tuple[int, int, str]:
    """Points count by magnitude only, so that the order is the same a moment later."""
    points = max(member.get("points", 0) for member in members)
    return 0 if name.startswith("train") else 1 if not name else 2, -points.bit_length(), name


def _rank(summary: MetricSummary) -> tuple[bool, str]:
    name = summary["key"].rpartition("/")[2]
    return "loss" not in name.lower(), summary["key"]
