"""What `og compare` and `og diff` share: runs of one store, answers that are whole, changes as text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli import targets
from opengraphs.cli.waiting import ProgressLine
from opengraphs.errors import DaemonError, UsageError

_LIVE_SLACK = 0.001
_STALLED_S = 60.0
_LOOK_S = (0.05, 0.5)
VERDICT_STYLES = {"better": "green", "worse": "red"}
_VERDICT_MARKS = {"better": " ✓", "worse": " ✗"}


def one_store(words: Sequence[str], *, store: str | None) -> tuple[Path, list[str]]:
    """The store that all runs lie in, and their references.

    Raises:
        UsageError: they lie in different stores.
    """
    found = [targets.one_run(word, store=store) for word in words]
    stores = list(dict.fromkeys(target.store for target in found))
    if len(stores) > 1:
        raise UsageError(
            "the runs lie in different stores", hint=f"{stores[0]} and {stores[1]}; compare within one"
        )
    return stores[0], [target.ref for target in found]


def when_whole(ask: Callable[[], Any], line: ProgressLine) -> dict[str, Any]:
    """The answer of `ask` once nothing that matters is pending in it.

    Raises:
        DaemonError: the daemon makes no progress.
    """
    least, moved_at, pause_s = math.inf, time.monotonic(), _LOOK_S[0]
    while True:
        asked_at = time.monotonic()
        reply: dict[str, Any] = ask()
        took_s = time.monotonic() - asked_at
        waiting = {run: left for run, left in reply["pending"].items() if left > _LIVE_SLACK}
        if not waiting:
            return reply
        left = sum(waiting.values())
        line.show(f"reading {len(waiting)} run{'s' if len(waiting) > 1 else ''}")
        if left < least:
            least, moved_at = left, time.monotonic()
        elif time.monotonic() - moved_at > _STALLED_S:
            raise DaemonError(
                f"ogd does not get on with reading {next(iter(waiting))}", hint="og daemon logs"
            )
        time.sleep(max(pause_s, 2 * took_s))  # most of the time is for reading
        pause_s = min(2 * pause_s, _LOOK_S[1])


def change(delta: float | None, verdict: str) -> str:
    """`▼ -0.5 ✓`: which way, by how much, and whether that is better; `-` for no change to speak of."""
    if delta is None:
        return "-"
    if delta == 0:
        return "="
    arrow = "▼" if delta < 0 else "▲"
    sign = "+" if delta > 0 else ""
    return f"{arrow} {sign}{fmt.number(delta)}{_VERDICT_MARKS.get(verdict, '')}"


def called(run: Mapping[str, Any]) -> str:
    """A run by its short id and its name, `k7f3 train-gpt`."""
    short = str(run["run"]).rpartition("-")[2]
    return f"{short} {fmt.clean(str(run.get('name') or ''))}".strip()


def direction_words(direction: str | None) -> str:
    """What `direction` of a reply means to a reader."""
    return {"min": "lower is better", "max": "higher is better"}.get(direction or "", "neither end is better")
