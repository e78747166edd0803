"""The body of a call: how Trackio's clients spell arguments.

`{"args": […], "kwargs": {…}}` (its Python client), `{"data": […]}` (Gradio), a flat object (the
contributed clients) or a bare list. What is big in a body (a list of rows) stays undecoded
until its rows are looked at one by one: one bad row must not cost the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Raw = msgspec.Raw
_top = msgspec.json.Decoder(dict[str, Raw] | list[Raw]).decode
_object = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_any = msgspec.json.decode
_BAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

PARAMETERS: dict[str, tuple[str, ...]] = {
    "bulk_log": ("logs", "hf_token"),
    "bulk_log_system": ("logs", "hf_token"),
    "bulk_alert": ("alerts", "hf_token"),
    "log": ("project", "run", "metrics", "step", "hf_token", "run_id"),
    "bulk_upload_media": ("uploads", "hf_token"),
    "bulk_upload_artifact_blob": ("project", "uploads", "hf_token"),
    "check_artifact_blobs": ("project", "digests", "hf_token"),
    "artifact_log": (
        *("project", "name", "type", "description", "metadata", "manifest", "aliases"),
        *("run_name", "run_id", "hf_token", "overwrite"),
    ),
    "log_artifact_use": ("project", "version_id", "run_name", "run_id", "hf_token"),
    "get_artifact_manifest": ("project", "name", "spec"),
    "get_artifacts": ("project",),
    "list_artifacts": ("project",),
    "get_all_projects": (),
    "get_project_summary": ("project",),
    "get_runs_for_project": ("project",),
    "get_run_configs": ("project",),
    "get_run_summary": ("project", "run", "run_id"),
    "get_metrics_for_run": ("project", "run", "run_id"),
    "get_system_metrics_for_run": ("project", "run", "run_id"),
    "get_metric_values": (
        *("project", "run", "metric_name", "step", "around_step", "at_time", "window"),
        *("run_id", "max_points"),
    ),
    "get_snapshot": ("project", "run", "run_id", "step", "around_step", "at_time", "window"),
    "get_logs": ("project", "run", "run_id", "scalar_only"),
    "get_logs_batch": ("project", "runs", "max_points", "scalar_only"),
    "get_system_logs": ("project", "run", "run_id"),
    "get_system_logs_batch": ("project", "runs", "max_points"),
    "get_alerts": ("project", "run", "run_id", "level", "since"),
    "get_settings": (),
    "get_run_mutation_status": (),
}
"""Names of the positional arguments of each call, in order."""


class BadBodyError(ValueError):
    """The body is no JSON."""


def arguments(api: str, body: bytes | bytearray) -> dict[str, Any]:
    """The arguments of a call by name; each is a `Raw` or a plain value.

    Raises:
        BadBodyError: no JSON, in anybody's reading.
    """
    args, kwargs = _spelled(body)
    named = dict(zip(PARAMETERS[api], args, strict=False))
    return {**named, **kwargs}


def _spelled(body: bytes | bytearray) -> tuple[Sequence[Any], Mapping[str, Any]]:
    if not body.strip():
        return (), {}
    top = _decode_top(body)
    if not isinstance(top, Mapping):
        return (top if isinstance(top, list) else [top]), {}
    if "args" in top or "kwargs" in top:
        args, kwargs = items(top.get("args")), members(top.get("kwargs"))
        return args or (), kwargs or {}
    if "data" in top and (data := items(top["data"])) is not None:
        return data, {}
    return (), top


def _decode_top(body: bytes | bytearray) -> Any:
    try:
        return _top(body)
    except _BAD:
        pass
    try:
        return json.loads(body)  # takes NaN and lone surrogates, which strict JSON does not know
    except (ValueError, RecursionError) as error:
        raise BadBodyError(f"no JSON: {error}") from None


def items(value: Any) -> list[Any] | None:
    """A list's members, undecoded as far as they were; None when it is no list."""
    if isinstance(value, Raw):
        try:
            return _list(value)
        except _BAD:
            return None
    return value if isinstance(value, list) else None


def members(value: Any) -> Mapping[str, Any] | None:
    """An object's members, undecoded as far as they were; None when it is no object."""
    if isinstance(value, Raw):
        try:
            return _object(value)
        except _BAD:
            return None
    return value if isinstance(value, dict) else None


def plain(value: Any) -> Any:
    """The value itself.

    Raises:
        BadBodyError: it cannot be decoded.
    """
    if not isinstance(value, Raw):
        return value
    try:
        return _any(value)
    except _BAD:
        pass
    try:
        return json.loads(bytes(value))
    except (ValueError, RecursionError) as error:
        raise BadBodyError(str(error)) from None
