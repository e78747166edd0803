"""What a chart shows: curves, marks, window, cursor. Data only; `chart` paints it."""

from __future__ import annotations

from opengraphs.tui.painters.axis import AxisState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opengraphs.protocol.series import SeriesOut

_WINDOWS_NEEDED = 3
"""A moving average is drawn once the curve is this many of its windows long; before, it is only lag."""


class Curve:
    """One line. x rising; y as the protocol sends it (floats or "NaN", "Infinity", "-Infinity").

    series: index of the colour, marker and texture. thin: a raw curve, drawn dim.
    last: what the title or legend shows; None takes the last y.
    nonfinite: x positions of values that were not finite (`SeriesOut["nonfinite"]["at"]`).
    """

    __slots__ = ("label", "last", "nonfinite", "series", "thin", "x", "y")

    def __init__(
        self,
        x: Sequence[float],
        y: Sequence[float | str],
        *,
        series: int = 0,
        thin: bool = False,
        label: str = "",
        last: float | str | None = None,
        nonfinite: Sequence[float] = (),
    ) -> None:
        self.x = x
        self.y = y
        self.series = series
        self.thin = thin
        self.label = label
        self.last = last
        self.nonfinite = nonfinite


class Mark:
    """Something that happened at x: kind is checkpoint, info, warn or error."""

    __slots__ = ("kind", "label", "x")

    def __init__(self, x: float, kind: str, label: str = "") -> None:
        self.x = x
        self.kind = kind
        self.label = label


class ChartSpec:
    """All a chart shows.

    x_kind: `step`, `time` (epoch seconds) or `relative` (seconds). x_range: the window
    shown; None fits the data. live: round the right end up so that new points change
    few cells; an ended run fills its chart. cursor: read-out position in x units.
    message: shown where there is nothing to draw. stale: draw it all dim.
    """

    __slots__ = (
        "axis", "cursor", "curves", "focused", "live", "log_y", "marks", "message", "stale", "title", "x_kind", "x_range",
    )  # fmt: skip

    def __init__(
        self,
        title: str,
        curves: Sequence[Curve] = (),
        *,
        x_kind: str = "step",
        x_range: tuple[float, float] | None = None,
        log_y: bool = False,
        live: bool = True,
        axis: AxisState | None = None,
        cursor: float | None = None,
        marks: Sequence[Mark] = (),
        focused: bool = False,
        message: str = "no data yet",
        stale: bool = False,
    ) -> None:
        self.title = title
        self.curves = curves
        self.x_kind = x_kind
        self.x_range = x_range
        self.log_y = log_y
        self.live = live
        self.axis = AxisState() if axis is None else axis
        self.cursor = cursor
        self.marks = marks
        self.focused = focused
        self.message = message
        self.stale = stale


def curves_of(
    series: Sequence[SeriesOut],
    *,
    metric: str,
    colors: Mapping[str, int],
    labels: Mapping[str, str] | None = None,
) -> list[Curve]:
    """The curves of one metric out of a `/series` reply: raw thin where an average stands beside it.

    colors: run id → series index (stable over the session). labels: run id → name in the legend.
    """
    mine = [one for one in series if one["metric"] == metric]
    smoothed = {one["run"] for one in mine if one["derived"] and _worth_drawing(one)}
    ordered = sorted(mine, key=lambda one: one["derived"] is not None)
    return [
        Curve(
            one["x"],
            one["y"],
            series=colors.get(one["run"], 0),
            thin=one["derived"] is None and one["run"] in smoothed,
            label=(labels or {}).get(one["run"], one["run"]),
            last=one["last"]["value"] if one["last"] else None,
            nonfinite=() if one["derived"] else one["nonfinite"]["at"],
        )
        for one in ordered
        if one["derived"] is None or one["run"] in smoothed
    ]


def _worth_drawing(one: SeriesOut) -> bool:
    """Whether a derived curve says more than the raw one."""
    window = "".join(char for char in one["derived"] or "" if char.isdigit())
    return len(one["x"]) > 1 and one["points"] >= _WINDOWS_NEEDED * int(window or 1)


def nearest(xs: Sequence[float], x: float) -> int | None:
    """Index of the element of a rising sequence nearest to x; None when it is empty."""
    if not len(xs):
        return None
    low, high = 0, len(xs)
    while low < high:
        middle = (low + high) // 2
        if xs[middle] < x:
            low = middle + 1
        else:
            high = middle
    if low == len(xs) or (low and x - xs[low - 1] <= xs[low] - x):
        return low - 1
    return low
