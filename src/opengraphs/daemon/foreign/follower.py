"""The thread of one store that looks for foreign runs and follows them into copies.

It wakes when a source is due, a walk goes on, or somebody attached something. With nothing
attached there is no thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.daemon.foreign import progress as progresses
from opengraphs.daemon.foreign.followed import Followed, summed
from opengraphs.daemon.foreign.places import Place, Places
from opengraphs.sources.base import Format
from opengraphs.sources.discover import Found, Walk, identify

log = logging.getLogger("ogd.foreign")

SLICE_S = 0.1
"""One turn of a source or of a walk."""
REWALK_S, HIDDEN_REWALK_S = 1.0, 60.0
"""Between two looks for new sources below a folder: while somebody watches, and otherwise."""
WALK_SHARE = 50
"""A walk that took t seconds is not repeated within 50 t."""
OWN_RETRY_S = 5.0
"""Another ogd that follows the same places is given so long before the next try."""
_ENDING_S = 5.0


class News(NamedTuple):
    """What the loop is told. grown: runs with new records. facts: some run is new, changed or
    gone. sources: what `GET /sources` says changed. message: what of a source cannot be read, when
    that is new."""

    grown: list[str]
    facts: bool
    sources: bool
    message: str = ""


class _Search:
    """A place that is a folder, and the walk below it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.walk: Walk | None = None
        self.first_is_done = False
        self.due = 0.0
        self.began_s = 0.0
        self.looked = 0


class Follower:
    """Keeps the copies of a store's attached places up to date.

    Every method may be called from any thread; the work is done in one of its own.

    Args:
        folder: `paths.attached_dir` of the store.
        tell: takes news; called in the follower's thread.
        is_visible: whether somebody watches the store.
    """

    def __init__(self, folder: Path, *, tell: Callable[[News], None], is_visible: Callable[[], bool]) -> None:
        self._folder = folder
        self._tell = tell
        self._is_visible = is_visible
        self._lock = threading.Condition()
        self._places = Places(folder)
        self._sources: dict[str, Followed] = {}
        self._searches: dict[str, _Search] = {}
        self._dropped: list[Followed] = []
        self._thread: threading.Thread | None = None
        self._formats: tuple[Format, ...] = ()
        self._own_fd = -1
        self._trouble = ""
        self._is_closed = self._is_poked = self._is_resting = False

    # -- asked from outside ------------------------------------------------------------------------

    def start(self) -> None:
        """Follow what was attached before, if anything was."""
        if self._places.all():
            self._run_thread()

    def attach(self, place: Place) -> Place:
        """Attach a place, or have a known one looked at again at once.

        Raises:
            OSError: the cache cannot be written.
        """
        with self._lock:
            kept = self._places.add(place)
            search = self._searches.get(kept.place_id)
            if search is not None and search.walk is None:
                search.due = 0.0
            for source in self._sources.values():
                if source.place == kept.place_id:
                    source.due = 0.0
            self._is_poked = True
            self._lock.notify_all()
        self._run_thread()
        return kept

    def detach(self, id_: str) -> bool:
        """Let go of a place or of one source, and remove the copies; False when there is none such.

        Raises:
            OSError: the cache cannot be written.
        """
        with self._lock:
            known = self._places.get(id_) is not None or id_ in self._sources
            self._places.remove(id_)
            self._searches.pop(id_, None)
            going = [key for key, source in self._sources.items() if id_ in (source.place, source.source_id)]
            self._dropped += [self._sources.pop(key) for key in going]
            self._is_poked = True
            self._lock.notify_all()
        return known

    def wake(self) -> None:
        """Somebody began to watch: look at what is due by that measure."""
        with self._lock:
            self._is_poked, self._is_resting = True, False
            self._lock.notify_all()

    @property
    def is_behind(self) -> bool:
        """Whether it has something to do right now."""
        return self._thread is not None and not self._is_resting and not self._trouble

    def wait_caught_up(self, timeout_s: float) -> None:
        """Wait until there is nothing to do right now, or the time is up."""
        with self._lock:
            self._lock.wait_for(lambda: not self.is_behind, timeout_s)

    def wait_settled(self, place_id: str, timeout_s: float) -> None:
        """Wait until `is_settled`, or the time is up."""
        with self._lock:
            self._lock.wait_for(lambda: self.is_settled(place_id), timeout_s)

    def is_settled(self, place_id: str) -> bool:
        """Whether a place was searched once, and each source in it read to its end once."""
        with self._lock:
            search = self._searches.get(place_id)
            mine = [source for source in self._sources.values() if source.place == place_id]
            if self._trouble:
                return True
            if self._places.get(place_id) is None or (search is None and not mine):
                return self._places.get(place_id) is None
            return (search is None or search.first_is_done) and all(source.was_read for source in mine)

    def rows(self, place_id: str | None = None) -> dict[str, Any]:
        """Places and sources as `GET /sources` tells them."""
        with self._lock:
            places, sources = self._places.all(), list(self._sources.values())
            searches = dict(self._searches)
        mine = [source for source in sources if place_id in (None, source.place)]
        return {
            "places": [
                {
                    "id": place.place_id,
                    "path": place.path,
                    "mode": place.mode,
                    "format": place.format,
                    "looking": _looks(searches.get(place.place_id)),
                    "sources": sum(source.place == place.place_id for source in sources),
                    "runs": sum(len(source.run_ids) for source in sources if source.place == place.place_id),
                }
                for place in places
                if place_id in (None, place.place_id)
            ],
            "sources": [_row(source) for source in mine],
            "looking": any(_looks(search) for id_, search in searches.items() if place_id in (None, id_)),
            "trouble": self._trouble,
        }

    def summary(self) -> dict[str, Any]:
        """The same in two figures."""
        with self._lock:
            runs = sum(source.run_count for source in self._sources.values())
            return {"runs": runs, "looking": any(map(_looks, self._searches.values()))}

    def close(self) -> None:
        """End the thread; blocks for a moment."""
        with self._lock:
            self._is_closed = True
            self._lock.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_ENDING_S)

    def _run_thread(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="ogd-foreign", daemon=True)
                self._thread.start()

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        from opengraphs.sources.formats import FORMATS

        self._formats = FORMATS
        try:
            while not self._is_closed:
                if not self._owns():
                    self._sleep(OWN_RETRY_S)
                    continue
                self._round()
        finally:
            for source in (*self._sources.values(), *self._dropped):
                source.close()
            if self._own_fd >= 0:
                os.close(self._own_fd)

    def _owns(self) -> bool:
        """Whether this process may write the copies; another ogd on the same cache may be about it."""
        if self._own_fd >= 0:
            return True
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._trouble = f"the cache cannot be written ({error.strerror})"
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            self._trouble = "another ogd follows these sources"
            return False
        self._own_fd, self._trouble = fd, ""
        self._recall()
        return True

    def _recall(self) -> None:
        """The sources that an earlier daemon followed."""
        formats = {format_.name: format_ for format_ in self._formats}
        for file in sorted((self._folder / "sources").glob("*.json")):
            known = progresses.load(file)
            place = self._places.get(known.place) if known is not None else None
            if known is not None and place is not None and known.format in formats:
                self._add(Found(formats[known.format], Path(known.path)), place)

    def _round(self) -> None:
        """One turn of everything that is due, or a sleep until something is."""
        with self._lock:
            self._is_poked = False
            dropped, self._dropped = self._dropped, []
            places = self._places.all()
        for source in dropped:
            source.forget()
        if dropped:
            self._tell(News([], facts=True, sources=True))
        for place in places:
            with contextlib.suppress(OSError):  # what may not be read now may be with the next round
                self._see(place)
        visible, now = self._is_visible(), time.monotonic()
        walked = [search for search in self._all_searches() if search.due <= now]
        for search in walked:
            self._walk(search, visible=visible)
        with self._lock:
            due = sorted(
                (source for source in self._sources.values() if source.due <= now), key=lambda item: item.due
            )
        for source in due:
            self._look(source, visible=visible)
            with self._lock:
                self._lock.notify_all()
            if self._is_closed or self._is_poked:
                break
        if not walked and not due:
            self._sleep_until_due(visible=visible)

    def _all_searches(self) -> list[_Search]:
        with self._lock:
            return list(self._searches.values())

    def _see(self, place: Place) -> None:
        """Begin with a place that is new: a source by itself, or a folder to search."""
        with self._lock:
            if place.place_id in self._searches or any(
                source.place == place.place_id and source.path == place.path
                for source in self._sources.values()
            ):
                return
        if not place.format and Path(place.path).is_dir():
            with self._lock:
                self._searches[place.place_id] = _Search(place)
            return
        found = self._named(place)
        if found is not None:
            self._add(found, place)

    def _named(self, place: Place) -> Found | None:
        for format_ in self._formats:
            if format_.name == place.format:
                return Found(format_, Path(place.path))
        return identify(Path(place.path), self._formats)

    def _add(self, found: Found, place: Place) -> bool:
        """Follow a source from now on; False when it is followed already."""
        path = os.fspath(found.path)
        key = progresses.source_id(found.format.name, path)
        with self._lock:
            if key in self._sources or self._places.get(place.place_id) is None:
                return False
        project = place.project or Path(place.path).name
        source = Followed(found.format, path, self._folder, place=place.place_id, project=project)
        with self._lock:
            self._sources[key] = source
        return True

    def _walk(self, search: _Search, *, visible: bool) -> None:
        if search.walk is None:
            search.walk, search.began_s = Walk(Path(search.place.path), self._formats), time.monotonic()
        found = _advance(search.walk, is_first=not search.first_is_done)
        is_new = [self._add(one, search.place) for one in found]
        if search.walk.is_done:
            now = time.monotonic()
            rest = REWALK_S if visible else HIDDEN_REWALK_S
            search.due = now + max(rest, WALK_SHARE * (now - search.began_s))
            search.looked, search.walk = search.walk.looked, None
            was_first, search.first_is_done = not search.first_is_done, True
            if was_first:
                self._tell(News([], facts=False, sources=True))
                return
        if any(is_new):
            self._tell(News([], facts=False, sources=True))

    def _look(self, source: Followed, *, visible: bool) -> None:
        was_read = source.was_read
        found = source.look(SLICE_S)
        source.plan(found.more, visible=visible, among=len(self._sources))
        kept = source.reassure()
        commit = found.commit
        grown = [*(commit.grown if commit else ()), *kept]
        facts = bool(kept) or (commit is not None and commit.facts_changed)
        if grown or facts or found.told or source.was_read != was_read:
            message = _message(source) if found.told else ""
            self._tell(News(grown, facts, found.told or source.was_read != was_read, message))

    def _sleep_until_due(self, *, visible: bool) -> None:
        with self._lock:
            times = [source.due for source in self._sources.values()]
            times += [search.due for search in self._searches.values()]
        self._sleep(max(0.01, min(times) - time.monotonic()) if times else None, visible=visible)

    def _sleep(self, wait_s: float | None, *, visible: bool = True) -> None:
        with self._lock:
            if not self._is_closed and not self._is_poked:
                self._is_resting = True
                self._lock.notify_all()
                self._lock.wait(wait_s)
                self._is_resting = False
            was_poked = self._is_poked
        if was_poked and not visible and self._is_visible():
            self._come_into_sight()

    def _come_into_sight(self) -> None:
        """What waited by the measure of nobody watching is due now."""
        now = time.monotonic()
        with self._lock:
            for source in self._sources.values():
                source.due = min(source.due, now)
            for search in self._searches.values():
                if search.walk is None:
                    search.due = min(search.due, now + REWALK_S)


def _advance(walk: Walk, *, is_first: bool) -> list[Found]:
    """Look on for a slice. A folder that cannot be looked into ends its own walk, and nothing else."""
    known = len(walk.found)
    try:
        return walk.advance(SLICE_S)
    except OSError as error:
        if is_first:
            log.warning("a search for foreign runs broke off: %s", error)
        walk.is_done = True
        return walk.found[known:]


def _message(source: Followed) -> str:
    """`runs/tb: 2 records skipped: corrupt at 4711`, and "" when all is well (again)."""
    said = source.failure or summed(source.troubles)
    return f"{'/'.join(source.path.rsplit('/', 2)[-2:])}: {said}" if said else ""


def _looks(search: _Search | None) -> bool:
    """Whether a folder is being looked through for the first time."""
    return search is not None and not search.first_is_done


def _row(source: Followed) -> dict[str, Any]:
    runs = source.run_ids
    if source.failure:
        state = "unreadable"
    elif not source.was_read:
        state = "reading"
    else:
        state = "followed"
    return {
        "id": source.source_id,
        "place": source.place,
        "format": source.format.name,
        "title": source.format.title,
        "path": source.path,
        "state": state,
        "message": source.failure,
        "left": source.left,
        "runs": len(runs),
        "run_ids": runs[:100],
        "skipped": sum(trouble.skipped for trouble in source.troubles),
        "troubles": [trouble._asdict() for trouble in source.troubles[:20]],
    }
