"""The x axis all charts share: which one, how far zoomed in, and where the read-out cursor stands. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf

AXES = ("step", "time", "relative")
METRIC = "metric:"
"""In front of the name of a metric that is the x axis."""

ZOOM = 0.5
"""One press shows this share of the width before."""

PAN = 0.25
FOLLOW = 0.125
"""A zoomed view that follows the newest point moves on by this share of its width at a time,
so that the picture stands still in between."""

MAX_ZOOM = 1e6


class XView:
    """domain: the whole x range of the data (low, high), None before the first answer."""

    def __init__(self) -> None:
        self.kind = AXES[0]
        self.metric = ""
        self.domain: tuple[float, float] | None = None
        self.zoom: tuple[float, float] | None = None
        self.follows = False
        self.cursor: float | None = None

    def cycle(self) -> str:
        """The next axis; the metric that was chosen last is one of them."""
        axes = [*AXES, *([METRIC + self.metric] if self.metric else [])]
        self.set_kind(axes[(axes.index(self.kind) + 1) % len(axes)])
        return self.kind

    def set_kind(self, kind: str) -> None:
        """One of AXES or `metric:KEY`; zoom and cursor belong to the old axis and go."""
        if kind.startswith(METRIC):
            self.metric = kind[len(METRIC) :]
        if kind != self.kind:
            self.kind = kind
            self.forget()

    @property
    def text(self) -> str:
        """What the axis is, for people."""
        names = {"step": "step", "time": "wall time", "relative": "time since the start"}
        return names.get(self.kind, self.metric)

    def forget(self) -> None:
        """Another run, another axis: nothing of what was known holds."""
        self.domain = self.zoom = self.cursor = None
        self.follows = False

    @property
    def view(self) -> tuple[float, float] | None:
        """What is on the screen now."""
        return self.zoom or self.domain

    def saw(self, low: float, high: float, *, whole: bool) -> None:
        """An answer covered `low` to `high` of the data; `whole` when it was not limited to a range."""
        if low > high:
            return
        if whole or self.domain is None:
            self.domain = (low, high)
        else:
            self.domain = (min(low, self.domain[0]), max(high, self.domain[1]))
        self._follow()

    def _follow(self) -> None:
        if not (self.zoom and self.follows and self.domain):
            return
        low, high = self.zoom
        if self.domain[1] > high:
            shift = self.domain[1] - high + FOLLOW * (high - low)
            self.zoom = (low + shift, high + shift)

    def zoom_in(self) -> bool:
        """Half the width, about the cursor, else towards the newest point. False when nothing is known yet."""
        return self.scale(ZOOM)

    def zoom_out(self) -> bool:
        return self.scale(1 / ZOOM)

    def scale(self, factor: float, *, about: float | None = None) -> bool:
        """Change the width by `factor`, keeping `about` (or the cursor, or the right edge) where it is."""
        if not self.view or not self.domain or self.domain[0] == self.domain[1]:
            return False
        low, high = self.view
        width = self.domain[1] - self.domain[0]
        anchor = self._anchor(about, low, high)
        new_low, new_high = anchor - (anchor - low) * factor, anchor + (high - anchor) * factor
        if new_high - new_low < width / MAX_ZOOM:
            return False
        self._set(new_low, new_high)
        return True

    def _anchor(self, about: float | None, low: float, high: float) -> float:
        for anchor in (about, self.cursor):
            if anchor is not None and low <= anchor <= high:
                return anchor
        return high

    def _set(self, low: float, high: float) -> None:
        """Take a view, kept inside the data; the whole of it is no zoom at all."""
        assert self.domain is not None
        start, end = self.domain
        if high - low >= end - start:
            self.zoom, self.follows = None, False
            return
        shift = max(start - low, 0.0) + min(end - high, 0.0)
        self.zoom = (low + shift, high + shift)
        self.follows = self.zoom[1] >= end

    def show(self, low: float, high: float) -> bool:
        """Exactly this stretch, as far as there are data; False when it is too narrow."""
        if self.domain is None or high - low < (self.domain[1] - self.domain[0]) / MAX_ZOOM or not low < high:
            return False
        self._set(low, high)
        return True

    def reset(self) -> bool:
        """The whole range again; False when it was whole already."""
        was = self.zoom is not None
        self.zoom, self.follows = None, False
        return was

    def pan(self, direction: int) -> bool:
        """Move the view by a quarter of its width; False when the view is whole or at the end."""
        if not (self.zoom and self.domain):
            return False
        low, high = self.zoom
        step = direction * PAN * (high - low)
        before = self.zoom
        self._set(low + step, high + step)
        return self.zoom != before

    def cursor_to_end(self, xs: Sequence[float], direction: int) -> bool:
        """First or last point in view."""
        view = self.view or (-inf, inf)
        inside = xs[bisect_left(xs, view[0]) : bisect_right(xs, view[1])]
        if not inside:
            return False
        self.cursor = inside[-1 if direction > 0 else 0]
        return True
