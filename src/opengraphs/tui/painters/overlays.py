"""What lies on top: help, exit menu, toast."""

from __future__ import annotations

from opengraphs.tui.painters.cells import fit, row_width
from opengraphs.tui.painters.frame import box, top_border
from opengraphs.tui.painters.layout import Rect
from opengraphs.tui.painters.text import cell_len, clip, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

HelpSection = tuple[str, list[tuple[str, str]]]
"""(heading, [(key, what it does)])."""

_KIND_ROLES = {"info": "accent", "ok": "ok", "warn": "warn", "error": "error"}
_TWO_COLUMNS_FROM = 76


def paint_help(
    title: str,
    sections: Sequence[HelpSection],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    top: int = 0,
    footer: str = "",
    below: Sequence[Row] = (),
) -> list[Row]:
    """The help box, in one or two columns; `top` scrolls. Below the keys stand `below`, or `footer`."""
    inner = width - 4
    content = help_rows(sections, inner, glyphs)
    foot = list(below)
    if footer:
        foot = [[(clip(glyphs.clean(footer), inner, ellipsis=glyphs.ellipsis), "dim")]]
    room = max(0, height - 2 - len(foot))
    top = max(0, min(top, len(content) - room))
    shown = [[(" ", "text"), *row] for row in content[top : top + room]]
    if foot and height > 2 + len(foot):
        shown += [fit([], inner) for _ in range(room - len(shown))]
        shown += [[(" ", "text"), *row] for row in foot]
    last = min(len(content), top + room)
    right = f"{last}/{len(content)} {glyphs.arrows[1]}" if len(content) > room else ""
    return box(shown, width, height, glyphs, title=title, right=right, focused=True)


def help_rows(sections: Sequence[HelpSection], width: int, glyphs: Glyphs) -> list[Row]:
    """The lines of the help, without its box: two columns of sections where there is room."""
    keys = max((cell_len(glyphs.clean(key)) for _, pairs in sections for key, _ in pairs), default=4)
    keys = min(keys, 20)
    if width < _TWO_COLUMNS_FROM:
        return [row for section in sections for row in _section(section, width, keys, glyphs)]
    half = (width - 2) // 2
    left, right = _halves(sections)
    columns = [
        [row for section in part for row in _section(section, half, keys, glyphs)] for part in (left, right)
    ]
    count = max(len(rows) for rows in columns)
    for rows in columns:
        rows += [fit([], half) for _ in range(count - len(rows))]
    return [[*a, ("  ", "text"), *b] for a, b in zip(*columns, strict=True)]


def _halves(sections: Sequence[HelpSection]) -> tuple[list[HelpSection], list[HelpSection]]:
    """Sections in two columns of about equal height, order kept."""
    sizes = [len(pairs) + 2 for _, pairs in sections]
    total = sum(sizes)
    split = min(
        range(len(sections), -1, -1), key=lambda index: max(sum(sizes[:index]), total - sum(sizes[:index]))
    )
    return list(sections[:split]), list(sections[split:])


def _section(section: HelpSection, width: int, keys: int, glyphs: Glyphs) -> list[Row]:
    heading, pairs = section
    rows: list[Row] = [fit([(glyphs.clean(heading), "b:title")], width, ellipsis=glyphs.ellipsis)]
    for key, text in pairs:
        name = pad(glyphs.clean(key), keys, ellipsis=glyphs.ellipsis)
        rows.append(
            fit(
                [(name, "accent"), ("  ", "text"), (glyphs.clean(text), "text")],
                width,
                ellipsis=glyphs.ellipsis,
            )
        )
    return [*rows, fit([], width)]


def paint_menu(
    title: str,
    items: Sequence[tuple[str, str, str]],
    width: int,
    glyphs: Glyphs,
    *,
    cursor: int = 0,
    note: str = "",
) -> list[Row]:
    """A menu box: items are (key, name, explanation); its height follows its content."""
    names = max((cell_len(glyphs.clean(name)) for _, name, _ in items), default=0)
    content: list[Row] = []
    if note:
        content += [[(f" {glyphs.clean(note)}", "dim")], []]
    for index, (key, name, explanation) in enumerate(items):
        row: Row = [(f" {key} ", "accent"), (pad(glyphs.clean(name), names), "b:text"), ("  ", "text")]
        row.append((glyphs.clean(explanation), "dim"))
        row = fit(row, width - 4, ellipsis=glyphs.ellipsis)
        if index == cursor:
            row = [(text, f"sel:{role}") for text, role in row]
        content.append([(" ", "text"), *row])
    return box(content, width, len(content) + 2, glyphs, title=title, focused=True)


def paint_toast(text: str, width: int, glyphs: Glyphs, *, kind: str = "info") -> list[Row]:
    """One message, three rows, as wide as its text up to `width`. kind: info, ok, warn, error."""
    role = _KIND_ROLES.get(kind, "accent")
    h, v, bl, br = glyphs.box[0], glyphs.box[1], glyphs.box[4], glyphs.box[5]
    body = clip(glyphs.clean(text), max(0, width - 4), ellipsis=glyphs.ellipsis)
    size = max(2, cell_len(body) + 4)
    middle: Row = [(v, role), (f" {body} ", "text"), (v, role)]
    return [
        fit(row, min(size, width))
        for row in (
            top_border(size, glyphs, title=[], right=[], role=role),
            middle if row_width(middle) == size else fit(middle, size),
            [(bl + h * (size - 2) + br, role)],
        )
    ]


def centered(block: Sequence[Row], width: int, height: int) -> Rect:
    """Where a block stands in the middle of a screen."""
    block_width = row_width(block[0]) if block else 0
    return Rect(
        max(0, (width - block_width) // 2), max(0, (height - len(block)) // 2), block_width, len(block)
    )
