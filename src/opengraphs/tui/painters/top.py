"""The machine now: meters, history, processes. What `GET /host` answers, as rows."""

from __future__ import annotations

import math

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.axis import FilledAxis
from opengraphs.tui.painters.cells import beside, fit, row_width
from opengraphs.tui.painters.chart import paint as paint_chart
from opengraphs.tui.painters.chartspec import ChartSpec, Curve
from opengraphs.tui.painters.frame import box, progress_bar
from opengraphs.tui.painters.panels import gpu_names
from opengraphs.tui.painters.spark import sparkline
from opengraphs.tui.painters.strips import shade
from opengraphs.tui.painters.text import pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

    History = Callable[[str], tuple[list[float], list[float]]]

_FULL = 0.92
_CORE_WIDTH = 16
_LEAST_S = 60.0
"""A chart shows at least so long."""
_BESIDE_FROM = 72


class Picture:
    """The rows, and how many processes there is room for."""

    __slots__ = ("process_rows", "rows")

    def __init__(self, rows: list[Row], process_rows: int) -> None:
        self.rows, self.process_rows = rows, process_rows


def paint(
    sample: Mapping[str, Any],
    history: History,
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    process: int | None,
    sort: str,
    message: str,
) -> Picture:
    """`height` rows. sample: a `GET /host` reply, {} before the first. process: pid of the marked one."""
    metrics = {key: numbers.to_float(value) for key, value in sample.get("metrics", {}).items()}
    meters_height = min(height, max(3, (height - 2) // 2)) if height >= 10 else 0
    rows: list[Row] = [fit(_summary(sample, metrics, glyphs), width, ellipsis=glyphs.ellipsis)]
    if meters_height:
        rows += _meters(metrics, history, width, meters_height, glyphs, message)
    room = max(0, height - len(rows))
    rows += _processes(sample, width, room, glyphs, process=process, sort=sort)
    return Picture(rows[:height], max(0, room - 1))


def _summary(sample: Mapping[str, Any], metrics: Mapping[str, float], glyphs: Glyphs) -> Row:
    """Load, uptime, number of processes."""
    load = sample.get("load") or [metrics[key] for key in ("load.1m",) if key in metrics]
    parts = [("load", " ".join(f"{value:.2f}" for value in load))] if load else []
    if metrics.get("cpu.count"):
        parts.append(("cpus", numbers.short(metrics["cpu.count"])))
    if sample.get("uptime_s") is not None:
        parts.append(("up", numbers.duration(sample["uptime_s"])))
    if sample.get("total") is not None:
        parts.append(("processes", str(sample["total"])))
    row: Row = [(" " + glyphs.clean(str(sample.get("host", ""))), "title")]
    for label, text in parts:
        row += [(f" {glyphs.separator} ", "border"), (f"{label} ", "dim"), (text, "text")]
    return row


def _meters(
    metrics: Mapping[str, float], history: History, width: int, height: int, glyphs: Glyphs, message: str
) -> list[Row]:
    """CPU with its cores at the left, memory, disk, network and GPUs at the right."""
    if width < _BESIDE_FROM:
        return _machine(metrics, history, width, height, glyphs, cpu=True)
    right = min(60, width // 2)
    left = width - right
    cores = _cores(metrics, left - 2, max(0, height - 7), glyphs)
    chart_height = height - (len(cores) + 1 if cores else 0)
    spec = _chart("cpu %", "cpu.percent", history, message)
    column = paint_chart(spec, left, chart_height, glyphs)
    if cores:
        column = [*column[:-1], *_joined(column[-1], cores, left, glyphs)]
    return beside(column, _machine(metrics, history, right, height, glyphs, cpu=False))


def _joined(axis: Row, cores: Sequence[Row], width: int, glyphs: Glyphs) -> list[Row]:
    """The cores in the box below the chart."""
    v, h = glyphs.box[1], glyphs.box[0]
    framed = [[(v, "border"), *fit(row, width - 2), (v, "border")] for row in cores]
    (first, role), *middle, (last, last_role) = axis
    axis = [(glyphs.box[6] + first[1:], role), *middle, (last[:-1] + glyphs.box[7], last_role)]
    return [axis, *framed, [(glyphs.box[4] + h * (width - 2) + glyphs.box[5], "border")]]


def _chart(title: str, metric: str, history: History, message: str) -> ChartSpec:
    x, y = history(metric)
    window = (min(x[0], x[-1] - _LEAST_S), x[-1]) if x else None
    curves = [Curve(x, y)] if x else []
    return ChartSpec(title, curves, x_kind="time", x_range=window, axis=FilledAxis(100.0), message=message)


def _cores(metrics: Mapping[str, float], inner: int, room: int, glyphs: Glyphs) -> list[Row]:
    """A meter a core; one cell a core where there is no room for meters."""
    found = sorted(
        (int(key.split(".")[1]), value)
        for key, value in metrics.items()
        if key.startswith("cpu.")
        and key.endswith(".percent")
        and key.count(".") == 2
        and key.split(".")[1].isdigit()
    )
    across = max(1, inner // _CORE_WIDTH)
    if not found or room < 1:
        return []
    down = -(-len(found) // across)
    if down <= room:
        size = inner // across
        return [
            [run for number, value in found[row::down] for run in _core(number, value, size, glyphs)]
            for row in range(down)
        ]
    cells = "".join(shade(value / 100, glyphs) for _, value in found)
    rows = [cells[at : at + inner - 2] for at in range(0, len(cells), max(1, inner - 2))]
    return [[(" " + row, "series.0")] for row in rows[:room]]


def _core(number: int, value: float, size: int, glyphs: Glyphs) -> Row:
    """` 3 ━━━╸──  42 %` in `size` cells."""
    head, tail = f" {number:>2} ", f" {numbers.percent(value / 100)} "
    return [(head, "dim"), *_bar(value / 100, size - len(head) - len(tail), glyphs), (tail, "text")]


def _bar(fraction: float, size: int, glyphs: Glyphs, *, full_is_bad: bool = True) -> Row:
    high = full_is_bad and fraction >= _FULL
    return progress_bar(fraction, max(0, size), glyphs, role="warn" if high else "accent")


def _machine(
    metrics: Mapping[str, float], history: History, width: int, height: int, glyphs: Glyphs, *, cpu: bool
) -> list[Row]:
    """A box of meters; the most important ones where there is little room."""
    inner = width - 2
    rows: list[Row] = []
    if cpu and "cpu.percent" in metrics:
        rows.append(
            _meter(
                "cpu",
                metrics["cpu.percent"] / 100,
                numbers.percent(metrics["cpu.percent"] / 100),
                inner,
                glyphs,
            )
        )
    for label, used, total in (
        ("ram", "ram.used_bytes", "ram.total_bytes"),
        ("swap", "swap.used_bytes", "swap.total_bytes"),
    ):
        if metrics.get(total):
            rows.append(
                _meter(
                    label, metrics[used] / metrics[total], _of(metrics[used], metrics[total]), inner, glyphs
                )
            )
    gpus = _gpus(metrics, inner, glyphs)
    disk = []
    free, total_bytes = metrics.get("disk.free_bytes"), metrics.get("disk.total_bytes")
    if free is not None and total_bytes:
        used_bytes = total_bytes - free
        disk.append(_meter("disk", used_bytes / total_bytes, _of(used_bytes, total_bytes), inner, glyphs))
    for label, metric in (
        ("read", "disk.read_bytes_per_s"),
        ("write", "disk.write_bytes_per_s"),
        ("net in", "net.rx_bytes_per_s"),
        ("net out", "net.tx_bytes_per_s"),
    ):
        if metric in metrics:
            disk.append(_rate(label, metrics[metric], history(metric)[1], inner, glyphs))
    room = max(0, height - 2)
    left = max(1, room - len(rows) - min(len(disk), room // 3)) if gpus else 0
    if len(gpus) > left:
        hidden = len(gpus) - left + 1
        gpus = [*gpus[: left - 1], [(f" +{hidden} more gpus", "dim")]]
    return box([*rows, *gpus, *disk], width, height, glyphs, title="machine")


def _gpus(metrics: Mapping[str, float], inner: int, glyphs: Glyphs) -> list[Row]:
    rows = []
    for name in gpu_names(metrics):
        label = name.replace("gpu.", "gpu", 1).replace(".mig.", ":")
        util, used = metrics.get(f"{name}.util_percent"), metrics.get(f"{name}.mem_used_bytes")
        total = metrics.get(f"{name}.mem_total_bytes")
        heat, power = metrics.get(f"{name}.temp_c"), metrics.get(f"{name}.power_watts")
        texts = [_of(used, total)] if used is not None and total else []
        texts += [f"{heat:.0f}C"] if heat is not None else []
        texts += [f"{power:3.0f}W"] if power is not None else []
        texts += [numbers.percent(util / 100)] if util is not None else []
        share = util / 100 if util is not None else used / total if used is not None and total else 0.0
        rows.append(_meter(label, share, " ".join(texts), inner, glyphs, full_is_bad=False))
    return rows


def _meter(
    label: str, fraction: float, text: str, inner: int, glyphs: Glyphs, *, full_is_bad: bool = True
) -> Row:
    """` ram     ━━━━╸─────   6.0G/16.0G`."""
    size = inner - 9 - max(13, len(text)) - 2
    row: Row = [(" " + pad(label, 8), "dim")]
    if size >= 4 and math.isfinite(fraction):
        row += _bar(fraction, size, glyphs, full_is_bad=full_is_bad)
    return [*row, (pad(text, max(0, inner - row_width(row) - 1), align="right"), "text"), (" ", "text")]


def _rate(label: str, value: float, history: Sequence[float], inner: int, glyphs: Glyphs) -> Row:
    """A rate and how it was."""
    size = max(0, inner - 9 - 13 - 2)
    recent = list(history)[-size:] if size else []
    curve = sparkline([0.0] * (size - len(recent)) + recent, size, glyphs, bounds=(0.0, max([1.0, *recent])))
    text = f"{numbers.size_bytes(value)}/s"
    return [
        (" " + pad(label, 8), "dim"),
        (curve, "series.0.dim"),
        (pad(text, inner - 10 - size, align="right"), "text"),
        (" ", "text"),
    ]


def _of(used: float, total: float) -> str:
    return f"{numbers.size_bytes(used)}/{numbers.size_bytes(total)}"


def _processes(
    sample: Mapping[str, Any], width: int, room: int, glyphs: Glyphs, *, process: int | None, sort: str
) -> list[Row]:
    """A line of titles, then a process a line; runs of og carry their name."""
    if room < 1:
        return []
    arrow = glyphs.arrows[1]
    titles = {"cpu": "cpu %", "memory": "mem"}
    heads = {key: f"{arrow}{title}" if key == sort else title for key, title in titles.items()}
    wide = width >= 60
    user = f"{'user':<9}" if wide else ""
    head = f" {'pid':>7} {user}{heads['cpu']:>7} {heads['memory']:>6} {'time':>6}  command"
    rows: list[Row] = [fit([(head, "dim")], width, ellipsis=glyphs.ellipsis)]
    for one in list(sample.get("processes", []))[: room - 1]:
        rows.append(_process(one, width, wide, glyphs, marked=one["pid"] == process))
    rows += [fit([], width) for _ in range(room - len(rows))]
    return rows


def _process(one: Mapping[str, Any], width: int, wide: bool, glyphs: Glyphs, *, marked: bool) -> Row:
    prefix = "sel:" if marked else ""
    cpu = one.get("cpu_percent")
    lead = glyphs.prompt if marked else " "
    user = f"{pad(glyphs.clean(str(one.get('user') or '')), 8, ellipsis=glyphs.ellipsis)} " if wide else ""
    busy = f"{cpu:7.1f}" if cpu is not None else f"{'-':>7}"
    figures = (
        f"{busy} {numbers.size_bytes(one.get('rss_bytes')):>6} {numbers.duration(one.get('cpu_s')):>6}  "
    )
    row: Row = [(f"{lead}{one['pid']:>7} {user}{figures}", prefix + "text")]
    if one.get("run"):
        name = glyphs.clean(str(one.get("run_name") or one["run"]))
        row += [(f"{glyphs.status['running']} {name} ", prefix + "b:accent")]
    row.append((glyphs.clean(str(one.get("command", ""))), prefix + "dim"))
    return fit(row, width, role=prefix + "text", ellipsis=glyphs.ellipsis)
