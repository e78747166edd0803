"""What a stream shows of characters that it cannot: the nearest of ASCII, cell for cell. Stdlib only."""

from __future__ import annotations

import codecs
from typing import TextIO

HANDLER = "opengraphs.nearest"
"""Error handler of a text stream that writes the nearest character, else `?`."""
_NEAREST = str.maketrans("▼▲✓✗Δ▁▂▃▄▅▆▇█…·–—‘’“”×├└│─◀", "v^+xd_.,-=+*#~.--''\"\"x|`|-<")


def nearest(text: str) -> str:
    """`text` in ASCII, as many characters as before."""
    return "".join(char if char.isascii() else "?" for char in text.translate(_NEAREST))


def _handle(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return nearest(error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, _handle)


def forgive(stream: TextIO) -> None:
    """No character stops a line any more."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=HANDLER)


def fit_to_terminal(stream: TextIO) -> None:
    """A terminal whose locale is not UTF-8, or that has no glyphs for more, gets ASCII; a pipe all there is."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None or not stream.isatty():
        return
    from opengraphs.tui import terminal

    if terminal.detect().glyphs == "ascii":
        reconfigure(encoding="ascii", errors=HANDLER)
