"""The fragments that Trackio leaves in its inbox where SQLite is not safe.

`inbox/<writer>/<number>.jsonl` are whole when they appear and never change; a dashboard, if
one runs, stores them into the databases and deletes them. Nobody else does, so they are read
here as they are, and what later comes by the database again is known by its id.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opengraphs.sources import plain, trackio_values
from opengraphs.sources.mishaps import Mishaps

MAX_FRAGMENT = 64 << 20
MAX_IDS = 200_000

Record = dict[str, Any]


class Inbox:
    """The records of one project, each once.

    Attributes:
        ids: log_id and alert_id of what was handed over from here, bounded.
    """

    def __init__(self, folder: Path, project: str, saved: Mapping[str, Any], mishaps: Mishaps) -> None:
        self._folder, self._project, self._mishaps = folder, project, mishaps
        self._taken = {str(name) for name in saved.get("taken", ())}
        self.ids: dict[str, None] = dict.fromkeys(str(one) for one in saved.get("ids", ()))

    def saved(self) -> dict[str, Any]:
        """Ids are kept for alerts alone: a metric that comes twice is the same point."""
        alerts = [one for one in self.ids if one.startswith("alert:")]
        return {"taken": sorted(self._taken), "ids": alerts[-1000:]}

    def read(self, take: Callable[[Record], None], *, is_over: Callable[[], bool]) -> bool:
        """Hand over new records, fragment by fragment; True when there is more at once."""
        present = self._list()
        self._taken &= set(present)
        for name in present:
            if name in self._taken:
                continue
            if is_over():
                return True
            self._fragment(name, take)
            self._taken.add(name)
        return False

    def _list(self) -> list[str]:
        found: list[str] = []
        try:
            writers = sorted(entry.name for entry in os.scandir(self._folder) if entry.is_dir())
        except OSError:
            return []
        for writer in writers:
            try:
                names = sorted(entry.name for entry in os.scandir(self._folder / writer))
            except OSError:
                continue
            found += [f"{writer}/{name}" for name in names if name.endswith(".jsonl")]
        return found

    def _fragment(self, name: str, take: Callable[[Record], None]) -> None:
        path = self._folder / name
        offset = 0
        for line in plain.head(path, MAX_FRAGMENT).splitlines(keepends=True):
            try:
                record = plain.decoded(line) if line.strip() else None
            except ValueError:
                self._mishaps.add(path, "no JSON", offset=offset)
                record = None
            offset += len(line)
            if isinstance(record, dict) and self._is_ours(record) and self._is_new(record):
                take(record)

    def _is_ours(self, record: Record) -> bool:
        return trackio_values.canonical(str(record.get("project", ""))) == self._project

    def _is_new(self, record: Record) -> bool:
        one = id_of(record)
        if not one:
            return True
        if one in self.ids:
            return False
        self.ids[one] = None
        if len(self.ids) > MAX_IDS:
            self.ids.pop(next(iter(self.ids)))
        return True


def id_of(record: Mapping[str, Any]) -> str:
    """What a record is known by in every place; empty where it has no id."""
    if record.get("alert_id"):
        return f"alert:{record['alert_id']}"
    return str(record.get("log_id") or "")
