"""Sparklines: a curve in one row."""

from __future__ import annotations

import math

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.text import pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.tui.glyphs import Glyphs


def sparkline(
    values: Sequence[float | str],
    width: int,
    glyphs: Glyphs,
    *,
    bounds: tuple[float, float] | None = None,
) -> str:
    """Values as bars of seven heights, newest at the right; gaps where values are not finite.

    More values than cells are thinned to the highest of each group; fewer leave blanks at
    the right. bounds: the values of the lowest and highest bar; None takes those there are.
    """
    if width <= 0:
        return ""
    floats = [numbers.to_float(v) for v in values]
    if len(floats) > width:
        floats = _thin(floats, width)
    finite = [v for v in floats if math.isfinite(v)]
    if not finite:
        return " " * width
    low, high = bounds or (min(finite), max(finite))
    span = high - low
    bars = [_bar(v, low, span, glyphs) for v in floats]
    return pad("".join(bars), width)


def _bar(v: float, low: float, span: float, glyphs: Glyphs) -> str:
    if not math.isfinite(v):
        return " "
    heights = len(glyphs.spark)
    if not (span > 0 and math.isfinite(span)):
        return glyphs.spark[heights // 2]
    return glyphs.spark[max(0, min(heights - 1, int((v - low) / span * heights)))]


def _thin(values: list[float], width: int) -> list[float]:
    """The value of largest size in each of `width` groups: a spike stays."""
    out: list[float] = []
    for index in range(width):
        group = values[index * len(values) // width : (index + 1) * len(values) // width]
        finite = [v for v in group if math.isfinite(v)]
        out.append(max(finite, key=abs) if finite else math.nan)
    return out
