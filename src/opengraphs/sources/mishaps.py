"""What a reader had to leave out, kept short."""

from __future__ import annotations

from typing import Any

from opengraphs.sources.base import Trouble

MAX_KINDS = 50


class Mishaps:
    """Counts by file and reason; at most `MAX_KINDS` of them, the rest in one line."""

    def __init__(self, saved: object = None) -> None:
        self._found: dict[tuple[str, str], tuple[int, int | None]] = {}
        for row in saved if isinstance(saved, list) else ():
            if isinstance(row, list) and len(row) == 4 and isinstance(row[2], int):
                self._found[str(row[0]), str(row[1])] = (row[2], row[3] if isinstance(row[3], int) else None)

    def add(self, path: object, reason: str, *, skipped: int = 1, offset: int | None = None) -> None:
        """One more; the offset of the first of its kind is kept."""
        key = (str(path), reason)
        if key not in self._found and len(self._found) >= MAX_KINDS:
            key = (str(path), "more of other kinds")
        count, first = self._found.get(key, (0, offset))
        self._found[key] = (count + skipped, first)

    def once(self, path: object, reason: str) -> None:
        """A state rather than an event: however often it is seen, it counts once."""
        if (str(path), reason) not in self._found:
            self.add(path, reason, skipped=0)

    def over(self, path: object, reason: str) -> None:
        """The state is no more."""
        self._found.pop((str(path), reason), None)

    def troubles(self) -> list[Trouble]:
        return [Trouble(path, why, count, at) for (path, why), (count, at) in self._found.items()]

    def saved(self) -> list[Any]:
        return [[path, why, count, at] for (path, why), (count, at) in self._found.items()]
