"""Untrusted text made safe, and measured in cells.

Run names, metric keys, tags and log lines come from programs. Control characters
never reach the terminal; a character counts 0, 1 or 2 cells by the Unicode tables.
"""

from __future__ import annotations

REPLACEMENT = "\u00b7"
"""What stands for a control character: one cell, calm, and visible."""

_MAX_MARKS = 2
"""Combining marks kept on one base character; more is an attack on the layout, not a language."""

_widths: dict[str, int] = {}


def _char_width(char: str) -> int:
    width = _widths.get(char)
    if width is None:
        width = _widths[char] = _measure(char)
    return width


def _measure(char: str) -> int:
    import unicodedata  # only text outside ASCII pays for the tables

    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc", "Cs", "Zl", "Zp"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


_NARROW = frozenset(
    map(
        chr,
        [
            *range(0x20, 0x7F),
            *range(0xA0, 0xAD),
            *range(0xAE, 0x100),
            *range(0x2500, 0x2600),
            *range(0x2800, 0x2900),
        ],
    )
)
"""Most of what is drawn: Latin, frames, blocks, shapes, braille. Without U+00AD, which nobody can agree on."""


def cell_len(text: str) -> int:
    """Cells a cleaned text covers."""
    if text.isascii() or _NARROW.issuperset(text):
        return len(text)
    width = _widths.get
    return sum([_char_width(char) if (size := width(char)) is None else size for char in text])


def clean(text: str, *, ascii_only: bool = False) -> str:
    """Text without anything that could steer a terminal.

    Tabs become spaces; control characters, escapes, bidirectional and zero-width
    characters become a dot or vanish; piled-up combining marks are cut at two.
    `ascii_only` replaces what an ASCII terminal cannot show with `?`.
    """
    if text.isascii() and text.isprintable():
        return text
    return _ascii(_scrub(text)) if ascii_only else _scrub(text)


_PLAIN = str.maketrans("…·–—‘’“”×", "~.--''\"\"x")
"""Typographic characters and what an ASCII terminal shows for them, cell for cell."""


def _ascii(text: str) -> str:
    return "".join(char if char.isascii() else "?" * _char_width(char) for char in text.translate(_PLAIN))


def _scrub(text: str) -> str:
    import unicodedata

    out: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text.replace("\t", "    ")):
        kind = unicodedata.category(char)
        if kind in ("Mn", "Me"):
            marks += 1
            if out and marks <= _MAX_MARKS:
                out.append(char)
            continue
        marks = 0
        if kind in ("Cc", "Cs", "Zl", "Zp", "Co", "Cn"):
            out.append(REPLACEMENT)
        elif kind != "Cf":
            out.append(" " if kind == "Zs" else char)
    return "".join(out)


def clip(text: str, width: int, *, ellipsis: str = "…") -> str:
    """At most `width` cells of a cleaned text; what is cut ends in an ellipsis."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    room = width - cell_len(ellipsis)
    if room < 0:
        return _head(text, width)
    return _head(text, room) + ellipsis


def clip_left(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Like `clip`, but keeps the end: metric keys and paths differ at their ends."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    if room <= 0:
        return clip(text, width, ellipsis=ellipsis)
    return ellipsis + _head(text[::-1], room)[::-1] if text.isascii() else ellipsis + _tail(text, room)


def _head(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    used = 0
    for index, char in enumerate(text):
        used += _char_width(char)
        if used > width:
            return text[:index]
    return text


def _tail(text: str, width: int) -> str:
    used = 0
    for index in range(len(text) - 1, -1, -1):
        used += _char_width(text[index])
        if used > width:
            return text[index + 1 :]
    return text


def pad(text: str, width: int, *, align: str = "left", ellipsis: str = "…") -> str:
    """Exactly `width` cells; align is left, right or center. A number is never cut, it becomes `#`s."""
    clipped = clip(text, width, ellipsis=ellipsis)
    room = width - cell_len(clipped)
    if room <= 0:
        return clipped
    if align == "right":
        return " " * room + clipped
    if align == "center":
        return " " * (room // 2) + clipped + " " * (room - room // 2)
    return clipped + " " * room
