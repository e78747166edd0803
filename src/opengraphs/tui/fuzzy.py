"""Which names fit what somebody types, which fit best, and which of their letters it was. Pure."""

from __future__ import annotations

from typing import NamedTuple

SPREAD = 2
"""Letters in the middle of words count only where they stand within so many times their number."""

_BORDERS = " /_-.:,("


class Fit(NamedTuple):
    """How well a text fits (more is better) and the places of the letters that do."""

    score: float
    places: tuple[int, ...]


def fit(query: str, text: str) -> Fit | None:
    """Every word of `query` in `text`, in any order, whole or with letters left out; None where one is not.

    What begins a word of `text` counts most, then letters that stand together, then an early place.
    """
    lower = text.lower()
    if len(lower) != len(text):
        lower = text  # a letter that grows when it is made small: places would not fit
    score, places = 0.0, set[int]()
    for word in query.lower().split():
        found = _whole(word, lower) or _scattered(word, lower)
        if found is None:
            return None
        score += found.score
        places.update(found.places)
    return Fit(score - len(text) / 1000, tuple(sorted(places)))


def _begins_word(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] in _BORDERS


def _whole(word: str, text: str) -> Fit | None:
    """The word as it was typed; where a word of the text begins, if there is such a place."""
    first = at = text.find(word)
    if first < 0:
        return None
    while at >= 0 and not _begins_word(text, at):
        at = text.find(word, at + 1)
    score, at = (30.0, at) if at >= 0 else (20.0, first)
    return Fit(score * len(word) - at / 10, tuple(range(at, at + len(word))))


def _scattered(word: str, text: str) -> Fit | None:
    """Its letters in their order, each at the next beginning of a word where the rest still fits behind."""
    places: list[int] = []
    at = 0
    for number, letter in enumerate(word):
        place = _next_place(text, letter, at, word[number + 1 :])
        if place is None:
            return None
        places.append(place)
        at = place + 1
    together = sum(b == a + 1 for a, b in zip(places, places[1:]))  # noqa: B905, RUF007 - one shorter
    begins = sum(_begins_word(text, place) for place in places)
    if begins + together < len(places) and places[-1] - places[0] >= SPREAD * len(word):
        return None
    return Fit(4.0 * together + 6.0 * begins - (places[-1] - places[0]) / 10, tuple(places))


def _next_place(text: str, letter: str, start: int, rest: str) -> int | None:
    first = text.find(letter, start)
    if first < 0 or not _has(rest, text, first + 1):
        return None
    if start and first == start:
        return first
    at = first
    while at >= 0:
        if _begins_word(text, at):
            return at if _has(rest, text, at + 1) else first
        at = text.find(letter, at + 1)
    return first


def _has(letters: str, text: str, start: int) -> bool:
    """Whether these letters follow in their order."""
    for letter in letters:
        start = text.find(letter, start) + 1
        if not start:
            return False
    return True
