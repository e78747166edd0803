"""Points of several metrics as lines, one step a line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opengraphs.cli import format as fmt


def by_step(series: Iterable[dict[str, Any]]) -> dict[int, dict[str, float | str]]:
    """Values by step, then by metric, in order of step. Each series has the shape of SeriesOut."""
    table: dict[int, dict[str, float | str]] = {}
    for curve in series:
        for x, y in zip(curve["x"], curve["y"], strict=True):
            table.setdefault(int(x), {})[curve["metric"]] = y
    return dict(sorted(table.items()))


def line(step: int, values: dict[str, float | str]) -> str:
    """`step 12  lr 3e-04  train/loss 0.31`."""
    shown = "  ".join(f"{fmt.clean(key)} {fmt.number(value)}" for key, value in sorted(values.items()))
    return f"step {step}  {shown}"


def record(step: int, values: dict[str, float | str]) -> dict[str, Any]:
    """One line of `og tail --metrics --json`."""
    return {"step": step, "metrics": values}
