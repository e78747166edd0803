"""The loop's side of a store's foreign runs: what routes ask, and what the follower tells."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs import paths
from opengraphs.daemon.foreign.follower import Follower, News
from opengraphs.daemon.foreign.places import Place
from opengraphs.errors import NotFoundError, StoreError, UsageError

if TYPE_CHECKING:
    from opengraphs.daemon.foreign.importing import Import
    from opengraphs.sources.base import Format

CATCH_UP_S = 0.25
"""A question waits so long for sources that nobody watched until it came."""
SETTLE_S = 0.3
"""Who attaches something is answered after so long, with what was found until then."""
MAX_IMPORTS = 20
"""Imports that ended are remembered so long that nobody asks in vain how they went."""


class ForeignRuns:
    """Attached places and imports of one store; loop thread only.

    Args:
        heard: takes the follower's news, in the loop's thread.
        is_watched: whether somebody watches the store; called from another thread.
    """

    def __init__(self, store: Path, *, heard: Callable[[News], None], is_watched: Callable[[], bool]) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._follower = Follower(paths.attached_dir(store), tell=self._tell, is_visible=is_watched)
        self._imports: dict[str, Import] = {}

    async def start(self) -> None:
        """Follow what was attached before; what is new there is known when this returns, if it is little."""
        self._follower.start()
        await self.catch_up()

    async def close(self) -> None:
        """End the follower and the imports."""
        for job in self._imports.values():
            job.cancel()
        await asyncio.to_thread(self._follower.close)

    def wake(self) -> None:
        """Somebody looks at the store."""
        self._follower.wake()

    async def catch_up(self) -> None:
        """Give the follower a moment to copy what came while nobody watched."""
        if self._follower.is_behind:
            await asyncio.to_thread(self._follower.wait_caught_up, CATCH_UP_S)

    async def attach(self, path: Path, *, format_: str, mode: str, project: str) -> dict[str, Any]:
        """Attach a place; what was found in it within SETTLE_S.

        Raises:
            NotFoundError: the path leads nowhere, or to a file that no format knows.
            UsageError: there is no such format.
            StoreError: the path cannot be read, or the cache not written.
        """
        place = await asyncio.to_thread(self._place, path, format_, mode, project)
        try:
            if self._store.parent == paths.cache_dir() / "views":
                self._store.mkdir(parents=True, exist_ok=True)  # so that it can be named like any other
            place = self._follower.attach(place)
        except OSError as error:
            raise StoreError(
                f"the cache cannot be written ({error.strerror})", path=str(paths.cache_dir())
            ) from error
        await asyncio.to_thread(self._follower.wait_settled, place.place_id, SETTLE_S)
        return {"id": place.place_id, **await self.rows(place.place_id)}

    def _place(self, path: Path, format_: str, mode: str, project: str) -> Place:
        from opengraphs.sources.discover import identify

        formats = _formats(format_)
        check_readable(path)
        if path.is_dir() and not format_:
            return Place(os.fspath(path), mode, "", project)
        found = identify(path, formats)
        if found is None:
            raise nothing_here(path, formats)
        return Place(os.fspath(found.path), mode, found.format.name, project or _project_of(found.path))

    def detach(self, ref: str) -> None:
        """Let go of a place or a source, by id or by path.

        Raises:
            NotFoundError: nothing of that id or path is attached.
            StoreError: the cache cannot be written.
        """
        rows = self._follower.rows()
        ids = [row["id"] for row in (*rows["places"], *rows["sources"]) if ref in (row["id"], row["path"])]
        try:
            gone = [self._follower.detach(id_) for id_ in ids]
        except OSError as error:
            raise StoreError(
                f"the cache cannot be written ({error.strerror})", path=str(paths.cache_dir())
            ) from error
        if not any(gone):
            known = ", ".join(row["path"] for row in rows["places"][:5])
            raise NotFoundError(
                "this is not attached", hint=f"attached: {known}" if known else "nothing is", path=ref
            )

    async def rows(self, place_id: str | None = None) -> dict[str, Any]:
        """Places and sources, as `GET /sources` tells them."""
        return await asyncio.to_thread(self._follower.rows, place_id)

    def summary(self) -> dict[str, Any]:
        """`runs` of attached sources so far, and whether some folder is being searched for the first time."""
        return self._follower.summary()

    # -- imports -----------------------------------------------------------------------------------

    async def begin_import(self, path: Path, *, format_: str, project: str, dry_run: bool) -> str:
        """Begin an import, or find the one of the same that goes on; its id.

        Raises:
            NotFoundError: the path leads nowhere.
            StoreError: it cannot be read.
            UsageError: there is no such format.
        """
        from opengraphs.daemon.foreign.importing import Import

        await asyncio.to_thread(check_readable, path)
        formats = await asyncio.to_thread(_formats, format_)
        for id_, job in self._imports.items():
            if not job.is_done and job.path == path and job.dry_run == dry_run:
                return id_
        ended = [id_ for id_, job in self._imports.items() if job.is_done]
        for id_ in ended[: max(0, len(self._imports) - MAX_IMPORTS)]:
            del self._imports[id_]
        job = Import(path, self._store, formats, format_=format_, project=project, dry_run=dry_run)
        id_ = os.urandom(6).hex()
        self._imports[id_] = job
        threading.Thread(target=job.run, name="ogd-import", daemon=True).start()
        return id_

    def import_of(self, id_: str) -> Import:
        """An import, on its way or ended.

        Raises:
            NotFoundError: there is none such.
        """
        job = self._imports.get(id_)
        if job is None:
            raise NotFoundError(
                f"no import {id_}", hint="the daemon was restarted; import again: it goes on where it was"
            )
        return job

    @property
    def is_importing(self) -> bool:
        return any(not job.is_done for job in self._imports.values())

    # -- the follower's thread ---------------------------------------------------------------------

    def _tell(self, news: News) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heard, news)


def check_readable(path: Path) -> None:
    """See that a place that somebody named can be looked at.

    Raises:
        NotFoundError: the path leads nowhere.
        StoreError: this user may not read it.
    """
    try:
        mode = os.R_OK | (os.X_OK if stat.S_ISDIR(path.stat().st_mode) else 0)
        reason = "" if os.access(path, mode) else os.strerror(errno.EACCES)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError("no such file or folder", path=str(path)) from None
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise StoreError(f"cannot be read ({reason})", hint="check its owner and mode", path=str(path))


def nothing_here(path: Path, formats: tuple[Format, ...]) -> NotFoundError:
    """The error for a place that no format knows: what was looked for, and what can be done."""
    if path.is_file() and not path.stat().st_size:
        return NotFoundError("no foreign runs here", hint="the file is empty", path=str(path))
    rows = [f"  {format_.title}: {format_.looks_for}" for format_ in formats if format_.names]
    hint = "\n".join(["looked for the runs of", *rows]) if rows else "no format is known"
    return NotFoundError("no foreign runs here", hint=hint, path=str(path))


def _formats(name: str) -> tuple[Format, ...]:
    """All formats, or the one of that name."""
    from opengraphs.sources.formats import FORMATS

    chosen = tuple(format_ for format_ in FORMATS if name in ("", format_.name))
    if not chosen:
        known = dict.fromkeys(format_.name for format_ in FORMATS)  # some have two rows
        raise UsageError(f"no format {name!r}", hint=f"known: {', '.join(known)}")
    return chosen


def _project_of(path: Path) -> str:
    return path.parent.name
