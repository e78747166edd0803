"""The columns of a curve."""

from __future__ import annotations

import numpy as np

from opengraphs.engine.decimate import Grid


def test_points_of_a_growing_curve_keep_their_columns():
    """A live chart changes at its end and nowhere else."""
    for low in (0, 7, 1_000_003):
        before, moved = None, 0
        for high in range(low + 300, low + 600):
            x = np.arange(low, high + 1)
            grid = Grid.steady(low, high, 64)
            columns = grid.column_of(x)
            assert columns.min() >= 0
            assert columns.max() < 64
            assert grid.low <= low
            assert high <= grid.high
            assert columns.max() >= 64 / 1.34 - 2, "wide enough to be worth it"
            if before is not None and not np.array_equal(columns[: len(before)], before):
                moved += 1
            before = columns
        assert moved <= 5


def test_a_steady_grid_of_what_has_no_width_is_a_plain_one():
    assert Grid.steady(5, 5, 40) == Grid(5, 5, 40)
    assert Grid.steady(0, 9, 1) == Grid(0, 9, 1)
    assert Grid.steady(-1e308, 1e308, 40) == Grid(-1e308, 1e308, 40)
    tiny = Grid.steady(0.0, 5e-324, 40)
    assert tiny.low <= 0.0 <= tiny.high
