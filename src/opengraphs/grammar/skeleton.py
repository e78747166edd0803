"""A line without its numbers, understood once: which number is which metric, which one the step.

Lines of one print statement differ in their numbers only, so what is between the numbers
(the skeleton) is looked at once, and every further line costs a dictionary look-up and its
floats. Three kinds of numbers have a name: `key: 1.0` and `key=1.0`; `word 1.0` between
separators; and `| 512.4 ms |`, which is named by what stands behind it. Numbers that touch
others (dates, times, addresses, versions, paths) and numbers in prose have none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from . import names
from .numbers import Unit, unit_at

MOST_NUMBERS = 512
MOST_GAP_CHARS = 400
"""A longer stretch of text between two numbers is looked at from its end only."""

_SEPARATOR = re.compile(r"[|,;\t\[\]{}<>\"()•·]|\s[-–—]\s|[ ]{2,}|[.:=!?](?=\s|$)|[:=]")
_ENDS_VALUE = re.compile(r"\s*$|\s*[|,;)\]}\t(/•·]|\s+[-–—]\s|[ ]{2,}|\.(?:\s|$)")
_UNIT_IN_BRACKETS = re.compile(r"\(([\w/%]{1,12})\)$")
_MODULE_LINE = re.compile(r"[\w.<>]+:[\w.<>]+:$")

_PAIR = re.compile(r"[ ,;|]*[A-Za-z_][\w./-]{0,40}(?: [\w./-]{1,20}){0,2} ?[:=] ?")

_STEP_WORD = re.compile(r"([A-Za-z_][\w/ ]{0,30}?)\W{0,4}$")


class Plan(NamedTuple):
    """What a skeleton says. Places are indices of the line's numbers, -1 for none.

    step, total: of the step and its total. kind: what the step is: `step` by name, `bar` for a
    fraction without a name, "" for no step at all. epoch, epoch_total. is_within: the step
    counts within the epoch that stands before it. keys, places, scales: the metrics; units: as
    printed, for those whose scale depends on what was printed first. is_pairs: the line is
    nothing but names and numbers, `loss: 0.31 acc=0.52`.
    """

    step: int
    total: int
    kind: str
    epoch: int
    epoch_total: int
    is_within: bool
    keys: tuple[str, ...]
    places: tuple[int, ...]
    units: tuple[Unit | None, ...]
    is_pairs: bool = False


def plan_of(gaps: Sequence[str], words: Sequence[str]) -> Plan | None:
    """Understand a skeleton.

    Args:
        gaps: the texts around n numbers, n + 1 of them.
        words: for each number "", or NaN or an infinity as it is printed: it may be a plain word.

    Returns:
        None when it holds neither a metric nor a step.
    """
    if not words or len(words) > MOST_NUMBERS:
        return None
    kept, places = _without_words(gaps, words)
    if not places:
        return None
    plan = _Analysis([_short(gap) for gap in kept], places).plan()
    return plan if plan.keys or plan.step >= 0 or plan.epoch >= 0 else None


def _without_words(gaps: Sequence[str], words: Sequence[str]) -> tuple[list[str], list[int]]:
    """The texts around what is really a number, and the places of those: `number of nan iterations: 0` has one."""
    kept, places = [gaps[0]], []
    for place, word in enumerate(words):
        after = gaps[place + 1]
        if word and not _ENDS_VALUE.match(after) and kept[-1].rstrip(" ")[-1:] not in (":", "="):
            kept[-1] += f" {word}{after}"
        else:
            kept.append(after)
            places.append(place)
    return kept, places


def _short(gap: str) -> str:
    return gap if len(gap) <= MOST_GAP_CHARS else f"{gap[:60]} | {gap[-MOST_GAP_CHARS + 80 :]}"


class _Analysis:
    """One skeleton while it is looked at."""

    def __init__(self, gaps: list[str], places: list[int]) -> None:
        self.gaps = gaps
        self.places = places
        self.n = len(places)
        self.is_dead = [False] * self.n
        self.total_of: dict[int, int] = {}
        self.units: list[Unit | None] = [None] * self.n
        self.peeled = [0] * self.n  # characters of the unit, at the beginning of the gap behind

    def plan(self) -> Plan:
        self._find_compounds()
        self._find_units()
        named: list[tuple[int, str]] = []
        for place in range(self.n):
            if not self.is_dead[place]:
                key = self._key(place)
                if key is not None:
                    named.append((place, key))
        return self._assembled(named)

    # -- numbers that are none -----------------------------------------------------------------

    def _find_compounds(self) -> None:
        """Dates, times, addresses, versions and paths are dead; `3/10` is a fraction."""
        touching = [gap in (":", "-", ".", "/", "_", "x", ":-") for gap in self.gaps]
        of = [re.fullmatch(r"\s*(?:/|of)\s*", gap) is not None for gap in self.gaps]
        for place in range(self.n - 1):
            between = place + 1
            if of[between] and not self._chained(place, touching):
                self.total_of[place] = place + 1
                self.is_dead[place + 1] = True
            elif touching[between] and not (self.gaps[between] == ":" and self._starts_pairs(place)):
                self.is_dead[place] = self.is_dead[place + 1] = True
        for place in range(self.n):
            before, after = self.gaps[place], self.gaps[place + 1]
            if re.match(r"\.\d|[/\\@]\w|[-_:]\w", after) and not self._is_rate(after):
                self.is_dead[place] = True
            if re.search(r"[/\\#$~]$|\w@$", before) and not of[place]:
                self.is_dead[place] = True
        self.total_of = {place: total for place, total in self.total_of.items() if not self.is_dead[place]}

    def _starts_pairs(self, place: int) -> bool:
        """`step 500: 0.3` is not a time of day."""
        return re.search(r"(?i)\b(?:step|iter|iteration|epoch)\s*$", self.gaps[place]) is not None

    def _chained(self, place: int, touching: list[bool]) -> bool:
        """Whether the pair is a part of something longer, `1/2/2026` or `10:3/5`."""
        return (place > 0 and touching[place]) or (place + 2 < self.n and touching[place + 2])

    @staticmethod
    def _is_rate(after: str) -> bool:
        return after.startswith("/s")

    def _find_units(self) -> None:
        for place in range(self.n):
            after = self.gaps[place + 1]
            blank = len(after) - len(after.lstrip(" "))
            unit, length = unit_at(after[blank:], memory="mem" in self.gaps[place].lower())
            if unit is not None and blank:
                rest = after[blank + length :]
                single = len(unit.name) == 1 and unit.name not in ("%", "s")
                if blank > 1 or single or not (_ENDS_VALUE.match(rest) or (rest[:1] == " " and unit.family)):
                    unit = None
            if unit is not None:
                self.units[place], self.peeled[place] = unit, blank + length
            elif after[:1].isalpha() or after[:1] == "_" or after[:1] == "'":
                self.is_dead[place] = True  # `2d`, `3rd`, `0x1f`

    # -- names ---------------------------------------------------------------------------------

    def _before(self, place: int) -> str:
        """The text in front of a number, the unit of the one before left out."""
        return self.gaps[place][self.peeled[place - 1] :] if place else self.gaps[0]

    def _after(self, place: int) -> str:
        return self.gaps[place + 1][self.peeled[place] :]

    def _end(self, place: int) -> str:
        """What stands behind a number, or behind its fraction."""
        return self._after(self.total_of.get(place, place))

    def _key(self, place: int) -> str | None:
        before = self._before(place).rstrip(" ")
        step = self._step_name(place, before)
        if step is not None:
            return step
        if before[-1:] in (":", "="):
            return self._pair_key(before)
        if before == "" or before[-1:] in "|([":
            return self._key_behind(place, before)
        return self._word_key(place, before)

    def _step_name(self, place: int, before: str) -> str | None:
        """`step 3`, `Step [3/10]`, `epoch: 3`, `[10]<TAB>`, `[1, 2000]`; "" for a fraction without a name."""
        bare = before.rstrip("[(:=# ")
        found = _STEP_WORD.search(bare)
        if found is not None and (bare != before or before[-1:].isalpha()):
            words = found[1].split()
            for count in (2, 1):
                key = names.key_of(" ".join(words[-count:])) if len(words) >= count else None
                if key is None:
                    continue
                if key in (names.EPOCH, "epochs") and (key == names.EPOCH or place in self.total_of):
                    return names.EPOCH
                if names.step_place(key) is not None:
                    return key
                if key in names.BATCH_KEYS and place in self.total_of:
                    return "step"
        if place == 0:
            return self._leading_step(before)
        if place in self.total_of and before.strip() in ("[", "][", ", ["):
            return ""
        return None

    def _leading_step(self, before: str) -> str | None:
        """A number that a line begins with: `[10]<TAB>…`, `10:<TAB>…`, `3/10 - …`, `s:42 …`."""
        after = self._end(0)
        opened = before.strip()
        if opened in ("s:", "s=") and after[:1] == " ":
            return "step"
        if opened == "[" and re.match(r"\](?:\t|\s+[A-Za-z])", after):
            return "" if 0 in self.total_of else "step"
        if opened == "" and 0 in self.total_of:
            return ""
        if opened == "" and after.startswith(":\t"):
            return "step"
        return None

    def _pair_key(self, before: str) -> str | None:
        """The name in front of a colon or an equals sign."""
        if _MODULE_LINE.search(before) and before.split(":", maxsplit=1)[0].lower() not in (
            "info",
            "debug",
            "warning",
        ):
            return None
        text = before.rstrip(":= ")
        if before[len(text) :].strip() not in (":", "="):
            return None  # `==`, `:=`
        unit = _UNIT_IN_BRACKETS.search(text)
        if unit is not None:
            text = f"{text[: unit.start()].rstrip()} {unit[1]}"
        words = names.words_of(_last_part(text), most=6)
        return names.key_of(" ".join(words)) if words else None

    def _word_key(self, place: int, before: str) -> str | None:
        """`loss 0.5` between separators."""
        part = _last_part(before)
        is_first = (
            part == before.lstrip(" ") and place > 0
        )  # nothing but blanks between it and the number before
        words = names.words_of(part, most=1 if is_first else 3)
        if not words or not self._is_end_of_value(place):
            return None
        return names.key_of(" ".join(words))

    def _is_end_of_value(self, place: int) -> bool:
        after = self._after(place)
        if _ENDS_VALUE.match(after):
            return True
        return place + 1 < self.n and re.fullmatch(r" \S+[:=]?", after) is not None

    def _key_behind(self, place: int, before: str) -> str | None:
        """`| 41.2% bf16 MFU |`, `| 512.4 ms |`: named by what stands behind it."""
        if before[-1:] != "|":
            return None
        label, bar, _ = self._after(place).partition("|")
        if not bar and place + 1 < self.n:
            return None
        words = label.split()
        unit = self.units[place]
        if words and len(words) <= 3:
            return names.key_of(label)
        if words or unit is None:
            return None
        return f"time_{unit.name}" if unit.family == "time" else names.key_of(unit.name)

    # -- together ------------------------------------------------------------------------------

    def _assembled(self, named: list[tuple[int, str]]) -> Plan:
        steps = [
            (names.step_place(key) if key else len(names.STEP_KEYS), place, key)
            for place, key in named
            if key == "" or names.step_place(key) is not None
        ]
        _, step, name = min(((rank or 0, place, key) for rank, place, key in steps), default=(0, -1, ""))
        epochs = [place for place, key in named if key == names.EPOCH]
        epoch = epochs[0] if epochs else -1
        pair = self._epoch_and_batch()
        if step < 0 and pair:
            epoch, step, name = 0, 1, "step"
        used = {step, epoch} if step < 0 or epoch < step else {step}
        keys: dict[str, int] = {}
        for place, key in named:
            if place in used or key == "" or (key == names.EPOCH and place in self.total_of):
                continue
            if not names.is_ignored(key) and place not in self.total_of:
                keys.setdefault(key, place)
        return Plan(
            self._original(step),
            self._original(self.total_of.get(step, -1)),
            "" if step < 0 else "step" if name else "bar",
            self._original(epoch),
            self._original(self.total_of.get(epoch, -1)),
            0 <= epoch < step and (step in self.total_of or pair),
            tuple(keys),
            tuple(self.places[place] for place in keys.values()),
            tuple(self.units[place] for place in keys.values()),
            self.n == len(keys) and self._are_pairs(),
        )

    def _are_pairs(self) -> bool:
        """Whether nothing stands between the numbers but a short name each, with a colon or an equals sign."""
        named = all(_PAIR.fullmatch(self._before(place)) for place in range(self.n))
        return named and not self._after(self.n - 1).strip(" ,;|")

    def _original(self, place: int) -> int:
        """The place among all numbers of the line."""
        return -1 if place < 0 else self.places[place]

    def _epoch_and_batch(self) -> bool:
        """`[1,  2000] loss: 2.1`, as tutorials print it."""
        return (
            self.n > 2
            and self.gaps[0].strip() == "["
            and self.gaps[1].strip() == ","
            and self.gaps[2][:1] == "]"
        )


def _last_part(text: str) -> str:
    """What follows the last separator."""
    end = 0
    for found in _SEPARATOR.finditer(text):
        end = found.end()
    return text[end:].strip(" *#>-'`")
