"""The words of a rule: what stands where, before anybody asks what it means.

Metric names hold `/`, `-` and `*`, which are operators too. Spaces decide: `a/b`, `a-b` and
`*/loss` are one name, `a / b` and `a - b` are arithmetic. Where a number follows without a
space (`loss/2`, `loss-1`, `lr*2`) nobody can know, and it is an error instead of a guess.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from opengraphs.alerts.rules.faults import fault_at

MAX_CHARS = 2000
MAX_WORDS = 300
DURATIONS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
KEYWORDS = ("and", "or", "not")
CLAUSES = ("for", "after", "cooldown", "action")

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?")
_UNIT = re.compile(r"%|[^\W\d_]+")
_NAME = re.compile(r"[^\W\d][\w./@#?*-]*|[*?][\w./@#?*-]*")
_UNSURE = re.compile(r"(.*[^/*])([/*-])(\d[\d.]*)\Z")
_LEVEL = re.compile(r"!(\w+)")
_OPERATOR = re.compile(r"<=|>=|==|!=|[<>+\-*/(),]")
_MISSPELT = {
    "=": "==",
    "&&": "and",
    "||": "or",
    "&": "and",
    "|": "or",
    "!": "not",
    "^": "",
    "≥": ">=",
    "≤": "<=",
}


class Word(NamedTuple):
    """One word.

    kind: number, name, quoted, word (and, or, not, for, …), op, level or end.
    text: as it means (a quoted name without its quotes). at, end: its place, end not included.
    number: of a number, in its unit's base (5% is 0.05, 10m is 600).
    unit: of a number: "" or "%" or one of DURATIONS.
    """

    kind: str
    text: str
    at: int
    end: int
    number: float = 0.0
    unit: str = ""


def words(text: str, start: int = 0) -> list[Word]:
    """The words of a rule from `start` on, and an `end`.

    Raises:
        UsageError: what no rule can contain, a quote that is not closed, a number with an
            unknown unit, or a rule that is too long.
    """
    if len(text) > MAX_CHARS:
        raise fault_at(text, MAX_CHARS, f"a rule has at most {MAX_CHARS} characters; one more stands")
    found: list[Word] = []
    at = _past_space(text, start)
    while at < len(text):
        found.append(_word(text, at, ends_value=bool(found) and _ends_value(found[-1])))
        if len(found) > MAX_WORDS:
            raise fault_at(
                text, at, f"a rule has at most {MAX_WORDS} words; one more stands", "two rules may do"
            )
        at = _past_space(text, found[-1].end)
    return [*found, Word("end", "", max(start, len(text.rstrip())), len(text))]


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _ends_value(word: Word) -> bool:
    """Whether a value may end here, so that an operator is expected next."""
    return word.kind in ("number", "name", "quoted") or (word.kind == "op" and word.text == ")")


def _word(text: str, at: int, *, ends_value: bool) -> Word:
    char = text[at]
    if char in "\"'":
        return _quoted(text, at)
    if match := _NUMBER.match(text, at):
        return _number(text, match)
    if char == "!" and (match := _LEVEL.match(text, at)):
        return Word("level", match[1].lower(), at, match.end())
    if not (ends_value and char in "*?") and (match := _NAME.match(text, at)):
        return _name(text, match)
    if match := _OPERATOR.match(text, at):
        return Word("op", match[0], at, match.end())
    raise _unknown(text, at)


def _unknown(text: str, at: int) -> Exception:
    for wrong in (text[at : at + 2], text[at]):
        if wrong in _MISSPELT:
            right = _MISSPELT[wrong]
            return fault_at(
                text, at, f"{wrong!r} is no operator", f"write {right}" if right else "there is no power"
            )
    hint = "a metric whose name has such characters is quoted" if text[at].isprintable() else ""
    return fault_at(text, at, f"{text[at]!r} means nothing in a rule", hint)


def _quoted(text: str, at: int) -> Word:
    """A metric name in quotes; backslash keeps a quote or a backslash."""
    quote, out, place = text[at], "", at + 1
    while place < len(text) and text[place] != quote:
        place += text[place] == "\\" and place + 1 < len(text)
        out += text[place]
        place += 1
    if place >= len(text):
        raise fault_at(text, at, "a quote is not closed", f"add {quote} at the end of the name")
    if not out:
        raise fault_at(text, at, "the quotes hold no name", "write the metric's name between them")
    return Word("quoted", out, at, place + 1)


def _number(text: str, match: re.Match[str]) -> Word:
    digits = match[0].replace("_", "")
    unit = _UNIT.match(text, match.end())
    end = unit.end() if unit else match.end()
    name = unit[0] if unit else ""
    if name and name != "%" and name not in DURATIONS:
        hint = "numbers take % or a time: ms s m h d; a metric whose name starts with a digit is quoted"
        raise fault_at(text, match.end(), f"unknown unit {name!r}", hint)
    if text[end : end + 1] in tuple("._@#") or text[end : end + 1].isalnum():
        raise fault_at(
            text, match.start(), "not a number", "a metric whose name starts with a digit is quoted"
        )
    number = float(digits)
    if number == float("inf"):
        raise fault_at(
            text, match.start(), "a number beyond what can be compared", "the largest is about 1.8e308"
        )
    return Word("number", match[0] + name, match.start(), end, number * _factor(name), name)


def _factor(unit: str) -> float:
    return 0.01 if unit == "%" else DURATIONS.get(unit, 1.0)


def _name(text: str, match: re.Match[str]) -> Word:
    name, at = match[0], match.start()
    while name[-1] in "-/." and len(name) > 1:
        name = name[:-1]  # `a/ b` or `loss.`: an operator, or a stray mark, which the parser names
    if name.lower() in KEYWORDS or name in CLAUSES:
        return Word("word", name.lower(), at, at + len(name))
    if "**" in name:
        raise fault_at(text, at + name.index("**"), "'**' is no operator", "there is no power")
    if unsure := _UNSURE.match(name):
        before, sign, number = unsure.groups()
        what = f"{name!r} may be one name or arithmetic"
        raise fault_at(
            text, at + len(before), what, f'write {before} {sign} {number}, or quote the name: "{name}"'
        )
    return Word("name", name, at, at + len(name))
