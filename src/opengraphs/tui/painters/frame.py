"""What stands around the pictures: tabs, header, status bar, boxes, prompt."""

from __future__ import annotations

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.cells import fit, row_width
from opengraphs.tui.painters.text import cell_len, clip, clip_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.protocol.series import ProgressOut
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

Tab = tuple[str, str]
"""(key, name), such as ("2", "graphs")."""

TABS: tuple[Tab, ...] = (
    ("1", "runs"),
    ("2", "graphs"),
    ("3", "compare"),
    ("4", "logs"),
    ("5", "system"),
    ("6", "samples"),
    ("7", "alerts"),
    ("8", "chat"),
)
"""The screens that exist now."""

SHORTENED = 2
"""So many of the last forms of a run's part of the header are shorter than name and status: tabs give way before
them, and before the step goes."""

Hint = tuple[str, str]
"""(key, what it does), such as ("?", "help")."""

STATUS_ROLES = {
    "running": "ok",
    "finished": "dim",
    "failed": "error",
    "crashed": "error",
    "stopped": "warn",
    "lost": "warn",
}

_MODE_ROLES = {"live": "ok", "paused": "warn", "stale": "warn", "connecting": "warn", "offline": "error"}


def status_mark(status: str, glyphs: Glyphs) -> tuple[str, str]:
    """Glyph and role of a run's status; an unknown one is a dim question mark."""
    return glyphs.status.get(status, "?"), STATUS_ROLES.get(status, "dim")


def header(
    width: int,
    glyphs: Glyphs,
    *,
    active: str,
    tabs: Sequence[Tab] = TABS,
    name: str = "",
    status: str = "",
    progress: ProgressOut | None = None,
    note: str = "",
) -> Row:
    """The top line: tabs, then run name │ status │ step 372/1000 ━━━╸── 37 %  eta 4m12s.

    active: name of the tab shown. note: stands at the right where there is no run (12 runs, 3 live).
    What does not fit goes, least important first: eta, bar, step, status, other tabs, name.
    """
    full = _tab_row(tabs, active, glyphs)
    brief = _tab_row(tabs, active, glyphs, names=False)
    short = _tab_row([tab for tab in tabs if tab[1] == active] or tabs[:1], active, glyphs)
    name = glyphs.clean(name)
    shorter = SHORTENED + bool(_progress_texts(progress)[0])
    for left in (full, brief, short):
        room = width - row_width(left)
        parts = _header_parts(name, status, progress, note, glyphs, room)
        if left is full:
            parts = parts[:-shorter] if name else parts[:1]  # a note is there before the names of other tabs
        for part in parts:
            if row_width(part) <= room:
                return _spread(left, part, width)
    room = max(0, width - row_width(short))
    return _spread(
        short, _name_part(clip(name, room - 3, ellipsis=glyphs.ellipsis)) if room > 6 and name else [], width
    )


def _tab_row(tabs: Sequence[Tab], active: str, glyphs: Glyphs, *, names: bool = True) -> Row:
    """Every tab with its name, or with the name of the active one alone."""
    row: Row = []
    for key, name in tabs:
        on = name == active
        row.append((f" {key}", "b:accent" if on else "faint"))
        if on or names:
            row.append((f" {name}", "b:accent" if on else "dim"))
    return [*row, (" ", "text")]


def tab_at(header: Row, x: int, tabs: Sequence[Tab] = TABS) -> str | None:
    """The tab under a column of a painted header; None beside them."""
    by_key = {f" {key}": name for key, name in tabs}
    names = {f" {name}" for _, name in tabs}
    at, found = 0, None
    for text, _ in header:
        if text in by_key:
            found = by_key[text]
        elif text not in names:
            return None
        at += len(text)
        if x < at:
            return found
    return None


def with_alarm(header: Row, level: str, glyphs: Glyphs, *, tab: str = "alerts") -> Row:
    """A painted header with the mark of that level behind that tab: nothing moves."""
    key = next((f" {key}" for key, name in TABS if name == tab), "")
    behind, row = False, list(header)
    for at, (text, _) in enumerate(header):
        if behind and text.strip() != tab:
            if text.startswith(" "):
                row[at : at + 1] = [(glyphs.marks[level], f"b:{level}"), (text[1:], header[at][1])]
            break
        behind = behind or text == key
    return [item for item in row if item[0]]


def _name_part(name: str) -> Row:
    return [(" ", "text"), (name, "b:title"), (" ", "text")] if name else []


def _header_parts(
    name: str, status: str, progress: ProgressOut | None, note: str, glyphs: Glyphs, room: int
) -> list[Row]:
    """Right-hand sides, fullest first."""
    if not name:
        return [[(f"{note} ", "dim")] if note else [], []]
    bar = (f" {glyphs.separator} ", "border")
    head = _name_part(clip(name, 40, ellipsis=glyphs.ellipsis))[:-1]
    mark, role = status_mark(status, glyphs)
    with_status: Row = [*head, bar, (f"{mark} ", role), (status, role)] if status else head
    out: list[Row] = []
    step, fraction, eta = _progress_texts(progress)
    if step:
        with_step: Row = [*with_status, bar, ("step ", "dim"), (step, "text")]
        if fraction is not None:
            percent: Row = [(f" {numbers.percent(fraction)}", "text")]
            tail: Row = [("  eta ", "dim"), (f"{eta:<6}", "text")] if eta else []
            space = room - row_width(with_step) - row_width(percent) - row_width(tail) - 2
            if space >= 8:
                size = min(24, space)
                out.append(
                    [*with_step, (" ", "text"), *progress_bar(fraction, size, glyphs), *percent, *tail]
                )
            out += [[*with_step, *percent, *tail], [*with_step, *percent]]
        elif eta:
            out.append([*with_step, ("  ", "text"), (eta, "dim")])
        out.append(with_step)
    short: Row = [(f" {mark}", role), *head] if status else head
    return [[*row, (" ", "text")] for row in (*out, with_status, short, head)]


def _progress_texts(progress: ProgressOut | None) -> tuple[str, float | None, str]:
    """(step 372/1000, fraction done, eta) as far as they are known."""
    step = progress.get("step") if progress else None
    if not progress or step is None:
        return "", None, ""
    total, eta_s = progress.get("total"), progress.get("eta_s")
    if not total or total <= 0:
        return numbers.step(step), None, ""
    text = f"{numbers.step(step)}/{numbers.step(total)}"
    done = max(0.0, min(1.0, step / total))
    return text, done, numbers.duration(eta_s) if eta_s is not None and done < 1 else ""


def _spread(left: Row, right: Row, width: int) -> Row:
    """Left part, blank, right part: exactly `width` cells."""
    gap = width - row_width(left) - row_width(right)
    if gap < 0:
        return fit([*left, *right], width)
    return [*left, *([(" " * gap, "text")] if gap else []), *right]


def status_bar(
    width: int,
    glyphs: Glyphs,
    *,
    source: str,
    refresh_ms: int | None,
    mode: str,
    hints: Sequence[Hint],
    age_s: float | None = None,
) -> Row:
    """The bottom line: source │ refresh 250 ms │ live, key hints at the right.

    mode: live, paused, ended, stale, connecting or offline; age_s: how old stale data is.
    """
    bar = (f" {glyphs.separator} ", "border")
    state: Row = [
        (f"{mode} {numbers.age(age_s)}" if age_s is not None else mode, _MODE_ROLES.get(mode, "dim"))
    ]
    refresh: Row = [(f"refresh {refresh_ms} ms", "dim"), bar] if refresh_ms else []
    source = glyphs.clean(source)
    parts: Row = [run for part in source.split(bar[0]) for run in (bar, (part, "dim"))][1:]
    hint_row = _hint_row(hints, max(0, width - row_width(state) - 2))
    room = width - row_width(hint_row) - 3
    for left in (
        [(" ", "text"), *parts, bar, *refresh, *state],
        [(" ", "text"), *parts, bar, *state],
        [(" ", "text"), (clip_left(source, 16, ellipsis=glyphs.ellipsis), "dim"), bar, *state],
    ):
        if source and row_width(left) <= room:
            return _spread(left, hint_row, width)
    return _spread([(" ", "text"), *state], hint_row, width)


def _hint_row(hints: Sequence[Hint], room: int) -> Row:
    """As many hints as fit: the last one (how to leave) always, then from the first on."""
    pieces: list[Row] = [[(" ", "text"), (key, "accent"), (f" {name} ", "dim")] for key, name in hints]
    if not pieces or row_width(pieces[-1]) > room:
        return []
    row: Row = []
    for piece in pieces[:-1]:
        if row_width(row) + row_width(piece) + row_width(pieces[-1]) > room:
            break
        row += piece
    return [*row, *pieces[-1]]


def progress_bar(fraction: float | None, width: int, glyphs: Glyphs, *, role: str = "accent") -> Row:
    """━━━╸── of exactly `width` cells; None draws an empty one."""
    full, half, rest = glyphs.bar[0], glyphs.bar[1], glyphs.bar[2]
    if width <= 0:
        return []
    halves = 0 if fraction is None else round(max(0.0, min(1.0, fraction)) * width * 2)
    if fraction and fraction > 0:
        halves = max(1, halves)
    if fraction is not None and fraction < 1:
        halves = min(halves, 2 * width - 1)
    done = full * (halves // 2) + (half if halves % 2 else "")
    left = width - len(done)
    return [run for run in ((done, role), (rest * left, "faint")) if run[0]]


def top_border(
    width: int,
    glyphs: Glyphs,
    *,
    title: Row,
    right: Row,
    role: str = "border",
    corners: tuple[str, str] | None = None,
) -> Row:
    """┌ title ───── right ┐ of exactly `width` cells; the right part goes before the title is cut."""
    h = glyphs.box[0]
    left_corner, right_corner = corners or (glyphs.box[2], glyphs.box[3])
    if width < 2:
        return fit([(h, role)], width)
    inner = width - 2
    if row_width(title) + row_width(right) + 5 > inner and row_width(right) + 8 > inner:
        right = []
    if right:
        right = [(" ", role), *right, (" ", role)]
    room = inner - row_width(right) - 2
    title = fit(title, max(0, min(room, row_width(title))), ellipsis=glyphs.ellipsis) if room >= 1 else []
    if title:
        title = [(" ", role), *title, (" ", role)]
    line = inner - row_width(title) - row_width(right)
    return [(left_corner, role), *title, *([(h * line, role)] if line else []), *right, (right_corner, role)]


def box(
    content: Sequence[Row],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    title: str = "",
    right: str = "",
    focused: bool = False,
) -> list[Row]:
    """Content in a quiet border, title at the left of it, `right` at its right end."""
    role = "focus" if focused else "border"
    v, bl, br, h = glyphs.box[1], glyphs.box[4], glyphs.box[5], glyphs.box[0]
    if width < 2 or height < 2:
        return [fit([], width) for _ in range(height)]
    heading: Row = [(glyphs.clean(title), "b:accent" if focused else "title")] if title else []
    side: Row = [(glyphs.clean(right), "dim")] if right else []
    rows = [top_border(width, glyphs, title=heading, right=side, role=role)]
    for index in range(height - 2):
        inner = content[index] if index < len(content) else []
        rows.append([(v, role), *fit(inner, width - 2, ellipsis=glyphs.ellipsis), (v, role)])
    rows.append([(bl + h * (width - 2) + br, role)])
    return rows


def prompt(
    width: int,
    glyphs: Glyphs,
    *,
    text: str = "",
    placeholder: str = "ask the agent about this run…",
    focused: bool = False,
    cursor: int | None = None,
) -> Row:
    """The prompt line; placeholder while empty. cursor: character under the cursor when focused."""
    lead: Row = [(f" {glyphs.prompt} ", "accent" if focused else "dim")]
    room = width - 4
    shown = glyphs.clean(text)
    if not focused:
        body: Row = [(shown, "text")] if shown else [(glyphs.clean(placeholder), "faint")]
        return fit([*lead, *body], width, ellipsis=glyphs.ellipsis)
    at = len(shown) if cursor is None else max(0, min(cursor, len(shown)))
    start = 0
    while cell_len(shown[start : at + 1]) >= room > 0 and start < at:
        start += 1
    under = shown[at] if at < len(shown) else " "
    return fit(
        [*lead, (shown[start:at], "text"), (under, "cursor"), (shown[at + 1 :], "text")],
        width,
        ellipsis=glyphs.ellipsis,
    )
