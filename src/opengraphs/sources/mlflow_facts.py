"""What an MLflow run's rows or files say, in og's terms; the same for both of its stores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from opengraphs.records import GitFacts, RunFacts, Status
from opengraphs.sources import plain

_STATUSES: dict[str, Status] = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "stopped",
}
_NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""How the file store writes them."""
_INFINITE = 1.7e308
"""The database has no infinities: MLflow stores the largest double instead."""
MEGABYTE = 1e6
_MACHINE = {
    "cpu_utilization_percentage": ("cpu.percent", 1.0),
    "system_memory_usage_megabytes": ("ram.used_bytes", MEGABYTE),
    "system_memory_usage_percentage": ("ram.percent", 1.0),
    "disk_available_megabytes": ("disk.free_bytes", MEGABYTE),
}
_CARD = {
    "utilization_percentage": ("util_percent", 1.0),
    "memory_usage_megabytes": ("mem_used_bytes", MEGABYTE),
    "power_usage_watts": ("power_watts", 1.0),
}
_OF_CARD = re.compile(r"gpu_(\d+)_(\w+)\Z")
SYSTEM = "system/"
assert set(_STATUSES.values()) <= set(get_args(Status))


def facts(
    run: Mapping[str, Any], project: str, params: Mapping[str, str], tags: Mapping[str, str]
) -> RunFacts:
    """A run's facts.

    Args:
        run: `name` or `run_name`, `status` (word or number), `start_time`, `end_time` (ms), `user_id`.
        project: name of the experiment.
    """
    started, ended = plain.epoch_s(run.get("start_time")), plain.epoch_s(run.get("end_time"))
    name = tags.get("mlflow.runName") or run.get("name") or run.get("run_name") or run.get("run_id") or "run"
    found = RunFacts(
        name=plain.clean(str(name)),
        project=plain.clean(project),
        created_at=plain.iso(started or 0.0),
        started_at=plain.iso(started) if started else None,
        ended_at=plain.iso(ended) if ended else None,
        config=plain.config({key: _scalar(value) for key, value in params.items()}),
        tags=[
            plain.clean(f"{key}={value}")
            for key, value in sorted(tags.items())
            if not key.startswith("mlflow.")
        ],
    )
    status = _STATUSES.get(_status_word(run.get("status")))
    if status:
        found["status"] = status
    user = tags.get("mlflow.user") or run.get("user_id")
    if user:
        found["user"] = plain.clean(str(user))
    if tags.get("mlflow.note.content"):
        found["notes"] = plain.clean(tags["mlflow.note.content"], plain.MAX_TEXT)
    if tags.get("mlflow.parentRunId"):
        found["group"] = plain.clean(tags["mlflow.parentRunId"])
    if tags.get("mlflow.source.name"):
        found["script"] = plain.clean(tags["mlflow.source.name"], plain.MAX_TEXT)
    if tags.get("mlflow.source.git.commit"):
        found["git"] = GitFacts(commit=plain.clean(tags["mlflow.source.git.commit"]))
    return found


def machine_name(metric: str) -> tuple[str, float]:
    """og's name of a `system/…` metric, and the factor to og's unit."""
    name = metric[len(SYSTEM) :]
    card = _OF_CARD.match(name)
    if card and card[2] in _CARD:
        ours, scale = _CARD[card[2]]
        return f"gpu.{card[1]}.{ours}", scale
    return _MACHINE.get(name, (plain.clean(name.replace("/", ".")), 1.0))


def value_of(value: float, is_nan: object = False) -> float:
    """A metric's value in the database as it was logged."""
    if is_nan:
        return float("nan")
    if abs(value) >= _INFINITE:
        return float("inf") if value > 0 else float("-inf")
    return value


def _status_word(status: object) -> str:
    number = plain.step_number(status)
    return str(status).upper() if number is None else _NUMBERS.get(number, "")


def _scalar(text: str) -> Any:
    """Parameters are all texts: numbers and words that were one come back."""
    if text in {"True", "False", "None"}:
        return {"True": True, "False": False, "None": None}[text]
    if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        return int(text)
    value = plain.cell(text)
    return text if value is None else value
