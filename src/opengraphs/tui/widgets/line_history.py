"""What was typed before: undo and redo of one line, and the texts that lines of a kind were left with."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_STEPS = 100
"""Changes of a line that can be undone."""
MAX_TEXTS = 100
"""Texts remembered for each kind of line."""
MAX_LASTING_CHARACTERS = 1_000
"""A longer text is not written to the file: it was pasted, not typed."""

SESSION_ONLY = frozenset({"ask", "note", "name"})
"""Kinds whose text is free prose; it goes with the session, since nobody can say what is in it."""


_PAIR = re.compile(r'([\w./-]+)[:=]+"?([^\s"]+)')
"""A field and its value, as filters have them."""


class Moment(NamedTuple):
    text: str
    caret: int


class Changes:
    """How a line looked before each change. Changes of one kind in a row are one step."""

    def __init__(self) -> None:
        self._past: deque[Moment] = deque(maxlen=MAX_STEPS)
        self._future: list[Moment] = []
        self._kind = ""

    def add(self, before: Moment, kind: str = "") -> None:
        """The line was changed. kind: `type` or `erase` go on with the step before; "" never does."""
        if not kind or kind != self._kind:
            self._past.append(before)
        self._future.clear()
        self._kind = kind

    def rest(self) -> None:
        """Whatever comes next is a step of its own."""
        self._kind = ""

    def undo(self, now: Moment) -> Moment:
        """How the line looked a step before; `now` where there is none."""
        self.rest()
        if not self._past:
            return now
        self._future.append(now)
        return self._past.pop()

    def redo(self, now: Moment) -> Moment:
        """What the last undo took away; `now` where there is nothing."""
        self.rest()
        if not self._future:
            return now
        self._past.append(now)
        return self._future.pop()


class History:
    """The texts that lines of one kind were accepted with, oldest first, none of them twice."""

    def __init__(self, texts: list[str] | None = None) -> None:
        self.texts = list(texts or [])[-MAX_TEXTS:]

    def add(self, text: str) -> bool:
        """Remember it as the newest; False when it was that already, or is blank."""
        if not text.strip() or self.texts[-1:] == [text]:
            return False
        self.texts = [*(one for one in self.texts if one != text), text][-MAX_TEXTS:]
        return True


class Recall:
    """Going back and forth in a history from a line; what stood there before is its newest place."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._past: list[str] = []
        self._at = 0

    def active(self, text: str) -> bool:
        """The line still shows what was recalled."""
        return self._at < len(self._past) - 1 and self._past[self._at] == text

    def has_older(self, text: str) -> bool:
        return any(one != text for one in self._history.texts)

    def step(self, text: str, step: int) -> str | None:
        """The next text that differs from the line's; step -1 older, 1 newer; None when there is none."""
        if not self.active(text):
            self._past = [*self._history.texts, text]
            self._at = len(self._past) - 1
        at = self._at + step
        while 0 <= at < len(self._past):
            if self._past[at] != text:
                self._at = at
                return self._past[at]
            at += step
        return None

    def accept(self, text: str) -> bool:
        """Remember the text; True when that is new."""
        self._past, self._at = [], 0
        return self._history.add(text)


class Histories:
    """Of every kind of line; `runs.filter` is the filter of the runs. `version` counts the changes of what lasts."""

    def __init__(self) -> None:
        self._of: dict[str, History] = {}
        self.version = 0

    def of(self, kind: str) -> History:
        return self._of.setdefault(kind, History())

    def changed(self) -> None:
        self.version += 1

    def lasting(self) -> dict[str, list[str]]:
        """What may be written to a file: no prose, nothing that looks like a secret."""
        found = {
            kind: [text for text in history.texts if _may_last(text)]
            for kind, history in self._of.items()
            if kind.rpartition(".")[2] not in SESSION_ONLY
        }
        return {kind: texts for kind, texts in found.items() if texts}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """As `lasting` gave it; what is no text is passed over."""
        for kind, texts in kept.items():
            if isinstance(texts, list):
                self._of[kind] = History([text for text in texts if isinstance(text, str)])


def _may_last(text: str) -> bool:
    """It is short, and neither it nor the value of a field in it looks like a secret."""
    from opengraphs.sdk.redact import redact_text, redact_value

    return (
        len(text) <= MAX_LASTING_CHARACTERS
        and redact_text(text) == text
        and all(redact_value(name, value) == value for name, value in _PAIR.findall(text))
    )
