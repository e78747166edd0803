"""Waiting for the daemon, with one line on the terminal that says how far it is.

Nothing is written where stderr is no terminal, and nothing for what takes no time.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from opengraphs.cli import format as fmt
from opengraphs.cli.table import clip
from opengraphs.client.sync import Client
from opengraphs.errors import DaemonError
from opengraphs.protocol.runs import RunReply

SILENT_S = 0.3
"""What is over sooner is not talked about."""

_LEAST_S = 0.1
_LIVE_SLACK = 0.001
_STALLED_S = 60.0
_GIVE_UP_S = 10.0
_LOOK_S = 0.05
_ERASE = "\r\x1b[K"


class ProgressLine:
    """One line on stderr, rewritten in place and gone at the end. A context manager; safe from two threads."""

    def __init__(self, *, silent_s: float = SILENT_S) -> None:
        self._on = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self._silent_until = time.monotonic() + silent_s
        self._shown = ""
        self._shown_at = 0.0
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._over = True
            self._write("")

    @property
    def is_shown(self) -> bool:
        """Whether somebody is there to read it."""
        return self._on

    def show(self, text: str) -> None:
        """Say how far it is, at most ten times a second."""
        if not self._on:
            return
        with self._lock:
            now = time.monotonic()
            if not self._over and now >= self._silent_until and now - self._shown_at >= _LEAST_S:
                self._shown_at = now
                self._write(text)

    def clear(self) -> None:
        """Take the line away, so that something else can be written."""
        with self._lock:
            self._write("")

    def _write(self, text: str) -> None:
        text = clip(fmt.clean(text), self._width() - 1)
        if text == self._shown:
            return
        self._shown = text
        try:
            sys.stderr.write(_ERASE + text)
            sys.stderr.flush()
        except OSError:
            self._on = False

    @staticmethod
    def _width() -> int:
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns or 80
        except OSError:
            return 80


@contextmanager
def saying(text: str) -> Iterator[None]:
    """Show `text` for as long as the body takes, where that is worth a line."""
    with ProgressLine(silent_s=0.0) as line:
        if not line.is_shown:
            yield
            return
        timer = threading.Timer(SILENT_S, line.show, (text,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def is_read(facts: RunReply) -> bool:
    """Whether nothing of the run's journals is left to read; of a live one, but for its newest moment."""
    return facts["ingest"]["pending"] <= (_LIVE_SLACK if facts["status"] == "running" else 0)


def wait_read(client: Client, ref: str, line: ProgressLine, *, partial: bool = False) -> RunReply:
    """The run once the daemon has read its journals, so that no metric is missing.

    Args:
        partial: a run that cannot be read to its end is returned as far as it was.

    Raises:
        DaemonError: the daemon makes no progress.
    """
    least, moved_at = 1.0, time.monotonic()
    while True:
        facts = client.run(ref)
        pending = facts["ingest"]["pending"]
        if is_read(facts):
            return facts
        line.show(f"{facts.get('name') or facts['run_id']}: reading {1 - pending:.0%}")
        if pending < least:
            least, moved_at = pending, time.monotonic()
        elif partial and time.monotonic() - moved_at > _GIVE_UP_S:
            return facts
        elif time.monotonic() - moved_at > _STALLED_S:
            raise DaemonError(f"ogd does not get on with reading {facts['run_id']}", hint="og daemon logs")
        time.sleep(_LOOK_S)
