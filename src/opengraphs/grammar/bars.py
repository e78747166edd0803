"""Progress bars: what they show, and the step they tell for lines that have none of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_COUNT = r"(\d[\d.,]{0,15}[kKMGT]?)"
_TQDM = re.compile(rf"{_COUNT}/(?:{_COUNT}|\?) \[\d{{1,4}}:\d\d(?::\d\d)?<")
_TQDM_ENDLESS = re.compile(rf"(?<![\w.]){_COUNT} ?[a-zA-Z]{{1,12}} \[\d{{1,4}}:\d\d(?::\d\d)?, ")
_PERCENT = re.compile(r"\s*\d{1,3}%\|")
_DRAWN = re.compile(r"(\d{1,12})/(\d{1,12})\s{1,4}(?:[━╸╺─█=.>\[ -]{3,400}|- (?=\d{1,6}m?s\b))")
_RICH = re.compile(r"[━╸╺─█]{2,400}\s{1,4}(\d{1,12})/(\d{1,12})\s")
_EPOCH = re.compile(r"\bepochs?\W{0,4}(\d{1,9})(?:\s{0,3}(?:/|of)\s{0,3}(\d{1,9}))?", re.IGNORECASE)
_EPOCH_ALONE = re.compile(
    r"\W{0,6}epochs?\W{0,4}(\d{1,9})(?:\s{0,3}(?:/|of)\s{0,3}(\d{1,9}))?\W{0,6}", re.IGNORECASE
)
ASIDE = re.compile(
    r"eval|valid|val\b|test|predict|infer|download|upload|load|fetch|map\b|mapping|token|generat|filter|prepar|"
    r"preproc|cach|shard|compil|warm|sanity",
    re.IGNORECASE,
)
"""Descriptions of bars over something else than the training."""
_MEASURED_ASIDE = re.compile(r"\b(eval|val|test)", re.IGNORECASE)
_PER_S = re.compile(
    r"(\d{1,9}(?:\.\d{1,6})?)(?:(?:it|step|batch|ex|examples?|samples?)/s\b|(us|µs|ms|s)/(?:it|step|iter|batch)\b)"
)
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_MOST_BARS = 8


class Epoch(NamedTuple):
    """`Epoch 3/10`; total is None where it is not printed."""

    number: int
    total: int | None


class Bar(NamedTuple):
    """One frame of a progress bar.

    done, total: total is None for a bar without end. description: in front of it. postfix: the
    metrics at its end, still text. rest: what was printed behind it on the same line.
    """

    done: int
    total: int | None
    description: str
    postfix: str
    rest: str

    @property
    def is_aside(self) -> bool:
        """Whether it is about an evaluation, a download and the like, not the training."""
        return ASIDE.search(self.description) is not None

    @property
    def aside_prefix(self) -> str:
        """`val/` for what an evaluation's bar shows, "" for other bars."""
        found = _MEASURED_ASIDE.search(self.description)
        return f"{found[1].lower()}/" if found else ""


def speed_in(text: str) -> float | None:
    """Steps per second of a line that shows a bar: `6.63it/s`, `1.5s/it`, `21ms/step`; None where it tells none."""
    found = _PER_S.search(text)
    if found is None:
        return None
    number = float(found[1])
    if found[2] is None:
        return number or None
    return 1.0 / (number * _SECONDS[found[2]]) if number else None


def epoch_in(text: str) -> Epoch | None:
    """The last `Epoch 3/10` of a text."""
    found = _last(_EPOCH, text)
    return _epoch(found) if found else None


def epoch_alone(text: str) -> Epoch | None:
    """A line that says nothing but the epoch, as Keras prints it before each."""
    found = _EPOCH_ALONE.fullmatch(text) if len(text) < 60 else None
    return _epoch(found) if found else None


def _epoch(found: re.Match[str]) -> Epoch:
    return Epoch(int(found[1]), int(found[2]) if found[2] else None)


def bar_in(text: str) -> Bar | None:
    """The bar that a line shows, of tqdm, Keras or Rich; None when there is none."""
    if "[" in text and "/" in text:
        found = _last(_TQDM, text) if "<" in text else None
        if found is not None:
            return _tqdm(text, found, _count(found[1]), None if found[2] is None else _count(found[2]))
        found = _TQDM_ENDLESS.search(text) if "/s" in text or "s/" in text else None
        if found is not None:
            return _tqdm(text, found, _count(found[1]), None)
    bare = text.lstrip(" ")
    if bare[:1].isdigit():
        found = _DRAWN.match(bare)
        if found is not None:
            return Bar(int(found[1]), int(found[2]), "", bare[found.end() :], "")
    if not text.isascii():
        found = _RICH.search(text)
        if found is not None:
            return Bar(int(found[1]), int(found[2]), text[: found.start()].strip(), text[found.end() :], "")
    return None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return found[-1] if found else None


def _tqdm(text: str, found: re.Match[str], done: int, total: int | None) -> Bar:
    head = text[: found.start()]
    percent = _PERCENT.search(head)
    if percent is not None:
        head = head[: percent.start()]
    else:
        head = head.partition("|")[0] if "|" in head and total is None else head
    inside, _, rest = text[found.end() :].partition("]")
    # inside: `remaining, rate, postfix`; without an end the time is in the match, so `rate, postfix`
    parts = inside.split(", ", 2 if text[found.end() - 1] == "<" else 1)
    postfix = parts[-1] if len(parts) == (3 if text[found.end() - 1] == "<" else 2) else ""
    return Bar(done, total, head.strip().rstrip(":").rstrip(), postfix, rest)


def _count(text: str) -> int:
    scale = _SCALES.get(text[-1])
    digits = (text[:-1] if scale else text).replace(",", "")
    try:
        return int(float(digits) * (scale or 1.0)) if scale or "." in digits else int(digits)
    except ValueError:  # two points: no number after all
        return 0


class _Track:
    """One bar over time: it may begin anew, once an epoch."""

    __slots__ = ("done", "is_ahead", "offset", "shown", "shown_at", "total")

    def __init__(self, total: int | None) -> None:
        self.total, self.done, self.offset = total, 0, 0
        self.shown: dict[str, float] = {}
        self.shown_at = -1
        self.is_ahead = False

    def move(self, done: int) -> None:
        if done < self.done:
            full = self.total if self.total and self.done >= 0.9 * self.total else None
            self.offset += full or self.done
        self.done = done

    def news(self, shown: dict[str, float], place: int) -> int | None:
        """How many steps ahead of the bar its metrics are; None for metrics that were shown before.

        A loop that calls `set_postfix` before the bar moves on shows the metrics of step 1
        while 0 are done; one that does it after shows each step's first with the old ones.
        Either way what is new belongs to a step of its own.
        """
        if shown == self.shown and place <= self.shown_at + 1:
            return None
        if not self.shown:
            self.is_ahead = self.done == 0
        ahead = 1 if self.is_ahead and shown != self.shown else 0
        self.shown, self.shown_at = shown, place
        return ahead if ahead or self.done else None

    @property
    def is_complete(self) -> bool:
        return self.total is not None and self.done >= self.total


class BarMemory:
    """The bars of a stream: where the training is, between and during evaluations.

    The training's bar is the first that is about no other matter. Once it is complete, another
    one takes its place if metrics are printed in the middle of it.

    Attributes:
        epoch: the newest that was printed.
        base: number of the first epoch, 0 or 1.
    """

    def __init__(self) -> None:
        self.epoch: Epoch | None = None
        self.base = 1
        self._tracks: dict[int | None, _Track] = {}
        self._main: _Track | None = None
        self._newest: _Track | None = None

    @property
    def has_main(self) -> bool:
        return self._main is not None

    def saw_epoch(self, epoch: Epoch) -> None:
        """An epoch was printed."""
        self.epoch = epoch
        if epoch.number == 0:
            self.base = 0

    def saw(self, bar: Bar) -> bool:
        """A frame was drawn; True when it is one of the training's bar."""
        if bar.is_aside:
            return False
        track = self._tracks.get(bar.total)
        if track is None:
            if len(self._tracks) >= _MOST_BARS:
                self._tracks.pop(next(key for key, kept in self._tracks.items() if kept is not self._main))
            track = self._tracks[bar.total] = _Track(bar.total)
        track.move(bar.done)
        self._newest = track
        if self._main is None:
            self._main = track
        return track is self._main

    def step_of(self, bar: Bar, epoch: Epoch | None, shown: dict[str, float]) -> int | None:
        """The step that a frame with metrics stands for, counted through all epochs; None for no news."""
        if bar.is_aside:
            return self.step() or 0
        epoch = epoch or self.epoch
        track = self._tracks.get(bar.total)
        if track is None:
            return bar.done or None
        place = track.offset + bar.done
        if epoch is not None and bar.total is not None:
            place = self.within_epoch(epoch, bar.done, bar.total)
        ahead = track.news(shown, place)
        return None if ahead is None else place + ahead

    def within_epoch(self, epoch: Epoch, done: int, total: int) -> int:
        """Steps done in all when `done` of `total` are done in this epoch."""
        return max(0, epoch.number - self.base) * total + done

    def step(self, *, promote: bool = False) -> int | None:
        """Where the training is; None when no bar tells.

        Args:
            promote: metrics of a training were printed now.
        """
        main = self._main
        if main is None:
            return None
        newest = self._newest
        if (
            promote
            and main.is_complete
            and newest is not None
            and newest is not main
            and not newest.is_complete
        ):
            self._main = main = newest
        if self.epoch is not None and main.total is not None:
            return self.within_epoch(self.epoch, main.done, main.total)
        return main.offset + main.done

    def saved(self) -> dict[str, Any]:
        """The state that earlier lines gave, ready for JSON."""
        main = self._main
        return {
            "base": self.base,
            "epoch": self.epoch,
            "main": None if main is None else [main.total, main.done, main.offset, main.is_ahead],
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what `saved` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        self.base = int(saved["base"])
        epoch, main = saved["epoch"], saved["main"]
        self.epoch = (
            None if epoch is None else Epoch(int(epoch[0]), None if epoch[1] is None else int(epoch[1]))
        )
        if main is not None:
            total = None if main[0] is None else int(main[0])
            track = self._tracks.get(total) or _Track(total)
            track.done, track.offset, track.is_ahead = int(main[1]), int(main[2]), bool(main[3])
            self._tracks[total] = self._main = track

    def progress(self) -> tuple[int, int] | None:
        """`(done, total)` of the training as a whole; None while that is not known."""
        main = self._main
        if main is None or main.total is None:
            return None
        if self.epoch is None:
            return (main.done, main.total) if main.offset == 0 else None
        if self.epoch.total is None:
            return None
        done = self.within_epoch(self.epoch, main.done, main.total)
        return done, max(done, self.epoch.total * main.total)
