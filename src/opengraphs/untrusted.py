"""Text that a training wrote, on its way to a model: data, whatever it says.

Control characters, escape sequences, bidirectional overrides, zero-width and tag characters go; long
lines are cut; and the whole stands between two lines with a number that nobody could know before.
"""

from __future__ import annotations

import re
import secrets

MAX_LINE = 500
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|\Z)"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)


def clean(text: str, *, max_line: int = MAX_LINE) -> str:
    """`text` as a person would see it: what cannot be seen is gone, a line is no longer than `max_line`."""
    seen = _INVISIBLE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return "\n".join(_cut(line, max_line) for line in seen.split("\n"))


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[:most]} … ({len(line) - most} more characters)"


def fence() -> str:
    """A word for `fenced` that no text could have known."""
    return secrets.token_hex(8)


def fenced(text: str, *, what: str, word: str) -> str:
    """`text` between two lines that say what it is and that it is data.

    Args:
        word: from `fence`, one for a whole request.
    """
    return f"<<data {word} {what}>>\n{clean(text).replace(word, '')}\n<<end {word}>>"
