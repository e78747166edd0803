"""The column picker: which columns the run table has, in which order and format. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opengraphs.tui.painters.values import FORMATS, Chosen
from opengraphs.tui.screens.runs_state import MAX_COLUMNS

OFFERED = 200
"""Fields and metrics that are asked for at a time; typing narrows them."""
_TEXTS = (
    "project", "metric", "spark", "progress", "tags", "source", "notes", "main_metric", "run_id", "group",
    "job_type", "host", "user", "script", "git.branch", "git.commit", "parent.run_id", "started_at", "ended_at",
    "heartbeat_at",
)  # fmt: skip
_NUMBERS = ("step", "duration", "created_at", "points", "last_step", "exit_code", "signal", "pid")
_PLAIN = {key: Chosen(key) for key in _TEXTS} | {key: Chosen(key, number=True) for key in _NUMBERS}
_ENDS = ("last", "min", "max", "best")
_FIXED = ("metric", "spark", "progress", "step", "duration", "created_at", "tags", "project", "source")
"""Columns that have a look of their own and take no format."""


class ColumnPicker:
    """`chosen` in their order, then everything else; `cursor` is an index into what fits the typed text."""

    def __init__(self, chosen: Sequence[Chosen]) -> None:
        self.chosen = list(chosen)
        self.cursor = 0
        self.top = 0
        self._runs: dict[str, int] = {}
        self._fields: dict[str, Chosen] = {}
        self._metrics: dict[str, Chosen] = {}

    def take_fields(self, fields: Iterable[Mapping[str, Any]]) -> None:
        """`GET /runs/fields`."""
        found = [field for field in fields if field["field"].startswith(("config.", "summary.", "tag."))]
        self._runs |= {field["field"]: field["runs"] for field in found}
        self._fields |= {
            field["field"]: Chosen(field["field"], number=field["kind"] == "number") for field in found
        }

    def take_metrics(self, keys: Iterable[Mapping[str, Any]]) -> None:
        """`GET /metrics/keys`."""
        names = [f"{end}.{one['key']}" for one in keys for end in _ENDS]
        self._metrics |= {name: Chosen(name, number=True) for name in names}

    def fitting(self, text: str) -> list[Chosen]:
        """The columns whose name has every typed word."""
        words = text.lower().split()
        found: dict[str, Chosen] = {}
        for one in (*self.chosen, *self._fields.values(), *self._metrics.values(), *_PLAIN.values()):
            found.setdefault(one.key, one)
        return [one for key, one in found.items() if all(word in key.lower() for word in words)]

    def press(self, key: str, character: str | None, text: str) -> bool:
        """A key of the picker; False when it is for the line that narrows it."""
        steps = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10}
        if key in steps:
            self.move(steps[key], text)
        elif key in ("space", "enter", "ctrl+m"):
            self.toggle(text)
        elif character in ("<", ">"):
            self.shift(-1 if character == "<" else 1, text)
        elif character == "=":
            self.next_form(text)
        else:
            return False
        return True

    def move(self, step: int, text: str) -> None:
        self.cursor = max(0, min(len(self.fitting(text)) - 1, self.cursor + step))

    def at_cursor(self, text: str) -> Chosen | None:
        fitting = self.fitting(text)
        return fitting[self.cursor] if self.cursor < len(fitting) else None

    def toggle(self, text: str) -> None:
        """Show a column before the others, where it is seen, or hide it; the cursor stays on it."""
        one = self.at_cursor(text)
        if one is None:
            return
        if one in self.chosen:
            self.chosen.remove(one)
        elif len(self.chosen) < MAX_COLUMNS:
            self.chosen.insert(0, one._replace(form="auto"))
        self._follow(one.key, text)

    def shift(self, step: int, text: str) -> None:
        """Move a shown column to the left (-1) or right."""
        one = self.at_cursor(text)
        if one not in self.chosen:
            return
        at = self.chosen.index(one)
        to = max(0, min(len(self.chosen) - 1, at + step))
        self.chosen.insert(to, self.chosen.pop(at))
        self._follow(one.key, text)

    def next_form(self, text: str) -> None:
        """The next number format for a shown column."""
        one = self.at_cursor(text)
        if one not in self.chosen or one.key in _FIXED or not one.number:
            return
        form = FORMATS[(FORMATS.index(one.form) + 1) % len(FORMATS)]
        self.chosen[self.chosen.index(one)] = one._replace(form=form)

    def _follow(self, key: str, text: str) -> None:
        self.cursor = next((n for n, one in enumerate(self.fitting(text)) if one.key == key), 0)

    def scroll(self, rows: int, count: int) -> None:
        """Bring the cursor among the `rows` that there is room for."""
        self.cursor = max(0, min(self.cursor, count - 1))
        self.top = max(0, min(self.top, self.cursor, count - rows))
        self.top = max(self.top, self.cursor - rows + 1)

    def note(self, one: Chosen) -> str:
        """What stands at the right of a column: its format, or how many runs have it."""
        if one in self.chosen:
            return one.form if one.number and one.key not in _FIXED else ""
        runs = self._runs.get(one.key)
        return f"{runs} run{'' if runs == 1 else 's'}" if runs else ""
