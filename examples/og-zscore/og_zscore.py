"""Two transforms for og: how unusual a value is, and a median that one spike does not move.

    curl … -d '{"runs": […], "metrics": ["grad_norm"], "smooth": ["zscore(50)"]}'

A transform is a function of a series: arrays of steps, times and values, and the numbers
in parentheses. It answers one number for each point. NaN and infinities are handed over
as they were logged, and may be answered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64]
Floats = NDArray[np.float64]


def zscore(steps: Steps, times: Floats, values: Floats, window: float = 0) -> Floats:
    """How many standard deviations a value is off the mean: of all points, or of the last `window`."""
    if window < 2:
        finite = values[np.isfinite(values)]
        spread = finite.std() if len(finite) else 0.0
        with np.errstate(invalid="ignore"):
            return (values - finite.mean()) / spread if spread > 0 else np.zeros_like(values)
    view = _windows(values, int(window))
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (values - np.mean(view, axis=1)) / np.std(view, axis=1)
    return np.where(np.isnan(score) & np.isfinite(values), 0.0, score)


def median(steps: Steps, times: Floats, values: Floats, window: float = 15) -> Floats:
    """Median of the last `window` values that are numbers; NaN where none is."""
    view = np.sort(_windows(values, int(window)), axis=1)  # NaN last
    known = (~np.isnan(view)).sum(axis=1)
    rows = np.arange(len(view))
    with np.errstate(invalid="ignore"):
        return (view[rows, np.maximum(known - 1, 0) // 2] + view[rows, known // 2]) / 2


def _windows(values: Floats, window: int) -> Floats:
    """The last `window` values up to each, one row a point; the first ones repeat the first value."""
    window = max(1, min(window, len(values)))
    padded = np.concatenate((np.full(window - 1, values[0]), values))
    return np.lib.stride_tricks.sliding_window_view(padded, window)
