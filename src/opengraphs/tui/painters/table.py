"""The runs table: fixed columns, chosen by width, one run a row.

`RunRow` is what `GET /runs` answers. Painting is O(rows shown).
"""

from __future__ import annotations

from opengraphs.tui.painters import numbers, values
from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.frame import progress_bar, status_mark
from opengraphs.tui.painters.spark import sparkline
from opengraphs.tui.painters.text import clip_left, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from opengraphs.protocol.runs import RunRow, TreePlace
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row
    from opengraphs.tui.painters.values import Chosen


class Column:
    """One column: `key` is the field it shows and sorts by, `width` in cells."""

    __slots__ = ("align", "form", "key", "title", "width")

    def __init__(self, key: str, title: str, width: int, *, align: str = "left", form: str = "auto") -> None:
        self.key = key
        self.title = title
        self.width = width
        self.align = align
        self.form = form


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

_WIDE = {"started_at": 16, "ended_at": 16, "heartbeat_at": 16, "run_id": 20, "parent.run_id": 20, "notes": 24}
"""Widths of chosen columns whose values are longer than their names."""

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


def chosen_columns(chosen: Sequence[Chosen], width: int, *, left: int = 0) -> list[Column]:
    """The columns that the user chose, as far as they fit: status and name stay, `left` others are scrolled away."""
    short = width < _ROOMY
    columns = [
        Column("status", "" if short else "status", 2 if short else 10),
        Column("name", "name", 16 if short else _ROOMY_NAME),
    ]
    room = width - 1 - sum(column.width + 1 for column in columns)
    for one in chosen[left:]:
        column = _column_of(one)
        if column.width + 1 > room:
            break
        columns.append(column)
        room -= column.width + 1
    columns[1].width += max(0, min(room, _ROOMY_NAME))
    return columns


def _column_of(one: Chosen) -> Column:
    if one.key in _FIXED:
        title, size, align = _FIXED[one.key]
        return Column(one.key, title, size, align=align, form=one.form)
    title = one.key.removeprefix("config.").removeprefix("summary.").removeprefix("last.")
    size = _WIDE.get(one.key, max(numbers.VALUE_WIDTH + 1, min(16, len(title) + 2)))
    return Column(one.key, title, size, align="right" if one.number else "left", form=one.form)


def automatic(columns: Sequence[Column]) -> list[Chosen]:
    """Columns that were chosen by width, as a choice to go on from."""
    return [
        values.Chosen(column.key, number=column.align == "right")
        for column in columns
        if column.key not in ("status", "name")
    ]


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
        room = column.width - (0 if not arrow else 1 if column.align == "right" else 2)
        name = glyphs.clean(column.title)
        short = name if column.key in _FIXED else clip_left(name, room, ellipsis=glyphs.ellipsis)
        title = pad(_heading(short, arrow, column.align), column.width, align=column.align, ellipsis="")
        row += [(title, "accent" if sorted_here else "dim"), (" ", "faint")]
    return fit(row, width)


def _heading(title: str, arrow: str, align: str) -> str:
    if not arrow:
        return title
    return arrow + title if align == "right" else f"{title} {arrow}"


def column_at(columns: Sequence[Column], x: int) -> Column | None:
    """The column whose heading stands in cell `x`."""
    at = 1
    for column in columns:
        if at <= x <= at + column.width:
            return column
        at += column.width + 1
    return None


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
        text = f"{mark} {status_word(run, now)}" if width > 2 else mark
        return [(pad(text, width, ellipsis=glyphs.ellipsis), role)]
    if key == "metric":
        return _metric(run, width, glyphs)
    if key == "spark":
        role = "series.0" if run.get("status") == "running" else "dim"
        return [(sparkline(run.get("spark") or [], width, glyphs), role)]
    if key == "progress":
        return _progress(run, width, glyphs)
    if key not in _FIXED:
        return [_own(run, column, glyphs)]
    if key == "name":
        return _name(run, width, glyphs)
    text, role = _text(run, key, glyphs, now)
    clipped = clip_left(text, width, ellipsis=glyphs.ellipsis) if key == "step" else text
    return [(pad(clipped, width, align=column.align, ellipsis=glyphs.ellipsis), role)]


def _own(run: RunRow, column: Column, glyphs: Glyphs) -> tuple[str, str]:
    """A cell of a column that the user chose; a number is never cut in half."""
    found = values.at(run, column.key)
    text = glyphs.clean(values.shown(found, column.form, short=not values.measured(column.key)))
    if found is None:
        return pad("-", column.width, align=column.align), "faint"
    return pad(text, column.width, align=column.align, ellipsis=glyphs.ellipsis), "text"


def _name(run: RunRow, width: int, glyphs: Glyphs) -> Row:
    """The run's name; in a tree behind the branch that it hangs on, and what is folded away counted."""
    branch, more = _branch(run.get("place"), width, glyphs)
    name = glyphs.clean(run.get("name") or run.get("run_id", ""))
    room = width - len(branch) - len(more)
    row: Row = [(branch, "faint")] if branch else []
    row.append((pad(name, room, ellipsis=glyphs.ellipsis), "text"))
    return [*row, (more, "accent")] if more else row


def _branch(place: TreePlace | None, width: int, glyphs: Glyphs) -> tuple[str, str]:
    if place is None:
        return "", ""
    fork, opened, closed = ("` ", "v ", "> ") if glyphs.ascii_only else ("└ ", "▾ ", "▸ ")
    depth = min(place["depth"], max(1, width // 8))
    lead = "  " * (depth - 1) + fork if depth else ""
    more = f" +{place['below']}" if place["folded"] else ""
    return lead + ((closed if place["folded"] else opened) if place["below"] else ""), more


def _text(run: RunRow, key: str, glyphs: Glyphs, now: float) -> tuple[str, str]:
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
        return [(pad(_told(run), width, ellipsis=""), "dim")]
    live = run.get("status") == "running"
    bar = progress_bar(fraction, width - 6, glyphs, role="accent" if live else "dim")
    return [*bar, (f" {numbers.percent(fraction)}", "text" if live else "dim")]


def _told(run: RunRow) -> str:
    """How far a run is that does not say how far it goes: its step, where its progress alone tells that."""
    step = (run.get("progress") or {}).get("step")
    return "" if step is None or run.get("last_step") is not None else f"step {numbers.step(step)}"


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


SILENT_S = 60.0
"""A run that shows no sign of life for so long, four heartbeats, may hang."""


def status_word(run: RunRow, now: float) -> str:
    """The run's status in a word: `killed` where KILL ended it, `silent` where a running one's heart stopped."""
    status = run.get("status", "")
    if status in ("failed", "crashed") and run.get("signal") == 9:
        return "killed"
    beat = epoch(run.get("heartbeat_at"))
    if status == "running" and beat is not None and now - beat > SILENT_S and not is_foreign(run):
        return "silent"
    return status


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
