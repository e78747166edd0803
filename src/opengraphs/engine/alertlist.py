"""Alerts of every run of a store, as their events leave them: firing, acknowledged, resolved.

A run's alerts are kept until its events grow. Each question looks at as many runs as fit in a
moment, those never looked at first, so that a store of ten thousand runs answers at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.errors import UsageError

STATUSES = ("firing", "acknowledged", "resolved")
LEVELS = ("info", "warn", "error")
SORTS = ("time", "level", "run", "status")
BUDGET_S = 0.04

_STATUS_OF = {
    "ack": "acknowledged", "acknowledged": "acknowledged",
    "resolved": "resolved", "closed": "resolved", "ok": "resolved",
}  # fmt: skip
_SEARCHED = ("title", "text", "metric", "detector", "run", "project", "alert_id")

Alert = dict[str, Any]
Signature = tuple[tuple[str, int], ...]


class AlertQuery(NamedTuple):
    """run: a run id; status, level: one of those above, "" for any. words: all stand in an alert's texts.
    sort: one of SORTS, `-` in front for descending. since: only what fired later, epoch seconds."""

    run: str | None = None
    status: str = ""
    level: str = ""
    words: str = ""
    sort: str = "-time"
    since: float | None = None


def alert_of(event: Mapping[str, Any], *, name: str, fired_at: float, run: Mapping[str, Any]) -> Alert:
    """What is told of one alert: its newest event, where it belongs, and how it stands."""
    run_id = str(run.get("run_id", ""))
    level = str(event.get("level") or "info").lower()
    return {
        "id": f"{run_id}:{name}",
        "alert_id": name,
        "run_id": run_id,
        "run": run.get("name") or run_id,
        "project": run.get("project"),
        "status": _STATUS_OF.get(str(event.get("state")).lower(), "firing"),
        "level": "warn" if level == "warning" else level if level in LEVELS else "info",
        "fired_at": fired_at,
        "evidence": event.get("evidence") if isinstance(event.get("evidence"), dict) else {},
        **{
            key: event.get(key)
            for key in ("time", "title", "text", "detector", "metric", "onset_step", "step", "note")
        },
    }


class AlertList:
    """What is known of the alerts of a store's runs."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Signature | None, list[Alert]]] = {}
        self._turn = 0

    def look(
        self,
        runs: Sequence[tuple[str, Path]],
        read: Callable[[str], list[Alert]],
        *,
        live: Iterable[str],
        budget_s: float = BUDGET_S,
    ) -> int:
        """Bring the list up to date as far as the time goes; how many runs have never been looked at.

        runs: (run id, its events folder), newest first. live: runs that may write at any time.
        """
        ids = {run_id for run_id, _ in runs}
        self._known = {run_id: kept for run_id, kept in self._known.items() if run_id in ids}
        folders, until = dict(runs), time.monotonic() + budget_s
        unknown = [run_id for run_id, _ in runs if run_id not in self._known]
        fresh = [run_id for run_id in live if run_id in self._known]
        old = [run_id for run_id, _ in runs if run_id in self._known]
        turned = old[self._turn % max(1, len(old)) :] + old[: self._turn % max(1, len(old))]
        looked = 0
        for run_id in dict.fromkeys((*fresh, *unknown, *turned)):
            if looked and time.monotonic() > until:
                break
            self._look_at(run_id, folders[run_id], read)
            looked += 1
        self._turn += max(0, looked - len(fresh) - len(unknown))
        return len(ids - self._known.keys())

    def forget(self, run_id: str) -> None:
        """The run's alerts are read anew with the next question."""
        self._known.pop(run_id, None)

    def page(self, query: AlertQuery, start: int, limit: int) -> dict[str, Any]:
        """A window of those that fit: `alerts, total, counts, next`; counts leave the status aside."""
        names = [query.run] if query.run is not None else list(self._known)
        alerts = [alert for name in names for alert in self._known.get(name, (None, []))[1]]
        words = query.words.lower().split()
        alerts = [
            alert
            for alert in alerts
            if (not query.level or alert["level"] == query.level)
            and (query.since is None or alert["fired_at"] > query.since)
            and _holds(alert, words)
        ]
        counts = {status: sum(alert["status"] == status for alert in alerts) for status in STATUSES}
        alerts = [alert for alert in alerts if not query.status or alert["status"] == query.status]
        alerts.sort(key=lambda alert: (-alert["fired_at"], alert["id"]))
        alerts.sort(key=_key_of(query.sort), reverse=query.sort.startswith("-"))
        end = start + len(alerts[start : start + limit])
        return {
            "alerts": alerts[start:end],
            "total": len(alerts),
            "counts": counts,
            "next": end if end < len(alerts) else None,
        }

    def _look_at(self, run_id: str, folder: Path, read: Callable[[str], list[Alert]]) -> None:
        signature = _signature(folder)
        kept = self._known.get(run_id)
        if kept is None or kept[0] != signature:
            self._known[run_id] = (signature, read(run_id))


def _signature(folder: Path) -> Signature:
    """Names and sizes of the event files: they only grow."""
    try:
        with os.scandir(folder) as found:
            return tuple(sorted((one.name, one.stat().st_size) for one in found))
    except OSError:
        return ()


def _holds(alert: Alert, words: Sequence[str]) -> bool:
    text = "\n".join(str(alert.get(key) or "") for key in _SEARCHED).lower() if words else ""
    return all(word in text for word in words)


def _key_of(sort: str) -> Callable[[Alert], Any]:
    name = sort.removeprefix("-")
    keys: dict[str, Callable[[Alert], Any]] = {
        "time": lambda alert: alert["fired_at"],
        "level": lambda alert: LEVELS.index(alert["level"]),
        "run": lambda alert: str(alert["run"]).lower(),
        "status": lambda alert: STATUSES.index(alert["status"]),
    }
    if name not in keys:
        raise UsageError(f"alerts cannot be sorted by {name!r}", hint="known: " + ", ".join(SORTS))
    return keys[name]
