"""Summaries of consecutive points, and summaries of summaries: the pyramid.

A cell says of its points what a chart and its statistics need: the first, last, lowest
and highest with their places, counts, and sums. Values that are not finite are counted
and take no part in lowest, highest and sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64]
Floats = NDArray[np.float64]
Cells = NDArray[Any]
"""Structured array of CELL."""

CELL = np.dtype(
    [
        ("n", "<i4"),
        ("finite", "<i4"),
        ("nan", "<i4"),
        ("inf", "<i4"),
        ("step_first", "<i8"),
        ("step_last", "<i8"),
        ("step_lo", "<i8"),
        ("step_hi", "<i8"),
        ("time_first", "<f8"),
        ("time_last", "<f8"),
        ("time_lo", "<f8"),
        ("time_hi", "<f8"),
        ("first", "<f8"),
        ("last", "<f8"),
        ("lo", "<f8"),
        ("hi", "<f8"),
        ("sum", "<f8"),
        ("sx", "<f8"),
        ("sxx", "<f8"),
        ("sxy", "<f8"),
    ]
)
"""lo is +inf and hi -inf where no point is finite. sx, sxx, sxy: sums over the finite
points of x, x², x·value with x = step - step_first of the same cell, for the slope."""

FINE = 64
COARSE = 512
NO_CELLS: Cells = np.empty(0, CELL)


def join_cells(parts: Sequence[Cells]) -> Cells:
    """One after the other. (`np.concatenate` spends 80 µs on the fields of CELL each time, and
    `part.data` 2 µs on each part.)"""
    if len(parts) == 1:
        return parts[0]
    return np.frombuffer(b"".join([part.tobytes() for part in parts]), CELL) if parts else NO_CELLS


def cells_of(steps: Steps, times: Floats, values: Floats, size: int) -> Cells:
    """Cells of `size` points each, the last one shorter; none for no points. O(n)."""
    n = len(steps)
    whole = n - n % size if n > size else 0
    parts = []
    with np.errstate(all="ignore"):  # sums of huge values may overflow: the answer says so
        if whole:
            parts.append(_blocks(steps[:whole], times[:whole], values[:whole], size))
        if whole < n:
            parts.append(cell_of(steps[whole:], times[whole:], values[whole:]))
    return join_cells(parts)


def cell_of(steps: Steps, times: Floats, values: Floats) -> Cells:
    """The one cell of some points, at least one: a third of the cost of `cells_of`."""
    n = len(values)
    x, y, where = (steps - steps[0]).astype(np.float64), values, None
    finite = np.isfinite(values)
    count = int(finite.sum())
    if count < n:
        where = np.flatnonzero(finite)
        x, y = x[where], values[where]
    nan = n - count and int(np.isnan(values).sum())
    low, high, least, most = 0, 0, np.inf, -np.inf
    if count:
        low, high = int(y.argmin()), int(y.argmax())
        least, most = y[low], y[high]
        if where is not None:
            low, high = int(where[low]), int(where[high])
    cell = (
        n, count, nan, n - count - nan,
        steps[0], steps[-1], steps[low], steps[high],
        times[0], times[-1], times[low], times[high],
        values[0], values[-1], least, most,
        y.sum(), x.sum(), x @ x, x @ y,
    )  # fmt: skip
    return np.array([cell], CELL)


def _blocks(steps: Steps, times: Floats, values: Floats, size: int) -> Cells:
    s, t, v = steps.reshape(-1, size), times.reshape(-1, size), values.reshape(-1, size)
    finite = np.isfinite(v)
    cells = np.empty(len(s), CELL)
    cells["n"] = size
    cells["finite"] = finite.sum(axis=1)
    cells["nan"] = np.isnan(v).sum(axis=1)
    cells["inf"] = size - cells["finite"] - cells["nan"]
    rows = np.arange(len(s))
    low, high = np.where(finite, v, np.inf), np.where(finite, v, -np.inf)
    for name, at in (("lo", low.argmin(axis=1)), ("hi", high.argmax(axis=1))):
        cells[name] = (low if name == "lo" else high)[rows, at]
        cells[f"step_{name}"] = s[rows, at]
        cells[f"time_{name}"] = t[rows, at]
    for name, column in (("first", 0), ("last", size - 1)):
        cells[name] = v[:, column]
        cells[f"step_{name}"] = s[:, column]
        cells[f"time_{name}"] = t[:, column]
    y = np.where(finite, v, 0.0)
    x = np.where(finite, (s - s[:, :1]).astype(np.float64), 0.0)
    cells["sum"] = y.sum(axis=1)
    cells["sx"] = x.sum(axis=1)
    cells["sxx"] = (x * x).sum(axis=1)
    cells["sxy"] = (x * y).sum(axis=1)
    return cells


def first_of_group(mask: NDArray[np.bool_], group: NDArray[np.intp], groups: int) -> NDArray[np.intp]:
    """Index of the first True of each group; every group must have one."""
    where = np.flatnonzero(mask)[::-1]
    found = np.zeros(groups, np.intp)
    found[group[where]] = where  # assigned from the back, so the first one stays
    return found


def group_starts(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Where a new label begins in a sorted sequence."""
    if len(labels) == 0:
        return np.empty(0, np.intp)
    return np.concatenate(([0], np.flatnonzero(labels[1:] != labels[:-1]) + 1))


def merge_cells(cells: Cells, starts: NDArray[np.intp]) -> Cells:
    """One cell per group of neighbours; `starts` ascending, starts[0] == 0. O(len(cells))."""
    groups = len(starts)
    if groups == 0:
        return NO_CELLS
    ends = np.append(starts[1:], len(cells))
    group = np.repeat(np.arange(groups), ends - starts)
    out = np.empty(groups, CELL)
    for name in ("n", "finite", "nan", "inf"):
        out[name] = np.add.reduceat(cells[name], starts)
    for name, at in (("first", starts), ("last", ends - 1)):
        for field in (name, f"step_{name}", f"time_{name}"):
            out[field] = cells[field][at]
    for name, reduce in (("lo", np.minimum), ("hi", np.maximum)):
        values = np.ascontiguousarray(cells[name])
        best = reduce.reduceat(values, starts)
        at = first_of_group(values == best[group], group, groups)
        out[name] = values[at]
        out[f"step_{name}"], out[f"time_{name}"] = cells[f"step_{name}"][at], cells[f"time_{name}"][at]
    with np.errstate(all="ignore"):
        out["sum"] = np.add.reduceat(cells["sum"], starts)
        _merge_moments(out, cells, starts, group)
    return out


def _merge_moments(out: Cells, cells: Cells, starts: NDArray[np.intp], group: NDArray[np.intp]) -> None:
    """Move each cell's sums to its group's first step, then add them up."""
    shift = (cells["step_first"] - out["step_first"][group]).astype(np.float64)
    finite, sx, total = cells["finite"], cells["sx"], cells["sum"]
    out["sx"] = np.add.reduceat(sx + shift * finite, starts)
    out["sxx"] = np.add.reduceat(cells["sxx"] + shift * (2 * sx + shift * finite), starts)
    out["sxy"] = np.add.reduceat(cells["sxy"] + shift * total, starts)


def total_of(cells: Cells) -> Cells | None:
    """The single cell of all of them, None for no cells."""
    if len(cells) <= 1:
        return cells if len(cells) else None
    first, last = cells[0], cells[-1]
    low, high = cells[int(cells["lo"].argmin())], cells[int(cells["hi"].argmax())]
    shift = (cells["step_first"] - first["step_first"]).astype(np.float64)
    finite, sx, sums = cells["finite"].astype(np.float64), cells["sx"], cells["sum"]
    with np.errstate(all="ignore"):
        moved = sx + shift * finite
        moments = (
            sums.sum(),
            moved.sum(),
            (cells["sxx"] + shift * (sx + moved)).sum(),
            (cells["sxy"] + shift * sums).sum(),
        )
    total = (
        cells["n"].sum(), finite.sum(), cells["nan"].sum(), cells["inf"].sum(),
        first["step_first"], last["step_last"], low["step_lo"], high["step_hi"],
        first["time_first"], last["time_last"], low["time_lo"], high["time_hi"],
        first["first"], last["last"], low["lo"], high["hi"], *moments,
    )  # fmt: skip
    return np.array([total], CELL)


def slope_of(cell: Cells) -> float | None:
    """Least-squares slope, value per step, of one merged cell (length 1); None below two steps."""
    n, sx, sxx = float(cell["finite"][0]), float(cell["sx"][0]), float(cell["sxx"][0])
    spread = n * sxx - sx * sx
    if n < 2 or not spread > 0:
        return None
    slope = (n * float(cell["sxy"][0]) - sx * float(cell["sum"][0])) / spread
    return slope if math.isfinite(slope) else None
