"""How many steps a run will take, read off what it prints: progress bars, `step 12/1000`, `Epoch 3/10`.

A printed fraction is believed only where it agrees with the steps that were logged: a bar
over the batches of one epoch, or over an evaluation, is no measure of the run. Two
fractions that belong together (`Epoch 3/10` and a bar of 600 batches) are multiplied.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from opengraphs.grammar import bars
from opengraphs.store.logtext import plain
from opengraphs.store.plainfile import open_plain

HEAD_BYTES, TAIL_BYTES = 32 << 10, 16 << 10
_AGAIN_S = 2.0
"""How old what was read off a log that grows may be."""
_MOST_LINES = 400
_NUMBER = r"(\d[\d,_]{0,14})"
_DECLARED = re.compile(
    r"(?:total[ _](?:(?:optimi[sz]ation|train(?:ing)?)[ _])?steps|max[ _]steps|num[ _]train(?:ing)?[ _]steps|"
    rf"training[ _]steps|number of (?:training )?steps)\s*[:=]\s*{_NUMBER}\b",
    re.IGNORECASE,
)
_STEP = re.compile(
    rf"\b(?:global[ _]?step|step|iter|iteration|update|batch)s?\W{{0,4}}{_NUMBER}\s*(?:/|of)\s*{_NUMBER}",
    re.IGNORECASE,
)
_STEP_ASIDE = re.compile(rf"(?:{bars.ASIDE.pattern})\w*\W*$", re.IGNORECASE)


class Fraction(NamedTuple):
    """`done` of `total`."""

    done: int
    total: int


class Printed(NamedTuple):
    """What a log says. declared: totals that were announced; epochs, steps: the newest fraction
    of each kind, steps being bars and named steps, largest total first. per_s: the speed that
    the newest bar shows."""

    declared: list[int]
    epochs: Fraction | None
    steps: list[Fraction]
    per_s: float | None = None


class Place(NamedTuple):
    """Where a training is by its bars alone, and the steps per second that they show."""

    step: int
    total: int
    per_s: float | None


def printed(head: str, tail: str) -> Printed:
    """What the beginning and the end of a log say of its length.

    Of one kind and one total the newest counts; lines about evaluation, downloads and the
    like are left out.
    """
    declared = [_whole(found[1]) for found in _DECLARED.finditer(f"{head}\n{tail}")]
    epochs: Fraction | None = None
    steps: dict[int, Fraction] = {}
    per_s: float | None = None
    for line in _newest_lines(tail):
        if epochs is None:
            epochs = _epochs(line)
        found = _fraction(_STEP, line, _STEP_ASIDE) or _bar(line)
        if found is not None:
            per_s = per_s or bars.speed_in(line)
            steps.setdefault(found.total, found)
    return Printed(
        [total for total in declared if total > 1],
        epochs,
        sorted(steps.values(), key=lambda fraction: -fraction.total),
        per_s,
    )


def _newest_lines(tail: str) -> Iterator[str]:
    lines = re.split(r"[\r\n]+", tail)
    for line in lines[: -_MOST_LINES - 1 : -1]:
        if "/" in line or " of " in line:
            yield plain(line)


def _fraction(pattern: re.Pattern[str], line: str, aside: re.Pattern[str]) -> Fraction | None:
    """The last fraction of a line, if what stands before it does not say that it is another matter."""
    found = max(pattern.finditer(line), key=lambda match: match.start(), default=None)
    if found is None or aside.search(line[: found.start()]):
        return None
    return _sound(_whole(found[1]), _whole(found[2]))


def _bar(line: str) -> Fraction | None:
    found = bars.bar_in(line)
    return None if found is None or found.total is None or found.is_aside else _sound(found.done, found.total)


def _epochs(line: str) -> Fraction | None:
    found = bars.epoch_in(line)
    return None if found is None or found.total is None else _sound(found.number, found.total)


def _sound(done: int, total: int) -> Fraction | None:
    return Fraction(done, total) if total > 1 and done <= total else None


def _whole(digits: str) -> int:
    return int(digits.replace(",", "").replace("_", ""))


def total_of(seen: Printed, last_step: int | None) -> int | None:
    """The steps of the whole run as far as a log tells; None where it does not, or contradicts the steps.

    Args:
        last_step: the last step that was logged, None for none: then only what was announced,
            or a lone bar, counts.
    """
    reached = 0 if last_step is None else last_step
    announced = [total for total in seen.declared if total >= reached]
    if announced:
        return announced[-1]
    epochs, steps = seen.epochs, [fraction for fraction in seen.steps if fraction.total > 1]
    if last_step is None:
        alone = place_of(seen)
        return None if alone is None else alone.total
    if epochs is not None:
        for inner in steps:
            for first in (1, 0):  # epochs that count from 1, or from 0
                done = (epochs.done - first) * inner.total + inner.done
                if _agrees(Fraction(done, epochs.total * inner.total), reached):
                    return epochs.total * inner.total
        if abs(epochs.done - reached) <= 1 and epochs.total >= reached:
            return epochs.total
        return None
    return next((fraction.total for fraction in steps if _agrees(fraction, reached)), None)


def place_of(seen: Printed) -> Place | None:
    """Where a run is that logged nothing; None where bars contradict each other or there are none."""
    if len(seen.steps) != 1:
        return None
    inner, epochs = seen.steps[0], seen.epochs
    if epochs is None or epochs.total < 2:
        return Place(inner.done, inner.total, seen.per_s)
    return Place(max(0, epochs.done - 1) * inner.total + inner.done, epochs.total * inner.total, seen.per_s)


def _agrees(fraction: Fraction, reached: int) -> bool:
    """A bar may be some steps ahead of what is logged, or behind it when output is buffered."""
    near = abs(fraction.done - reached) <= max(10, fraction.total // 20)
    return near and fraction.done >= 0 and reached <= fraction.total


class LogTotal:
    """The total that one run's log tells, looked up again while the log grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = -1
        self._read_s = float("-inf")
        self._seen = Printed([], None, [])
        self._total: int | None = None

    def total(self, last_step: int | None) -> int | None:
        """Steps of the whole run, None while the log does not tell. Reads at most HEAD_BYTES and
        TAIL_BYTES, and that every two seconds at most."""
        self._refresh()
        found = total_of(self._seen, last_step)
        known = self._total if self._total is not None and self._total >= (last_step or 0) else None
        # A larger total is the better one: what was read off early may have been one epoch's.
        self._total = max((one for one in (found, known) if one is not None), default=None)
        return self._total

    def place(self) -> Place | None:
        """Where the run is by its bars alone. Reads as little, and as seldom, as `total`."""
        self._refresh()
        return place_of(self._seen)

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._read_s < _AGAIN_S:
            return
        try:
            size = self._path.stat().st_size
        except OSError:
            return
        if size == self._size:
            return
        self._read_s = now
        try:
            head, tail = _ends(self._path)
        except OSError:
            return
        if size < self._size:
            self._total = None
        self._size = size
        self._seen = printed(head, tail)


def _ends(path: Path) -> tuple[str, str]:
    """The first and the last of a file, as text; they overlap in a short one."""
    fd = open_plain(path)
    try:
        size = os.fstat(fd).st_size
        head = os.pread(fd, HEAD_BYTES, 0)
        tail = os.pread(fd, TAIL_BYTES, max(0, size - TAIL_BYTES))
    finally:
        os.close(fd)
    return head.decode("utf-8", "replace"), tail.decode("utf-8", "replace")
