"""File events of folders, where the system has them: one inotify instance for all stores."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from inotify_simple import INotify

log = logging.getLogger("ogd.inotify")

Listener = Callable[[Path, str], None]
"""Called with the folder and the name in it that changed; an empty name: look at everything."""


class _Watch(NamedTuple):
    number: int
    listeners: list[Listener]


class FolderEvents:
    """Watches folders and calls back in the event loop; without inotify it watches nothing.

    `trouble` says why events do not reach us, empty while they do.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watches: dict[Path, _Watch] = {}
        self._folders: dict[int, Path] = {}
        self._inotify: INotify | None = None
        self.trouble = "not started"

    async def start(self) -> None:
        """Get the inotify instance. In a thread: the library asks `ldconfig` for its libc."""
        try:
            inotify = await asyncio.to_thread(_instance)
        except OSError as error:
            self.trouble = f"no inotify ({error.strerror})"
            log.warning("%s", self.trouble)
        else:
            self.trouble = ""
            self._inotify = inotify
            self._loop.add_reader(inotify.fileno(), self._read)

    def watch(self, folder: Path, listener: Listener) -> bool:
        """Tell `listener` what changes in `folder`; False when that cannot be."""
        if self._inotify is None:
            return False
        watch = self._watches.get(folder)
        if watch is not None:
            if listener not in watch.listeners:
                watch.listeners.append(listener)
            return True
        try:
            number = self._inotify.add_watch(str(folder), _mask())
        except FileNotFoundError:
            return False
        except OSError as error:
            if not self.trouble:
                log.warning("no file events for %s: %s", folder, error)
            self.trouble = f"{error.strerror}: {folder}"
            return False
        self._watches[folder] = _Watch(number, [listener])
        self._folders[number] = folder
        return True

    def forget(self, folder: Path, listener: Listener) -> None:
        """Tell `listener` no more; a folder that is gone or was never watched is fine."""
        watch = self._watches.get(folder)
        if watch is None or listener not in watch.listeners:
            return
        watch.listeners.remove(listener)
        if watch.listeners or self._inotify is None:
            return
        del self._watches[folder]
        self._folders.pop(watch.number, None)
        try:
            self._inotify.rm_watch(watch.number)
        except OSError:
            pass  # the folder went first, and its watch with it

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._inotify is not None:
            self._loop.remove_reader(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None

    def _read(self) -> None:
        from inotify_simple import flags

        if self._inotify is None:
            return
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                for folder in list(self._watches):
                    self._tell(folder, "")
            elif event.mask & flags.IGNORED:
                self._dropped(event.wd)
            elif event.wd in self._folders:
                self._tell(self._folders[event.wd], event.name)

    def _tell(self, folder: Path, name: str) -> None:
        watch = self._watches.get(folder)
        for listener in list(watch.listeners) if watch else ():
            listener(folder, name)

    def _dropped(self, number: int) -> None:
        """The kernel ended a watch: the folder is gone."""
        folder = self._folders.pop(number, None)
        if folder is None:
            return
        self._tell(folder, "")
        watch = self._watches.get(folder)
        if watch is not None and watch.number == number:
            del self._watches[folder]


def _instance() -> INotify:
    if sys.platform != "linux":
        raise OSError(0, "not on this system")
    from inotify_simple import INotify

    return INotify(nonblocking=True)


def _mask() -> int:
    from inotify_simple import flags

    return int(
        flags.CREATE
        | flags.MODIFY
        | flags.MOVED_TO
        | flags.MOVED_FROM
        | flags.DELETE
        | flags.DELETE_SELF
        | flags.ONLYDIR
    )
