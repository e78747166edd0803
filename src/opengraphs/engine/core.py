"""What an open store holds, and how every call reaches it safely."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from opengraphs.engine import listing
from opengraphs.engine.catalog import Catalog, Entry
from opengraphs.engine.index import IndexDoubtError
from opengraphs.engine.openruns import OpenRuns
from opengraphs.engine.rundata import FIRST_LOOK_BYTES, RunData
from opengraphs.engine.runfiles import RunFiles
from opengraphs.errors import StoreError
from opengraphs.sdk import layout
from opengraphs.store import mounts
from opengraphs.store.fdpool import FdPool

T = TypeVar("T")


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
        self._catalog = Catalog(path, self._fds, host=self._host, reopen=reopen)
        self._runs = OpenRuns(index_dir, self._fds, budget_bytes=budget_bytes, reopen=reopen)
        self._files: dict[str, RunFiles] = {}
        self._unreadable: dict[str, str] = {}
        self._is_scanned = False

    def resolve(self, ref: str) -> str:
        """The run id behind an id, a unique name, or a unique part of an id.

        Raises:
            AmbiguousError: several runs fit; the hint lists them.
            NotFoundError: none; the hint names the nearest.
        """
        return listing.resolve(self._catalog.entries, ref)

    def _entry(self, ref: str) -> Entry:
        return self._catalog.entries[self.resolve(ref)]

    def _open_data(self, entry: Entry) -> RunData:
        """A run's data; opened, but nothing new of it is read."""
        return self._runs.get(entry.folder)

    def _data(self, entry: Entry) -> RunData:
        """A run's data, opened, with what is new and cheap to read."""
        is_first = self._runs.find(entry.run_id) is None
        data = self._open_data(entry)
        if is_first:
            data.poll(max_bytes=2 * FIRST_LOOK_BYTES, final=not entry.is_live)
        elif not entry.is_live:  # a live run is read by `poll`, which also tells of it
            data.poll(final=True)
        return data

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
