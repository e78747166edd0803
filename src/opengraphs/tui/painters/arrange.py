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
    return [summary["key"] for _, members in ordered for summary in sorted(members, key=_rank)]


def _group_rank(name: str, members: list[MetricSummary]) -> tuple[int, int, str]:
    """Points count by magnitude only, so that the order is the same a moment later."""
    points = max(member.get("points", 0) for member in members)
    return 0 if name.startswith("train") else 1 if not name else 2, -points.bit_length(), name


def _rank(summary: MetricSummary) -> tuple[bool, str]:
    name = summary["key"].rpartition("/")[2]
    return "loss" not in name.lower(), summary["key"]
