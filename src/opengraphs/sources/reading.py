"""What readers have in common: what they skipped, how lines are followed, how a database is looked into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opengraphs.sources.base import Sink, Trouble
from opengraphs.sources.linefile import LineFile
from opengraphs.sources.mishaps import Mishaps
from opengraphs.sources.sqlitefile import BusyError, Database, Look, Signature
from opengraphs.sources.sqlitepages import DamagedError


class PathReader:
    """Follows one path; what it skips is counted over restarts of og."""

    def __init__(self, path: Path, saved: Mapping[str, Any]) -> None:
        """saved: what `cursor` returned, empty to begin."""
        self._path = path
        self._mishaps = Mishaps(saved.get("troubles"))

    def troubles(self) -> list[Trouble]:
        return self._mishaps.troubles()

    def close(self) -> None:
        """Nothing stays open between reads."""


class LineReader(PathReader):
    """Follows the lines of one file; when the file is written anew, its runs come again from the start."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None) -> None:
        saved = cursor or {}
        super().__init__(path, saved)
        self._lines = LineFile(path, saved.get("lines"), self._mishaps)
        self._begin(saved)

    def _begin(self, saved: Mapping[str, Any]) -> None:
        """Know what `saved` says, or nothing."""
        raise NotImplementedError

    def _told(self) -> list[str]:
        """The runs that the sink was told of."""
        raise NotImplementedError

    def _restart(self, sink: Sink) -> None:
        for key in self._told():
            sink.reset(key)
        self._begin({})
        self._lines.rewind()

    def left(self) -> float:
        return self._lines.left()


class DatabaseReader(PathReader):
    """Follows one SQLite database.

    `_seen` is the signature at which all rows had been read, `_settled` the one at which what
    changes in place had been asked last.
    """

    def __init__(self, path: Path, saved: Mapping[str, Any]) -> None:
        super().__init__(path, saved)
        self._db = Database(path)
        self._seen: Signature | None = None
        self._settled: Signature | None = None
        self._damage = ""
        self._left = 0.0

    def _look(self, signature: Signature, read: Callable[[Look], bool | None]) -> bool:
        """One look; True when there is more at once.

        Args:
            read: True: more at once. False: through. None: what was seen does not hold together, ask again.
        """
        try:
            with self._db.look() as look:
                state = read(look)
        except BusyError:
            return False
        except DamagedError as error:
            if signature == self._db.signature():  # else a writer was at work
                self._damage = str(error)
                self._mishaps.once(self._path, self._damage)
                self._seen = self._settled = signature
            return False
        self._mishaps.over(self._path, self._damage)
        self._seen = signature if state is False else None
        return bool(state)

    def left(self) -> float:
        return self._left
