"""What a chart shows: curves, marks, window, cursor. Data only; `chart` paints it."""

from __future__ import annotations

from opengraphs.tui.painters.axis import AxisState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opengraphs.protocol.series import SeriesOut

    Edge = tuple[Sequence[float], Sequence[float | str]]

_WINDOWS_NEEDED = 3
"""A moving average is drawn once the curve is this many of its windows long; before, it is only lag."""


class Curve:
    """One line. x rising; y as the protocol sends it (floats or "NaN", "Infinity", "-Infinity").

    series: index of the colour, marker and texture. thin: a raw curve, drawn dim. label: of the legend; a curve
        without one is only a line, and the title and the legend tell the value of another of its series.
    last: what the title or legend shows; None takes the last y.
    nonfinite: x positions of values that were not finite (`SeriesOut["nonfinite"]["at"]`).
    unread: (low, high), between which points are still to be read: no line is drawn across.
    """

    __slots__ = ("label", "last", "nonfinite", "series", "thin", "unread", "x", "y")

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
        unread: tuple[float, float] | None = None,
    ) -> None:
        self.x = x
        self.y = y
        self.series = series
        self.thin = thin
        self.label = label
        self.last = last
        self.nonfinite = nonfinite
        self.unread = unread


class Band:
    """The stretch between two curves, filled behind the lines: lowest to highest over ranks.

    low, high: (x, y) of the lower and the upper edge, x rising, y as the protocol sends it.
    series, unread: as `Curve` has them.
    """

    __slots__ = ("high", "low", "series", "unread")

    def __init__(
        self, low: Edge, high: Edge, *, series: int = 0, unread: tuple[float, float] | None = None
    ) -> None:
        self.low = low
        self.high = high
        self.series = series
        self.unread = unread


class Mark:
    """Something that happened at x: kind is checkpoint, note, info, warn or error."""

    __slots__ = ("kind", "label", "x")

    def __init__(self, x: float, kind: str, label: str = "") -> None:
        self.x = x
        self.kind = kind
        self.label = label


class Memo:
    """What one chart painted last, so that a new frame or a moved cursor does not draw its curves again.

    Under each name stands the newest picture only. Curves are known by the identity of
    their values: an answer of the daemon is never changed, only replaced.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[object, ...], tuple[object, ...], object]] = {}

    def find(self, name: str, looks: tuple[object, ...], data: tuple[object, ...]) -> object | None:
        """What was kept for these very data and equal looks; None when it was something else."""
        known = self._kept.get(name)
        if known is None or known[0] != looks or len(known[1]) != len(data):
            return None
        same = all(one is other for one, other in zip(known[1], data, strict=True))
        return known[2] if same else None

    def keep(self, name: str, looks: tuple[object, ...], data: tuple[object, ...], picture: object) -> None:
        self._kept[name] = (looks, data, picture)


class ChartSpec:
    """All a chart shows.

    x_kind: `step`, `time` (epoch seconds), `relative` (seconds) or `metric:KEY`. x_range: the window
    shown; None fits the data. live: round the right end up so that new points change
    few cells; an ended run fills its chart. memo: keeps what need not be drawn twice. cursor: read-out position in x units.
    message: shown where there is nothing to draw. selection: a stretch of x being marked. stale: draw it all dim.
    """

    __slots__ = (
        "axis", "bands", "cursor", "curves", "focused", "live", "log_y", "marks", "memo", "message", "selection", "stale", "title", "x_kind", "x_range",
    )  # fmt: skip

    def __init__(
        self,
        title: str,
        curves: Sequence[Curve] = (),
        *,
        bands: Sequence[Band] = (),
        x_kind: str = "step",
        x_range: tuple[float, float] | None = None,
        log_y: bool = False,
        live: bool = True,
        axis: AxisState | None = None,
        memo: Memo | None = None,
        cursor: float | None = None,
        marks: Sequence[Mark] = (),
        focused: bool = False,
        message: str = "no data yet",
        selection: tuple[float, float] | None = None,
        stale: bool = False,
    ) -> None:
        self.title = title
        self.curves = curves
        self.bands = bands
        self.x_kind = x_kind
        self.x_range = x_range
        self.log_y = log_y
        self.live = live
        self.axis = AxisState() if axis is None else axis
        self.memo = memo
        self.cursor = cursor
        self.marks = marks
        self.focused = focused
        self.message = message
        self.selection = selection
        self.stale = stale


def curves_of(
    series: Sequence[SeriesOut],
    *,
    metric: str,
    colors: Mapping[str, int],
    labels: Mapping[str, str] | None = None,
    unread: Mapping[str, tuple[float, float]] | None = None,
) -> list[Curve]:
    """The curves of one metric out of a `/series` reply: raw thin where an average stands beside it.

    colors: run id → series index (stable over the session). labels: run id → name in the legend.
    unread: run id → the stretch of x that is still to be read.
    """
    mine = [one for one in series if one["metric"] == metric]
    smoothed = {(one["run"], one["rank"]) for one in mine if one["derived"] and _worth_drawing(one)}
    ordered = sorted(mine, key=lambda one: one["derived"] is not None)
    several = len({one["run"] for one in mine}) > 1
    return [
        Curve(
            one["x"],
            one["y"],
            series=color_of(one, colors),
            thin=one["derived"] is None and (one["run"], one["rank"]) in smoothed,
            label=_label(one, labels or {}, several),
            last=one["last"]["value"] if one["last"] else None,
            nonfinite=() if one["derived"] else one["nonfinite"]["at"],
            unread=(unread or {}).get(one["run"]),
        )
        for one in ordered
        if one["derived"] is None or (one["run"], one["rank"]) in smoothed
    ]


def bands_of(
    series: Sequence[SeriesOut],
    *,
    metric: str,
    colors: Mapping[str, int],
    unread: Mapping[str, tuple[float, float]] | None = None,
) -> list[Band]:
    """What the ranks of each run span, where the reply says it (`ranks` `band`). Arguments as in `curves_of`."""
    return [
        Band(
            (band["x"], band["low"]),
            (band["x"], band["high"]),
            series=colors.get(one["run"], 0),
            unread=(unread or {}).get(one["run"]),
        )
        for one in series
        if one["metric"] == metric and one["derived"] is None and (band := one.get("band"))
    ]


def color_of(one: SeriesOut, colors: Mapping[str, int]) -> int:
    """Its run's colour; a single rank has one of its own."""
    return colors.get(one["run"], 0) if one["rank"] is None else one["rank"]


def _label(one: SeriesOut, labels: Mapping[str, str], several_runs: bool) -> str:
    name = labels.get(one["run"], one["run"])
    if one["rank"] is None:
        return name
    return f"{name} r{one['rank']}" if several_runs else f"r{one['rank']}"


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
