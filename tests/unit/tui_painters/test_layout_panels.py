"""Places for the panels of plug-ins: in the side column, over nothing else, and never at the charts' cost."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from opengraphs.tui.painters import layout


@given(st.integers(12, 260), st.integers(3, 90), st.integers(0, 12), st.integers(0, 6), st.booleans())
def test_panels_take_their_room_from_the_statistics_alone(
    width: int, height: int, charts: int, panels: int, minimal: bool
) -> None:
    bare = layout.graphs(width, height, charts, minimal=minimal)
    lay = layout.graphs(width, height, charts, panels=panels, minimal=minimal)
    assert lay.grid.slots == bare.grid.slots
    assert lay.system == bare.system
    assert len(lay.panels) <= panels
    if bare.stats is None:
        assert lay.panels == []
        return
    assert lay.stats is not None
    column = [lay.stats, *lay.panels]
    assert column[-1].y + column[-1].height == bare.stats.y + bare.stats.height or not lay.panels
    for above, below in itertools.pairwise(column):
        assert above.y + above.height == below.y
        assert (below.x, below.width) == (bare.stats.x, bare.stats.width)
    assert all(layout.MIN_PANEL_HEIGHT <= rect.height <= layout.MAX_PANEL_HEIGHT for rect in lay.panels)
    if lay.panels:
        assert lay.stats.height >= layout.MIN_STATS_HEIGHT


def test_on_a_usual_terminal_three_panels_fit() -> None:
    assert len(layout.graphs(120, 40, 6, panels=3).panels) == 3
    assert layout.graphs(80, 24, 6, panels=3).panels == [], "there is no side column"
