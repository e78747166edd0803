"""Recent runs as cards: name, status, sparkline of the main metric, last value, age."""

from __future__ import annotations

from opengraphs.tui.painters import numbers, table, values
from opengraphs.tui.painters.cells import beside, blank, fit
from opengraphs.tui.painters.frame import status_mark, top_border
from opengraphs.tui.painters.spark import sparkline
from opengraphs.tui.painters.text import cell_len, clip_left, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.protocol.runs import RunRow
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

CARD_HEIGHT = 5
MIN_CARD_WIDTH = 28
_SMALLEST = 8
"""Narrower cards are cut off rather than laid out."""


def per_row(width: int) -> int:
    """How many cards stand side by side."""
    return max(1, min(6, width // MIN_CARD_WIDTH))


def paint(
    runs: Sequence[RunRow], width: int, height: int, glyphs: Glyphs, *, now: float, cursor: str | None = None
) -> list[Row]:
    """The first `per_row(width)` runs as cards of CARD_HEIGHT rows. cursor: run id of the highlighted card."""
    count = per_row(width)
    base, rest = divmod(width, count)
    widths = [base + (index < rest) for index in range(count)]
    shown = list(runs[:count])
    blocks = [
        _card(shown[index], size, height, glyphs, now=now, cursor=cursor)
        if index < len(shown)
        else blank(size, height)
        for index, size in enumerate(widths)
    ]
    return beside(*blocks)


def _card(
    run: RunRow, width: int, height: int, glyphs: Glyphs, *, now: float, cursor: str | None
) -> list[Row]:
    lit = run.get("run_id") == cursor
    role = "focus" if lit else "border"
    v, bl, br, h = glyphs.box[1], glyphs.box[4], glyphs.box[5], glyphs.box[0]
    mark, mark_role = status_mark(run.get("status", ""), glyphs)
    name = glyphs.clean(run.get("name") or run.get("run_id", ""))
    title: Row = [(f"{mark} ", mark_role), (name, "b:accent" if lit else "title")]
    rows = [top_border(width, glyphs, title=title, right=[(table.age_text(run, now), "dim")], role=role)]
    content = _content(run, width - 2, glyphs)
    for index in range(max(0, height - 2)):
        inner = content[index] if index < len(content) else []
        rows.append([(v, role), *fit(inner, width - 2, ellipsis=glyphs.ellipsis), (v, role)])
    rows.append([(bl + h * (width - 2) + br, role)])
    return [fit(row, width) for row in rows[:height]] if width < _SMALLEST else rows[:height]


def _content(run: RunRow, inner: int, glyphs: Glyphs) -> list[Row]:
    """Metric with its last value, sparkline, progress."""
    metric = run.get("main_metric")
    last = (run.get("last") or {}).get(metric) if metric else None
    number = numbers.value(last) if metric else ""
    label = clip_left(
        glyphs.clean(metric or "no metrics yet"),
        max(1, inner - 3 - cell_len(number)),
        ellipsis=glyphs.ellipsis,
    )
    gap = max(1, inner - 2 - cell_len(label) - cell_len(number))
    first: Row = [(" ", "text"), (label, "dim"), (" " * gap, "text"), (number, "b:series.0")]
    spark = sparkline(run.get("spark") or [], max(0, inner - 2), glyphs)
    role = "series.0" if run.get("status") == "running" else "dim"
    return [first, [(" ", "text"), (spark, role)], _progress(run, inner, glyphs)]


def _progress(run: RunRow, inner: int, glyphs: Glyphs) -> Row:
    status = run.get("status", "")
    _, role = status_mark(status, glyphs)
    step = table.step_text(run)
    best = numbers.value(run["best"]) if run.get("best") is not None else ""
    told = f"best {best}" if best else ""
    if told and inner - 4 < cell_len(status) + len(step) + len(told):  # the mark tells of a run that is well
        status, told = (told, "") if status in ("running", "finished") else (status, "")
        role = "dim" if status.startswith("best") else role
    gap = max(1, inner - 2 - cell_len(status) - cell_len(step) - cell_len(told))
    left = gap // 2 if told else 0
    return [
        (" ", "text"),
        (status, role),
        (" " * left, "text"),
        (told, "dim"),
        (" " * (gap - left), "text"),
        (step, "dim"),
    ]


OPEN_WIDTH = 56
_OPEN_METRICS = 6
_OPEN_CHANGES = 6
_LABEL = 9


def paint_open(
    run: RunRow, before: RunRow | None, width: int, most: int, glyphs: Glyphs, *, now: float
) -> list[Row]:
    """A card opened up: more metrics, what is set otherwise than in the run before, git, tags, the note.

    before: the next older run of the same project; None where none is known.
    most: rows that there are for it; what does not fit is left out from below.
    """
    inner = width - 2
    content = [*_content(run, inner, glyphs), *_details(run, before, inner, glyphs, now)]
    height = max(2, min(most, len(content) + 2))
    mark, mark_role = status_mark(run.get("status", ""), glyphs)
    name = glyphs.clean(run.get("name") or run.get("run_id", ""))
    title: Row = [(f"{mark} ", mark_role), (name, "b:accent")]
    v, bl, br, h = glyphs.box[1], glyphs.box[4], glyphs.box[5], glyphs.box[0]
    rows = [top_border(width, glyphs, title=title, right=[(table.age_text(run, now), "dim")], role="focus")]
    rows += [
        [(v, "focus"), *fit(line, inner, ellipsis=glyphs.ellipsis), (v, "focus")]
        for line in content[: height - 2]
    ]
    rows.append([(bl + h * inner + br, "focus")])
    return rows[:most]


def _details(run: RunRow, before: RunRow | None, inner: int, glyphs: Glyphs, now: float) -> list[Row]:
    lines = _metrics(run, inner, glyphs)
    lines += _changes(run, before, glyphs)
    facts = [
        ("time", " ".join(filter(None, (numbers.duration(table.duration_s(run, now)), _ending(run, now))))),
        ("git", _git(run)),
        ("tags", " ".join(run.get("tags") or ())),
        ("note", " ".join((run.get("notes") or "").split())),
        ("id", run.get("run_id", "")),
    ]
    return lines + [_line(label, glyphs.clean(text)) for label, text in facts if text]


def _line(label: str, text: str, role: str = "text") -> Row:
    return [(" " + label.ljust(_LABEL), "dim"), (text, role)]


def _metrics(run: RunRow, inner: int, glyphs: Glyphs) -> list[Row]:
    """Last values of the metrics beside the main one, in the order they were first logged."""
    last = run.get("last") or {}
    others = [key for key in last if key != run.get("main_metric")]
    rows: list[Row] = []
    for key in others[:_OPEN_METRICS]:
        number = numbers.value(last[key])
        room = max(1, inner - 3 - numbers.VALUE_WIDTH)
        name = pad(clip_left(glyphs.clean(key), room, ellipsis=glyphs.ellipsis), room)
        rows.append([(" ", "text"), (name, "dim"), (pad(number, inner - room - 2, align="right"), "text")])
    if len(others) > _OPEN_METRICS:
        rows.append([(f" and {len(others) - _OPEN_METRICS} more", "faint")])
    return rows


def _changes(run: RunRow, before: RunRow | None, glyphs: Glyphs) -> list[Row]:
    """What of the config is another than in the run before."""
    if before is None:
        return []
    changed = values.differences(before.get("config") or {}, run.get("config") or {})
    name = glyphs.clean(before.get("name") or before.get("run_id", ""))
    if not changed:
        return [_line("config", f"as in {name}", "dim")]
    rows: list[Row] = [[(f" unlike {name}", "dim")]]
    arrow = "->" if glyphs.ascii_only else "→"
    for key, old, new in changed[:_OPEN_CHANGES]:
        told = f"{values.shown(old)} {arrow} "
        rows.append(
            [
                (f"   {glyphs.clean(key)} ", "text"),
                (glyphs.clean(told), "dim"),
                (glyphs.clean(values.shown(new)), "accent"),
            ]
        )
    if len(changed) > _OPEN_CHANGES:
        rows.append([(f"   and {len(changed) - _OPEN_CHANGES} more", "faint")])
    return rows


def _ending(run: RunRow, now: float) -> str:
    """How it ended, or how long there has been no sign of life."""
    if run.get("status") == "running":
        beat = table.epoch(run.get("heartbeat_at"))
        silent = table.status_word(run, now) == "silent" and beat is not None
        return f"no heartbeat for {numbers.duration(now - beat)}" if silent and beat is not None else ""
    if run.get("signal"):
        return f"ended by signal {run['signal']}"
    return f"exit code {run['exit_code']}" if run.get("exit_code") else ""


def _git(run: RunRow) -> str:
    git = run.get("git") or {}
    parts = [git.get("branch") or "", (git.get("commit") or "")[:8], "changed" if git.get("dirty") else ""]
    return " ".join(filter(None, parts))
