"""User functions of a series, from the entry-point group `opengraphs.transforms`.

A plug-in is `function(steps, times, values, *amounts) -> values`: int64 and float64 arrays
of one length in, floats of the same length out. It is looked for when a name is asked that
is not og's own, never at start-up, and runs in a thread of its own: a plug-in that raises,
answers with the wrong shape, cannot be imported or takes too long is an error that names
it and its distribution, and nothing else stops for it.

Whoever asks waits at most LIMIT_S, and for one plug-in at most SHARE_S of any WINDOW_S: what
is slower is an error. A call that takes longer goes on; until it ends, other questions to
that plug-in are errors at once, so that calls do not pile up, and what it finds serves the
next question about the same points.
"""

from __future__ import annotations

import importlib.metadata
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import numpy as np

from opengraphs.engine.cells import Floats
from opengraphs.engine.strip import Points
from opengraphs.errors import UsageError

GROUP = "opengraphs.transforms"
MAX_POINTS = 200_000
"""More points than this are handed to a plug-in as means of cells."""
LIMIT_S = 1.0
SHARE_S, WINDOW_S = 2.0, 10.0
_RESCAN_S = 5.0
Found = Callable[[], Iterable[importlib.metadata.EntryPoint]]


class _Call:
    """One call of a plug-in in a thread of its own."""

    def __init__(self, load: Callable[[], Any], points: Points, amounts: tuple[float, ...]) -> None:
        self.question = (_marks(points), amounts)
        self.result: Floats | None = None
        self.trouble = ""
        self._load = load
        self._given = tuple(column.copy() for column in points)
        self._amounts = amounts
        self._thread = threading.Thread(target=self._run, name="og-transform", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            given = len(self._given[0])
            made = np.asarray(self._load()(*self._given, *self._amounts), dtype=np.float64)
            if made.shape == (given,):
                self.result = made.copy()
            else:
                self.trouble = f"gave an array of shape {made.shape} for {given} points"
        except BaseException as error:  # noqa: BLE001  (a stranger's code: whatever it does is an answer)
            self.trouble = f"raised {type(error).__name__}: {error}"

    def wait(self, limit_s: float) -> bool:
        """Whether it ended in time."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()


class Transform:
    """One plug-in: its name, where it comes from, and how to call it.

    Attributes:
        error: what went wrong the last time, "" for nothing.
    """

    def __init__(self, entry: importlib.metadata.EntryPoint, *, limit_s: float = LIMIT_S) -> None:
        self.name = entry.name
        self.value = entry.value
        self.distribution = entry.dist.name if entry.dist is not None else None
        self.version = entry.dist.version if entry.dist is not None else None
        self.error = ""
        self._entry = entry
        self._limit_s = limit_s
        self._function: Any = None
        self._lock = threading.Lock()
        self._last: _Call | None = None
        self._waits: deque[tuple[float, float]] = deque()
        """When somebody waited, and how long."""

    def call(self, points: Points, amounts: tuple[float, ...]) -> Floats:
        """One value for each point.

        Raises:
            UsageError: names the plug-in, its distribution and what went wrong.
        """
        if len(points.steps) == 0:
            return points.values
        with self._lock:
            call = self._started(points, amounts)
            began_s = time.monotonic()
            in_time = call.wait(self._limit_s)
            self._waits.append((began_s, time.monotonic() - began_s))
            if not in_time:
                raise self._error(
                    f"took longer than {self._limit_s:g} s for {len(points.steps)} points",
                    "it goes on, and what it finds serves the next question",
                )
            if call.result is None:
                self._last = None
                raise self._error(call.trouble, "mend or remove that package, then `og daemon restart`")
        self.error = ""
        return call.result

    def _started(self, points: Points, amounts: tuple[float, ...]) -> _Call:
        """The call that answers this question: the last one, or a new one."""
        call = self._last
        if call is not None and call.question == (_marks(points), amounts):
            return call
        if call is not None and not call.wait(0):
            raise self._error("is still busy with an earlier question", "ask again in a while")
        now = time.monotonic()
        while self._waits and self._waits[0][0] < now - WINDOW_S:
            self._waits.popleft()
        spent_s = sum(waited for _, waited in self._waits)
        if spent_s > SHARE_S:
            raise self._error(
                f"is too slow: {spent_s:.1f} s of the last {WINDOW_S:g} s were spent waiting for it",
                "ask for fewer curves at once; those that are done are remembered",
            )
        self._last = _Call(self._load, points, amounts)
        return self._last

    def _load(self) -> Any:
        if self._function is None:
            found = self._entry.load()
            if not callable(found):
                raise TypeError(f"{self.value} is no function")
            self._function = found
        return self._function

    def _error(self, trouble: str, hint: str) -> UsageError:
        self.error = trouble
        package = f"{self.distribution} {self.version}" if self.distribution else self.value
        return UsageError(f"transform {self.name!r} of {package} {trouble}", hint=hint)


def _marks(points: Points) -> bytes:
    """What tells these points from others: 128 bits of a hash of them all, 2 ms for MAX_POINTS."""
    hashed = blake2b(digest_size=16)
    for column in points:
        hashed.update(np.ascontiguousarray(column).data)
    return hashed.digest()


def installed() -> Iterable[importlib.metadata.EntryPoint]:
    """The plug-ins of this Python environment."""
    return importlib.metadata.entry_points(group=GROUP)


class Registry:
    """The plug-ins that are installed, found when first asked for. May be used from any thread."""

    def __init__(self, found: Found = installed, *, limit_s: float = LIMIT_S) -> None:
        self._found = found
        self._limit_s = limit_s
        self._known: dict[str, Transform] = {}
        self._looked_s = float("-inf")
        self._lock = threading.Lock()

    def find(self, name: str) -> Transform | None:
        """The plug-in of this name; looks for new ones when it is not known, every few seconds at most."""
        with self._lock:
            if name not in self._known:
                self._look()
            return self._known.get(name)

    def names(self) -> list[str]:
        """Names of all plug-ins, sorted."""
        return sorted(transform.name for transform in self.all())

    def all(self) -> list[Transform]:
        """All plug-ins in order of their names."""
        with self._lock:
            self._look()
            return [self._known[name] for name in sorted(self._known)]

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_s < _RESCAN_S:
            return
        self._looked_s = now
        # Of two distributions with one name the first in order of names counts, on every machine.
        for entry in sorted(self._found(), key=lambda entry: (entry.name, _distribution(entry))):
            if entry.name not in self._known:
                self._known[entry.name] = Transform(entry, limit_s=self._limit_s)


def _distribution(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else ""


REGISTRY = Registry()
"""Of this process."""
