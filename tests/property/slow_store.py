"""What the journals of a run mean, read the slow and obvious way: json, dicts and loops.

Written from "Meaning" in the design and decision 0013, not from the engine, of which
nothing is imported. Tests hold every answer of the engine against it.
"""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

SUMMED = frozenset({"tokens_per_s"})
"""Of the keys that tests log: those that ranks add up in."""
BELIEVED = {None: 0, "sdk": 0, "transformers": 1, "wandb": 2, "tensorboard": 3, "stdout": 4}
"""Source → who is believed first (0) when one point arrives several ways."""
BY_NAME = {"mirror": 2, "stdout": 4}
"""The same for journals that say it by their names."""
_SEGMENT = re.compile(r"^(?P<writer>.*?)(?:\.(?P<number>\d{6}))?\.jsonl$")
_WRITER = re.compile(r"a(\d+)-r(\d+)")
_SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Row(NamedTuple):
    """One point."""

    step: int
    time: float
    value: float


class Origin(NamedTuple):
    """Whose point it is; sorted, earlier ones are believed first at equal steps."""

    rank: int
    believed: int
    branch: str
    source: str


Attempts = dict[tuple[int, str], list[Row]]
"""(attempt, writer) → rows in the order of lines."""


def number(value: Any) -> float:
    """A float as it stands in a journal or an answer."""
    return _SPELLED[value] if isinstance(value, str) else float(value)


def _without_printed(origins: dict[Origin, Attempts]) -> dict[Origin, Attempts]:
    """What was printed gives way, whole, to what was logged under the same key (docs/adr/0027)."""
    logged = {origin: found for origin, found in origins.items() if origin.believed != BELIEVED["stdout"]}
    return logged or origins


class SlowRun:
    """The journals in one `metrics/` folder."""

    def __init__(self, folder: Path) -> None:
        self.lives = not (folder.parent / "exit.json").exists()
        self._found: dict[str, dict[Origin, Attempts]] = {}
        self.first_times: list[float] = []
        self.last_lines: dict[str, int] = {}
        for writer, files in _journals(folder).items():
            self._read(writer, files)
        for key, origins in self._found.items():
            self._found[key] = _without_printed(origins)

    def _read(self, writer: str, files: list[Path]) -> None:
        name = _WRITER.search(writer)
        attempt, own_rank = (int(name[1]), int(name[2])) if name else (0, 0)
        branch = writer.replace(name[0], "") if name else writer
        step, time, is_first = -1, 0.0, True
        for path in files:
            *lines, _torn = path.read_bytes().split(b"\n")
            for line in lines:
                record = _object(line)
                if record is None or not isinstance(record.get("metrics"), dict):
                    continue
                step, time = record.get("step", step + 1), record.get("time", time)
                self.last_lines[writer] = step
                if is_first:
                    self.first_times.append(float(time))
                    is_first = False
                source = record.get("source")
                believed = BELIEVED[source] if source else BY_NAME.get(writer.split("-", maxsplit=1)[0], 0)
                named = "" if source in (None, "sdk") else source
                origin = Origin(record.get("rank", own_rank), believed, branch, named)
                for key, value in record["metrics"].items():
                    attempts = self._found.setdefault(key, {}).setdefault(origin, {})
                    attempts.setdefault((attempt, writer), []).append(Row(step, float(time), number(value)))

    @property
    def keys(self) -> list[str]:
        return sorted(self._found)

    @property
    def first_time(self) -> float:
        """Zero of the relative axis: the earliest first line of any journal."""
        return min(self.first_times, default=0.0)

    def ranks(self, key: str) -> list[int]:
        return sorted({origin.rank for origin in self._found[key]})

    def logged(self, key: str) -> int:
        """Points in the journals, whether or not they are visible."""
        return sum(len(rows) for one in self._found[key].values() for rows in one.values())

    def clock_falls(self, key: str) -> bool:
        """Whether time goes back somewhere in a journal."""
        return any(
            row.time < before.time
            for attempts in self._found[key].values()
            for rows in attempts.values()
            for before, row in pairwise(rows)
        )

    def of_rank(self, key: str, rank: int) -> list[Row]:
        """The series of one rank, in order of steps."""
        at: dict[int, Row] = {}
        for origin in sorted(self._found[key], reverse=True):
            if origin.rank == rank:
                attempts: dict[int, list[Row]] = {}
                for (attempt, _), rows in sorted(self._found[key][origin].items()):
                    attempts.setdefault(attempt, []).extend(rows)
                at.update(visible([attempts[attempt] for attempt in sorted(attempts)]))
        return [at[step] for step in sorted(at)]

    def at_steps(self, key: str) -> dict[int, list[Row]]:
        """Step → the rows of the ranks that have it."""
        found: dict[int, list[Row]] = {}
        for rank in self.ranks(key):
            for row in self.of_rank(key, rank):
                found.setdefault(row.step, []).append(row)
        return found

    def merged(self, key: str) -> list[Row]:
        """Over all ranks: the mean, or the sum of keys that add up."""
        found = []
        for step, rows in sorted(self.at_steps(key).items()):
            values = [row.value for row in rows]
            total = sum(values)
            if len(values) == 1 or (key not in SUMMED and len(set(values)) == 1):
                value = values[0]
            else:
                value = total if key in SUMMED else total / len(values)
            found.append(Row(step, max(row.time for row in rows), value))
        return found


def visible(attempts: list[list[Row]]) -> dict[int, Row]:
    """Step → the row that counts, of points in the order they were logged (decision 0013)."""
    legs: list[tuple[bool, list[Row]]] = []
    falls = 0
    for rows in attempts:
        for place, row in enumerate(rows):
            if place == 0 or row.step < rows[place - 1].step:
                legs.append((place == 0, []))
                falls += place > 0
            legs[-1][1].append(row)
    is_disorder = falls >= 2 and falls * 8 > sum(map(len, attempts))
    shown: dict[int, Row] = {}
    highest = -math.inf
    for begins_attempt, leg in legs:
        below = sum(row.step <= highest for row in leg)
        if not is_disorder and (below >= 2 or (below and begins_attempt)):
            shown = {step: row for step, row in shown.items() if not leg[0].step <= step <= leg[-1].step}
        shown.update({row.step: row for row in leg})
        highest = max(highest, leg[-1].step)
    return shown


def _journals(folder: Path) -> dict[str, list[Path]]:
    """Writer → its files in the order of their segments."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in folder.iterdir():
        name = _SEGMENT.match(path.name)
        if name is not None:
            found.setdefault(name["writer"], []).append((int(name["number"] or 0), path))
    return {writer: [path for _, path in sorted(files)] for writer, files in sorted(found.items())}


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


# -- what is said about a stretch of rows ------------------------------------------------------


def described(rows: list[Row]) -> dict[str, Any]:
    """The statistics of an answer, of rows in the order of its axis."""
    finite = [row.value for row in rows if math.isfinite(row.value)]
    return {
        "points": len(rows),
        "min": min(finite, default=None),
        "max": max(finite, default=None),
        "mean": sum(finite) / len(finite) if finite else None,
        "first_step": rows[0].step if rows else None,
        "last_step": rows[-1].step if rows else None,
        "last": rows[-1] if rows else None,
        "nan": sum(math.isnan(row.value) for row in rows),
        "inf": sum(math.isinf(row.value) for row in rows),
        "slope": slope(rows),
    }


def slope(rows: list[Row]) -> float | None:
    """Of the least-squares line through the finite points of the last fifth of the steps."""
    if not rows:
        return None
    low, high = min(row.step for row in rows), max(row.step for row in rows)
    edge = high - (high - low) / 5
    part = [row for row in rows if row.step >= edge and math.isfinite(row.value)]
    if len(part) < 2:
        return None
    mean_x = sum(row.step for row in part) / len(part)
    mean_y = sum(row.value for row in part) / len(part)
    over = sum((row.step - mean_x) * (row.value - mean_y) for row in part)
    return over / sum((row.step - mean_x) ** 2 for row in part)


def moving_average(rows: list[Row], window: int) -> list[float]:
    """Mean of the finite ones of the last `window` values."""
    found = []
    for place in range(len(rows)):
        part = [row.value for row in rows[max(0, place - window + 1) : place + 1]]
        finite = [value for value in part if math.isfinite(value)]
        found.append(sum(finite) / len(finite) if finite else math.nan)
    return found


def exponential_average(rows: list[Row], weight: float) -> list[float]:
    """Each value weighs `weight` times the one after it; others than finite ones repeat the mean."""
    found: list[float] = []
    total = mass = 0.0
    for row in rows:
        if math.isfinite(row.value):
            total, mass = weight * total + row.value, weight * mass + 1.0
        found.append(total / mass if mass else math.nan)
    return found


def rate(rows: list[Row]) -> list[float]:
    """Change per second since the row before."""
    found = [math.nan] if rows else []
    for before, row in pairwise(rows):
        passed = row.time - before.time
        found.append((row.value - before.value) / passed if passed > 0 else math.nan)
    return found
