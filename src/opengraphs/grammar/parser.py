"""One stream of printed output as records of metrics.

    parser = LineParser()
    for record in parser.feed(data):
        record.step, record.metrics
    parser.flush()                       # the last line, when the stream has ended

A line counts only if it says where it belongs (a step, an iteration, a progress bar), or is a
dict of two numbers or more, or its set of names counted before, or it is nothing but names and
numbers and comes again with others: everything else is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from . import bars, columns, dicts
from .numbers import NUMBER, WORD_OR_NUMBER, Unit, value, whole
from .patterns import Match, Pattern
from .skeleton import Plan, plan_of
from .terminal import LineSplitter, visible

_DIGIT = re.compile(rb"[0-9]")
_NAN = re.compile(r"[nN]a[nN]|NAN|\b[iI]nf\b|[iI]nfinity|\bINF\b")
_WORDS = ("nan", "NaN", "inf", "Inf", "NAN", "INF")
_MOST_PLANS = 512
_MOST_PLAN_CHARS = 1 << 20
_MOST_KEY_SETS = 256
_MOST_SET_KEYS = 128
"""Larger sets of names are not remembered."""
_MOST_UNITS = 1024
_MOST_WAITING = 16
_NO_UNIT = Unit("", "", 1.0)


class Record(NamedTuple):
    """Metrics of one step. end: offset in the stream right behind the line they were printed on.
    time: epoch seconds that the line begins with, None where it tells none or nobody asked."""

    step: int
    metrics: dict[str, float]
    end: int
    time: float | None = None


class _Waiting(NamedTuple):
    """A record whose step the training's bar tells with its next frame."""

    metrics: dict[str, float]
    end: int
    time: float | None


class _Once(NamedTuple):
    """A line of nothing but names and numbers that came once; step: the bar's, None where there is none."""

    step: int | None
    metrics: dict[str, float]
    end: int
    time: float | None


class LineParser:
    """The state of one stream. Memory is bounded whatever comes; nothing raises.

    Attributes:
        bars: progress bars of the stream.
        lines: complete lines seen. dropped: of them, those that were too long to be looked at.
    """

    def __init__(
        self,
        patterns: Iterable[Pattern] = (),
        *,
        position: int = 0,
        find: Callable[[Pattern, str], Match | None] = Pattern.find,
        stamp: Callable[[str], float | None] | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            patterns: the user's own, looked at first.
            position: offset of the first byte that will be fed.
            find: how a pattern looks at a line; the runner puts a time limit around it.
            stamp: what reads a line's time off it, for logs of the past.
        """
        self.bars = bars.BarMemory()
        self.lines = 0
        self._patterns = tuple(patterns)
        self._find = find
        self._stamp = stamp
        self._now = ""
        self._splitter = LineSplitter(position)
        self._table = columns.ColumnTable()
        self._plans: dict[object, Plan | None] = {}
        self._plan_chars = 0
        self._accepted: set[tuple[str, ...]] = set()
        self._units: dict[str, Unit] = {}
        self._last_step: int | None = None
        self._last_epoch: float | None = None
        self._count = 0
        self._epoch_step: tuple[int, int] | None = None
        self._epoch_offset = 0
        self._waiting: list[_Waiting] = []
        self._once: dict[tuple[str, ...], _Once] = {}
        self._last: dict[tuple[str, ...], Record] = {}
        self._out: list[Record] = []

    @property
    def dropped(self) -> int:
        return self._splitter.dropped

    @property
    def position(self) -> int:
        """Offset behind all that was fed."""
        return self._splitter.position

    def feed(self, data: bytes) -> list[Record]:
        """Take more of the stream; the records of the lines that are complete now."""
        for line, end in self._splitter.feed(data):
            self.lines += 1
            if _DIGIT.search(line) is not None or b"Epoch" in line[:64] or (self._patterns and line.strip()):
                self._line(line, end)
        return self._taken()

    def flush(self) -> list[Record]:
        """The stream has ended: its last line, and what still waited for a step."""
        last = self._splitter.flush()
        if last is not None:
            self.lines += 1
            self._line(*last)
        self._settle_waiting()
        return self._taken()

    def jump(self, position: int) -> None:
        """Go on at another place of the stream, behind a stretch that is left out."""
        self._splitter = LineSplitter(position, dropped=self._splitter.dropped, inside=True)

    def saved(self) -> dict[str, Any]:
        """What of the state cannot be read off the lines right in front of a place, ready for JSON."""
        return {
            "count": self._count,
            "last_step": self._last_step,
            "last_epoch": self._last_epoch,
            "epoch_step": self._epoch_step,
            "epoch_offset": self._epoch_offset,
            "bars": self.bars.saved(),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what `saved` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        self._count = int(saved["count"])
        self._last_step = None if saved["last_step"] is None else int(saved["last_step"])
        self._last_epoch = None if saved["last_epoch"] is None else float(saved["last_epoch"])
        pair = saved["epoch_step"]
        self._epoch_step = None if pair is None else (int(pair[0]), int(pair[1]))
        self._epoch_offset = int(saved["epoch_offset"])
        self.bars.restore(saved["bars"])

    def progress(self) -> tuple[int, int] | None:
        """`(done, total)` of the training by its progress bar; None where there is none."""
        return self.bars.progress()

    def _taken(self) -> list[Record]:
        out, self._out = self._out, []
        return out

    # -- lines ---------------------------------------------------------------------------------

    def _line(self, line: bytes, end: int) -> None:
        text = self._now = visible(line)
        if self._patterns and self._by_pattern(text, end):
            return
        if "/" in text or " [" in text:
            bar = bars.bar_in(text)
            if bar is not None:
                self._bar(text, bar, end)
                return
        self._text(text, end)

    def _text(self, text: str, end: int) -> None:
        opening = dicts.opening(text)
        if opening >= 0:
            found = dicts.read(text[opening:])
            if found is not None:
                self._dict(found, text[:opening], end)
                return
        if self._table.header(text):
            return
        self._plain(text, end)

    def _by_pattern(self, text: str, end: int) -> bool:
        for pattern in self._patterns:
            found = self._find(pattern, text)
            if found is not None:
                step = found.step
                if step is None:
                    step = self._derived(epoch=found.epoch)
                self._emit(step, found.metrics, end, is_named=found.step is not None)
                return True
        return False

    def _bar(self, text: str, bar: bars.Bar, end: int) -> None:
        row = self._table.row(text)
        if row is not None:
            self._emit(row[0], row[1], end, is_named=True)
            return
        epoch = bars.epoch_in(bar.description)
        if epoch is not None and not bar.is_aside:
            self.bars.saw_epoch(epoch)
        if self.bars.saw(bar) and self._waiting:
            self._settle_waiting()
        shown = self._shown(bar)
        if shown:
            prefix = bar.aside_prefix
            metrics = {
                key if key.startswith(prefix) else prefix + key: number for key, number in shown.items()
            }
            step = _named_step(bar.description)
            if step is None:
                step = self.bars.step_of(bar, epoch, metrics)
            if step is not None:
                self._emit(step, metrics, end, is_named=True)
        if bar.rest.strip():
            self._text(bar.rest, end)

    def _shown(self, bar: bars.Bar) -> dict[str, float]:
        """The metrics in a bar's description and at its end."""
        shown: dict[str, float] = {}
        description = "" if bar.is_aside else _EPOCH_PART.sub(" ", bar.description)
        for text in (description, bar.postfix):
            if (":" in text or "=" in text) and (_has_digit(text) or _NAN.search(text)):
                numbers, plan = self._planned(f"{text}|")
                if plan is not None:
                    shown.update(self._values(plan, numbers))
        return shown

    def _dict(self, found: dicts.DictLine, prefix: str, end: int) -> None:
        step = found.step
        if step is None and _has_digit(prefix):
            numbers, plan = self._planned(prefix)
            if plan is not None and plan.step >= 0:
                step = self._step(plan, numbers)
        if not found.metrics:
            return
        if step is None:
            keys = tuple(sorted(found.metrics))
            is_bare = found.epoch is None and keys not in self._accepted
            if is_bare and (found.is_settings or len(found.metrics) < 2):
                return
        if step is None and found.is_transformers and self.bars.has_main:
            self._wait(found.metrics, end)
            return
        if step is not None:
            self._emit(step, found.metrics, end, is_named=True)
        else:
            promote = not all(key.startswith(("eval", "val", "test")) for key in found.metrics)
            self._emit(self._derived(epoch=found.epoch, promote=promote), found.metrics, end)

    def _plain(self, text: str, end: int) -> None:
        row = self._table.row(text)
        if row is not None:
            self._emit(row[0], row[1], end, is_named=True)
            return
        numbers, plan = self._planned(text)
        if plan is None:
            return
        if not plan.keys:
            epoch = bars.epoch_alone(text) if plan.epoch >= 0 else None
            if epoch is not None:
                self.bars.saw_epoch(epoch)
            return
        has_place = plan.step >= 0 or plan.epoch >= 0
        is_known = has_place or plan.keys in self._accepted
        if not is_known and not (plan.is_pairs and (self.bars.has_main or len(plan.keys) > 1)):
            return
        metrics = self._values(plan, numbers)
        if not metrics or not (is_known or self._comes_again(plan.keys, metrics, end)):
            return
        step = self._step(plan, numbers) if plan.step >= 0 else None
        if step is not None:
            self._emit(step, metrics, end, keys=plan.keys, is_named=True)
            return
        epoch_number = value(numbers[plan.epoch]) if plan.epoch >= 0 else None
        self._emit(self._derived(epoch=epoch_number), metrics, end, keys=plan.keys)

    def _comes_again(self, keys: tuple[str, ...], metrics: dict[str, float], end: int) -> bool:
        """Whether such a line was printed before with other numbers: settings are printed once.

        If so that one counts as well, at the place it had.
        """
        first = self._once.get(keys)
        if first is None:
            if len(self._once) >= _MOST_KEY_SETS:
                self._once.clear()
            self._once[keys] = _Once(self.bars.step(), metrics, end, self._time())
        if first is None or first.metrics == metrics:
            return False
        del self._once[keys]
        step = self._derived() if first.step is None else first.step
        self._emit(step, first.metrics, first.end, keys=keys, moment=first.time)
        return True

    # -- numbers -------------------------------------------------------------------------------

    def _planned(self, text: str) -> tuple[list[str], Plan | None]:
        """A text's numbers, and what they mean."""
        is_wordy = any(word in text for word in _WORDS) and _NAN.search(text) is not None
        parts = (WORD_OR_NUMBER if is_wordy else NUMBER).split(text)
        gaps, numbers = parts[::2], parts[1::2]
        words = ["" if number[-1] in "0123456789." else number for number in numbers] if is_wordy else None
        shape: object = (*gaps, *words) if words else tuple(gaps)
        try:
            return numbers, self._plans[shape]
        except KeyError:
            pass
        self._plan_chars += len(text)
        if len(self._plans) >= _MOST_PLANS or self._plan_chars > _MOST_PLAN_CHARS:
            self._plans.clear()
            self._plan_chars = len(text)
        plan = self._plans[shape] = plan_of(gaps, words or [""] * len(numbers))
        return numbers, plan

    def _values(self, plan: Plan, numbers: list[str]) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for key, place, unit in zip(plan.keys, plan.places, plan.units, strict=True):
            text = numbers[place]
            number = float(text.replace(",", "")) if "," in text else float(text)
            metrics[key] = number if unit is None else number * self._scale(key, unit)
        return metrics

    def _scale(self, key: str, unit: Unit) -> float:
        """What makes a number one of the unit that was printed first."""
        if not unit.family:
            return unit.size
        first = self._units.get(key)
        if first is None:
            if len(self._units) < _MOST_UNITS:
                self._units[key] = unit
            return 1.0
        return unit.size / first.size if first.family == unit.family else 1.0

    def _step(self, plan: Plan, numbers: list[str]) -> int | None:
        """The step that a line names, counted through all epochs where it counts within one."""
        step = _whole(numbers[plan.step])
        if step is None:
            return None
        epoch_number = _whole(numbers[plan.epoch]) if plan.epoch >= 0 else None
        total = _whole(numbers[plan.total]) if plan.total >= 0 else None
        if epoch_number is not None and 0 <= plan.epoch < plan.step:
            epoch = bars.Epoch(
                epoch_number, _whole(numbers[plan.epoch_total]) if plan.epoch_total >= 0 else None
            )
            self.bars.saw_epoch(epoch)
            if plan.is_within and total is not None:
                return self.bars.within_epoch(epoch, step, total)
            return self._continued(epoch_number, step)
        return step

    def _continued(self, epoch: int, step: int) -> int:
        """`Epoch 2, step 10`, where nothing tells whether steps begin anew each epoch: they do if they fall."""
        if self._epoch_step is not None:
            last_epoch, last_step = self._epoch_step
            if epoch > last_epoch and step <= last_step:
                self._epoch_offset += last_step
            elif epoch < last_epoch:
                self._epoch_offset = 0
        self._epoch_step = (epoch, step)
        return self._epoch_offset + step

    def _derived(self, *, epoch: float | None = None, promote: bool = False) -> int:
        """The step of a line that names none: the bar's, the newest that was named, the epoch, or a count."""
        step = self.bars.step(promote=promote)
        if step is not None:
            return step
        if self._last_step is not None:
            return self._last_step
        if epoch is not None:
            number = dicts.whole_or_none(epoch)
            if (
                number is not None
                and (self._last_epoch is None or float(self._last_epoch).is_integer())
                and not self._count
            ):
                self._last_epoch = epoch
                return number
            if epoch != self._last_epoch:
                self._last_epoch = epoch
                self._count += 1
            return self._count
        self._count += 1
        return self._count

    # -- records -------------------------------------------------------------------------------

    def _wait(self, metrics: dict[str, float], end: int) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._settle_waiting()
        self._waiting.append(_Waiting(metrics, end, self._time()))

    def _time(self) -> float | None:
        return None if self._stamp is None else self._stamp(self._now)

    def _settle_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for metrics, end, moment in waiting:
            self._emit(self._derived(), metrics, end, moment=moment)

    def _emit(
        self,
        step: int,
        metrics: dict[str, float],
        end: int,
        *,
        keys: tuple[str, ...] | None = None,
        is_named: bool = False,
        moment: float | None = None,
    ) -> None:
        keys = keys or tuple(sorted(metrics))
        if is_named:
            self._last_step = step
        record = Record(step, metrics, end, moment if self._stamp is None else moment or self._time())
        if len(keys) <= _MOST_SET_KEYS and not self._is_news(keys, record):
            return
        self._out.append(record)

    def _is_news(self, keys: tuple[str, ...], record: Record) -> bool:
        """Remember a record by its names; False for one that was printed before, by a bar that is drawn again."""
        if keys not in self._accepted and len(self._accepted) < _MOST_KEY_SETS:
            self._accepted.add(keys)
        last = self._last.get(keys)
        if last is not None and last.step == record.step and last.metrics == record.metrics:
            return False
        if last is None and len(self._last) >= _MOST_KEY_SETS:
            self._last.clear()
        self._last[keys] = record
        return True


_EPOCH_PART = re.compile(r"\bepochs?\W{0,4}\d{1,9}(?:\s{0,3}(?:/|of)\s{0,3}\d{1,9})?", re.IGNORECASE)
_NAMED_STEP = re.compile(
    r"(?:^\d{1,9}\|(\d{1,12})\|)|\b(?:global[_ ])?(?:step|iter|iteration)\W{0,3}(\d{1,12})\b(?!/)",
    re.IGNORECASE,
)


def _named_step(description: str) -> int | None:
    """A step named in a bar's description, as torchtune does: `1|12|Loss: 1.2345`."""
    found = _NAMED_STEP.search(description)
    return int(found[1] or found[2]) if found else None


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _whole(text: str) -> int | None:
    number = value(text)
    return whole(number) if number - number == 0 else None
