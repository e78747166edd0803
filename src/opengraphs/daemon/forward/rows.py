"""What a record of a journal becomes in Trackio's words. Pure.

`POST /api/bulk_log` takes metrics, `bulk_log_system` system figures, `bulk_alert`
alerts; each row carries an id by which the server knows a row that it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from opengraphs.sdk.layout import utc_iso
from opengraphs.store.jsonl import finite

METRICS, SYSTEM, ALERTS = "bulk_log", "bulk_log_system", "bulk_alert"
CONFIG_PLACE = "config"
"""The place of a row that is there for its config alone."""
LIST_NAMES = {METRICS: "logs", SYSTEM: "logs", ALERTS: "alerts"}
_GIB = 1 << 30
_GPU = re.compile(r"^gpu\.(\d+)\.(.+)$")
_GPU_NAMES: dict[str, tuple[str, float]] = {
    "util_percent": ("utilization", 1.0),
    "mem_used_bytes": ("allocated_memory", 1.0 / _GIB),
    "mem_total_bytes": ("total_memory", 1.0 / _GIB),
    "power_watts": ("power", 1.0),
    "power_limit_watts": ("power_limit", 1.0),
    "temp_c": ("temp", 1.0),
    "sm_clock_mhz": ("sm_clock", 1.0),
}
"""Trackio's name of a GPU figure, and the factor into its unit (GiB)."""
_NAMES = {
    "cpu.percent": "cpu/utilization",
    "ram.percent": "memory/percent",
    "ram.used_bytes": "memory/used_bytes",
}
_RESERVED = frozenset(("project", "run", "timestamp", "step", "time", "metrics"))
_LEVELS = ("info", "warn", "error")


class Who(NamedTuple):
    """The run as the server knows it."""

    project: str
    run: str
    run_id: str

    def named(self) -> dict[str, Any]:
        """The members that every row begins with."""
        return {"project": self.project, "run": self.run, "run_id": self.run_id}


class Row(NamedTuple):
    """One row for the server. endpoint: `METRICS`, `SYSTEM` or `ALERTS`; place: where it came from."""

    endpoint: str
    entry: dict[str, Any]
    place: str
    size_bytes: int


def row_id(run_id: str, journal: str, offset: int, line: bytes) -> str:
    """The id of the row made of `line`: the same whenever the same bytes stand at the same place."""
    where = f"{run_id}\0{journal}\0{offset}\0".encode("utf-8", "replace")
    return blake2b(where + line, digest_size=16).hexdigest()


def metric_row(
    who: Who, metrics: Mapping[str, Any], *, step: int, time_s: float, row: str, place: str
) -> Row:
    """Metrics of one step; values as they stand in the journal, non-finite ones as text."""
    entry = {
        **who.named(),
        "metrics": {_key(key): value for key, value in metrics.items()},
        "step": step,
        "config": None,
        "timestamp": _iso(time_s),
        "log_id": row,
    }
    return _sized(METRICS, entry, place)


def system_row(who: Who, record: Mapping[str, Any], *, row: str, place: str) -> Row | None:
    """System figures of one moment under Trackio's names; None when there are none."""
    figures = record.get("metrics")
    named = (
        dict(system_figure(key, value) for key, value in figures.items()) if isinstance(figures, dict) else {}
    )
    if not named:
        return None
    entry = {
        **who.named(),
        "metrics": named,
        "timestamp": _iso(finite(record.get("time")) or 0.0),
        "log_id": row,
    }
    return _sized(SYSTEM, entry, place)


def system_figure(key: str, value: Any) -> tuple[str, Any]:
    """`gpu.0.mem_used_bytes` → `gpu/0/allocated_memory` in GiB; other names with slashes for dots."""
    found = _GPU.match(key)
    name, factor = _GPU_NAMES.get(found[2], ("", 1.0)) if found else ("", 1.0)
    if found and name:
        number = finite(value)
        return f"gpu/{found[1]}/{name}", value if number is None else number * factor
    return _key(_NAMES.get(key, key.replace(".", "/"))), value


def alert_row(who: Who, event: Mapping[str, Any], *, place: str) -> Row | None:
    """An alert when it fires; None for its later states, which Trackio has no word for."""
    if event.get("state") not in (None, "fired", "firing"):
        return None
    level, step = event.get("level"), finite(event.get("step"))
    alert_id = f"{who.run_id}\0{event.get('alert_id') or place}".encode("utf-8", "replace")
    entry = {
        **who.named(),
        "title": str(event.get("title") or "alert"),
        "text": str(event.get("text") or ""),
        "level": level if level in _LEVELS else "warn",
        "step": None if step is None else int(step),
        "timestamp": _iso(finite(event.get("time")) or 0.0),
        "alert_id": blake2b(alert_id, digest_size=16).hexdigest(),
    }
    return _sized(ALERTS, entry, place)


def _sized(endpoint: str, entry: dict[str, Any], place: str) -> Row:
    return Row(endpoint, entry, place, len(json.dumps(entry)))


def _key(key: str) -> str:
    """Names that Trackio keeps for itself get the prefix that its own client gives them."""
    return f"__{key}" if key in _RESERVED or key.startswith("__") else key


def _iso(time_s: float) -> str:
    return utc_iso(time_s).replace("Z", "+00:00")
