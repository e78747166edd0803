"""Metrics from what a training prints: follows stdout.log, writes `metrics/stdout.jsonl`.

The training writes its log itself, so nothing here is on its path, and nothing is lost when
the runner dies: the bytes are in the log, each record says up to where it was read
(`offset`), and the daemon reads on from there when the run has ended.

One look takes a few milliseconds at most. Output that comes faster than a fifth of a core can
read is read with a lag, then in samples: what was left out is counted and told.
"""

from __future__ import annotations

import os
import time

from opengraphs.sdk import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from opengraphs.grammar.parser import LineParser, Record
    from opengraphs.grammar.patterns import Match, Pattern
    from opengraphs.sdk.journal import Journal

    from .loop import Loop

WRITER = "stdout"
BUSY_S, IDLE_S = 0.1, 0.5
"""Between two looks: right after output, and when there was none for a while."""
LOOK_S = 0.02
PIECE_BYTES = 64 << 10
MOST_BEHIND_BYTES = 8 << 20
"""A larger lag is given up: reading goes on with the newest output."""
KEPT_BYTES = 1 << 20
LAST_LOOK_S = 1.0
"""How long the end of a run waits for what was printed last."""


class Printed:
    """Follows one log from the runner's loop."""

    def __init__(
        self,
        loop: Loop,
        run_dir: str,
        patterns: list[str],
        tell: Callable[..., None],
    ) -> None:
        """`tell(reason, **facts)` writes a status event."""
        self._loop = loop
        self._run_dir = run_dir
        self._patterns = patterns
        self._tell = tell
        self._fd = -1
        self._position = 0
        self._skipped_bytes = 0
        self._wait_s = BUSY_S
        self._parser: LineParser | None = None
        self._journal: Journal | None = None
        self._is_off = False

    def start(self) -> None:
        """Begin to look."""
        self._loop.later(self._wait_s, self._look)

    def _look(self) -> None:
        if self._is_off:
            return
        grown = self._guarded(lambda: self._read(time.monotonic() + LOOK_S))
        self._wait_s = BUSY_S if grown else min(IDLE_S, self._wait_s * 1.3)
        self._loop.later(self._wait_s, self._look)

    def finish(self) -> None:
        """The training has ended: read the rest, in bounded time, and close."""
        self._guarded(self._read_rest)
        if self._skipped_bytes:
            self._tell(
                "the output was too much to look for metrics in all of it", dropped_bytes=self._skipped_bytes
            )
            self._skipped_bytes = 0
        self._close()

    def _guarded(self, read: Callable[[], bool]) -> bool:
        """Read; the exit code of a run must not depend on what it prints, nor on a defect of the grammar."""
        if self._is_off:
            return False
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - a border: see above
            self._tell(f"metrics of the output are no longer read: {error!r}")
            self._close()
            return False

    def _read_rest(self) -> bool:
        self._read(time.monotonic() + LAST_LOOK_S, most_behind=None)
        if self._size() > self._position:
            self._skip(PIECE_BYTES * 2)
            self._read(time.monotonic() + LAST_LOOK_S, most_behind=None)
        if self._parser is not None and not self._is_off:
            self._write(self._parser.flush())
        return False

    def _close(self) -> None:
        self._is_off = True
        if self._journal is not None:
            self._journal.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # -- reading -------------------------------------------------------------------------------

    def _size(self) -> int:
        try:
            if self._fd < 0:
                path = os.path.join(self._run_dir, layout.STDOUT_LOG)
                self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return os.fstat(self._fd).st_size
        except OSError:
            return 0

    def _read(self, until_s: float, *, most_behind: int | None = MOST_BEHIND_BYTES) -> bool:
        """Read what is new until a time (monotonic seconds); True when there was anything."""
        size = self._size()
        if size <= self._position:
            return False
        parser = self._parser or self._begin()
        if parser is None:
            return False
        if most_behind is not None and size - self._position > most_behind:
            self._skip(KEPT_BYTES)
        while self._position < size:
            try:
                data = os.pread(self._fd, PIECE_BYTES, self._position)
            except OSError:
                break
            if not data:
                break
            self._position += len(data)
            self._write(parser.feed(data))
            if time.monotonic() > until_s:
                break
        return True

    def _skip(self, kept_bytes: int) -> None:
        """Go on with the newest of the output."""
        position = max(self._position, self._size() - kept_bytes)
        self._skipped_bytes += position - self._position
        self._position = position
        if self._parser is not None:
            self._parser.jump(position)

    def _begin(self) -> LineParser | None:
        """The parser, made when there is something to read; None where og is no longer installed."""
        try:
            from opengraphs.grammar.parser import LineParser
            from opengraphs.grammar.patterns import Pattern
        except ImportError as error:
            self._tell(f"metrics of the output: {error}")
            self._close()
            return None
        self._parser = LineParser(
            [Pattern(text) for text in self._patterns],
            find=self._find_in_time if self._patterns else Pattern.find,
        )
        return self._parser

    def _find_in_time(self, pattern: Pattern, line: str) -> Match | None:
        """Look at a line with the user's pattern; one that takes too long is not asked again."""
        if pattern.is_given_up:
            return None
        from opengraphs.grammar.patterns import SLOW_S

        from .alarm import Alarm, TooSlowError

        try:
            with Alarm(SLOW_S):
                return pattern.find(line)
        except TooSlowError:
            pattern.is_given_up = True
            self._tell(
                f"the pattern `{pattern.text}` took more than {SLOW_S} s for one line and is no longer used"
            )
            return None

    # -- writing -------------------------------------------------------------------------------

    def _write(self, records: list[Record]) -> None:
        if not records:
            return
        journal = self._journal or self._open()
        if journal is None:
            return
        now = time.time()
        for record in records:
            journal.append(journal_record(record, now))

    def _open(self) -> Journal | None:
        """The journal; None while it cannot be made, on a full disk or in a lost folder."""
        from opengraphs.sdk.journal import Journal

        try:
            self._journal = Journal(os.path.join(self._run_dir, layout.METRICS), WRITER)
        except OSError:
            return None
        return self._journal


def journal_record(record: Record, time_s: float) -> dict[str, Any]:
    """A record as a line of `metrics/stdout.jsonl`, with the time it was seen at."""
    from opengraphs.sdk.values import wire

    metrics = {key: wire(number) for key, number in record.metrics.items()}
    return {"step": record.step, "time": time_s, "metrics": metrics, "source": WRITER, "offset": record.end}
