"""Numbers as JSON can carry them, and a curve without its points."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from opengraphs.engine.cells import Cells, Floats


class Label(NamedTuple):
    """Whose curve it is."""

    run: str
    metric: str
    rank: int | None


def wire_number(value: float) -> float | str:
    """A float as JSON can carry it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def wire_numbers(values: Floats) -> list[float | str]:
    """Floats as JSON can carry them, the rare non-finite ones as strings."""
    listed: list[float | str] = values.tolist()
    finite = np.isfinite(values)
    if not finite.all():
        for place in np.flatnonzero(~finite).tolist():
            listed[place] = wire_number(float(values[place]))
    return listed


def described(label: Label, derived: str | None, cells: Cells | None) -> dict[str, Any]:
    """A `SeriesOut` with all but the curve itself.

    Args:
        cells: of all points of the range, in order of steps; None or none where there are none.
    """
    out: dict[str, Any] = {
        "run": label.run,
        "metric": label.metric,
        "derived": derived,
        "rank": label.rank,
        "x": [],
        "y": [],
        "points": 0,
        "last": None,
        "min": None,
        "max": None,
        "mean": None,
        "slope": None,
        "first_step": None,
        "last_step": None,
        "nonfinite": {"nan": 0, "inf": 0, "at": []},
    }
    if cells is None or len(cells) == 0:
        return out
    last = cells[-1]
    points, finite = int(cells["n"].sum()), int(cells["finite"].sum())
    out["points"] = points
    out["last"] = {
        "step": int(last["step_last"]),
        "time": float(last["time_last"]),
        "value": wire_number(float(last["last"])),
    }
    if finite:
        with np.errstate(all="ignore"):
            mean = float(cells["sum"].sum()) / finite
        out["min"], out["max"] = float(cells["lo"].min()), float(cells["hi"].max())
        out["mean"] = mean if math.isfinite(mean) else None
    out["first_step"], out["last_step"] = int(cells[0]["step_first"]), int(last["step_last"])
    if finite < points:
        out["nonfinite"].update(nan=int(cells["nan"].sum()), inf=int(cells["inf"].sum()))
    return out
