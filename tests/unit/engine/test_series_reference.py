"""Every series query against a slow, obvious reading of the same files.

Journals are random: several writers, ranks, attempts and mirrors, steps that restart,
repeat and jump, values that are no numbers, lines that are no lines. Chunks and cells are
made tiny, so that a few hundred points have all levels of the pyramid.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import EngineStore, rules

RUN = "20261122-093012-k7f3"
KEYS = ("loss", "tokens_per_s")
WRITERS = ("a0-r0", "a0-r1", "a1-r0", "a1-r1", "a0-r0-f77", "mirror-a0-r0")
CASES = int(os.environ.get("OG_CASES", "150"))
"""The nightly recipe asks for ten thousand."""
Row = tuple[int, float, float]
Kinds = dict[tuple[int, str, str], list[list[Row]]]
"""By source class, branch and source: attempts, each as rows in the order of lines."""


def shrink_cells(patch: pytest.MonkeyPatch) -> None:
    for module in ("lane", "strip", "answer", "digest"):
        for name, size in (("FINE", 4), ("COARSE", 16), ("CHUNK", 32)):
            patch.setattr(f"opengraphs.engine.{module}.{name}", size, raising=False)


# -- the slow reading ------------------------------------------------------------------------


def slow_read(folder: Path) -> dict[str, dict[int, Kinds]]:
    """key → rank → (source class, branch, source) → attempts → rows, by json and loops."""
    found: dict[Any, list[Row]] = {}
    for writer in sorted(WRITERS):
        path = folder / f"{writer}.jsonl"
        step, time = -1, 0.0
        for line in path.read_bytes().split(b"\n") if path.exists() else []:
            try:
                record = json.loads(line)
                metrics = record["metrics"].items()
            except (ValueError, TypeError, KeyError):
                continue
            step, time = record.get("step", step + 1), record.get("time", time)
            attempt, rank = int(writer.partition("a")[2][0]), int(writer.partition("-r")[2][0])
            branch = "mirror" if writer.startswith("mirror") else writer[5:]
            kind = (rules.source_class(record.get("source"), writer), branch, record.get("source") or "")
            place = (record.get("rank", rank), kind, attempt)
            for key, value in metrics:
                found.setdefault((key, *place), []).append((step, float(time), float(value)))
    nested: dict[str, dict[int, Kinds]] = {}
    for (key, rank, kind, _), rows in sorted(found.items(), key=lambda item: item[0]):
        nested.setdefault(key, {}).setdefault(rank, {}).setdefault(kind, []).append(rows)
    return nested


def slow_visible(attempts: list[list[Row]]) -> dict[int, Row]:
    """The rule of engine.legs, point by point (see test_legs)."""
    rows = [row for attempt in attempts for row in attempt]
    begins = {sum(map(len, attempts[:number])) for number in range(len(attempts))}
    legs: list[list[int]] = []
    drops = 0
    for place, row in enumerate(rows):
        falls = place > 0 and row[0] < rows[place - 1][0]
        if falls or place in begins:
            legs.append([])
            drops += falls and place not in begins
        legs[-1].append(place)
    hidden: set[int] = set()
    if not (drops >= 2 and drops * 8 > len(rows)):
        for number, leg in enumerate(legs):
            highest = max((rows[p][0] for earlier in legs[:number] for p in earlier), default=-math.inf)
            below = sum(rows[place][0] <= highest for place in leg)
            restarts = below >= 2 or (below and leg[0] in begins)
            low, high = rows[leg[0]][0], rows[leg[-1]][0] if restarts else rows[leg[0]][0]
            hidden |= {p for earlier in legs[:number] for p in earlier if low <= rows[p][0] <= high}
    return {row[0]: row for place, row in enumerate(rows) if place not in hidden}


def slow_rank(classes: Kinds) -> dict[int, Row]:
    merged: dict[int, Row] = {}
    for kind in sorted(classes, reverse=True):
        merged.update(slow_visible(classes[kind]))
    return merged


def slow_merged(key: str, ranks: dict[int, Kinds]) -> list[Row]:
    at: dict[int, list[Row]] = {}
    for rank in sorted(ranks):
        for step, row in slow_rank(ranks[rank]).items():
            at.setdefault(step, []).append(row)
    merged = []
    for step, rows in sorted(at.items()):
        values = [row[2] for row in rows]
        total = sum(values)
        value = total if rules.is_summed(key) else values[0] if len(set(values)) == 1 else total / len(values)
        merged.append((step, max(row[1] for row in rows), value if len(rows) > 1 else values[0]))
    return merged


# -- random journals -------------------------------------------------------------------------

value = st.one_of(st.integers(-9, 9), st.sampled_from(["NaN", "Infinity", 0.5, 2.25, -0.125]))
leg = st.tuples(st.integers(0, 30), st.lists(st.integers(0, 4), min_size=1, max_size=40))


@st.composite
def journal(draw: st.DrawFn) -> list[bytes]:
    lines: list[bytes] = []
    clock = draw(st.integers(0, 50))
    keys = draw(st.sampled_from([KEYS, KEYS[:1], KEYS[1:]]))
    extra = draw(st.sampled_from([{}, {}, {}, {"source": "wandb"}, {"rank": 1}]))
    for start, gaps in draw(st.lists(leg, min_size=1, max_size=3)):
        step = start
        for gap in gaps:
            step += gap
            clock += draw(st.integers(0, 3))
            record: dict[str, Any] = {"step": step, "time": clock / 2, **extra}
            record["metrics"] = {key: draw(value) for key in keys}
            if draw(st.integers(0, 15)) == 0:
                del record["step"]
                step += 1
            lines.append(json.dumps(record).encode())
            if draw(st.integers(0, 25)) == 0:
                lines.append(
                    draw(st.sampled_from([b"junk", b"", b'{"seal":{}}', b'{"step":3,"time":1,"metr']))
                )
    return lines


journals = st.dictionaries(st.sampled_from(WRITERS), journal(), min_size=1, max_size=4)
long_journal = st.tuples(st.integers(150, 900), st.integers(1, 3), st.integers(0, 6)).map(
    lambda made: [
        json.dumps(
            {
                "step": n * made[1],
                "time": n / 4,
                "metrics": {"loss": "NaN" if made[2] and n % (97 * made[2]) == 50 else (n * 7919) % 1009 / 7},
            }
        ).encode()
        for n in range(made[0])
    ]
)
stores = st.one_of(
    journals, st.builds(lambda one: {"a0-r0": one}, long_journal), st.builds(lambda a, b: {"a0-r0": a, "a1-r0": b}, long_journal, long_journal)
)  # fmt: skip


class Opened:
    """A store on disk and the engine that reads it; small cells, cleaned up at the end."""

    def __init__(self, files: dict[str, list[bytes]]) -> None:
        memory = Path("/dev/shm")  # an index is synced to disk when made; here nothing is to last
        self.root = Path(tempfile.mkdtemp(prefix="og-", dir=memory if memory.is_dir() else None))
        self.folder = self.root / "store" / "runs" / RUN / "metrics"
        self.folder.mkdir(parents=True)
        (self.folder.parent / "run.json").write_text("{}")
        (self.folder.parent / "exit.json").write_text('{"code":0}')
        for writer, lines in files.items():
            (self.folder / f"{writer}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        self.patch = pytest.MonkeyPatch()
        shrink_cells(self.patch)
        self.engine = EngineStore.open(self.root / "store", index_dir=self.root / "index")
        self.engine.scan()

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self.patch.undo()
        shutil.rmtree(self.root)

    def reopen(self) -> None:
        """Let the engine begin again with what it committed."""
        self.engine.maintain()
        self.engine.close()
        self.engine = EngineStore.open(self.root / "store", index_dir=self.root / "index")
        self.engine.scan()


def number(item: Any) -> float:
    return (
        {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(item, item)
        if isinstance(item, str)
        else item
    )


def close(found: list[Any], expected: list[float]) -> bool:
    return np.allclose([number(item) for item in found], expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@settings(max_examples=CASES, deadline=None)
@given(stores, st.integers(1, 60), st.booleans())
def test_points_are_all_there_in_order_of_steps(
    files: dict[str, list[bytes]], limit: int, reopen: bool
) -> None:
    with Opened(files) as opened:
        slow = slow_read(opened.folder)
        for key, ranks in slow.items():
            if reopen:
                opened.reopen()
            merged = slow_merged(key, ranks)
            got: dict[str, list[Any]] = {"step": [], "time": [], "value": []}
            after = None
            while True:
                page = opened.engine.points(RUN, key, after=after, limit=limit)
                assert len(page["step"]) <= limit
                for column, rows in got.items():
                    rows += page[column]
                after = page["next"]
                if after is None:
                    break
            assert got["step"] == [row[0] for row in merged]
            assert got["time"] == [row[1] for row in merged]
            assert close(got["value"], [row[2] for row in merged])
            page = opened.engine.points(RUN, key, limit=100_000, ranks=True)
            rows = [
                (rank, *row) for rank in sorted(ranks) for _, row in sorted(slow_rank(ranks[rank]).items())
            ]
            assert (page["rank"], page["step"]) == ([row[0] for row in rows], [row[1] for row in rows])
            assert close(page["value"], [row[3] for row in rows])


def slow_slope(rows: list[Row]) -> float | None:
    if not rows:
        return None
    steps = [row[0] for row in rows]
    edge = max(steps) - (max(steps) - min(steps)) / 5
    part = [row for row in rows if row[0] >= edge and math.isfinite(row[2])]
    if len(part) < 2:
        return None
    return float(np.polyfit([row[0] for row in part], [row[2] for row in part], 1)[0])


def slow_average(rows: list[Row], window: int) -> dict[int, float]:
    found = {}
    for place, row in enumerate(rows):
        part = [r[2] for r in rows[max(0, place - window + 1) : place + 1] if math.isfinite(r[2])]
        found[row[0]] = sum(part) / len(part) if part else math.nan
    return found


@settings(max_examples=CASES, deadline=None)
@given(
    stores,
    st.sampled_from(["step", "time", "relative"]),
    st.one_of(st.none(), st.tuples(st.integers(-5, 900), st.integers(0, 900))),
    st.integers(1, 40),
    st.integers(1, 20),
)
def test_curves_are_thinned_and_described_as_asked(
    files: dict[str, list[bytes]], axis: str, span: tuple[int, int] | None, columns: int, window: int
) -> None:
    with Opened(files) as opened:
        for key, ranks in slow_read(opened.folder).items():
            rows = slow_merged(key, ranks)
            x_of = place_on(axis, opened.folder)
            wanted = None if span is None else [float(span[0]), float(span[0] + span[1])]
            inside = [row for row in rows if wanted is None or wanted[0] <= x_of(row) <= wanted[1]]
            reply = opened.engine.series(
                {
                    "runs": [RUN],
                    "metrics": [key],
                    "x": axis,
                    "range": wanted,
                    "columns": columns,
                    "smooth": [f"ma({window})"],
                }
            )
            raw, smooth = reply["series"]
            finite = [row[2] for row in inside if math.isfinite(row[2])]
            assert raw["points"] == len(inside)
            assert raw["nonfinite"]["nan"] == sum(math.isnan(row[2]) for row in inside)
            assert raw["nonfinite"]["inf"] == sum(math.isinf(row[2]) for row in inside)
            assert raw["min"] == (min(finite) if finite else None)
            assert raw["max"] == (max(finite) if finite else None)
            assert raw["mean"] == (pytest.approx(sum(finite) / len(finite), abs=1e-9) if finite else None)
            slope = slow_slope(inside)
            assert raw["slope"] == (None if slope is None else pytest.approx(slope, rel=1e-6, abs=1e-7))
            odd = sorted(x_of(row) for row in inside if not math.isfinite(row[2]))[-64:]
            assert raw["nonfinite"]["at"] == pytest.approx(odd)
            check_curve(raw, [(x_of(row), row[2]) for row in inside], columns, wanted)
            if axis == "step" and len(inside) < 2 * 4 * columns:  # at this zoom points are read, not cells
                expected = slow_average(rows, window)
                assert close(smooth["y"], [expected[step] for step in smooth["x"]])


def first_time(folder: Path) -> float:
    """The earliest time of any journal's first record."""
    found = []
    for path in folder.iterdir():
        for line in path.read_bytes().splitlines():
            try:
                record = json.loads(line)
                found.append(float(record["time"] if record["metrics"] is not None else 0))
                break
            except (ValueError, TypeError, KeyError):
                continue
    return min(found)


def place_on(axis: str, folder: Path) -> Callable[[Row], float]:
    """x of a row on an axis."""
    if axis == "step":
        return lambda row: row[0]
    zero = first_time(folder) if axis == "relative" else 0.0
    return lambda row: row[1] - zero


def check_curve(
    curve: dict[str, Any], rows: list[tuple[float, float]], columns: int, span: list[float] | None
) -> None:
    """Real points only, in order, few of them; first, last, lowest and highest among them."""
    rows = sorted(rows, key=lambda row: row[0])
    got = [(x, number(y)) for x, y in zip(curve["x"], curve["y"], strict=True)]
    assert len(got) <= 4 * columns
    assert [x for x, _ in got] == sorted(x for x, _ in got)
    known = {(round(x, 9), repr(float(round(y, 9)))) for x, y in rows}
    assert all((round(x, 9), repr(float(round(y, 9)))) in known for x, y in got)
    if not rows:
        return
    assert got[0][0] == pytest.approx(rows[0][0])
    assert got[-1][0] == pytest.approx(rows[-1][0])
    finite = [y for _, y in rows if math.isfinite(y)]
    if finite:
        shown = [y for _, y in got if math.isfinite(y)]
        assert (min(shown), max(shown)) == (pytest.approx(min(finite)), pytest.approx(max(finite)))
    if len(rows) < 2 * 4 * columns:
        low, high = span or (rows[0][0], rows[-1][0])
        check_columns(got, rows, low, (high - low) / columns, columns)


def check_columns(
    got: list[tuple[float, float]], rows: list[tuple[float, float]], low: float, width: float, columns: int
) -> None:
    """Where points are read, every column has its own lowest and highest."""
    if width <= 0:
        return
    extremes: dict[int, list[float]] = {}
    for x, y in rows:
        place = (x - low) / width
        if math.isfinite(y) and abs(place - round(place)) > 1e-9:  # not on an edge, where rounding decides
            extremes.setdefault(min(int(place), columns - 1), []).append(y)
    shown: dict[int, list[float]] = {}
    for x, y in got:
        shown.setdefault(min(int((x - low) / width + 1e-9), columns - 1), []).append(y)
        shown.setdefault(min(int((x - low) / width - 1e-9), columns - 1), []).append(y)
    for column, ys in extremes.items():
        finite = [y for y in shown[column] if math.isfinite(y)]
        assert min(finite) <= min(ys) + 1e-9
        assert max(finite) >= max(ys) - 1e-9
