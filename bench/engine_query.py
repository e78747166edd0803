"""Curves out of runs that are open: one, zoomed, overlaid, a wall of charts; groups and differences.

The floor is numpy in the same process on columns that are already in memory: no file, no
merge, no JSON. Every answer is compared with what numpy finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.engine_home import Asker, Home, wait_quiet
from bench.engine_open import COLUMNS, curve_request
from bench.engine_points import column, link_run, run_id, wide, write_run
from bench.engine_rows import Row, repeat_ms

REPEATS = 50
GROUPED_RUNS, GROUPED_POINTS = 100, 10_000
KEY = "train/metric_0"


def series(home: Home, *, longest: int, wall: int, overlaid: int) -> list[Row]:
    """Rows of `POST /series`.

    Args:
        longest: points of the longest single curve.
        wall: points a curve of the wall of 12 charts × 5 runs.
        overlaid: points a curve of the overlay of 20 runs.
    """
    rows: list[Row] = []
    for points in sorted({10_000, 1_000_000, longest}):
        rows += _one_curve(home, points)
    rows.append(_overlay(home, overlaid))
    rows += _wall(home, wall)
    return rows


def _one_curve(home: Home, points: int) -> list[Row]:
    store, run, shape = home.store(f"curve-{points}"), run_id(0, "curve"), wide(points, keys=1)
    if not store.exists():
        write_run(store, run, shape)
    truth = column(shape, 0)
    low, high = int(0.40 * points), int(0.41 * points)
    rows = []
    with home.asker(store) as asker:
        home.read_all(asker.client, run)
        wait_quiet(asker.pid)
        for what, span in (("whole", None), ("zoomed to 1 %", [low, high])):
            part = truth if span is None else truth[low : high + 1]
            taken, cpu, reply = asker.repeat(REPEATS, "/series", curve_request(run, KEY, range=span))
            (curve,) = reply["series"]
            _expect(
                f"{what} of {points}",
                (curve["points"], curve["min"], curve["max"], curve["last"]["value"]),
                (len(part), part.min(), part.max(), part[-1]),
            )
            rows.append(
                Row(f"one curve of {points:,} points, {what}", "ms", taken, cpu, floor=_reduce_ms(part))
            )
        taken, cpu, _ = asker.repeat(REPEATS, "/series", curve_request(run, KEY, smooth=["ma(15)"]))
        rows.append(Row(f"one curve of {points:,} points, with ma(15)", "ms", taken, cpu))
    home.stop_daemon()
    return rows


def _reduce_ms(values: Any) -> float:
    """numpy finds first, last, lowest and highest of every column of an array in memory."""
    edges = np.unique(np.linspace(0, len(values), COLUMNS + 1).astype(int)[:-1])

    def reduce() -> Any:
        low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
        return low, high, values[edges], values[edges - 1]

    return repeat_ms(reduce, 9).median


def _overlay(home: Home, points: int) -> Row:
    store, runs, shape = (
        home.store("overlay"),
        [run_id(n, f"o{n:03d}") for n in range(20)],
        wide(points, keys=1),
    )
    first = write_run(store, runs[0], shape)
    for run in runs[1:]:
        link_run(store, first, run)
    truth = column(shape, 0)
    with home.asker(store) as asker:
        for run in runs:
            home.read_all(asker.client, run)
        wait_quiet(asker.pid)
        request = {"runs": runs, "metrics": [KEY], "columns": COLUMNS}
        taken, cpu, reply = asker.repeat(REPEATS, "/series", request)
        found = [(curve["run"], curve["points"], curve["max"]) for curve in reply["series"]]
        _expect("the overlay", sorted(found), [(run, points, truth.max()) for run in runs])
    home.stop_daemon()
    return Row(f"overlay of 20 runs × {points:,} points", "ms", taken, cpu, floor=20 * _reduce_ms(truth))


def _wall(home: Home, points: int) -> list[Row]:
    """12 charts × 5 runs: what one look at a full screen asks."""
    store, runs, shape = home.store("wall"), [run_id(n, f"w{n:03d}") for n in range(5)], wide(points, keys=12)
    first = write_run(store, runs[0], shape)
    for run in runs[1:]:
        link_run(store, first, run)
    truth = column(shape, 11)
    rows = []
    with home.asker(store) as asker:
        for run in runs:
            home.read_all(asker.client, run)
        wait_quiet(asker.pid)
        request = {"runs": runs, "metrics": list(shape.keys), "columns": COLUMNS}
        for what, budget, more in (("", 30.0, {}), (", with ma(15)", None, {"smooth": ["ma(15)"]})):
            taken, cpu, reply = asker.repeat(REPEATS, "/series", {**request, **more})
            last = [c for c in reply["series"] if c["metric"] == shape.keys[11] and c["derived"] is None]
            _expect("curves of the wall", len(reply["series"]), 60 * (2 if more else 1))
            _expect(
                "the wall",
                {(c["points"], c["min"], c["max"]) for c in last},
                {(points, truth.min(), truth.max())},
            )
            size, parse_ms = _size_and_parse(asker, {**request, **more})
            rows.append(
                Row(f"12 charts × 5 runs × {points:,} points{what}", "ms", taken, cpu, budget,
                    floor=60 * _reduce_ms(truth) if not more else None,
                    note=f"{size / 1e3:,.0f} kB; reading it takes the client {parse_ms:.1f} ms more")
            )  # fmt: skip
        taken, cpu, _ = asker.repeat(REPEATS, "/series", request, again=True)
        rows.append(Row("  the very same question again", "ms", taken, cpu))
    home.stop_daemon()
    return rows


def _size_and_parse(asker: Asker, request: dict[str, Any]) -> tuple[int, float]:
    from opengraphs.client.wire import read_reply

    data = asker.ask("/series", request)
    return len(data), repeat_ms(lambda: read_reply(200, data), 5).median


# -- many runs ---------------------------------------------------------------------------------------


def groups(home: Home) -> list[Row]:
    """`POST /group`, `/compare` and `/diff` over a hundred runs of ten thousand points."""
    store = home.store("groups")
    runs = [run_id(n, f"g{n:03d}") for n in range(GROUPED_RUNS)]
    shapes = [wide(GROUPED_POINTS, keys=1, seed=1 + n) for n in range(GROUPED_RUNS)]
    for n, (run, shape) in enumerate(zip(runs, shapes, strict=True)):
        config = {"lr": 10.0 ** -(1 + n % 5), "seed": n, "model": {"width": 64 * (1 + n % 3)}}
        write_run(store, run, shape, config=config, tags=[f"sweep={'ab'[n % 2]}"])
    truth = np.stack([column(shape, 0) for shape in shapes])
    rows = []
    with home.asker(store) as asker:
        for run in runs:
            home.read_all(asker.client, run)
        wait_quiet(asker.pid)
        rows.append(
            _try(
                f"group {GROUPED_RUNS} runs × {GROUPED_POINTS:,} points by a config key",
                lambda: _group(asker, truth),
            )
        )
        rows.append(
            _try("compare 5 runs, aligned by step, with ma(15)", lambda: _compare(asker, runs[:5], truth))
        )
        rows.append(_try("diff 2 runs", lambda: _diff(asker, runs[:2])))
        rows.append(_try("diff 16 runs", lambda: _diff(asker, runs[:16])))
    home.stop_daemon()
    return rows


def _try(what: str, measure: Callable[[], Row]) -> Row:
    """A route that this daemon lacks is a line in the table and no end of it."""
    try:
        return measure()._replace(what=what)
    except RuntimeError as error:
        return Row(what, "ms", None, note=f"not measured: {error}")


def _group(asker: Asker, truth: Any) -> Row:
    request = {"metric_key": KEY, "by": "config.lr", "columns": COLUMNS}
    taken, cpu, reply = asker.repeat(REPEATS, "/group", request)
    _expect("grouped runs", sorted(len(group["runs"]) for group in reply["groups"]), [20] * 5)
    grid = reply["grid"]
    cells = (
        ((np.arange(truth.shape[1]) - grid["low"]) / grid["width"]).astype(int).clip(0, grid["columns"] - 1)
    )
    edges = np.flatnonzero(np.diff(cells, prepend=-1))
    for group in reply["groups"]:
        mine = truth[[int(run[-3:]) for run in group["runs"]]]
        means = np.add.reduceat(mine, edges, axis=1) / np.diff(np.append(edges, truth.shape[1]))
        wanted = (means.mean(axis=0), *np.percentile(means, (50, 95), axis=0))
        for name, values in zip(("mean", "p50", "p95"), wanted, strict=True):
            if len(values) != len(group[name]) or not np.allclose(values, group[name], rtol=1e-9, atol=1e-12):
                raise RuntimeError(f"{name} of the group {group['value']} is not numpy's")
    note = f"{len(reply['groups'][0]['x'])} cells; every mean, p50 and p95 is numpy's on all points"
    return Row("", "ms", taken, cpu, floor=repeat_ms(lambda: group_floor(truth), 9).median, note=note)


def group_floor(truth: Any, groups: int = 5) -> list[Any]:
    """numpy alone: means of each run's columns, then mean, p50 and p95 of each group."""
    edges = np.linspace(0, truth.shape[1], COLUMNS + 1).astype(int)[:-1]
    sizes = np.diff(np.append(edges, truth.shape[1]))
    found = []
    for group in range(groups):
        means = np.add.reduceat(truth[group::groups], edges, axis=1) / sizes
        found.append((means.mean(axis=0), *np.percentile(means, (50, 95), axis=0)))
    return found


def _compare(asker: Asker, runs: list[str], truth: Any) -> Row:
    request = {"run_ids": runs, "metric_key": KEY, "align_by": "step", "smoothing": "ma(15)"}
    taken, cpu, reply = asker.repeat(REPEATS, "/compare", {**request, "downsample": COLUMNS})
    found = [(row["points"], row["last"]["value"]) for row in reply["runs"]]
    _expect("compared runs", found, [(truth.shape[1], values[-1]) for values in truth[: len(runs)]])
    return Row("", "ms", taken, cpu, floor=len(runs) * _reduce_ms(truth[0]))


def _diff(asker: Asker, runs: list[str]) -> Row:
    taken, cpu, reply = asker.repeat(REPEATS, "/diff", {"run_ids": runs})
    keys = {line["key"] for line in reply["config"]}
    if not {"lr", "model.width"} <= keys:
        raise RuntimeError(f"the difference lacks lr or model.width: {sorted(keys)}")
    return Row("", "ms", taken, cpu, note=f"{sum(len(reply[part]) for part in ('config', 'metrics'))} lines")


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise RuntimeError(f"{what}: {found!r} came back instead of {wanted!r}")
