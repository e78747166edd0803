"""Pictures side by side that are painted again only when they look different, and what lies under the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, layout
from opengraphs.tui.painters.axis import AxisState
from opengraphs.tui.painters.cells import Row

Placed = tuple[str, layout.Rect]
"""The key of a picture (a metric, a device) and where it stands."""


class Slot:
    """What a picture was painted from, and the rows that came out. `axis` remembers its bounds, `memo` its plot.

    fits: the bounds were found on the stretch in view. Until then, nothing of what the axis remembers counts.
    """

    __slots__ = ("axis", "fits", "looks", "memo", "rows", "spec")

    def __init__(self, axis: AxisState) -> None:
        self.axis, self.memo = axis, chart.Memo()
        self.fits = False
        self.looks: tuple[Any, ...] | None = None
        self.rows: list[Row] = []
        self.spec: chart.ChartSpec | None = None


class Wall:
    """`placed` is what stands on the screen. x is in the units of the axis in force."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.placed: list[Placed] = []
        self._slots: dict[str, Slot] = {}

    @property
    def columns(self) -> int:
        """Dot columns of the widest picture: what to ask the daemon for."""
        return max((chart.dot_columns(rect.width, self.desk.glyphs) for _, rect in self.placed), default=1)

    def forget_pictures(self) -> None:
        """Paint every picture again, with the axes it has."""
        for slot in self._slots.values():
            slot.looks = None

    def refit(self) -> None:
        """Another stretch of x: every y axis fits what is in it."""
        for slot in self._slots.values():
            slot.axis.reset()
            slot.fits = False

    def at(self, x: int, y: int) -> Placed | None:
        """The picture under a cell of the screen."""
        return next((placed for placed in self.placed if placed[1].has(x, y)), None)

    def x_under(self, placed: Placed, column: int) -> float | None:
        """The x value under a column of the screen, inside a picture."""
        key, rect = placed
        spec = self._spec_of(key)
        if spec is None:
            return None
        return chart.x_at(spec, rect.width, rect.height, column - rect.x, self.desk.glyphs)

    def _spec_of(self, key: str | None) -> chart.ChartSpec | None:
        """How a picture was painted last; None before that."""
        slot = self._slots.get(key) if key is not None else None
        return slot.spec if slot is not None else None

    def _longest(self, key: str | None) -> Sequence[float]:
        """The x values of the curve with the most points in a picture."""
        spec = self._spec_of(key)
        return max((curve.x for curve in spec.curves), key=len, default=()) if spec is not None else ()

    def _moved(self, focused: str | None, cursor: float | None, direction: int) -> float | None:
        """Where a read-out cursor stands one cell further on in the focused picture.

        cursor: where it stands now, which the last picture need not show: keys may come faster than pictures.
        """
        for key, rect in self.placed:
            spec = self._spec_of(key)
            if key == focused and spec is not None:
                spec.cursor = cursor
                return chart.move_cursor(spec, rect.width, rect.height, direction, self.desk.glyphs)
        return None
