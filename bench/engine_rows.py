"""What a measurement hands back, and the table that is made of it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

MIN_REPEATS = 5
PEERS = ("wandb leet", "TensorBoard", "Trackio")


class Spread(NamedTuple):
    """Repetitions of one figure."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        """The value that one in a hundred exceeds; the highest of fewer than a hundred."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]

    @property
    def p25(self) -> float:
        return sorted(self.values)[len(self.values) // 4]

    @property
    def p75(self) -> float:
        return sorted(self.values)[(3 * len(self.values)) // 4]


class Row(NamedTuple):
    """One line of the table.

    og: our figure; None where only peers have one. cpu: `ogd`'s processor time of one
    request in ms (for everything that is no request: of the whole). budget: of DESIGN
    section 13, on the median, or on the p99 when `budget_on` says so; for ratios and
    rates `at_least`. floor: what the machine could do, in the same run. peers: their
    figures, or a word why there is none.
    """

    what: str
    unit: str
    og: Spread | None
    cpu: float | None = None
    budget: float | None = None
    budget_on: str = "median"
    at_least: bool = False
    floor: float | None = None
    peers: Mapping[str, float | str] | None = None
    note: str = ""

    @property
    def judged(self) -> float | None:
        if self.og is None or self.budget is None:
            return None
        return self.og.p99 if self.budget_on == "p99" else self.og.median

    @property
    def holds(self) -> bool | None:
        """Whether the budget does; None without one."""
        if self.judged is None or self.budget is None:
            return None
        return self.judged >= self.budget if self.at_least else self.judged <= self.budget

    def as_json(self) -> dict[str, Any]:
        og = self.og
        return {
            "what": self.what, "unit": self.unit,
            "og": None if og is None else og.median, "og_p25": og and og.p25, "og_p75": og and og.p75,
            "og_p99": og and og.p99, "repeats": len(og.values) if og else 0, "cpu_ms": self.cpu,
            "budget": self.budget, "budget_on": self.budget_on, "holds": self.holds, "floor": self.floor,
            "peers": dict(self.peers or {}), "ratios": {
                name: _ratio(value, og.median if og else None, self.at_least) for name, value in (self.peers or {}).items()
            }, "note": self.note,
        }  # fmt: skip


def _ratio(value: float | str, ours: float | None, is_rate: bool) -> float | None:
    """How many times better og is."""
    if isinstance(value, str) or not ours or not value:
        return None
    return ours / value if is_rate else value / ours


def timed_ms(call: Callable[[], Any]) -> tuple[float, Any]:
    """Wall-clock milliseconds of a call, and what it returned."""
    began = time.perf_counter()
    result = call()
    return (time.perf_counter() - began) * 1e3, result


def repeat_ms(call: Callable[[], Any], times: int) -> Spread:
    """Wall-clock milliseconds of so many calls."""
    return Spread.of(timed_ms(call)[0] for _ in range(times))


# -- the table -----------------------------------------------------------------------------------------

HEADER = ["", "og", "25–75 %", "p99", "ogd CPU", "budget", "", "floor", *PEERS]


def table(title: str, rows: Sequence[Row]) -> str:
    """Columns as wide as their widest cell; columns that no row fills are left out."""
    cells, used = _grid(rows)
    widths = {n: max(len(line[n]) for line in cells) for n in used}
    lines = [f"\n{title}"]
    for number, line in enumerate(cells):
        shown = [line[n].ljust(widths[n]) if n == 0 else line[n].rjust(widths[n]) for n in used]
        lines.append("  " + "  ".join(shown).rstrip())
        if number and rows[number - 1].note:
            lines.append(f"      {rows[number - 1].note}")
    return "\n".join(lines)


def markdown(title: str, rows: Sequence[Row]) -> str:
    """The same as a page shows it, the notes below."""
    cells, used = _grid(rows)
    lines = [["|", " | ".join(line[n] for n in used), "|"] for line in cells]
    lines.insert(1, ["|---" * len(used), "|"])
    notes = [f"- {row.what.strip()}: {row.note}" for row in rows if row.note]
    return "\n".join([f"### {title}\n", *(" ".join(line) for line in lines), "", *notes, ""])


def _grid(rows: Sequence[Row]) -> tuple[list[list[str]], list[int]]:
    """Header and cells, and the places of the columns that something stands in."""
    cells = [HEADER, *(_cells(row) for row in rows)]
    return cells, [n for n in range(len(HEADER)) if n < 2 or any(line[n] for line in cells[1:])]


def _cells(row: Row) -> list[str]:
    og, ours = row.og, row.og.median if row.og else None
    many = og is not None and len(og.values) > 1
    return [
        f"{row.what} ({row.unit})",
        figure(ours),
        f"{figure(og.p25)}–{figure(og.p75)}" if og and many else "",
        figure(og.p99) if og and len(og.values) >= 20 else "",
        "" if row.cpu is None else figure(row.cpu),
        "" if row.budget is None else f"{'≥' if row.at_least else '≤'} {figure(row.budget)}" + (" p99" if row.budget_on == "p99" else ""),
        "" if row.holds is None else "held" if row.holds else "MISSED",
        "" if row.floor is None else f"{figure(row.floor)}{_times(row.floor, ours, row.at_least)}",
        *(_peer((row.peers or {}).get(name), ours, row.at_least) for name in PEERS),
    ]  # fmt: skip


def _times(floor: float, ours: float | None, is_rate: bool) -> str:
    """og as a multiple (a rate: a share) of the floor."""
    if not ours or not floor:
        return ""
    return f" ({ours / floor:.0%})" if is_rate else f" ({_short(ours / floor)}×)"


def _peer(value: float | str | None, ours: float | None, is_rate: bool) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    ratio = _ratio(value, ours, is_rate)
    return figure(value) + ("" if ratio is None else f" ({_short(ratio)}×)")


def _short(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 0.1 else f"{ratio:.2f}"


def figure(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return "–"
    digits = next((digits for least, digits in ((100, 0), (10, 1), (0.1, 2)) if abs(value) >= least), 3)
    return f"{value:,.{digits}f}"
