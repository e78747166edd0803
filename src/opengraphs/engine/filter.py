"""The filter language of runs: the same in TUI, CLI and API.

    words            must all occur in id, name, project, tags or notes
    status:running   tag:baseline   project:gpt*   name:/^exp-\\d+/   config.lr>=1e-3
    summary.loss<2   last.train/loss<0.3   tag.lr>0.01   points>1000   duration>2h
    created<2d   started>=2026-11   has:config.seed   archived:any   family:k7f3
    -term  NOT term   a OR b   (…)   "two words"

`:` and `=` compare text without case, and take `*` `?` globs and `/regex/`; numbers compare
as numbers. `created<2d` is "younger than two days"; a date compares as a date, in UTC, and
stands for the whole of its day or month. A filter that does not parse says where, and
what was probably meant.
"""

from __future__ import annotations

import time
from typing import Any

from opengraphs.engine.filterterms import (
    FIELDS,
    Filterable,
    Predicate,
    Surroundings,
    Terms,
    nearest_field,
    value_getter,
)
from opengraphs.engine.filterwords import Token, error_at, tokens

__all__ = [
    "FIELDS",
    "Filter",
    "Filterable",
    "Surroundings",
    "compile_filter",
    "nearest_field",
    "value_getter",
]

MAX_CHARS = 2000
_MAX_DEPTH = 50


class Filter:
    """A parsed filter; calling it says whether a run passes.

    Attributes:
        passes: the same as calling it.
        fields: heads of the fields it names (`config`, `archived`).
        paths: fields inside objects that it names (`config.lr`).
    """

    def __init__(self, passes: Predicate, fields: frozenset[str], paths: tuple[str, ...]) -> None:
        self.passes = passes
        self.fields = fields
        self.paths = paths

    def __call__(self, run: Any) -> bool:
        return self.passes(run)


def compile_filter(text: str, *, now_s: float | None = None, about: Surroundings | None = None) -> Filter:
    """A function of a run that says whether it passes. An empty filter passes all.

    Args:
        about: the store, for `family:` and for the nearest field that exists.

    Raises:
        UsageError: the filter does not parse; message and hint say where and what helps.
            Also from a call of the result, when a regular expression takes too long.
    """
    if len(text) > MAX_CHARS:
        raise error_at(f"a filter has at most {MAX_CHARS} characters; one more stands", MAX_CHARS)
    parser = _Parser(tokens(text), Terms(time.time() if now_s is None else now_s, about))
    passes = parser.whole()
    return Filter(passes, frozenset(parser.terms.fields), tuple(parser.terms.paths))


class _Parser:
    """Words to a tree of predicates: OR below AND below NOT below terms and brackets."""

    def __init__(self, found: list[Token], terms: Terms) -> None:
        self._tokens = found
        self._place = 0
        self._depth = 0
        self.terms = terms

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def whole(self) -> Predicate:
        if self._next.kind == "end":
            return lambda run: True
        found = self._any()
        if self._next.kind != "end":
            raise error_at(
                "a closing bracket without an opening one", self._next.at, "remove it, or quote it"
            )
        return found

    def _is_word(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text == word

    def _any(self) -> Predicate:
        found = [self._all()]
        while self._is_word("OR"):
            self._take()
            found.append(self._all())
        return found[0] if len(found) == 1 else lambda run: any(part(run) for part in found)

    def _all(self) -> Predicate:
        found = [self._one()]
        while self._next.kind not in ("end", ")") and not self._is_word("OR"):
            if self._is_word("AND"):
                self._take()
            found.append(self._one())
        if len(found) == 2:
            first, second = found
            return lambda run: first(run) and second(run)
        return found[0] if len(found) == 1 else lambda run: all(part(run) for part in found)

    def _one(self) -> Predicate:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise error_at("brackets and NOTs are nested too deep", self._next.at)
        try:
            return self._one_inside()
        finally:
            self._depth -= 1

    def _one_inside(self) -> Predicate:
        if self._next.kind == "not" or self._is_word("NOT"):
            self._take()
            negated = self._one()
            return lambda run: not negated(run)
        token = self._take()
        if token.kind == "(":
            inner = self._any()
            if self._take().kind != ")":
                raise error_at("a bracket is not closed", token.at, "add ) at its end")
            return inner
        if token.kind in ("end", ")") or (token.kind == "word" and token.text in ("OR", "AND")):
            raise error_at("a term is missing", token.at, "OR, NOT and brackets stand around terms")
        return self.terms.term(token)
