"""Completion of the filter line: the term under the caret, and what it may become. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opengraphs.tui.widgets.line_edit import LineEdit

MAX_SHOWN = 8
FIELDS_ASKED = 50
_OPERATORS = (":", "!=", "<", "<=", ">", ">=")


class Completion(NamedTuple):
    """text: what the term becomes; note: how many runs have it."""

    text: str
    note: str = ""


class Term(NamedTuple):
    """The word that the caret is in: text[start:stop], without a minus before it."""

    start: int
    stop: int
    word: str


def term_at(text: str, caret: int) -> Term:
    """Words end at blanks and brackets outside quotes."""
    start, quoted = 0, False
    for at, char in enumerate(text[:caret]):
        quoted ^= char == '"'
        if not quoted and char in " ()":
            start = at + 1
    if text[start : start + 1] == "-":
        start += 1
    stop = caret
    while stop < len(text) and (quoted or text[stop] not in " ()"):
        quoted ^= text[stop] == '"'
        stop += 1
    return Term(min(start, caret), stop, text[min(start, caret) : caret])


def completions(word: str, fields: Sequence[Mapping[str, Any]]) -> list[Completion]:
    """What the beginning of a term may become.

    Args:
        fields: `GET /runs/fields` about this word: fields that it begins, or the one whose value it begins.
    """
    cut = next((place for place, char in enumerate(word) if char in ":=<>!"), None)
    if cut is None:
        return [one for one in _fields(word, fields) if one.text != word][:MAX_SHOWN]
    stop = cut + 1 + (word[cut + 1 : cut + 2] == "=")
    begin, typed = word[:stop], word[stop:].lstrip('"').lower()
    found = next((field for field in fields if field["field"] == word[:cut]), {})
    fitting = [value for value in found.get("values", ()) if value["value"].lower().startswith(typed)]
    made = [Completion(f"{begin}{quoted(value['value'])}", _runs(value["runs"])) for value in fitting]
    return [one for one in made if one.text != word][:MAX_SHOWN]


def asked(word: str) -> str:
    """What the daemon is to be asked about a word: it knows values by `field:`, whatever is compared."""
    cut = next((place for place, char in enumerate(word) if char in ":=<>!"), None)
    if cut is None:
        return word
    return f"{word[:cut]}:" + word[cut:].lstrip(":=<>!").lstrip('"')


def _fields(word: str, fields: Sequence[Mapping[str, Any]]) -> list[Completion]:
    found: list[Completion] = []
    for field in fields:
        name, note = field["field"], _runs(field["runs"])
        if not name.lower().startswith(word.lower()) and name.rpartition(".")[2].lower() != word.lower():
            continue
        if name == word and field["kind"] == "number":
            found += [Completion(f"{name}{operator}", note) for operator in _OPERATORS]
        else:
            found.append(Completion(name if field["kind"] == "number" else f"{name}:", note))
    return found


def quoted(value: str) -> str:
    return f'"{value}"' if any(char in ' ()*?"' for char in value) and '"' not in value else value


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}" if count else ""


def complete(edit: LineEdit, term: Term, text: str) -> None:
    """Put `text` in place of the term; a whole term gets a blank behind it."""
    whole = any(char in text for char in ":=<>") and not text.endswith((":", "=", "<", ">"))
    rest = edit.text[term.stop :]
    if whole and not rest.startswith(" "):
        text += " "
    edit.replace(term.start, term.stop, text)
