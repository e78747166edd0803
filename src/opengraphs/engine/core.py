"""What an open store holds, and how every call reaches it safely."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from opengraphs.engine import listing
from opengraphs.engine.answercache import AnswerCache
from opengraphs.engine.catalog import Catalog, Entry
from opengraphs.engine.index import IndexDoubtError
from opengraphs.engine.openruns import OpenRuns
from opengraphs.engine.rundata import FIRST_LOOK_BYTES, RunData
from opengraphs.engine.runfiles import RunFiles
from opengraphs.errors import NotFoundError, StoreError
from opengraphs.records import RunFacts
from opengraphs.sdk import layout
from opengraphs.store import mounts, trash
from opengraphs.store.fdpool import FdPool

T = TypeVar("T")
LIST_READ_S = 0.04
LIST_READ_BYTES = 256 << 10


class EngineCore:
    """The catalog, the open runs and the files of one store.

    Attributes:
        path: the store's folder.
    """

    def __init__(self, path: Path, index_dir: Path, *, budget_bytes: int) -> None:
        reopen = mounts.is_remote(path)
        self.path = path
        self._host = layout.host_name()
        self._index_dir = index_dir
        self._reopen = reopen
        self._fds = FdPool()
        self._catalog = Catalog(
            path, self._fds, host=self._host, reopen=reopen, attached=index_dir / "attached" / layout.RUNS
        )
        self._runs = OpenRuns(index_dir, self._fds, budget_bytes=budget_bytes, reopen=reopen)
        self._files: dict[str, RunFiles] = {}
        self._curve_cache = AnswerCache()
        self._unreadable: dict[str, str] = {}
        self._is_scanned = False
        self._unread_order: list[str] = []
        self._unread_of = (-1, -1)
        self._listed: dict[str, None] = {}
        """Runs that a list showed without their metrics, for nobody had read them: to be read first."""

    def resolve(self, ref: str) -> str:
        """The run id behind an id, a unique name, or a unique part of an id.

        Raises:
            AmbiguousError: several runs fit; the hint lists them.
            NotFoundError: none; the hint names the nearest.
        """
        try:
            return listing.resolve(self._catalog.entries, ref)
        except NotFoundError as error:
            removed = trash.find_id(self.path, ref)
            if removed is None:
                raise
            hint = f"{removed} is in the trash; og rm --restore {removed}"
            raise NotFoundError(str(error), hint=hint) from None

    def folder_of(self, run_id: str) -> Path:
        """Where the run's folder lies: in the store, or in the cache when it is a copy of a foreign run."""
        return self._catalog.entries[run_id].folder.path

    def mirrored(self) -> list[tuple[Path, RunFacts]]:
        """Folder and facts of the store's own runs that ask to be forwarded; the facts are not to be changed."""
        return [
            (entry.folder.path, entry.facts)
            for entry in self._catalog.entries.values()
            if entry.facts.get("mirror_to") and not entry.followed
        ]

    def is_followed(self, run_id: str) -> bool:
        """Whether the run is a copy of a foreign run that ogd keeps up."""
        return self._catalog.entries[run_id].followed

    def _entry(self, ref: str) -> Entry:
        return self._catalog.entries[self.resolve(ref)]

    def _open_data(self, entry: Entry) -> RunData:
        """A run's data; opened, but nothing new of it is read."""
        return self._runs.get(entry.folder)

    def _data(self, entry: Entry) -> RunData:
        """A run's data, opened, with what is new and cheap to read."""
        is_first = self._runs.find(entry.run_id) is None
        data = self._open_data(entry)
        # Of an ended run a first look is due also when the backlog has begun to read it: the newest part
        # is unread then too. A live run is read on by `poll`, which also tells of it.
        if is_first or not entry.is_live:
            data.poll(max_bytes=2 * FIRST_LOOK_BYTES, final=not entry.is_live)
        return data

    def _read_listed(self, entries: Iterable[Entry]) -> None:
        """Have at hand what a page of a list shows of its runs: small ones that nobody read yet are
        read now, for LIST_READ_S at most; the others come first in the backlog."""
        deadline = time.monotonic() + LIST_READ_S
        for entry in entries:
            if self._runs.has_digest(entry.run_id) or self._runs.find(entry.run_id) is not None:
                continue
            if entry.run_id not in self._unreadable:
                self._listed[entry.run_id] = None
            if time.monotonic() < deadline and entry.run_id not in self._unreadable:
                self._quietly(entry, lambda entry=entry: self._read_small(entry), None)  # type: ignore[misc]

    def _read_small(self, entry: Entry) -> None:
        data = self._runs.open(entry.folder)
        if data.left_bytes() <= LIST_READ_BYTES:
            data.poll(final=not entry.is_live)

    def _files_of(self, entry: Entry) -> RunFiles:
        files = self._files.get(entry.run_id)
        if files is None:
            files = self._files[entry.run_id] = RunFiles(entry.folder, self._fds, reopen=self._reopen)
        return files

    @contextlib.contextmanager
    def _reading(self, entry: Entry) -> Iterator[None]:
        """What the disk has against a question, as an error of the run's folder."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the run cannot be read ({error.strerror or error})", path=str(entry.folder.path)
            ) from error

    def _quietly(self, entry: Entry, call: Callable[[], T], otherwise: T) -> T:
        """Work behind the scenes: a run that cannot be read is left alone until it changes."""
        try:
            return self._try(call)
        except OSError as error:
            self._unreadable[entry.run_id] = str(error)
            return otherwise

    def _try(self, call: Callable[[], T]) -> T:
        """A call that needs the index. When that fails it is thrown away and made anew, once."""
        for _ in range(2):
            try:
                return call()
            except IndexDoubtError as doubt:
                full = doubt.full
                last = doubt
                self._runs.rebuild(full=full)
        raise StoreError(f"the index cannot be used ({last})", path=str(self._index_dir))
