"""The end of a run's log and metrics, asked of the daemon and followed to the run's end.

A daemon that goes away while somebody follows is started again, and the stream goes on
at the line after the last one: nothing is missed and nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from opengraphs.cli import metric_lines
from opengraphs.client.sync import Client
from opengraphs.client.wire import run_path
from opengraphs.errors import UnreachableError
from opengraphs.records import ENDED

PAGE_LINES = 2000
MAX_STEPS = 1000
_COLUMNS = 4000
"""`/series` leaves no point out while there are fewer steps than columns."""

LineSink = Callable[[dict[str, Any]], object]
StepSink = Callable[[int, "dict[str, float | str]"], object]


def log(client: Client, run_id: str, count: int, follow: bool, write: LineSink) -> bool:
    """The last `count` lines, then, with `follow`, every line until the run ends. False: there is no line."""
    at = _log_end(client, run_id, count, write)
    while follow:
        try:
            for line in client.stream(run_path(run_id, "log"), **{"from": at, "follow": 1}):
                write(line)
                at = int(line["n"]) + 1
            return at > 0
        except UnreachableError:
            client.open()
    return at > 0


def _log_end(client: Client, run_id: str, count: int, write: LineSink) -> int:
    """Write the last lines; the number of the line after them."""
    first = client.log(run_id, **{"from": -max(count, 1), "lines": min(max(count, 1), PAGE_LINES)})
    total = first["total_lines"]
    page, at = first["lines"] if count else [], total - min(count, total)
    while page:
        for line in page:
            write(cast("dict[str, Any]", line))
        at = page[-1]["n"] + 1
        page = (
            client.log(run_id, **{"from": at, "lines": min(PAGE_LINES, total - at)})["lines"]
            if at < total
            else []
        )
    return max(at, total)


def metrics(client: Client, run_id: str, count: int, follow: bool, write: StepSink) -> None:
    """The last `count` steps (at most MAX_STEPS), then, with `follow`, every step until the run ends."""
    newest = _Newest()
    for step, values in _last_steps(client, run_id, min(count, MAX_STEPS)).items():
        newest.show(step, values, write)
    while follow:
        try:
            for event in client.stream("/events", run=run_id):
                ended = event.get("kind") in ("hello", "run", "resync") and _has_ended(client, run_id)
                for step, values in _steps(client, run_id, newest.step).items():
                    newest.show(step, values, write)
                if ended:
                    return
        except UnreachableError:
            client.open()


class _Newest:
    """The last step that was written, and which of its values: a step may be logged in parts."""

    def __init__(self) -> None:
        self.step = 0
        self._written: set[str] = set()

    def show(self, step: int, values: dict[str, float | str], write: StepSink) -> None:
        if step != self.step:
            self.step, self._written = step, set()
        fresh = {key: value for key, value in values.items() if key not in self._written}
        if fresh:
            self._written |= set(fresh)
            write(step, fresh)


def _last_steps(client: Client, run_id: str, count: int) -> dict[int, dict[str, float | str]]:
    """The newest `count` steps: a stretch as long as they should need, doubled until it holds them."""
    summaries = [row for row in client.run(run_id)["metrics"] if row["last_step"] is not None]
    if not summaries or count == 0:
        return {}
    first = min(row["first_step"] or 0 for row in summaries)
    last = max(row["last_step"] or 0 for row in summaries)
    densest = max(row["points"] for row in summaries)
    span = max(1, round(count * (last - first) / max(1, densest - 1)))
    while True:
        found = _steps(client, run_id, last - span)
        if len(found) >= count or last - span <= first:
            return dict(list(found.items())[-count:])
        span *= 2


def _steps(client: Client, run_id: str, low: int) -> dict[int, dict[str, float | str]]:
    """Every step from `low` on, in stretches that are short enough for nothing to be left out."""
    summaries = [row for row in client.run(run_id)["metrics"] if row["last_step"] is not None]
    high = max((row["last_step"] or 0 for row in summaries), default=-1)
    found: dict[int, dict[str, float | str]] = {}
    for start in range(low, high + 1, _COLUMNS):
        reply = client.series(
            {
                "runs": [run_id],
                "metrics": [row["key"] for row in summaries],
                "range": [start, min(start + _COLUMNS - 1, high)],
                "columns": _COLUMNS,
                "smooth": [],
            }
        )
        found |= metric_lines.by_step(cast("list[dict[str, Any]]", reply["series"]))
    return found


def _has_ended(client: Client, run_id: str) -> bool:
    return client.run(run_id)["status"] in ENDED
