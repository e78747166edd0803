"""Whole frames from the daemon's answers: stage 0, `--once`, and what the app starts from."""

from __future__ import annotations

from opengraphs.tui.painters import arrange, chart, frame, layout, numbers, panels, sections
from opengraphs.tui.painters.cells import blank, faded, fit
from opengraphs.tui.painters.numbers import to_float

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opengraphs.protocol.runs import LogReply, RunReply, RunRow
    from opengraphs.protocol.series import ProgressOut, SeriesOut, SeriesReply, SystemReply
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row
    from opengraphs.tui.painters.chart import ChartSpec
    from opengraphs.tui.painters.layout import Rect

LOGS_HINTS = (("?", "help"), ("/", "find"), ("home", "top"), ("q", "quit"))
"""Hints as the app shows them at first, so that its takeover changes nothing; tests/tui/test_stage0.py compares."""


LEFT_TO_TELL = 0.01
"""A live run always has a last line to read; less than this share of a journal is no news."""


def runs_hints(any_runs: bool) -> list[tuple[str, str]]:
    """Hints of the Runs screen."""
    some = [("enter", "graphs"), ("space", "select")] if any_runs else []
    more = [("C", "columns"), ("T", "tree"), ("t", "tag")] if any_runs else []
    return [("?", "help"), ("/", "filter"), *some, ("o", "sort"), *more, ("q", "quit")]


def graphs_hints(*, charts: bool, pages: bool, live: bool) -> list[tuple[str, str]]:
    """Hints of the Graphs screen. charts: there are any; pages: more than fit."""
    page = [("pgdn", "page")] if pages else []
    pause = [("p", "pause")] if live else []
    some = [("enter", "enlarge"), *page, ("m", "smooth"), *pause] if charts else []
    return [("?", "help"), ("/", "search"), *some, ("a", "ask"), ("q", "quit")]


class GraphsModel:
    """What the Graphs screen shows: the run, its charts (in stable order), statistics, machine, state of the line.

    mode: live, paused, ended, stale, connecting or offline. stale_s: age of the data
    when it is too old to pass for live. system: newest sample, None without one;
    history: its recent values by key.
    """

    __slots__ = (
        "charts", "history", "hosts", "mode", "page", "pending", "progress", "prompt", "refresh_ms", "run", "series", "stale_s", "system",
    )  # fmt: skip

    def __init__(
        self,
        run: RunReply,
        charts: Sequence[ChartSpec],
        reply: SeriesReply,
        *,
        system: Mapping[str, float] | None = None,
        history: Mapping[str, Sequence[float]] | None = None,
        page: int = 0,
        refresh_ms: int = 250,
        mode: str = "live",
        stale_s: float | None = None,
        prompt: str = "",
        hosts: Sequence[str] = (),
    ) -> None:
        self.run = run
        self.charts = charts
        self.series: Sequence[SeriesOut] = reply["series"]
        self.progress: ProgressOut | None = reply["progress"].get(run.get("run_id", ""))
        self.pending = float(reply["pending"].get(run.get("run_id", ""), 0.0))
        self.system = system
        self.history = history
        self.page = page
        self.refresh_ms = refresh_ms
        self.mode = mode
        self.stale_s = stale_s
        self.prompt = prompt
        self.hosts = hosts


def graphs_model(
    run: RunReply,
    reply: SeriesReply,
    system: SystemReply | None = None,
    *,
    metrics: Sequence[str],
    stale_s: float | None = None,
) -> GraphsModel:
    """The model of one run from its `/runs/{ref}`, `/series` and `/system` answers.

    metrics: keys to show, in order; `choose_metrics` gives the usual ones.
    """
    run_id = run.get("run_id", "")
    live = run.get("status") == "running"
    charts = [
        chart.ChartSpec(
            metric,
            chart.curves_of(reply["series"], metric=metric, colors={run_id: 0}, unread=reply.get("unread")),
            bands=chart.bands_of(
                reply["series"], metric=metric, colors={run_id: 0}, unread=reply.get("unread")
            ),
            live=live,
            focused=index == 0,
            stale=stale_s is not None,
        )
        for index, metric in enumerate(metrics)
    ]
    mode = "stale" if stale_s is not None else "live" if live else "ended"
    history = {one["metric"]: [to_float(y) for y in one["y"]] for one in system["series"]} if system else None
    return GraphsModel(
        run,
        charts,
        reply,
        system=latest_of(system),
        history=history,
        mode=mode,
        stale_s=stale_s,
        hosts=system["hosts"] if system else (),
    )


def choose_metrics(run: RunReply) -> list[str]:
    """The metrics of a run in the order of its charts (see `arrange`)."""
    return arrange.metrics(run.get("metrics", ()))


def sections_of(metrics: Sequence[str]) -> list[layout.Section]:
    """The sections of metrics in this order, none folded."""
    return [(name, len(keys), False) for name, keys in arrange.sections(metrics)]


def latest_of(system: SystemReply | None) -> dict[str, float] | None:
    """The newest value of every system metric; None without a reply."""
    if system is None:
        return None
    out: dict[str, float] = {}
    for one in system["series"]:
        last = one["last"]["value"] if one["last"] else one["y"][-1] if one["y"] else None
        if isinstance(last, (int, float)):
            out[one["metric"]] = float(last)
    return out


def source_of(run: RunReply | RunRow) -> str:
    """Where what is shown comes from: runs/…-k7f3, or another program's file, and what of it cannot be read."""
    path = run.get("source_path")
    if path:
        trouble = run.get("source_trouble")
        return f"source: {_end_of(path)}" + (f"  {trouble}" if trouble else "")
    run_id = run.get("run_id", "")
    return f"runs/…{run_id[-5:]}" if len(run_id) > 5 else f"runs/{run_id}"


def _end_of(path: str) -> str:
    """The last two names of a path."""
    return "/".join(path.rsplit("/", 2)[-2:])


def source_or_reading(run: RunReply, pending: float) -> str:
    """`source_of`, or how much of a run is read while a part worth telling is missing. pending: 0 to 1."""
    if pending < LEFT_TO_TELL:
        return source_of(run)
    return f"reading {numbers.percent(1 - pending).strip()}"


def paste(rows: list[Row], block: Sequence[Row], at: Rect) -> None:
    """Put a block that fits its rectangle behind what already stands in those rows; blocks go left to right."""
    for offset, row in enumerate(block[: at.height]):
        rows[at.y + offset].extend(row)


def paint_graphs(
    model: GraphsModel, width: int, height: int, glyphs: Glyphs, *, minimal: bool = False
) -> list[Row]:
    """The Graphs screen as a complete frame."""
    lay = layout.graphs(
        width,
        height,
        len(model.charts),
        page=model.page,
        minimal=minimal,
        sections=sections_of([spec.title for spec in model.charts]),
    )
    rows: list[Row] = [[] for _ in range(height)]
    if lay.header.height:
        paste(rows, [graphs_header(model, width, glyphs)], lay.header)
    paste(rows, chart_grid(model.charts, lay.charts, lay.grid, glyphs), lay.charts)
    if lay.stats:
        paste(rows, _in_age(model, _stats(model, lay.stats, glyphs)), lay.stats)
    if lay.system:
        host = model.hosts[0] if model.hosts else ""
        size = (lay.system.width, lay.system.height)
        panel = panels.paint_system(model.system or {}, *size, glyphs, history=model.history, host=host)
        paste(rows, _in_age(model, panel), lay.system)
    if lay.prompt:
        paste(rows, [frame.prompt(width, glyphs, text=model.prompt)], lay.prompt)
    if lay.status.height:
        paste(rows, [_graphs_status(model, width, glyphs, pages=lay.grid.pages > 1)], lay.status)
    return rows


def _stats(model: GraphsModel, at: Rect, glyphs: Glyphs) -> list[Row]:
    shown = {spec.title for spec in model.charts}
    focused = next((spec.title for spec in model.charts if spec.focused), None)
    series = [one for one in model.series if one["metric"] in shown]
    ranks = model.run.get("ranks_seen", ())
    return panels.paint_stats(
        series,
        at.width,
        at.height,
        glyphs,
        focused=focused,
        ranks=ranks,
        steps_per_s=pace_of(model.run, model.progress),
    )


def pace_of(run: RunReply, progress: ProgressOut | None) -> float | None:
    """Steps a second of a live run; None where that is not known."""
    return (progress or {}).get("steps_per_s") if run.get("status") == "running" else None


def _in_age(model: GraphsModel, block: list[Row]) -> list[Row]:
    return block if model.stale_s is None else faded(block)


def graphs_header(model: GraphsModel, width: int, glyphs: Glyphs) -> Row:
    """The top line of a run."""
    run = model.run
    return frame.header(
        width,
        glyphs,
        active="graphs",
        name=run.get("name") or run.get("run_id", ""),
        status=run.get("status", ""),
        progress=model.progress,
    )


def _graphs_status(model: GraphsModel, width: int, glyphs: Glyphs, *, pages: bool) -> Row:
    return frame.status_bar(
        width,
        glyphs,
        source=source_or_reading(model.run, model.pending),
        refresh_ms=model.refresh_ms,
        mode=model.mode,
        hints=graphs_hints(charts=bool(model.charts), pages=pages, live=model.run.get("status") == "running"),
        age_s=model.stale_s,
    )


def chart_grid(charts: Sequence[ChartSpec], area: Rect, grid: layout.Grid, glyphs: Glyphs) -> list[Row]:
    """The charts of one page in their slots, below the heads of their sections; empty slots stay blank."""
    rows: list[Row] = [[] for _ in range(area.height)]
    if not charts:
        return _no_charts(area, glyphs)
    ends = [0] * area.height
    blocks = [(head.rect, [sections.paint_head(head, glyphs)]) for head in grid.heads]
    blocks += [
        (slot, chart.paint(charts[place], slot.width, slot.height, glyphs))
        for slot, place in zip(grid.slots, grid.places, strict=True)
    ]
    for rect, block in blocks:
        for offset, row in enumerate(block, rect.y - area.y):
            rows[offset].extend(row)
            ends[offset] = rect.x - area.x + rect.width
    for row, end in zip(rows, ends, strict=True):
        if end < area.width:
            row.append((" " * (area.width - end), "text"))
    return rows


def _no_charts(area: Rect, glyphs: Glyphs) -> list[Row]:
    rows = blank(area.width, area.height)
    text = glyphs.clean("waiting for the first metric")
    if area.height and area.width > len(text):
        left = (area.width - len(text)) // 2
        rows[area.height // 2] = fit([(" " * left, "text"), (text, "dim")], area.width)
    return rows


def paint_runs(
    runs: Sequence[RunRow],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    now: float,
    total: int | None = None,
    cursor: int = 0,
    mode: str = "live",
    source: str = "",
    refresh_ms: int = 250,
    minimal: bool = False,
) -> list[Row]:
    """The Runs screen as a complete frame."""
    from opengraphs.tui.painters import cards, table  # the Graphs frame does without their import

    lay = layout.runs(width, height, len(runs), minimal=minimal)
    rows: list[Row] = [[] for _ in range(height)]
    if lay.header.height:
        note = runs_note(runs, len(runs) if total is None else total)
        paste(rows, [frame.header(width, glyphs, active="runs", note=note)], lay.header)
    if lay.cards:
        paste(rows, cards.paint(runs, width, lay.cards.height, glyphs, now=now), lay.cards)
    paste(rows, table.paint(runs, width, lay.table.height, glyphs, now=now, cursor=cursor), lay.table)
    if lay.status.height:
        bar = frame.status_bar(
            width, glyphs, source=source, refresh_ms=refresh_ms, mode=mode, hints=runs_hints(bool(runs))
        )
        paste(rows, [bar], lay.status)
    return rows


def runs_note(runs: Sequence[RunRow], total: int) -> str:
    """12 runs, 3 live."""
    live = sum(1 for run in runs if run.get("status") == "running")
    text = f"{total} run" if total == 1 else f"{total} runs"
    return f"{text}, {live} live" if live else text


def paint_logs(
    run: RunReply, log: LogReply, width: int, height: int, glyphs: Glyphs, *, mode: str | None = None
) -> list[Row]:
    """The Logs screen as a complete frame, following the end. mode: None is live or ended, as the run is."""
    from opengraphs.tui.painters import log as log_painter

    lay = layout.logs(width, height)
    rows: list[Row] = [[] for _ in range(height)]
    if lay.header.height:
        name = run.get("name") or run.get("run_id", "")
        paste(
            rows,
            [frame.header(width, glyphs, active="logs", name=name, status=run.get("status", ""))],
            lay.header,
        )
    message = log_painter.nothing_printed(ended=run.get("status") != "running")
    spec = log_painter.LogSpec(log["lines"], total_lines=log["total_lines"], message=message)
    paste(rows, log_painter.paint(spec, width, lay.log.height, glyphs), lay.log)
    if lay.status.height:
        now = mode or ("live" if run.get("status") == "running" else "ended")
        bar = frame.status_bar(
            width, glyphs, source=source_of(run), refresh_ms=None, mode=now, hints=LOGS_HINTS
        )
        paste(rows, [bar], lay.status)
    return rows
