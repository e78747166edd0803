"""Side panels: statistics of the metrics shown, and the machine."""

from __future__ import annotations

import math

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters import ranks as rank_lines
from opengraphs.tui.painters.cells import fit, row_width
from opengraphs.tui.painters.frame import box, progress_bar
from opengraphs.tui.painters.spark import sparkline
from opengraphs.tui.painters.text import cell_len, clip_left, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opengraphs.protocol.runs import RankSeen
    from opengraphs.protocol.series import SeriesOut
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row


_VALUES = 14
"""Cells of the widest values of a bar: 97 %  71° 412W."""

_HISTORY_FROM = 4
"""Fewer samples are no curve yet."""

_FULL = 0.92
"""Memory and disks filled to here are drawn as a warning."""


def paint_stats(
    series: Sequence[SeriesOut],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    colors: Mapping[str, int] | None = None,
    focused: str | None = None,
    ranks: Sequence[RankSeen] = (),
    steps_per_s: float | None = None,
) -> list[Row]:
    """A box with last, min, max, mean and slope per raw series. focused: metric key to light up.

    steps_per_s: how fast the run goes, told in the lowest line with the time a step takes; None leaves it out.

    Series with `derived` are skipped. Three lines a metric where there is room, else two, else one.
    ranks: of a run with several the lowest lines say how they do, in a third of the box at most.
    """
    raw = [one for one in series if one["derived"] is None]
    inner, room = width - 2, max(0, height - 2)
    about_ranks = rank_lines.rows(ranks, inner, glyphs, most=max(1, room // 3)) if ranks else []
    if steps_per_s is not None and steps_per_s > 0 and math.isfinite(steps_per_s) and room > 2 * len(raw):
        about_ranks = [_pace(steps_per_s, inner), *about_ranks]
    room -= len(about_ranks)
    lines = next((count for count in (3, 2) if len(raw) * count <= room), 1)
    content: list[Row] = []
    for one in raw[: room // lines]:
        lit = one["metric"] == focused
        content += _stats_of(one, inner, glyphs, (colors or {}).get(one["run"], 0), lit=lit)[:lines]
    left_out = len(raw) - room // lines
    if about_ranks:
        content += [[(" " * inner, "text")]] * (room - len(content)) + about_ranks
    return box(content, width, height, glyphs, title="stats", right=f"+{left_out}" if left_out > 0 else "")


def _stats_of(one: SeriesOut, inner: int, glyphs: Glyphs, index: int, *, lit: bool) -> list[Row]:
    """Name and last value; min and max; mean and slope."""
    last = numbers.value(one["last"]["value"] if one["last"] else None)
    room = max(1, inner - 5 - numbers.VALUE_WIDTH)
    rank = "" if one["rank"] is None else f"r{one['rank']} "
    name = rank + clip_left(glyphs.clean(one["metric"]), room - len(rank), ellipsis=glyphs.ellipsis)
    head: Row = [
        (" " + pad(name, room), "b:accent" if lit else "text"),
        (f" {_trend(one, glyphs)}", "faint"),
        (pad(last, numbers.VALUE_WIDTH + 1, align="right"), f"series.{index}"),
        (" ", "text"),
    ]
    low, high, mean, slope = (numbers.value(one[key]) for key in ("min", "max", "mean", "slope"))
    return [head, _pair(("min", low), ("max", high), inner), _pair(("mean", mean), ("slope", slope), inner)]


def _pace(steps_per_s: float, inner: int) -> Row:
    """` pace  3.210 steps/s   311.5 ms`: steps a second, and what one of them takes."""
    step_s = 1 / steps_per_s
    took = f"{numbers.value(step_s)} s" if step_s >= 1 else f"{numbers.value(step_s * 1000)} ms"
    row: Row = [(" pace ", "faint"), (f"{numbers.value(steps_per_s)} steps/s", "dim")]
    gap = inner - row_width(row) - len(took) - 1
    return [*row, (" " * max(1, gap) + took, "dim"), (" ", "text")] if gap > 0 else fit(row, inner)


def _pair(left: tuple[str, str], right: tuple[str, str], inner: int) -> Row:
    """Two small facts in two columns, numbers right-aligned."""
    first, second = (inner - 3) // 2, inner - 3 - (inner - 3) // 2
    row: Row = [("  ", "text")]
    for (label, number), size in ((left, first), (right, second)):
        gap = size - cell_len(label) - cell_len(number)
        row += [(" " + label, "faint"), (pad(number, len(number) + max(0, gap - 1), align="right"), "dim")]
    return [*row, (" ", "text")]


def _trend(one: SeriesOut, glyphs: Glyphs) -> str:
    """An arrow for where it is going: flat while a whole run of this slope would move it by less than 5 % of its span."""
    up, down, flat = glyphs.arrows[4], glyphs.arrows[5], glyphs.arrows[6]
    slope, low, high = one["slope"], one["min"], one["max"]
    if slope is None or low is None or high is None or not math.isfinite(slope):
        return " "
    steps = (one["last_step"] or 0) - (one["first_step"] or 0)
    if abs(slope) * steps <= 0.05 * (high - low):
        return flat
    return up if slope > 0 else down


def paint_system(
    latest: Mapping[str, float],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    history: Mapping[str, Sequence[float]] | None = None,
    host: str = "",
) -> list[Row]:
    """A box with cpu, ram, disk, net and a line or two per GPU.

    latest: newest system sample, keys as the runner writes them (`cpu.percent`,
    `ram.used_bytes`, `gpu.0.util_percent`, …); what is missing is left out. history:
    values of `cpu.percent` and `gpu.N.util_percent`, drawn under their bars where rows are left.
    """
    inner, room = width - 2, height - 2
    blocks: list[tuple[str, list[Row]]] = [
        ("cpu.percent", _cpu(latest, inner, glyphs)),
        ("", _ram(latest, inner, glyphs)),
        *((f"{name}.util_percent", _gpu(latest, name, inner, glyphs)) for name in gpu_names(latest)),
        ("", [*_disk(latest, inner, glyphs), *_net(latest, inner, glyphs)]),
    ]
    spare = room - sum(len(rows) for _, rows in blocks)
    content: list[Row] = []
    for key, rows in blocks:
        content += rows[:1]
        values = (history or {}).get(key, ())
        if rows and spare > 0 and len(values) >= _HISTORY_FROM:
            curve = sparkline(values, inner - 8, glyphs, bounds=(0.0, 100.0))
            content.append([(" " * 7, "text"), (curve, "series.0.dim")])
            spare -= 1
        content += rows[1:]
    if len(content) > room:
        content = _most_important(blocks, room)
    if not content:
        content = [[(" no samples", "dim")]]
    return box(content, width, height, glyphs, title="system", right=_short_host(host, width))


def _short_host(host: str, width: int) -> str:
    name = host.partition(".")[0]
    return name if len(name) <= width - 14 else ""


def _bar_row(
    label: str, fraction: float | None, text: str, inner: int, glyphs: Glyphs, *, full_is_bad: bool = True
) -> Row:
    """` cpu   ━━━━━╸────        37 %`: label, bar, values right-aligned."""
    size = min(16, inner - 7 - _VALUES - 2)
    row: Row = [(" " + pad(label, 6), "dim")]
    if size >= 4:
        high = full_is_bad and fraction is not None and fraction >= _FULL
        row += progress_bar(fraction, size, glyphs, role="warn" if high else "accent")
    rest = inner - row_width(row) - 1
    return [*row, (pad(text, rest, align="right", ellipsis=glyphs.ellipsis), "text"), (" ", "text")]


def _cpu(latest: Mapping[str, float], inner: int, glyphs: Glyphs) -> list[Row]:
    percent = latest.get("cpu.percent")
    return (
        []
        if percent is None
        else [_bar_row("cpu", percent / 100, numbers.percent(percent / 100), inner, glyphs)]
    )


def _ram(latest: Mapping[str, float], inner: int, glyphs: Glyphs) -> list[Row]:
    used, total = latest.get("ram.used_bytes"), latest.get("ram.total_bytes")
    if used is None:
        return []
    return [_bar_row("ram", used / total if total else None, _of(used, total), inner, glyphs)]


def _of(used: float, total: float | None) -> str:
    return f"{numbers.size_bytes(used)}/{numbers.size_bytes(total)}" if total else numbers.size_bytes(used)


def _disk(latest: Mapping[str, float], inner: int, glyphs: Glyphs) -> list[Row]:
    free, total = latest.get("disk.free_bytes"), latest.get("disk.total_bytes")
    rows: list[Row] = []
    if free is not None and total:
        rows.append(_bar_row("disk", 1 - free / total, _of(total - free, total), inner, glyphs))
    rows += _rates(
        "r/w", latest.get("disk.read_bytes_per_s"), latest.get("disk.write_bytes_per_s"), inner, glyphs
    )
    return rows


def _net(latest: Mapping[str, float], inner: int, glyphs: Glyphs) -> list[Row]:
    return _rates("net", latest.get("net.rx_bytes_per_s"), latest.get("net.tx_bytes_per_s"), inner, glyphs)


def _rates(label: str, inward: float | None, outward: float | None, inner: int, glyphs: Glyphs) -> list[Row]:
    """` net   ↓ 1.2M/s  ↑  30K/s`."""
    if inward is None and outward is None:
        return []
    up, down = glyphs.arrows[0], glyphs.arrows[1]
    row: Row = [(" " + pad(label, 6), "dim")]
    for arrow, rate in ((down, inward), (up, outward)):
        row += [
            (f"{arrow} ", "faint"),
            (pad(f"{numbers.size_bytes(rate)}/s", 8, align="right"), "text"),
            (" ", "text"),
        ]
    gap = inner - row_width(row)
    return [[*row[:1], (" " * max(0, gap), "text"), *row[1:]]]


def gpu_names(latest: Mapping[str, float]) -> list[str]:
    """Prefixes of the GPUs (and MIG slices) in a sample: `gpu.0`, `gpu.1.mig.0`, in order."""
    found = {
        key.rpartition(".")[0] for key in latest if key.startswith("gpu.") and key.rpartition(".")[0] != "gpu"
    }
    return sorted(found, key=lambda name: [int(part) if part.isdigit() else -1 for part in name.split(".")])


def _gpu(latest: Mapping[str, float], name: str, inner: int, glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = []
    util = latest.get(f"{name}.util_percent")
    used, total = latest.get(f"{name}.mem_used_bytes"), latest.get(f"{name}.mem_total_bytes")
    label = name.replace("gpu.", "gpu", 1).replace(".mig.", ":")
    if util is not None:
        values = numbers.percent(util / 100) + _heat(latest, name, glyphs)
        rows.append(_bar_row(label, util / 100, values, inner, glyphs, full_is_bad=False))
        label = "  mem"
    if used is not None:
        rows.append(_bar_row(label, used / total if total else None, _of(used, total), inner, glyphs))
    return rows


def _most_important(blocks: Sequence[tuple[str, list[Row]]], room: int) -> list[Row]:
    """One row of each part first, then their second rows, in the order of the parts."""
    chosen = [(0, part, rows[0]) for part, (_, rows) in enumerate(blocks) if rows]
    chosen += [
        (index, part, row) for part, (_, rows) in enumerate(blocks) for index, row in enumerate(rows) if index
    ]
    kept = sorted(chosen[: max(0, room)], key=lambda entry: (entry[1], entry[0]))
    return [row for _, _, row in kept]


def _heat(latest: Mapping[str, float], name: str, glyphs: Glyphs) -> str:
    """Temperature and power of a GPU, as far as it tells them: ` 71° 412W`."""
    heat, power = latest.get(f"{name}.temp_c"), latest.get(f"{name}.power_watts")
    degree = "C" if glyphs.ascii_only else "°"
    parts = [
        f"{heat:3.0f}{degree}" if heat is not None else "",
        f"{power:3.0f}W" if power is not None else "",
    ]
    return "".join(f" {part}" for part in parts if part)
