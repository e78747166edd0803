"""From the bytes of a stream to the lines a person would have seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_LINE_BYTES = 32 << 10
"""Longer lines hold no metrics; they are dropped and counted, so that no line costs memory or time."""

_ENDS = re.compile(rb"[\r\n]")
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|[\]PX^_][^\x07\x1b]{0,512}(?:\x07|\x1b\\)?|[ -/]{0,4}[0-~]|)"
    r"|\x9b[0-?]{0,64}[@-~]"
)
_CONTROL = re.compile("[\x00-\x07\x0b-\x1f\x7f-\x9f]")


class LineSplitter:
    """Cuts a stream at newlines and carriage returns, whatever pieces it comes in.

    Attributes:
        position: bytes taken so far.
        dropped: lines that were too long.
    """

    def __init__(self, position: int = 0, *, dropped: int = 0, inside: bool = False) -> None:
        """`inside`: the first line began before `position`; its rest is no line."""
        self.position = position
        self.dropped = dropped
        self._rest = b""
        self._too_long = inside

    def feed(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Every line that is complete now, without its end, and where in the stream it ends."""
        pieces = _ENDS.split(data)
        if len(pieces) == 1:
            self.position += len(data)
            self._keep(data)
            return
        end = self.position
        self.position += len(data)
        first = True
        for piece in pieces[:-1]:
            end += len(piece) + 1
            if first:
                first = False
                line = self._joined(piece)
                if line is None:
                    continue
            else:
                line = piece
            if len(line) > MAX_LINE_BYTES:
                self.dropped += 1
            elif line:
                yield line, end
        self._keep(pieces[-1])

    def _joined(self, piece: bytes) -> bytes | None:
        """The line that began in an earlier piece; None for one that was given up."""
        line, self._rest = self._rest + piece if self._rest else piece, b""
        if not self._too_long:
            return line
        self._too_long = False
        return None

    def _keep(self, piece: bytes) -> None:
        if self._too_long:
            return
        self._rest = self._rest + piece if self._rest else piece
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest = b""
            self._too_long = True
            self.dropped += 1

    def flush(self) -> tuple[bytes, int] | None:
        """The last line of a stream that has ended without ending it."""
        line, self._rest = self._rest, b""
        self._too_long = False
        return (line, self.position) if line else None


def visible(line: bytes) -> str:
    """One line as text: escape sequences removed, backspaces applied, no control characters but tabs."""
    text = line.decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return text
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPE.sub("", text)
    if "\b" in text:
        text = _overtyped(text)
    return _CONTROL.sub("", text)


def _overtyped(text: str) -> str:
    """Play backspaces: they move left, and what follows overwrites."""
    stretches = re.split("(\b+)", text)
    shown: list[str] = list(stretches[0])
    column = len(shown)
    for moves, written in zip(stretches[1::2], stretches[2::2], strict=True):
        column = max(0, column - len(moves))
        shown[column : column + len(written)] = written
        column += len(written)
    return "".join(shown)
