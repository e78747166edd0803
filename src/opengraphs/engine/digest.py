"""What a list shows of a run, and what `show` says of its metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import islice
from typing import Any
from zlib import crc32

import msgspec

from opengraphs.engine import answer, better, rules
from opengraphs.engine.cells import COARSE, total_of
from opengraphs.engine.keycurves import KeyCurves
from opengraphs.engine.lane import Lane
from opengraphs.engine.rundata import RunData
from opengraphs.store.folder import RunFolder

KEPT_KEYS = 200
KEPT_NAMES = 10_000


class Digest(msgspec.Struct, array_like=True):
    """points: logged in all metrics; last: newest value of up to KEPT_KEYS metrics.

    stamp: of the journals it was made from; 0 while the run lived. more_keys: names of
    metrics beyond those in `metrics`, up to KEPT_NAMES.
    """

    points: int = 0
    last_step: int | None = None
    main_metric: str | None = None
    spark: list[float] = []
    metrics: list[dict[str, Any]] = []
    stamp: int = 0
    more_keys: list[str] = []

    def last(self) -> dict[str, Any]:
        return {metric["key"]: metric["last"] for metric in self.metrics}

    def ends(self) -> dict[str, tuple[float | None, float | None]]:
        """Lowest and highest value of each metric."""
        return {metric["key"]: (metric["min"], metric["max"]) for metric in self.metrics}

    def sorted_by(self) -> dict[str, Any]:
        """What a list of runs sorts and filters by."""
        return {
            "last": self.last(),
            "points": self.points,
            "last_step": self.last_step,
            "main_metric": self.main_metric,
        }


def end_of(ends: Mapping[str, tuple[float | None, float | None]], which: str, key: str) -> float | None:
    """The lowest (`min`), highest (`max`) or better (`best`) of a metric's values; None where its name
    does not tell which is better."""
    low, high = ends.get(key, (None, None))
    wanted = better.direction(key) if which == "best" else which
    return low if wanted == "min" else high if wanted == "max" else None


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Digest).decode


def stamp_of(folder: RunFolder) -> int:
    """A number that changes when a journal of an ended run is replaced, added or cut."""
    try:
        with os.scandir(folder.metrics) as entries:
            files = sorted((entry.name, (facts := entry.stat()).st_size, facts.st_ino) for entry in entries)
    except OSError:
        files = []
    return crc32(repr(files).encode("utf-8", "surrogateescape")) | 1 << 32


def digest_of(data: RunData, *, ended: bool) -> Digest:
    """Sum up a run from what was read of it."""
    curves = data.curves()
    lanes = [lane for curve in curves.values() for lane in curve.lanes() if lane.n]
    main = rules.main_metric(list(curves))
    shown = list(islice(curves.values(), KEPT_KEYS))
    if main is not None and curves[main] not in shown:
        shown.append(curves[main])
    summed = {curve.key for curve in shown}
    more = (
        [key for key in islice(curves, KEPT_NAMES) if key not in summed] if len(curves) > len(shown) else []
    )
    return Digest(
        points=sum(lane.n for lane in lanes),
        last_step=max((lane.summary.most_step for lane in lanes), default=None),
        main_metric=main,
        spark=_spark(curves[main]) if main is not None else [],
        metrics=[metric_summary(curve) for curve in shown],
        stamp=stamp_of(data.folder) if ended else 0,
        more_keys=more,
    )


def _spark(curve: KeyCurves) -> list[float]:
    """Of all ranks, or of one where they are too long to merge for this."""
    strip = curve.at_hand()
    if strip is None:
        strip = next((lane for lane in curve.lanes() if lane.n and not lane.falls), None)
    return answer.spark(strip) if strip is not None else []


def metric_summary(curve: KeyCurves) -> dict[str, Any]:
    """Protocol `MetricSummary`; `approximate` is there and true where it would take long to put
    the series together, of ranks or out of order."""
    lanes = [lane for lane in curve.lanes() if lane.n]
    if len(lanes) == 1 and lanes[0].rises:
        return _of_lane(curve.key, lanes[0])
    strip = curve.at_hand()
    if strip is None:
        return _of_lanes(curve.key, lanes)
    total = total_of(strip.cells(0, strip.n, COARSE))
    if total is None:
        return _summary(curve.key, 0, None, None, None, None, None)
    facts = dict(zip(total.dtype.names or (), total.tolist()[0], strict=True))
    low, high = (facts["lo"], facts["hi"]) if facts["finite"] else (None, None)
    return _summary(curve.key, facts["n"], facts["last"], low, high, facts["step_first"], facts["step_last"])


def _of_lane(key: str, lane: Lane) -> dict[str, Any]:
    known = lane.summary
    return _summary(key, known.n, known.last, known.low, known.high, known.first_step, known.last_step)


def _of_lanes(key: str, lanes: list[Lane]) -> dict[str, Any]:
    known = [lane.summary for lane in lanes]
    newest = max(known, key=lambda summary: summary.last_time)
    summary = _summary(
        key,
        max(one.n for one in known),
        newest.last,
        min((one.low for one in known if one.low is not None), default=None),
        max((one.high for one in known if one.high is not None), default=None),
        min(one.least_step for one in known),
        max(one.most_step for one in known),
    )
    return {**summary, "approximate": True}


def _summary(
    key: str,
    points: int,
    last: float | None,
    low: float | None,
    high: float | None,
    first_step: int | None,
    last_step: int | None,
) -> dict[str, Any]:
    return {
        "key": key,
        "points": points,
        "last": None if last is None else answer.wire_number(last),
        "min": low,
        "max": high,
        "first_step": first_step,
        "last_step": last_step,
    }
