"""Rows to terminal text: for stage 0, `--once` and plain output. One SGR state over the whole text."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.tui.painters.cells import Row
    from opengraphs.tui.theme import Style, Theme

RESET = "\x1b[0m"


def sgr(style: Style) -> str:
    """The SGR parameters of a style from a reset state, such as `1;38;2;230;159;0`; "" for plain text."""
    flags = ((style.bold, "1"), (style.dim, "2"), (style.underline, "4"), (style.reverse, "7"))
    parts = [code for on, code in flags if on]
    if style.fg is not None:
        parts.append(color(style.fg, 30))
    if style.bg is not None:
        parts.append(color(style.bg, 40))
    return ";".join(parts)


def color(value: str, base: int) -> str:
    """SGR parameters of a resolved colour; base 30 for the text, 40 for what is behind it."""
    if value.startswith("#"):
        return f"{base + 8};2;{int(value[1:3], 16)};{int(value[3:5], 16)};{int(value[5:7], 16)}"
    number = int(value[6:-1])
    if number < 8:
        return str(base + number)
    if number < 16:
        return str(base + 52 + number)
    return f"{base + 8};5;{number}"


class Pen:
    """Writes styled text, changing only what differs from the last run. Blanks keep a foreground that cannot be seen."""

    def __init__(self, theme: Theme, depth: str) -> None:
        self._theme = theme
        self._depth = depth
        self._codes: dict[str, tuple[str, bool]] = {}
        self._now = ""

    def write(self, text: str, role: str) -> str:
        """The text with what it takes to style it."""
        known = self._codes.get(role)
        if known is None:
            known = self._codes[role] = self._look(role)
        code, painted = known
        if code == self._now or (not painted and not self._painted_now() and text.isspace()):
            return text
        before, self._now = self._now, code
        if before and code:
            return f"\x1b[0;{code}m{text}"
        return f"\x1b[{code}m{text}" if code else RESET + text

    def reset(self) -> str:
        """Back to plain text."""
        before, self._now = self._now, ""
        return RESET if before else ""

    def _look(self, role: str) -> tuple[str, bool]:
        style = self._theme.resolve(role, self._depth)
        return sgr(style), style.bg is not None or style.reverse or style.underline

    def _painted_now(self) -> bool:
        return any(code == self._now and painted for code, painted in self._codes.values())


def lines(rows: Sequence[Row], theme: Theme, depth: str, *, strip: bool = True) -> str:
    """Rows as lines of text that end reset, for pipes and `--once`. strip: no blanks at line ends."""
    pen = Pen(theme, depth)
    out: list[str] = []
    for row in rows:
        text = "".join(
            [pen.write(text, role) for text, role in _stripped(row, theme, depth)]
            if strip
            else [pen.write(text, role) for text, role in row]
        )
        out.append(text + pen.reset() + "\n")
    return "".join(out)


def _stripped(row: Row, theme: Theme, depth: str) -> Row:
    """Without blanks at the end that show nothing."""
    out = list(row)
    while out:
        text, role = out[-1]
        style = theme.resolve(role, depth)
        if style.bg is not None or style.reverse:
            break
        kept = text.rstrip(" ")
        if kept:
            out[-1] = (kept, role)
            break
        out.pop()
    return out


def screen(rows: Sequence[Row], theme: Theme, depth: str) -> str:
    """Rows as one write for an alternate screen: each row is addressed, nothing scrolls."""
    pen = Pen(theme, depth)
    out: list[str] = []
    for y, row in enumerate(rows):
        out.append(f"\x1b[{y + 1};1H")
        out += [pen.write(text, role) for text, role in row]
    out.append(pen.reset())
    return "".join(out)
