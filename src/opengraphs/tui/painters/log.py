"""A window on a program's output: line numbers, its own colours made safe, matches lit."""

from __future__ import annotations

import re

from opengraphs.tui.painters.cells import cut, fit, row_width
from opengraphs.tui.painters.text import cell_len, clip, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.records import LogLine
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

_ESCAPE = re.compile(
    r"\x1b(?:\[([0-9;:]*)m|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_=>78])"
)
"""Group 1 holds the parameters of an SGR sequence; every other escape is only recognised to be dropped."""

_ERRORS = re.compile(
    r"^Traceback \(|\b[A-Z]\w*(?:Error|Exception)\b|\b(?:ERROR|FATAL|CRITICAL)\b|^\s*(?:[Ee]rror|[Ff]atal)\s*:"
)
_WARNINGS = re.compile(r"\b(?:WARN|WARNING)\b|\b[A-Z]\w*Warning\b|^\s*[Ww]arning\s*:")
_LEVEL_CHARS = 400

_SLACK = 4096
"""Characters looked at beyond what is visible, so that colours do not eat into a long line's window."""


class LogSpec:
    """What a log pane shows.

    lines: the lines on screen, first at the top. total_lines: for the width of the
    gutter. left: cells scrolled to the right. search: lit wherever it matches; current:
    number of the line that holds the match under the cursor. follow: newest line stays
    in view. gutter: show line numbers.
    """

    __slots__ = (
        "below", "current", "follow", "gutter", "left", "lines", "marked", "message", "search", "stale", "total_lines", "wrap",
    )  # fmt: skip

    def __init__(
        self,
        lines: Sequence[LogLine],
        *,
        total_lines: int,
        left: int = 0,
        search: re.Pattern[str] | None = None,
        current: int | None = None,
        follow: bool = True,
        gutter: bool = True,
        message: str = "no output yet",
        stale: bool = False,
        wrap: bool = False,
        below: int | None = None,
        marked: tuple[int, int] | None = None,
    ) -> None:
        self.lines = lines
        self.total_lines = total_lines
        self.left = left
        self.search = search
        self.current = current
        self.follow = follow
        self.gutter = gutter
        self.message = message
        self.stale = stale
        self.wrap = wrap
        self.below = below
        self.marked = marked


def nothing_printed(*, ended: bool) -> str:
    """What stands where a run has no output."""
    return "no output was kept" if ended else "no output yet"


def gutter_width(total_lines: int, width: int) -> int:
    """Cells of the line numbers; 0 on a pane too narrow for them."""
    return max(3, len(str(max(1, total_lines)))) if width >= 50 else 0


def paint(spec: LogSpec, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """The pane without a box. Lines beyond `height` are left out; the last ones are kept when following."""
    found = numbered(spec, width, height, glyphs)
    rows = [row for _, row in found]
    if not spec.lines and height > 0:
        rows = [fit([], width) for _ in range(min(1, height - 1))]
        rows.append(fit([(f"  {glyphs.clean(spec.message)}", "dim")], width, ellipsis=glyphs.ellipsis))
    rows += [fit([], width) for _ in range(height - len(rows))]
    last = found[-1][0] if found else None
    below = spec.below if spec.below is not None else 0 if last is None else spec.total_lines - 1 - last
    if below > 0 and not spec.follow and rows:
        rows[-1] = _with_more(rows[-1], below, width, glyphs)
    return [[(text, "dim") for text, _ in row] for row in rows] if spec.stale else rows


def numbered(spec: LogSpec, width: int, height: int, glyphs: Glyphs) -> list[tuple[int, Row]]:
    """(number of its line, row) of every row with text; at most `height`, the last ones when following."""
    gutter = gutter_width(spec.total_lines, width) if spec.gutter else 0
    lines = list(spec.lines)[-max(0, height) :] if spec.follow else list(spec.lines)[: max(0, height)]
    if height <= 0:
        return []
    found: list[tuple[int, Row]] = []
    for line in lines:
        rows = paint_line(
            line,
            width,
            glyphs,
            gutter=gutter,
            left=0 if spec.wrap else spec.left,
            search=spec.search,
            current=line["n"] == spec.current,
            most=height if spec.wrap else 1,
        )
        if spec.marked is not None and spec.marked[0] <= line["n"] <= spec.marked[1]:
            rows = [[(text, f"sel:{role}") for text, role in row] for row in rows]
        found += [(line["n"], row) for row in rows]
        if not spec.follow and len(found) >= height:
            break
    return found[-height:] if spec.follow else found[:height]


def rows_of(line: LogLine, width: int, total_lines: int, glyphs: Glyphs) -> int:
    """Rows that a line takes when it is wrapped."""
    gutter = gutter_width(total_lines, width)
    room = max(1, width - (gutter + 4 if gutter else 0))
    text = "".join(part for part, _ in parse_sgr(line["text"], glyphs))
    return len(_pieces(text, room)) if cell_len(text) > room else 1


def _pieces(text: str, room: int) -> list[str]:
    """A line cut into pieces of at most `room` cells; no wide character is cut."""
    pieces = []
    while cell_len(text) > room:
        head = clip(text, room, ellipsis="") or text[:1]
        pieces.append(head)
        text = text[len(head) :]
    return [*pieces, text]


def without_escapes(text: str) -> str:
    """The text of a line alone."""
    return _ESCAPE.sub("", text)


def level(text: str) -> str:
    """`error` or `warn` for a line that says so as programs do (`ValueError`, `WARNING`, `error: …`), else ""."""
    plain = _ESCAPE.sub("", text[:_LEVEL_CHARS])
    return "error" if _ERRORS.search(plain) else "warn" if _WARNINGS.search(plain) else ""


def _with_more(row: Row, below: int, width: int, glyphs: Glyphs) -> Row:
    """The last row with a note at its right end: how many lines lie below."""
    note: Row = [(f" {glyphs.arrows[1]} ", "b:accent"), (f"{below} more ", "dim")]
    size = row_width(note)
    return [*cut(row, 0, width - size), *note] if size < width else row


def paint_line(
    line: LogLine,
    width: int,
    glyphs: Glyphs,
    *,
    gutter: int = 0,
    left: int = 0,
    search: re.Pattern[str] | None = None,
    current: bool = False,
    most: int = 1,
) -> list[Row]:
    """One line; gutter: cells for its number, 0 for none. most: rows it may go on for.

    Beside the number stands `!` for an error and a triangle for a warning, where the line says so.
    """
    head = _head_of(line, gutter, glyphs, current=current)
    room = max(0, width - row_width(head))
    runs = parse_sgr(line["text"][: left + room * most + _SLACK], glyphs)
    if search is not None:
        runs = _light(runs, search, "hit.now" if current else "hit")
    if most > 1 and room:
        return _wrapped(head, runs, room, most)
    if left:
        runs = cut(runs, left, left + room + 1)
    return [[*head, *fit(runs, room, ellipsis=glyphs.ellipsis)] if room else fit(head, width)]


def _head_of(line: LogLine, gutter: int, glyphs: Glyphs, *, current: bool) -> Row:
    if not gutter:
        return []
    number = pad(str(line["n"] + 1), gutter, align="right", ellipsis="")
    kind = level(line["text"])
    sign = (glyphs.marks[kind], kind) if kind else (glyphs.separator, "border")
    return [(f" {number} ", "accent" if current else "faint"), (f"{sign[0]} ", sign[1])]


def _wrapped(head: Row, runs: Row, room: int, most: int) -> list[Row]:
    """A line over as many rows as it needs; only the first has its number."""
    blank: Row = [(" " * row_width(head), "text")] if head else []
    rows: list[Row] = []
    at = 0
    for piece in _pieces("".join(text for text, _ in runs), room)[:most]:
        size = cell_len(piece)
        rows.append([*(blank if rows else head), *fit(cut(runs, at, at + size), room)])
        at += size
    return rows


def _light(runs: Row, search: re.Pattern[str], role: str) -> Row:
    """Runs with every match in `role`; empty matches light nothing."""
    text = "".join(part for part, _ in runs)
    out: Row = []
    spans = [match.span() for match in search.finditer(text) if match.end() > match.start()]
    at = 0
    for part, own in runs:
        end = at + len(part)
        here = at
        for start, stop in spans:
            first, last = max(start, here), min(stop, end)
            if first < last:
                if here < first:
                    out.append((part[here - at : first - at], own))
                out.append((part[first - at : last - at], role))
                here = last
        if here < end:
            out.append((part[here - at :], own))
        at = end
    return out


def parse_sgr(text: str, glyphs: Glyphs) -> Row:
    """A line with SGR colours as (clean text, role) runs; every other escape is dropped."""
    if "\x1b" not in text:
        return [(glyphs.clean(text), "text")] if text else []
    out: Row = []
    role, bold = "text", False
    at = 0
    for match in _ESCAPE.finditer(text):
        _append(out, glyphs.clean(text[at : match.start()]), f"b:{role}" if bold else role)
        at = match.end()
        if match.group(1) is not None:
            role, bold = _after(match.group(1), role, bold)
    _append(out, glyphs.clean(text[at:]), f"b:{role}" if bold else role)
    return out


def _append(out: Row, text: str, role: str) -> None:
    if text:
        out.append((text, role))


def _after(parameters: str, role: str, bold: bool) -> tuple[str, bool]:
    """Role and boldness after an SGR sequence. Backgrounds, blinking and the like are left out."""
    codes = [int(part) if part.isdigit() else 0 for part in parameters.replace(":", ";").split(";")]
    index = 0
    while index < len(codes):
        code = codes[index]
        if code == 0:
            role, bold = "text", False
        elif code == 1:
            bold = True
        elif code == 2:
            role = "dim"
        elif code == 22:
            bold = False
        elif code == 39:
            role = "text"
        elif 30 <= code <= 37 or 90 <= code <= 97:
            role = f"ansi.{code - 30 if code < 90 else code - 82}"
        elif code in (38, 48):
            color, used = _extended(codes[index + 1 :])
            index += used
            if code == 38 and color is not None:
                role = f"ansi.{color}"
        index += 1
    return role, bold


def _extended(rest: Sequence[int]) -> tuple[int | None, int]:
    """The nearest of sixteen colours of `5;N` or `2;R;G;B`, and how many parameters it took."""
    if len(rest) >= 2 and rest[0] == 5:
        return _from_256(rest[1]), 2
    if len(rest) >= 4 and rest[0] == 2:
        return _from_rgb(rest[1], rest[2], rest[3]), 4
    return None, len(rest)


def _from_256(number: int) -> int:
    if number < 16:
        return number
    if number >= 232:
        level = 8 + 10 * (number - 232)
        return _from_rgb(level, level, level)
    steps = (0, 95, 135, 175, 215, 255)
    index = number - 16
    return _from_rgb(steps[index // 36], steps[index // 6 % 6], steps[index % 6])


def _from_rgb(red: int, green: int, blue: int) -> int:
    """Hue by which channels are strong, bright from 200 on; greys by level."""
    high, low = max(red, green, blue), min(red, green, blue)
    if high - low < 40:
        return 8 if high < 120 else 7 if high < 200 else 15
    middle = (high + low) / 2
    hue = (red > middle) + 2 * (green > middle) + 4 * (blue > middle)
    return hue + 8 if high >= 200 and low >= 60 else hue
