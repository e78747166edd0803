"""Make a line of a program's output fit for a terminal that belongs to somebody else.

Runs are not trusted: of all escape sequences only colours (SGR) pass, no control
character does, and text that was overprinted with carriage returns (progress bars) is
folded into what a terminal would have shown at the end.
"""

from __future__ import annotations

import re

MAX_LINE_CHARS = 8192
FOLD_BYTES = 64 << 10
"""Of a longer line only this much of the end is folded: the rest was overprinted long ago."""

_SEQUENCE = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]{0,64})m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # other control sequences
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS, SOS, PM, APC strings
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
    r"|\x9b[0-?]*[ -/]*[@-~]"  # 8-bit control sequences
    r"|[\x90\x98\x9d-\x9f][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b"
)
_CONTROL = re.compile(
    "[\x00-\x08\x0a-\x0d\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_ERASE = re.compile(r"\x1b\[[012]?K")
_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_TAB = 8


def clean(text: str) -> str:
    """One line without newline: printable characters and SGR colours only."""
    if "\r" in text:
        text = fold(text)
    if text.isascii() and text.isprintable():
        return _cut(text)
    text = _SEQUENCE.sub(_keep_colour, text)
    if "\t" in text:
        text = text.expandtabs(_TAB)
    return _cut(_CONTROL.sub("", text))


def plain(text: str) -> str:
    """`clean` without colours: what a search looks at."""
    return _SGR.sub("", clean(text))


def _keep_colour(match: re.Match[str]) -> str:
    return match[0] if match["sgr"] is not None else ""


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LINE_CHARS else text[: MAX_LINE_CHARS - 1] + "…"


def fold(text: str) -> str:
    """Play carriage returns: every stretch overprints the one before from its first column.

    What a shorter stretch leaves standing of a longer one stays, unless it was erased.
    """
    shown = ""
    for stretch in text.rstrip("\r").split("\r"):
        if not stretch:
            continue
        erased = _ERASE.search(stretch) is not None
        width = len(_SEQUENCE.sub("", stretch))
        rest = "" if erased else _after(shown, width)
        shown = stretch + rest
    return shown


def _after(text: str, width: int) -> str:
    """What of `text` is right of the first `width` visible characters."""
    if len(text) <= width:
        return ""
    column, at = 0, 0
    while at < len(text) and column < width:
        match = _SEQUENCE.match(text, at)
        if match is None:
            column, at = column + 1, at + 1
        else:
            at = match.end()
    return text[at:]


def decode_line(data: bytes) -> str:
    """Bytes of one line, newline not included; of a very long one the end (see FOLD_BYTES)."""
    if b"\r" in data and len(data) > FOLD_BYTES:
        data = data[data.find(b"\r", len(data) - FOLD_BYTES) + 1 :] or data[-FOLD_BYTES:]
    return data.decode("utf-8", "replace")
