"""The curve of a family: the path from its root in one line, abandoned branches thin behind it. Pure."""

from __future__ import annotations

from opengraphs.tui.painters.chartspec import Band, Curve, bands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opengraphs.protocol.series import SeriesOut


def is_of_families(series: Sequence[SeriesOut]) -> bool:
    """Whether a reply was asked for with `lineage`."""
    return any("family" in one for one in series)


def curves_of(
    series: Sequence[SeriesOut], *, metric: str, colors: Mapping[str, int], labels: Mapping[str, str]
) -> list[Curve]:
    """What each asked run's chart shows of its family: in the run's colour, what was abandoned dim."""
    mine = [one for one in series if one["metric"] == metric]
    asked = dict.fromkeys(one["family"]["of"] for one in mine)
    curves: list[Curve] = []
    for of in asked:
        color = colors.get(of, 0)
        pieces = [one for one in mine if one["family"]["of"] == of]
        left = [one for one in pieces if one["family"]["role"] == "abandoned" and not one["derived"]]
        curves += [
            Curve(one["x"], one["y"], series=color, thin=True, nonfinite=one["nonfinite"]["at"])
            for one in left
        ]
        path = sorted(
            (one for one in pieces if one["family"]["role"] == "path" and one["x"]),
            key=lambda one: one["x"][0],
        )
        curves += _path(path, color, labels.get(of, of))
    return curves


def _path(pieces: Sequence[SeriesOut], color: int, label: str) -> list[Curve]:
    """The path as one line, thin where an average of it stands beside it."""
    raw = [one for one in pieces if one["derived"] is None]
    smooth = [one for one in pieces if one["derived"] is not None and len(one["x"]) > 1]
    return [
        Curve(
            [x for one in line for x in one["x"]],
            [y for one in line for y in one["y"]],
            series=color,
            thin=bool(smooth) and line is raw,
            label=label,
            last=line[-1]["last"]["value"] if line[-1]["last"] else None,
            nonfinite=[] if line is smooth else [at for one in line for at in one["nonfinite"]["at"]],
        )
        for line in (raw, smooth)
        if line
    ]


def family_bands(series: Sequence[SeriesOut], *, metric: str, colors: Mapping[str, int]) -> list[Band]:
    """What the ranks of the runs on a path span, in the colour of the run that was asked for."""
    return [
        band
        for one in series
        if one["family"]["role"] == "path"
        for band in bands_of([one], metric=metric, colors={one["run"]: colors.get(one["family"]["of"], 0)})
    ]
