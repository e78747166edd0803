"""A window on a program's output: line numbers, its own colours made safe, matches lit."""

from __future__ import annotations

import re

from opengraphs.tui.painters.cells import cut, fit, row_width
from opengraphs.tui.painters.text import pad

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

_SLACK = 4096
"""Characters looked at beyond what is visible, so that colours do not eat into a long line's window."""


class LogSpec:
    """What a log pane shows.

    lines: the lines on screen, first at the top. total_lines: for the width of the
    gutter. left: cells scrolled to the right. search: lit wherever it matches; current:
    number of the line that holds the match under the cursor. follow: newest line stays
    in view. gutter: show line numbers.
    """

    __slots__ = ("current", "follow", "gutter", "left", "lines", "message", "search", "stale", "total_lines")

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


def nothing_printed(*, ended: bool) -> str:
    """What stands where a run has no output."""
    return "no output was kept" if ended else "no output yet"


def gutter_width(total_lines: int, width: int) -> int:
    """Cells of the line numbers; 0 on a pane too narrow for them."""
    return max(3, len(str(max(1, total_lines)))) if width >= 50 else 0


def paint(spec: LogSpec, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """The pane without a box. Lines beyond `height` are left out; the last ones are kept when following."""
    lines = list(spec.lines[-height:] if spec.follow and height > 0 else spec.lines[: max(0, height)])
    gutter = gutter_width(spec.total_lines, width) if spec.gutter else 0
    rows = [
        paint_line(
            line,
            width,
            glyphs,
            gutter=gutter,
            left=spec.left,
            search=spec.search,
            current=line["n"] == spec.current,
        )
        for line in lines
    ]
    if not lines and height > 0:
        rows = [fit([], width) for _ in range(min(1, height - 1))]
        rows.append(fit([(f"  {glyphs.clean(spec.message)}", "dim")], width, ellipsis=glyphs.ellipsis))
    rows += [fit([], width) for _ in range(height - len(rows))]
    below = spec.total_lines - 1 - lines[-1]["n"] if lines else 0
    if below > 0 and not spec.follow and rows:
        rows[-1] = _with_more(rows[-1], below, width, glyphs)
    return [[(text, "dim") for text, _ in row] for row in rows] if spec.stale else rows


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
) -> Row:
    """One line; gutter: cells for its number, 0 for none."""
    head: Row = []
    if gutter:
        number = pad(str(line["n"] + 1), gutter, align="right", ellipsis="")
        head = [(f" {number} ", "accent" if current else "faint"), (f"{glyphs.separator} ", "border")]
    room = max(0, width - row_width(head))
    runs = parse_sgr(line["text"][: left + room + _SLACK], glyphs)
    if search is not None:
        runs = _light(runs, search, "hit.now" if current else "hit")
    if left:
        runs = cut(runs, left, left + room + 1)
    return [*head, *fit(runs, room, ellipsis=glyphs.ellipsis)] if room else fit(head, width)


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
