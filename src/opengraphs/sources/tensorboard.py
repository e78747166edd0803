"""Runs of TensorBoard: a folder of event files, whoever wrote them.

All event files of the folder are one run, restarts in the order in which they were begun; a
file that says at its start that it takes over from a step on (`purge_step`) makes void what
earlier files have from there on. Histograms, pictures, sound and graphs are passed over.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from opengraphs.records import RunFacts
from opengraphs.sources import plain
from opengraphs.sources.base import Format, Sink
from opengraphs.sources.eventfile import EventFile
from opengraphs.sources.eventfolder import MARK, EventFolder, Member, origin, run_folder
from opengraphs.sources.followed import Piece, Rewritten
from opengraphs.sources.reading import PathReader
from opengraphs.sources.tfnotes import Notes, Session
from opengraphs.sources.tfrecord import HEADER_BYTES, Framing

_KEY = ""
_HPARAMS = "_hparams_"
"""Among the parts of the config, the one that stands above all others."""
_NO_TIME = "records with a time that is none"
_LAST_DAY = 1e11
"""Epoch seconds beyond which nothing is believed."""
_FAILED = 2


class TensorBoardReader(PathReader):
    """Follows one folder; see `base.Reader`."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None = None) -> None:
        saved = dict(cursor or {})
        super().__init__(path, saved)
        self._folder = EventFolder(path)
        self._saved: dict[str, Any] = _dict(saved.get("files"))
        self._config: dict[str, Any] = _dict(saved.get("config"))
        self._created_at: float | None = saved.get("created_at")
        self._is_told = bool(saved.get("is_told"))
        self._files: dict[str, EventFile] = {}
        self._order: list[EventFile] = []
        self._unreadable: dict[str, str] = {}
        self._is_through = False

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        deadline = time.monotonic() + budget_s
        self._is_through = False
        self._list_files()
        if self._has_takeover():
            self._begin_anew(sink)
        if not self._is_told and not self._tell(sink):
            return False
        try:
            for number, file in enumerate(self._order):
                if self._read_file(sink, number, file, deadline):
                    return True
        except Rewritten:
            self._begin_anew(sink)
            return True
        self._is_through = True
        return False

    def _read_file(self, sink: Sink, number: int, file: EventFile, deadline: float) -> bool:
        """Read one file to its end; True when time was up before."""
        takeovers = [later.purge_step for later in self._order[number + 1 :] if later.purge_step is not None]
        before = min(takeovers, default=None)

        def emit(step: int, at: float, metrics: dict[str, float]) -> None:
            if 0.0 <= at < _LAST_DAY:
                sink.metrics(_KEY, step, at, metrics)
            else:
                self._mishaps.add(file.path, _NO_TIME)

        while (piece := self._fetch(file)) is not None:
            notes = Notes([], {})
            file.digest(piece, emit, before=before, notes=notes)
            self._note(sink, notes)
            if piece.at_end:
                return False
            if time.monotonic() >= deadline:
                return True
        return False

    def _fetch(self, file: EventFile) -> Piece | None:
        """The next piece; None too for a file that is gone or cannot be read."""
        try:
            piece = file.fetch()
        except FileNotFoundError:
            self._forget(file)
            return None
        except OSError as error:
            reason = self._unreadable[file.path] = f"cannot be read: {error.strerror or error}"
            self._mishaps.once(file.path, reason)
            return None
        if piece is not None and file.path in self._unreadable:
            self._mishaps.over(file.path, self._unreadable.pop(file.path))
        return piece

    def _list_files(self) -> None:
        """Bring the list of files up to date, and look how new ones begin.

        Raises:
            OSError: the folder cannot be read, or holds no event file any more.
        """
        members = self._folder.members()
        if not members:
            raise FileNotFoundError(errno.ENOENT, "no event files", str(self._folder.path))
        self._order = [self._file(member) for member in members]
        for file in self._order:
            if not file.is_head_known:
                try:
                    file.look_at_head()
                except (OSError, Rewritten):
                    continue  # told when its turn comes

    def _file(self, member: Member) -> EventFile:
        known = self._files.get(member.name)
        if known is None:
            saved = self._saved.get(member.name)
            known = EventFile(
                member.path, saved if isinstance(saved, list) else (), self._mishaps, member.rename
            )
            self._files[member.name] = known
        return known

    def _has_takeover(self) -> bool:
        """Whether a file makes void what was handed over of an earlier one."""
        highest: int | None = None
        for file in self._order:
            if file.purge_step is not None and highest is not None and highest >= file.purge_step:
                return True
            if file.last_step is not None:
                highest = file.last_step if highest is None else max(highest, file.last_step)
        return False

    def _begin_anew(self, sink: Sink) -> None:
        sink.reset(_KEY)
        self._is_told = False
        self._config = {}
        for file in self._files.values():
            file.rewind()
        self._list_files()

    def _forget(self, file: EventFile) -> None:
        for name in [name for name, known in self._files.items() if known is file]:
            del self._files[name]
            self._saved.pop(name, None)

    # -- facts -----------------------------------------------------------------------------------

    def _tell(self, sink: Sink) -> bool:
        """Say what the run is; False while nothing tells when it began."""
        first = origin(self._order[0].path.rpartition("/")[2])
        if self._created_at is None:
            self._created_at = first.created_at or self._first_wall_time()
        if self._created_at is None:
            return False
        began = plain.iso(self._created_at)
        facts: RunFacts = {
            "name": plain.folder_name(self._folder.path),
            "created_at": began,
            "started_at": began,
        }
        if first.host:
            facts["host"] = plain.clean(first.host)
        sink.run(_KEY, facts)
        self._is_told = True
        return True

    def _first_wall_time(self) -> float | None:
        for file in self._order:
            try:
                found = file.look_at_head().wall_time
            except OSError:
                continue
            if found is not None and 0.0 <= found < _LAST_DAY:
                return found
        return None

    def _note(self, sink: Sink, notes: Notes) -> None:
        """Pass on hyper-parameters, dumped configurations and how the session ended."""
        parts = dict(notes.config)
        for session in notes.sessions:
            if session.config:
                parts[_HPARAMS] = session.config
        if parts:
            self._config.update(parts)
            ordered = sorted(self._config, key=lambda name: (name == _HPARAMS, name != "model_config"))
            merged: dict[str, Any] = {}
            for name in ordered:
                merged.update(self._config[name])
            sink.run(_KEY, {"config": plain.config(merged)})
        for session in notes.sessions:
            if session.ended_at is not None:
                sink.run(_KEY, _end(session))

    # -- the rest of the protocol -----------------------------------------------------------------

    def cursor(self) -> dict[str, Any]:
        passing = set(self._unreadable.values())
        return {
            "files": {**self._saved, **{name: file.cursor() for name, file in self._files.items()}},
            "config": self._config,
            "created_at": self._created_at,
            "is_told": self._is_told,
            "troubles": [row for row in self._mishaps.saved() if row[1] not in passing],
        }

    def left(self) -> float:
        if self._is_through or not self._order:
            return 0.0
        sizes = [max(_size(file.path), file.followed.offset) for file in self._order]
        done = sum(file.followed.offset for file in self._order)
        return 1.0 - done / sum(sizes) if sum(sizes) else 0.0


def _end(session: Session) -> RunFacts:
    facts = {"status": "failed" if session.status == _FAILED else "finished"}
    if session.ended_at:
        facts["ended_at"] = plain.iso(session.ended_at)
    return cast("RunFacts", facts)


def _dict(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def accepts(path: Path) -> Path | None:
    """The run's folder, of a folder of event files or of one such file."""
    try:
        folder = path if path.is_dir() else path.parent if MARK in path.name and path.is_file() else None
        if folder is None:
            return None
        names = [entry.name for entry in os.scandir(folder) if MARK in entry.name]
        if not any(_begins_well(folder / name) for name in names[:8]):
            return None
        return run_folder(folder)
    except (OSError, ValueError):
        return None


def _begins_well(path: Path) -> bool:
    """Whether the file starts with a record; one that is still empty may."""
    if not path.is_file():
        return False
    data = plain.head(path, HEADER_BYTES)
    return len(data) < HEADER_BYTES or not Framing().split(data).is_damaged


FORMAT = Format(
    name="tensorboard",
    title="TensorBoard",
    looks_for="folders with *tfevents* files",
    names=(f"*{MARK}*",),
    accepts=accepts,
    open=TensorBoardReader,
)
