"""The user's own patterns: `--pattern 'loss=(?P<loss>\\S+) at (?P<step>\\d+)'`.

A group's name is the metric, `__` in it a slash; `step` and `epoch` say where it belongs. Groups `key` and
`value` name metrics as the line does, as often as the pattern fits. Patterns are looked at
before og's own grammar, and a line that fits one is not looked at again.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import names
from .numbers import WHOLE, value, whole

MAX_LINE_CHARS = 4096
"""Of longer lines only the beginning is offered to a pattern."""
SLOW_S = 0.25
"""A pattern that looks at one line for so long is given up: the training's output must be followed."""


class PatternError(ValueError):
    """A pattern that cannot be used; the text says where it breaks."""


class Match(NamedTuple):
    """What a pattern found: step and epoch are None where it has no such group."""

    step: int | None
    epoch: float | None
    metrics: dict[str, float]


class Pattern:
    """One compiled pattern.

    Attributes:
        is_given_up: it took too long for a line, and is not asked again.
    """

    def __init__(self, text: str) -> None:
        """Compile.

        Raises:
            PatternError: it is no regular expression, or has no groups that name anything.
        """
        self.text = text
        self.is_given_up = False
        try:
            self._regex = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise PatternError(_where(text, error)) from None
        groups = set(self._regex.groupindex)
        self._pairs = {"key", "value"} <= groups
        if not groups - {"step", "epoch"}:
            raise PatternError(
                f"the pattern `{text}` names no metric: give it a group such as (?P<loss>\\S+), or (?P<key>…) and (?P<value>…)"
            )
        if not self._pairs and groups & {"key", "value"} == {"key"}:
            raise PatternError(f"the pattern `{text}` has a group `key` and no group `value`")

    def find(self, line: str) -> Match | None:
        """What the pattern finds in a line."""
        step: int | None = None
        epoch: float | None = None
        metrics: dict[str, float] = {}
        for match in self._regex.finditer(line[:MAX_LINE_CHARS]):
            named = match.groupdict()
            if self._pairs:
                key = names.dict_key(named.pop("key") or "")
                number = _number(named.pop("value"))
                if key is not None and number is not None:
                    metrics[key] = number
            for name, text in named.items():
                number = _number(text)
                if number is None:
                    continue
                if name == "step":
                    step = whole(number) if number - number == 0 else None
                elif name == "epoch":
                    epoch = number
                else:
                    metrics[name.replace("__", "/")] = number
            if not self._pairs:
                break
        return Match(step, epoch, metrics) if metrics else None


def _number(text: str | None) -> float | None:
    text = (text or "").strip().rstrip(",;%")
    return value(text) if WHOLE.fullmatch(text) else None


def _where(text: str, error: Exception) -> str:
    at = getattr(error, "pos", None)
    reason = getattr(error, "msg", None) or str(error)
    place = (
        ""
        if at is None
        else f" at character {at + 1}: …{text[max(0, at - 12) : at]}⟨here⟩{text[at : at + 12]}…"
    )
    return f"the pattern `{text}` is no regular expression: {reason}{place}"
