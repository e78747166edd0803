"""Store lines through a shared mapping of the journal's file: no system call, no GIL given up.

A lock is taken only where a line does not fit into the present window. Windows overlap,
so that no line is cut in two: the next begins before the end of the last. The successor
is published by an atomic `setdefault`; whoever comes second drops his own and uses that
one. This holds for threads, and for a `log()` inside a `log()` (a signal handler, a
finaliser), alike.
"""

from __future__ import annotations

import sys
import time
from _thread import RLock

from . import space
from .segment import Segment
from .window import CLOSED, NEWLINE, Sizes, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator, List, Optional, Tuple, TypeVar

    from .keeper import Keeper

    T = TypeVar("T")

RETRY_S = 1.0
"""How often a full disk is asked again."""
SYNC_S = 1.0
MAX_FAILED_SYNCS = 3
"""A disk that fails this often in a row is not asked to sync any more; lines are still stored."""
_HAS_GIL = bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class MappedSink:
    """The mapped way of writing one journal. Any thread may call any method.

    Attributes:
        dropped: records that found no space.
        on_drop, on_space: called after a record was dropped, and when there is space again
            (with the number dropped in between).
    """

    mode = "mapped"

    def __init__(
        self,
        folder: str,
        writer: str,
        segment: Segment,
        *,
        sizes: Optional[Sizes] = None,
        keeper: Optional[Keeper] = None,
    ) -> None:
        """Take over an open segment and map its first stretch.

        Raises:
            OSError: the file system cannot reserve or map it, or is full.
        """
        self.folder = folder
        self.writer = writer
        self.lock = RLock()
        self.dropped = 0
        self.on_drop: Callable[[OSError], None] = lambda _error: None
        self.on_space: Callable[[int], None] = lambda _dropped: None
        self._sizes = sizes or Sizes()
        self._keeper = keeper
        self._grow = self._sizes.first
        self._depth = 0
        self._closed = False
        self._full: Optional[OSError] = None
        self._retry_at = 0.0
        self._told_dropped = 0
        self._synced_at = time.monotonic()
        self._failed_syncs = 0
        self._retired: List[Tuple[Segment, int]] = []
        self._old: List[Window] = []
        self._spares: List[Window] = []
        self._window = self._first(segment)
        if not _HAS_GIL:
            self.put = self._put_locked  # type: ignore[method-assign]

    def _first(self, segment: Segment) -> Window:
        """Reserve the first stretch; one half of it is used, the other stands ready."""
        end = segment.reserved
        base, least = space.page_floor(end), space.page_ceil(end + 1)
        limit = space.reserve_most(segment.fd, end, max(least, base + self._sizes.first), least)
        segment.reserved, segment.is_used = limit, True
        window = Window(segment, base, max(least, space.page_floor((base + limit) // 2)))
        window.map.seek(end - base)
        space.prefault(window.map, end - base)
        if window.limit < limit:
            self._spares.append(Window(segment, self._overlapped(window), limit))
        return window

    def _overlapped(self, window: Window) -> int:
        return max(window.base, space.page_floor(window.limit - self._sizes.overlap))

    # -- the path of log() ---------------------------------------------------------------

    def put(self, body: bytes) -> None:
        """Append one line; it is in the page cache when this returns.

        Args:
            body: JSON without its newline, not empty, without NUL bytes. Several lines in
                one body stay together.
        """
        window = self._window
        parts = iter((body, NEWLINE))
        try:
            all(map(window.write, parts))
        except ValueError:
            self._put_slow(window, body, parts)

    def _put_locked(self, body: bytes) -> None:
        """`put` where no GIL keeps body and newline together."""
        with self.lock:
            MappedSink.put(self, body)

    def _put_slow(self, window: Window, body: bytes, parts: Iterator[bytes]) -> None:
        with self.lock:
            self._depth += 1
            try:
                problem = self._place(window, body, parts)
            finally:
                self._depth -= 1
            if self._depth == 0 and (self._keeper is None or self._closed):
                self._retire()
        if problem is not None:
            self.on_drop(problem)
        elif self.dropped > self._told_dropped:
            self._tell_space()

    def _place(self, window: Window, body: bytes, parts: Iterator[bytes]) -> Optional[OSError]:
        """Put a line that did not fit into `window`; None when it is stored, else why not.

        `parts` is what was left of it: the newline, or nothing. Nothing means that the body
        filled the window exactly; whoever leaves such a window writes the newline.
        """
        while True:
            is_written = next(parts, None) is None
            problem = self._advance(window, 1 if is_written else len(body) + 1)
            if problem is not None:
                self.dropped += 1
                return problem
            if is_written:
                return None
            window = self._window
            parts = iter((body, NEWLINE))
            try:
                all(map(window.write, parts))
            except ValueError:
                continue
            return None

    # -- the next window ------------------------------------------------------------------

    def _advance(self, window: Window, need: int, *, fresh: bool = False) -> Optional[OSError]:
        """Make sure that `window` has a successor with room for `need`; else say why not."""
        while "next" not in window.links:
            if self._closed:
                return OSError("the journal is closed")
            try:
                candidate = self._candidate(window, need, fresh)
            except OSError as error:
                self._note_full(error)
                return error
            window.seal()
            if candidate.fits(window, need):
                candidate.begin(window)
                self._publish(window, candidate)
            else:  # somebody wrote until the seal
                self._drop(candidate)
        while "next" in window.links:
            window = window.links["next"]
        self._window = window
        return None

    def _publish(self, window: Window, candidate: Window) -> None:
        if window.links.setdefault("next", candidate) is not candidate:
            self._drop(candidate)
            return
        candidate.segment.is_used = True
        self._old.append(window)
        if candidate.segment is not window.segment:
            self._retired.append((window.segment, window.end()))
        if self._keeper is not None:
            self._keeper.wake()

    def _candidate(self, window: Window, need: int, fresh: bool) -> Window:
        """A window that can follow: the prepared one if it fits, else a new one.

        Raises:
            OSError: no space or no descriptors, now or less than a second ago.
        """
        spare = None if fresh else _take(self._spares)
        if spare is not None:
            if spare.fits(window, need):
                return spare
            self._drop(spare)
        if self._full is not None and time.monotonic() < self._retry_at:
            raise OSError(self._full.errno, self._full.strerror)
        made = self._make(window, need, fresh)
        self._full = None
        return made

    def _make(self, window: Window, need: int, fresh: bool) -> Window:
        """Reserve and map a stretch for `need` bytes behind what is written in `window`."""
        end, is_torn = window.end(), window.is_torn()
        if fresh and not is_torn:
            return self._open_segment(window.segment, need)
        made = None if is_torn else self._next_segment(window.segment, end, need)
        if made is not None:
            return made
        self._reserve(window.segment, end + is_torn + need)
        return Window(window.segment, space.page_floor(end), window.segment.reserved)

    def _next_segment(self, segment: Segment, end: int, need: int) -> Optional[Window]:
        """The first window of the next segment when this one is long enough; else None.

        A segment that cannot be made, in a folder that was renamed for example, is no
        reason to lose lines: the present one goes on.
        """
        if end == 0 or end + need <= self._sizes.segment:
            return None
        try:
            return self._open_segment(segment, need)
        except OSError as error:
            if error.errno in space.FULL:
                raise
            return None

    def _reserve(self, segment: Segment, end: int) -> None:
        """Make sure of the space up to `end`, and of a stretch behind it while that is to be had."""
        least = space.page_ceil(end)
        if least > segment.reserved:
            wanted = max(least, min(segment.reserved + self._grow, self._sizes.segment))
            segment.reserved = space.reserve_most(segment.fd, segment.reserved, wanted, least)
            self._grow = min(self._grow * 2, self._sizes.largest)

    def _open_segment(self, after: Segment, need: int) -> Window:
        segment = Segment.create_next(self.folder, self.writer, after.number)
        try:
            self._reserve(segment, need)
            return Window(segment, 0, segment.reserved)
        except OSError:
            segment.discard()
            raise

    def _drop(self, window: Window) -> None:
        """Undo a window that nobody wrote into, with the segment that was made for it."""
        window.map.close()
        if not window.segment.is_used:
            window.segment.discard()

    def _note_full(self, error: OSError) -> None:
        """Remember why, in an error of its own: one that was raised keeps its frames alive."""
        self._full = OSError(error.errno, error.strerror)
        self._retry_at = time.monotonic() + RETRY_S

    def _tell_space(self) -> None:
        dropped, self._told_dropped = self.dropped - self._told_dropped, self.dropped
        self.on_space(dropped)

    # -- upkeep, by the keeper --------------------------------------------------------------

    def tend(self, now: float) -> None:
        """Upkeep: about once a second, and when a window was used up. `now` is monotonic."""
        self._prepare()
        self._retire()
        if now - self._synced_at >= SYNC_S:
            self._synced_at = now
            self.sync()
        if self.dropped > self._told_dropped and self._full is None:
            self._tell_space()

    def _prepare(self) -> None:
        """Keep one window ready behind the present one."""
        with self.lock:
            window = self._window
            if self._closed or self._spares:
                return
            try:
                spare = self._make_ahead(window)
            except OSError as error:
                self._note_full(error)
                return
            self._full = None
            self._spares.append(spare)
        space.prefault(spare.map, 0 if spare.base == 0 else window.limit - spare.base)

    def _make_ahead(self, window: Window) -> Window:
        made = self._next_segment(window.segment, window.limit, 1)
        if made is not None:
            return made
        self._reserve(window.segment, window.limit + 1)
        return Window(window.segment, self._overlapped(window), window.segment.reserved)

    def _retire(self) -> None:
        """Unmap windows that are used up, finish segments that are full.

        The disk is waited for without the lock, so that no log() has to.
        """
        while True:
            with self.lock:
                for window in iter(lambda: _take(self._old), None):
                    window.map.close()
                retired = _take(self._retired)
                if retired is None:
                    return
                segment, end = retired[0], retired[0].end_line(retired[1])
            try:
                segment.finish(end)
            except OSError:
                self._rescue(segment, end)

    def sync(self) -> None:
        """Bring what was written to the disk and append its seal line; nothing when there is no news."""
        with self.lock:
            window = self._window
            if self._closed or self._failed_syncs >= MAX_FAILED_SYNCS:
                return
            segment, end = window.segment, window.end()
        if not segment.has_news(end):
            return
        try:
            segment.sync()
        except OSError:
            self._leave_failing(segment)
            return
        self._failed_syncs = 0
        line = segment.seal_line(end)
        with self.lock:
            try:
                all(map(window.write, iter((line, NEWLINE))))
            except ValueError:
                return  # used up meanwhile: the next seal covers this stretch too
            segment.note_seal(end, line)

    def _leave_failing(self, segment: Segment) -> None:
        """A failed sync cannot be repeated: the kernel drops what it could not write. Write it anew."""
        with self.lock:
            if self._closed or segment.fd < 0:
                return
            self._failed_syncs += 1
            while self._window.segment is segment:
                if self._advance(self._window, 1, fresh=True) is not None:
                    return
            for entry in [entry for entry in self._retired if entry[0] is segment]:
                self._retired.remove(entry)
                self._rescue(entry[0], entry[0].end_line(entry[1]))

    def _rescue(self, segment: Segment, end: int) -> None:
        """Write the lines that a failing segment did not bring to the disk into the present one."""
        with self.lock:
            lines = b"" if self._closed else segment.unsealed(end)
            dropped = self.dropped
            if lines:
                self.put(lines)
                if self.dropped == dropped:
                    segment.cut(segment.sealed_to)
            segment.close()

    # -- ends ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Cut the file at its true end, sync, seal, unlock. Later lines are dropped."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            window = self._window
            while "next" in window.links:
                window = window.links["next"]
            end = window.seal()
            self._window = window.links.setdefault("next", CLOSED)
            self._old.append(window)
            self._retired.append((window.segment, end))
            for spare in iter(lambda: _take(self._spares), None):
                self._drop(spare)
            is_outermost = self._depth == 0
        if is_outermost:  # else we are inside a put(), which does it when it is done
            self._retire()

    def forget(self) -> None:
        """In a forked child: let go of the parent's file without touching it."""
        self.lock = RLock()
        self._closed = True
        window, self._window = self._window, CLOSED
        for one in (window, *self._old, *self._spares):
            one.map.close()
            one.segment.forget()
        for segment, _ in self._retired:
            segment.forget()


def _take(items: List[T]) -> Optional[T]:
    """The last item of a list that a nested log() may empty at any moment."""
    try:
        return items.pop()
    except IndexError:
        return None
