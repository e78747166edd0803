"""The words of a filter: what stands where, before anybody asks what it means."""

from __future__ import annotations

from typing import NamedTuple

from opengraphs.errors import UsageError


class Token(NamedTuple):
    """kind: word, quoted, not, (, ) or end. at: its place in the filter, from 0.

    quote_at: where in `text` a quoted part begins, -1 when nothing was quoted. What is
    quoted means itself: no operator, glob or regex.
    """

    kind: str
    text: str
    at: int
    quote_at: int = -1


def error_at(what: str, at: int, hint: str = "") -> UsageError:
    """A filter that does not parse: what is wrong, and where."""
    return UsageError(f"filter: {what} at position {at}", hint=hint)


def tokens(text: str) -> list[Token]:
    """The words of a filter, and an `end`.

    Raises:
        UsageError: a quote is not closed.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
        elif char in "()":
            found.append(Token(char, char, at))
            at += 1
        elif char == "-" and at + 1 < len(text) and not text[at + 1].isspace():
            found.append(Token("not", "-", at))
            at += 1
        else:
            token, at = _word(text, at)
            found.append(token)
    return [*found, Token("end", "", len(text))]


def _word(text: str, start: int) -> tuple[Token, int]:
    """A word up to the next space or bracket; quotes and /regex/ inside keep both."""
    out = ""
    at, quote_at = start, -1
    while at < len(text) and not text[at].isspace() and text[at] not in "()":
        if text[at] == '"':
            end = text.find('"', at + 1)
            if end < 0:
                raise error_at("a quote is not closed", at, 'add " at its end')
            quote_at = len(out) if quote_at < 0 else quote_at
            out += text[at + 1 : end]
            at = end + 1
        elif text[at] == "/" and (at == start or text[at - 1] in ":=") and (end := _regex_end(text, at)):
            out += text[at:end]
            at = end
        else:
            out += text[at]
            at += 1
    return Token("quoted" if text[start] == '"' else "word", out, start, quote_at), at


def _regex_end(text: str, start: int) -> int:
    """Behind the slash that closes `/regex/`: one at a word's end, not escaped; 0 when there is none."""
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "/" and (at + 1 == len(text) or text[at + 1].isspace() or text[at + 1] in "()"):
            return at + 1
        at += 1
    return 0
