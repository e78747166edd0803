"""The runs table: fixed columns, chosen by width, one run a row.

`RunRow` is what `GET /runs` answers. Painting is O(rows shown).
"""

from __future__ import annotations

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.frame import progress_bar, status_mark
from opengraphs.tui.painters.spark import sparkline
from opengraphs.tui.painters.text import clip_left, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from opengraphs.protocol.runs import RunRow
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row


class Column:
    """One column: `key` is the field it shows and sorts by, `width` in cells."""

    __slots__ = ("align", "key", "title", "width")

    def __init__(self, key: str, title: str, width: int, *, align: str = "left") -> None:
        self.key = key
        self.title = title
        self.width = width
        self.align = align


_ORDER = (
    "status",
    "name",
    "project",
    "source",
    "metric",
    "spark",
    "progress",
    "step",
    "duration",
    "created_at",
    "tags",
)
"""From left to right."""

_BY_NEED = (
    "status",
    "name",
    "created_at",
    "metric",
    "step",
    "duration",
    "source",
    "progress",
    "spark",
    "project",
    "tags",
)
"""What is shown first when there is little room."""

_FIXED = {
    "status": ("status", 10, "left"),
    "name": ("name", 16, "left"),
    "project": ("project", 14, "left"),
    "source": ("source", 13, "left"),
    "metric": ("metric", 21, "left"),
    "spark": ("trend", 16, "left"),
    "progress": ("progress", 15, "left"),
    "step": ("step", 8, "right"),
    "duration": ("time", 6, "right"),
    "created_at": ("age", 4, "right"),
    "tags": ("tags", 14, "left"),
}
"""Column → (title, width, alignment). `name` and `tags` share what is left over."""

_ROOMY = 76
"""From this width on names get more room at once, and the metric's key stands before its value."""
_ROOMY_NAME = 24


def columns_for(width: int, *, foreign: bool = False) -> list[Column]:
    """The columns of a width, with their final widths; they add up to it with one blank between and one at each end.

    foreign: some of the runs are of other programs, so the column that says of which is worth its place.
    """
    room = width - 2
    kinds = {key: Column(key, title, size, align=align) for key, (title, size, align) in _FIXED.items()}
    if width >= _ROOMY:
        kinds["name"].width = _ROOMY_NAME
    else:
        kinds["metric"] = Column("metric", "last", numbers.VALUE_WIDTH + 1, align="right")
    chosen: list[str] = []
    used = -1
    for key in _BY_NEED:
        if key == "source" and not foreign:
            continue
        size = kinds[key].width + 1
        if used + size <= room or not chosen:
            chosen.append(key)
            used += size
    columns = [kinds[key] for key in _ORDER if key in chosen]
    _share(columns, room - used)
    return columns


def _share(columns: Sequence[Column], rest: int) -> None:
    """Give what is left to name (up to 44), then tags, then name again."""
    by_key = {column.key: column for column in columns}
    name = by_key.get("name")
    if name is None:
        columns[-1].width = max(1, columns[-1].width + rest)
        return
    grow = min(rest, 16) if "tags" in by_key else rest
    name.width += grow
    if "tags" in by_key:
        by_key["tags"].width += rest - grow


def paint(
    runs: Sequence[RunRow],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    now: float,
    top: int = 0,
    cursor: int | None = None,
    selected: Collection[str] = (),
    sort: tuple[str, bool] = ("created_at", True),
    message: str = "no runs yet",
) -> list[Row]:
    """A header row and `height - 1` runs from index `top`.

    now: epoch seconds, for ages and durations. cursor: index of the highlighted run.
    selected: run ids chosen for overlay. sort: (column key, descending).
    """
    if height <= 0:
        return []
    columns = columns_for(width, foreign=any(map(is_foreign, runs)))
    rows = [paint_header(columns, width, glyphs, sort=sort)]
    for index in range(top, min(len(runs), top + height - 1)):
        run = runs[index]
        chosen = run.get("run_id") in selected
        rows.append(paint_run(run, columns, width, glyphs, now=now, cursor=index == cursor, selected=chosen))
    while len(rows) < height:
        text = message if not runs and len(rows) == min(2, height - 1) else ""
        rows.append(fit([("  " + glyphs.clean(text), "dim")], width, ellipsis=glyphs.ellipsis))
    return rows


def paint_header(columns: Sequence[Column], width: int, glyphs: Glyphs, *, sort: tuple[str, bool]) -> Row:
    """Column titles; the sorted one carries an arrow."""
    row: Row = [(" ", "faint")]
    for column in columns:
        sorted_here = column.key == sort[0]
        arrow = (glyphs.arrows[1] if sort[1] else glyphs.arrows[0]) if sorted_here else ""
        title = pad(_heading(column, arrow), column.width, align=column.align, ellipsis="")
        row += [(title, "accent" if sorted_here else "dim"), (" ", "faint")]
    return fit(row, width)


def _heading(column: Column, arrow: str) -> str:
    if not arrow:
        return column.title
    return arrow + column.title if column.align == "right" else f"{column.title} {arrow}"


def paint_run(
    run: RunRow,
    columns: Sequence[Column],
    width: int,
    glyphs: Glyphs,
    *,
    now: float,
    cursor: bool = False,
    selected: bool = False,
) -> Row:
    """One run as one row."""
    row: Row = [(glyphs.marks["point"] if selected else " ", "b:accent")]
    for column in columns:
        row += [*_cell(run, column, glyphs, now), (" ", "text")]
    row = fit(row, width, ellipsis=glyphs.ellipsis)
    return [(text, f"sel:{role}") for text, role in row] if cursor else row


def _cell(run: RunRow, column: Column, glyphs: Glyphs, now: float) -> Row:
    """One cell, exactly as wide as its column."""
    key, width = column.key, column.width
    if key == "status":
        mark, role = status_mark(run.get("status", ""), glyphs)
        return [(pad(f"{mark} {run.get('status', '')}", width, ellipsis=glyphs.ellipsis), role)]
    if key == "metric":
        return _metric(run, width, glyphs)
    if key == "spark":
        role = "series.0" if run.get("status") == "running" else "dim"
        return [(sparkline(run.get("spark") or [], width, glyphs), role)]
    if key == "progress":
        return _progress(run, width, glyphs)
    text, role = _text(run, key, glyphs, now)
    clipped = clip_left(text, width, ellipsis=glyphs.ellipsis) if key == "step" else text
    return [(pad(clipped, width, align=column.align, ellipsis=glyphs.ellipsis), role)]


def _text(run: RunRow, key: str, glyphs: Glyphs, now: float) -> tuple[str, str]:
    if key == "name":
        return glyphs.clean(run.get("name") or run.get("run_id", "")), "text"
    if key == "project":
        return glyphs.clean(run.get("project") or ""), "dim"
    if key == "source":
        return glyphs.clean(run.get("source") or "" if is_foreign(run) else ""), "dim"
    if key == "step":
        step = run.get("last_step")
        return (numbers.step(step) if step is not None else "-"), "text" if step is not None else "faint"
    if key == "duration":
        return numbers.duration(duration_s(run, now)), "dim"
    if key == "created_at":
        return age_text(run, now), "dim"
    return " ".join(glyphs.clean(tag) for tag in run.get("tags") or ()), "dim"


def _metric(run: RunRow, width: int, glyphs: Glyphs) -> Row:
    """The main metric: its key at the left, its last value at the right."""
    metric = run.get("main_metric")
    if not metric:
        return [(pad("-", width), "faint")]
    number = numbers.value((run.get("last") or {}).get(metric))
    if width <= numbers.VALUE_WIDTH + 1:
        return [(pad(number, width, align="right"), "text")]
    room = max(0, width - 1 - numbers.VALUE_WIDTH)
    name = pad(clip_left(glyphs.clean(metric), room, ellipsis=glyphs.ellipsis), room)
    return [(name, "dim"), (pad(number, width - room, align="right"), "text")]


def _progress(run: RunRow, width: int, glyphs: Glyphs) -> Row:
    fraction = _fraction(run)
    if fraction is None or width < 8:
        return [(" " * width, "text")]
    live = run.get("status") == "running"
    bar = progress_bar(fraction, width - 6, glyphs, role="accent" if live else "dim")
    return [*bar, (f" {numbers.percent(fraction)}", "text" if live else "dim")]


def _fraction(run: RunRow) -> float | None:
    progress = run.get("progress") or {}
    step, total = progress.get("step"), progress.get("total")
    if total is None or total <= 0:
        return None
    at = step if step is not None else run.get("last_step")
    return None if at is None else max(0.0, min(1.0, at / total))


def is_foreign(run: RunRow) -> bool:
    """Whether the run was recorded by another program."""
    return bool(run.get("source_path"))


def step_text(run: RunRow) -> str:
    """372/1000, 372, or nothing."""
    progress = run.get("progress") or {}
    step = progress.get("step")
    step = run.get("last_step") if step is None else step
    if step is None:
        return ""
    total = progress.get("total")
    return f"{numbers.step(step)}/{numbers.step(total)}" if total else f"step {numbers.step(step)}"


def epoch(stamp: str | None) -> float | None:
    """Epoch seconds of a UTC ISO-8601 time such as `2026-11-22T09:30:12.123456Z`; None when it is none."""
    if not stamp or len(stamp) < 19:
        return None
    try:
        year, month, day = int(stamp[0:4]), int(stamp[5:7]), int(stamp[8:10])
        hour, minute, second = int(stamp[11:13]), int(stamp[14:16]), int(stamp[17:19])
    except ValueError:
        return None
    return _days(year, month, day) * 86400.0 + hour * 3600 + minute * 60 + second


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of the civil calendar (datetime would cost its import)."""
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def duration_s(run: RunRow, now: float) -> float | None:
    """How long the run has been going, or went on; None when it has not started or nobody knows when it ended."""
    start = epoch(run.get("started_at") or run.get("created_at"))
    if start is None:
        return None
    if run.get("status") == "running":
        return max(0.0, now - start)
    end = epoch(run.get("ended_at"))
    if end is None:  # a heartbeat from the very start says nothing
        end = epoch(run.get("heartbeat_at"))
        return None if end is None or end <= start else end - start
    return max(0.0, end - start)


def age_text(run: RunRow, now: float) -> str:
    """How long ago the run was made."""
    made = epoch(run.get("created_at"))
    return numbers.age(None if made is None else now - made)
