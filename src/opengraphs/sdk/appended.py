"""Write lines to an `O_APPEND` descriptor: for file systems on which mappings cannot be trusted.

One `write` a line. It gives up the GIL, so a busy Python thread can make a call take
milliseconds; that is why it is the second choice.
"""

from __future__ import annotations

import errno
import os
import time
from _thread import RLock

from .mapped import MAX_FAILED_SYNCS, SYNC_S
from .segment import Segment
from .window import Sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Tuple

FLAGS = os.O_APPEND


class AppendSink:
    """The appending way of writing one journal. Any thread may call any method.

    Attributes:
        dropped, on_drop, on_space: as in `MappedSink`.
    """

    mode = "append"

    def __init__(self, folder: str, writer: str, segment: Segment, *, sizes: Optional[Sizes] = None) -> None:
        """Take over a segment opened with `FLAGS`."""
        self.folder = folder
        self.writer = writer
        self.lock = RLock()
        self.dropped = 0
        self.on_drop: Callable[[OSError], None] = lambda _error: None
        self.on_space: Callable[[int], None] = lambda _dropped: None
        self._segment = segment
        self._size = segment.reserved
        """About how long the segment is; what must be exact asks the file."""
        self._limit = (sizes or Sizes()).segment
        self._is_dirty = False
        self._told_dropped = 0
        self._closed = False
        self._synced_at = time.monotonic()
        self._failed_syncs = 0
        self._retired: List[Tuple[Segment, int]] = []

    def put(self, body: bytes) -> None:
        """Append one line; it is in the page cache when this returns. See `MappedSink.put`."""
        with self.lock:
            problem = self._write(body)
            if problem is not None:
                self.dropped += 1
        if problem is not None:
            self.on_drop(problem)
        elif self.dropped > self._told_dropped:
            dropped, self._told_dropped = self.dropped - self._told_dropped, self.dropped
            self.on_space(dropped)

    def _write(self, body: bytes) -> Optional[OSError]:
        """None when the line is stored whole, else why it is not.

        A disk that fills up takes a part of a line and only then says so. The next line
        then begins with a newline, which leaves the part behind as a line of its own. The
        mark for that is set before the write, for a signal handler that logs in between.
        """
        if self._closed:
            return OSError("the journal is closed")
        self._rotate_when_full(len(body) + 1)
        line = b"\n%b\n" % body if self._is_dirty else body + b"\n"
        for _ in range(2):
            was_dirty, self._is_dirty = self._is_dirty, True
            try:
                written = os.write(self._segment.fd, line)
            except OSError as error:
                self._is_dirty = was_dirty
                return error
            self._size += written
            self._is_dirty = written != len(line)
            if not self._is_dirty:
                return None
            line = b"\n" if written == len(line) - 1 else b"\n%b\n" % body
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rotate_when_full(self, need: int) -> None:
        if self._size > 0 and self._size + need > self._limit:
            self._open_next()

    def _open_next(self) -> None:
        """Go on in a new segment; where none can be made the present one goes on."""
        try:
            segment = Segment.create_next(self.folder, self.writer, self._segment.number, flags=FLAGS)
        except OSError:
            return
        self._retired.append((self._segment, self._segment.size()))
        self._segment, self._size, self._is_dirty = segment, 0, False

    def _finish_retired(self) -> None:
        """Sync and seal segments that are full; the disk is waited for without the lock."""
        while self._retired:
            segment, end = self._retired.pop(0)
            try:
                segment.finish(end)
            except OSError:
                with self.lock:
                    self._rescue(segment, end)

    def _rescue(self, segment: Segment, end: int) -> None:
        lines = b"" if self._closed else segment.unsealed(end)
        if lines and self._write(lines) is None:
            segment.cut(segment.sealed_to)
        segment.close()

    def tend(self, now: float) -> None:
        """Upkeep, about once a second. `now` is monotonic."""
        self._finish_retired()
        if now - self._synced_at >= SYNC_S:
            self._synced_at = now
            self.sync()

    def sync(self) -> None:
        """Bring what was written to the disk and append its seal line; nothing when there is no news."""
        with self.lock:
            if self._closed or self._failed_syncs >= MAX_FAILED_SYNCS:
                return
            segment, end = self._segment, self._segment.size()
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
            has_room = self._segment is segment and self._size + len(line) < self._limit
            if has_room and self._write(line) is None:
                segment.note_seal(end, line)

    def _leave_failing(self, segment: Segment) -> None:
        with self.lock:
            if self._closed or self._segment is not segment:
                return
            self._failed_syncs += 1
            size = segment.size()
            try:
                self._segment = Segment.create_next(self.folder, self.writer, segment.number, flags=FLAGS)
            except OSError:
                return
            self._size, self._is_dirty = 0, False
            self._rescue(segment, size)

    def close(self) -> None:
        """Sync, seal, unlock. Later lines are dropped."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            self._retired.append((self._segment, self._segment.end_line(self._segment.size())))
        self._finish_retired()

    def forget(self) -> None:
        """In a forked child: let go of the parent's file without touching it."""
        self.lock = RLock()
        self._closed = True
        for segment in (self._segment, *(retired for retired, _ in self._retired)):
            segment.forget()
