"""Which samples of a run fit a filter, and in which order: read once, a piece at a time.

words      every one in some value            2+2 wrong
column:    in the values of one column        completion:sorry
numbers    compared                           score<0.5 step>=100
"""

from __future__ import annotations

import json
import math
import operator
import re
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

PROMPTS = ("prompt", "input", "question", "instruction", "messages", "query")
"""What the column that a model answers to is called; the first that a sample has."""

PIECE = 20_000
"""Samples read for one question: about a tenth of a second."""

_FACTS = ("step", "time", "rank", "name")
_TOKEN = re.compile(r'"([^"]*)"|(\S+)')
_COMPARED = re.compile(r"([^\s<>=!:]+)(<=|>=|!=|=|<|>)(.+)")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip

Record = Mapping[str, Any]
Test = Callable[[Record], bool]


class SampleQuery(NamedTuple):
    """filter: see above. sort: `time`, `step` or a column, `-` before it for descending. prompt: only samples
    with this one, as JSON; None is any. table: only this table of samples, "" for all."""

    filter: str = ""
    sort: str = "time"
    prompt: str | None = None
    table: str = ""


class SampleLook:
    """What is known so far about one query; `seen` samples were looked at."""

    def __init__(self, query: SampleQuery) -> None:
        self.seen = 0
        self._query = query
        self._sort = query.sort.removeprefix("-")
        self._tests = tests_of(query.filter)
        self._found: list[tuple[Any, Any]] = []
        self._without: list[Any] = []

    def read(self, arrived: Sequence[Any], read: Callable[[Any], Record | None]) -> None:
        """Look at what has come since, at most PIECE samples. `arrived` only grows."""
        fresh = arrived[self.seen : self.seen + PIECE]
        self.seen += len(fresh)
        found = [
            (key, place)
            for place in fresh
            if (record := read(place)) is not None and self._fits(record)
            for key in [self._key(record, place)]
        ]
        with_key = [one for one in found if one[0] is not None]
        for _, place in (one for one in found if one[0] is None):
            insort(self._without, place)
        if len(with_key) < 32:
            for one in with_key:
                insort(self._found, one)
        else:
            self._found = sorted(self._found + with_key)

    def places(self) -> list[Any]:
        """In order, numbers before texts; what has no value to be sorted by comes last."""
        texts_from = bisect_left(self._found, ((1,),))
        parts = (self._found[:texts_from], self._found[texts_from:])
        step = -1 if self._query.sort.startswith("-") else 1
        return [place for part in parts for _, place in part[::step]] + self._without

    def _fits(self, record: Record) -> bool:
        query = self._query
        if query.table and record.get("name") != query.table:
            return False
        if query.prompt is not None and json.dumps(prompt_of(record), sort_keys=True) != query.prompt:
            return False
        return all(test(record) for test in self._tests)

    def _key(self, record: Record, place: Any) -> Any:
        if self._sort == "time":
            return (0, place[0])
        value = value_of(record, self._sort)
        number = _number(value)
        if number is not None:
            return (0, number)
        return (1, value.lower()) if isinstance(value, str) else None


def tests_of(words: str) -> list[Test]:
    """What a record has to pass, one test a word of the filter."""
    return [
        _holds("", quoted.lower()) if quoted else _test(word)
        for quoted, word in _TOKEN.findall(words)
        if quoted or word
    ]


def prompt_of(record: Record) -> Any:
    """What the model was asked; None where no column says so."""
    columns = record.get("columns")
    if not isinstance(columns, Mapping):
        return None
    return next((columns[name] for name in PROMPTS if columns.get(name) is not None), None)


def value_of(record: Record, name: str) -> Any:
    """A column of a sample, or one of its facts; None without it. Nested columns with dots."""
    value: Any = record.get("columns")
    if isinstance(value, Mapping) and name in value:
        return value[name]
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return record.get(name) if value is None and name in _FACTS else value


def _test(word: str) -> Test:
    compared = _COMPARED.fullmatch(word)
    if compared:
        name, sign, text = compared.groups()
        return _compares(name, _OPERATORS[sign], sign, text)
    name, colon, text = word.partition(":")
    return _holds(name, text.lower()) if colon and name and text else _holds("", word.lower())


def _holds(name: str, text: str) -> Test:
    def test(record: Record) -> bool:
        return text in _text(value_of(record, name) if name else record.get("columns")).lower()

    return test


def _compares(name: str, holds: Callable[[float, float], bool], sign: str, text: str) -> Test:
    wanted = _number(text)

    def test(record: Record) -> bool:
        value = value_of(record, name)
        number = _number(value)
        if wanted is not None and number is not None:
            return holds(number, wanted)
        same = _text(value).lower() == text.lower()
        return same if sign == "=" else not same if sign == "!=" else False

    return test


def _number(value: Any) -> float | None:
    if isinstance(value, str | bool | int | float):
        try:
            number = float(value)
        except ValueError:
            return None
        return None if math.isnan(number) else number
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
