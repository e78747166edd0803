"""One run as a page of text, for `og show`. Pure."""

from __future__ import annotations

import json
import shlex
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.output import Ink
from opengraphs.cli.table import Column, render

_METRICS = (
    Column("METRIC", elastic=True),
    Column("LAST", right=True),
    Column("MIN", weight=1, right=True),
    Column("MAX", weight=1, right=True),
    Column("POINTS", weight=3, right=True),
    Column("STEPS", weight=2, right=True),
)


def lines(run: dict[str, Any], *, now: float, limit: int | None, ink: Ink) -> list[str]:
    """Facts, config, checkpoints and metrics of one run, a block each; empty blocks are left out."""
    blocks = [
        _heading(run, now, ink),
        _pairs(_facts(run, now), ink),
        _titled("config", _pairs(_flat(run.get("config") or {}), ink), ink),
        _titled("checkpoints", _checkpoints(run), ink),
        _titled("alerts", _alerts(run), ink),
        _metrics(run, limit, ink),
    ]
    page: list[str] = []
    for block in blocks:
        page += (["", *block] if page else block) if block else []
    return page


def _heading(run: dict[str, Any], now: float, ink: Ink) -> list[str]:
    name = ink(fmt.clean(str(run.get("name") or run.get("run_id"))), "bold")
    said = [ink.status(str(run.get("status"))), _outcome(run), fmt.duration(fmt.took(run, now=now))]
    return [f"{name}  {'  '.join(part for part in said if part)}"]


def _outcome(run: dict[str, Any]) -> str:
    if run.get("signal"):
        return f"signal {run['signal']}"
    return f"exit {run['exit_code']}" if run.get("exit_code") is not None else ""


def _facts(run: dict[str, Any], now: float) -> list[tuple[str, str]]:
    git = run.get("git") or {}
    world = (run.get("ranks") or {}).get("world_size", 1)
    bad = (run.get("ingest") or {}).get("bad_lines", 0)
    rows = [
        ("run", str(run.get("run_id", ""))),
        ("project", str(run.get("project") or "")),
        ("started", _when(run, now)),
        ("step", fmt.progress({**run, "last_step": _last_step(run)})),
        ("command", shlex.join(run.get("command") or [])),
        ("cwd", str(run.get("cwd") or "")),
        (
            "host",
            f"{run.get('host') or ''}  pid {run['pid']}" if run.get("pid") else str(run.get("host") or ""),
        ),
        ("ranks", str(world) if world > 1 else ""),
        ("git", _git(git)),
        ("python", str(run.get("python") or "")),
        ("tags", ", ".join(run.get("tags") or [])),
        ("notes", str(run.get("notes") or "")),
        ("folder", str(run.get("path") or "")),
        ("damaged", f"{bad} lines could not be read; og doctor tells where" if bad else ""),
    ]
    return [(key, fmt.clean(value)) for key, value in rows if value and value != "-"]


def _last_step(run: dict[str, Any]) -> int | None:
    steps = [metric.get("last_step") for metric in run.get("metrics") or []]
    return max((step for step in steps if step is not None), default=None)


def _when(run: dict[str, Any], now: float) -> str:
    started = run.get("started_at") or run.get("created_at")
    return f"{str(started)[:19].replace('T', ' ')} UTC, {fmt.age(started, now=now)}" if started else ""


def _git(git: dict[str, Any]) -> str:
    parts = [
        str(git.get("branch") or ""),
        str(git.get("commit") or "")[:10],
        "dirty" if git.get("dirty") else "",
    ]
    return " ".join(part for part in parts if part)


def _flat(config: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested keys joined with `/`; values as JSON where they are no plain text."""
    rows: list[tuple[str, str]] = []
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{name}/")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            rows.append((fmt.clean(name), fmt.clean(text)))
    return rows


def _pairs(rows: list[tuple[str, str]], ink: Ink) -> list[str]:
    width = min(24, max((len(key) for key, _ in rows), default=0))
    return [f"{ink(key.ljust(width), 'dim')}  {value}" for key, value in rows]


def _titled(title: str, block: list[str], ink: Ink) -> list[str]:
    return [ink(title, "bold"), *block] if block else []


def _checkpoints(run: dict[str, Any]) -> list[str]:
    return [
        f"step {point.get('step', '-')}  {fmt.clean(str(point.get('path', '')))}"
        for point in run.get("checkpoints") or []
    ]


def _alerts(run: dict[str, Any]) -> list[str]:
    return [
        f"{alert.get('level', 'info')}  step {alert.get('step', '-')}  "
        f"{fmt.clean(str(alert.get('title') or alert.get('text') or ''))}"
        for alert in run.get("alerts") or []
    ]


def _metrics(run: dict[str, Any], limit: int | None, ink: Ink) -> list[str]:
    rows = [
        [
            fmt.clean(metric["key"]),
            fmt.number(metric.get("last")),
            fmt.number(metric.get("min")),
            fmt.number(metric.get("max")),
            fmt.count(metric.get("points")),
            f"{metric.get('first_step')}…{metric.get('last_step')}",
        ]
        for metric in run.get("metrics") or []
    ]
    return render(_METRICS, rows, limit=limit, ink=ink) if rows else []
