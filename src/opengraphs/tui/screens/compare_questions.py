"""What the Compare screen asks the daemon."""

from __future__ import annotations

from typing import Any, NamedTuple

from opengraphs.tui.questions import Source

ALIGN = {"step": "step", "time": "wall", "relative": "relative"}
"""An x axis, and what `/compare` and `/group` call it."""


class CompareQuestion(NamedTuple):
    """One metric of the runs, the first of them the reference."""

    runs: tuple[str, ...]
    metric: str
    x: str
    smooth: str | None
    columns: int
    slot: str = "compare"

    async def ask(self, source: Source) -> dict[str, Any]:
        body = {
            "run_ids": list(self.runs),
            "metric_key": self.metric,
            "align_by": ALIGN[self.x],
            "smoothing": self.smooth,
            "downsample": self.columns,
        }
        return await source.post("/compare", body)


class GroupQuestion(NamedTuple):
    """One metric of the runs, as the mean and percentiles of groups."""

    runs: tuple[str, ...]
    metric: str
    by: str
    x: str
    smooth: str | None
    columns: int
    slot: str = "group"

    async def ask(self, source: Source) -> dict[str, Any]:
        body = {
            "run_ids": list(self.runs),
            "metric_key": self.metric,
            "by": self.by,
            "align_by": ALIGN[self.x],
            "smoothing": self.smooth,
            "columns": self.columns,
        }
        return await source.post("/group", body)


class DiffQuestion(NamedTuple):
    """On what the runs differ. everything: keys that say where and when a run ran, too."""

    runs: tuple[str, ...]
    everything: bool
    slot: str = "diff"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.post(
            "/diff", {"run_ids": list(self.runs), "ignore": [] if self.everything else None}
        )
