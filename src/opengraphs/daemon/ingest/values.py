"""One row's values: what is a number goes to the metrics, what is more goes to the samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from opengraphs.sdk.plain import plain
from opengraphs.sdk.values import MAX_DEPTH, MAX_INT64, MIN_INT64

MAX_TIME_S = 1e11
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_TYPE = "trackio."
_FILES = frozenset(("image", "video", "audio", "html", "object3d"))
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d+))?\s*(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")


class PoisonError(ValueError):
    """A row that makes no sense; its text says why."""


class Values(NamedTuple):
    """metrics: flattened numbers. samples: key → columns of a sample."""

    metrics: dict[str, float]
    samples: dict[str, dict[str, Any]]


def split(metrics: Any) -> Values:
    """What a row's `metrics` holds.

    Raises:
        PoisonError: it is no object, or nests too deeply.
    """
    if not isinstance(metrics, Mapping):
        raise PoisonError(f"metrics is no object but {_kind(metrics)}")
    found = Values({}, {})
    for key, value in _leaves(metrics):
        number = number_of(value)
        if number is not None:
            found.metrics[key] = number
        elif value is not None:
            found.samples[key] = _columns(value)
    return found


def number_of(value: Any) -> float | int | None:
    """A number, also one that is not finite and came as text; None for anything else."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if MIN_INT64 <= value <= MAX_INT64 else float(value) if abs(value) < 1 << 1023 else None
    if isinstance(value, float):
        return value
    return _NOT_FINITE.get(value) if isinstance(value, str) else None


def _leaves(metrics: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > MAX_DEPTH:
        raise PoisonError(f"metrics nest more than {MAX_DEPTH} deep")
    for key, value in metrics.items():
        name = prefix + str(key).encode("utf-8", "replace").decode()
        if isinstance(value, Mapping) and not str(value.get("_type", "")).startswith(_TYPE):
            yield from _leaves(value, name + "/", depth + 1)
        else:
            yield name, value


def _columns(value: Any) -> dict[str, Any]:
    """A sample's columns: the shapes of `sdk.media` where Trackio means the same."""
    if not isinstance(value, Mapping):
        return {"text" if isinstance(value, str) else "value": plain(value)}
    kind = str(value["_type"])[len(_TYPE) :]
    if kind in _FILES and isinstance(value.get("file_path"), str):
        return _file_columns(kind, value)
    if kind == "histogram":
        return {"histogram": {"counts": plain(value.get("values")), "bins": plain(value.get("bins"))}}
    if kind == "markdown":
        return {"markdown": plain(value.get("_value"))}
    return {kind or "value": plain({name: item for name, item in value.items() if name != "_type"})}


def _file_columns(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    name = media_name(str(value["file_path"]))
    file = {"media": f"media/{name}", "format": PurePosixPath(name).suffix.lstrip(".").lower()}
    caption = value.get("caption")
    return {kind: file, **({} if caption is None else {"caption": plain(caption)})}


def table_of(columns: Mapping[str, Any]) -> dict[str, Any] | None:
    """A logged table in the form of `sdk.media.Table`'s file; None when the sample is none."""
    rows = columns.get("table", {}).get("_value") if isinstance(columns.get("table"), Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return None
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    return {"columns": names, "data": [[row.get(name) for name in names] for row in rows]}


def media_name(path: str) -> str:
    """The last part of a client's path as a name that is safe in a folder of ours."""
    name = _UNSAFE.sub("_", path.replace("\\", "/").rpartition("/")[2])[-120:]
    return name if name.strip(".") else "file"


def moment(value: Any) -> float | None:
    """Epoch seconds of an ISO-8601 text (any number of digits behind the second) or a number; None: unset."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if 0 < value < MAX_TIME_S else None
    found = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    zone = (found[4] or "Z").upper().replace("Z", "+00:00")
    zone = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        whole = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}").timestamp()
    except (ValueError, OverflowError):
        return None
    return whole + float(f"0.{found[3]}") if found[3] else whole


def iso(time_s: float) -> str:
    """As Trackio spells it: `2026-11-26T06:30:00.123456+00:00`."""
    return datetime.fromtimestamp(time_s, timezone.utc).isoformat(timespec="microseconds")


def step_of(value: Any) -> int | None:
    """A row's step; None: the next one.

    Raises:
        PoisonError: it is no whole number.
    """
    if value is None or value == -1:
        return None
    is_whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1
    if not is_whole or not -(1 << 62) < value < 1 << 62:
        raise PoisonError(f"step is no whole number: {json.dumps(value, default=str)[:80]}")
    return int(value)


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
