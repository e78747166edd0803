"""What `og alerts …` prints for people."""

from __future__ import annotations

import time
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli import output
from opengraphs.cli.table import Column, render

_ALERTS = (
    Column("ID"),
    Column("STATUS"),
    Column("LEVEL"),
    Column("FIRED", right=True),
    Column("RUN", weight=1, elastic=True),
    Column("STEP", weight=2, right=True),
    Column("ALERT", elastic=True),
)
_FIRINGS = (
    Column("STEP", right=True),
    Column("BEGAN", right=True),
    Column("LEVEL"),
    Column("DETECTOR"),
    Column("METRIC", elastic=True),
    Column("EVIDENCE", elastic=True),
)
_SILENCES = (
    Column("ID"),
    Column("LEFT", right=True),
    Column("WHAT", elastic=True),
    Column("NOTE", elastic=True),
)
_RULES = (
    Column("RULE"),
    Column("LEVEL"),
    Column("WHEN", elastic=True),
    Column("FOR"),
    Column("AFTER", right=True),
    Column("FROM", elastic=True),
)
_STYLES = {"error": ("red",), "warn": ("yellow",)}
_MOST_FIGURES = 4


def listed(reply: dict[str, Any]) -> list[str]:
    """`GET /alerts` as a table."""
    now, alerts = time.time(), reply["alerts"]
    rows = [
        [
            fmt.clean(f"{alert['run_id'].rpartition('-')[2]}:{alert['alert_id']}"),
            alert["status"],
            alert["level"],
            fmt.ago(now - alert["fired_at"]),
            fmt.clean(str(alert["run"])),
            "" if alert["step"] is None else str(alert["step"]),
            fmt.clean(str(alert["title"] or alert["detector"] or "")),
        ]
        for alert in alerts
    ]
    lines = _table(_ALERTS, rows, levels=[alert["level"] for alert in alerts], column=2)
    if reply["next"] is not None:
        lines.append(output.ink()(f"{len(alerts)} of {reply['total']} alerts", "dim"))
    return lines


def firings(found: list[dict[str, Any]]) -> list[str]:
    """What `replay` found, as a table."""
    rows = [
        [
            _step(one["fired_step"]),
            _step(one["onset_step"]),
            one["level"],
            fmt.clean(one["detector"]),
            fmt.clean(one["metric"] or ""),
            _figures(one["evidence"]),
        ]
        for one in found
    ]
    return _table(_FIRINGS, rows, levels=[one["level"] for one in found], column=2)


def silenced(found: list[dict[str, Any]]) -> list[str]:
    """Silences as a table."""
    rows = [[one["id"], _left(one["until"]), _named(one), fmt.clean(one["note"])] for one in found]
    return _table(_SILENCES, rows)


def silence_line(one: dict[str, Any]) -> str:
    """One silence in a line."""
    until = "for good" if one["until"] is None else f"for {_left(one['until'])}"
    return f"{_named(one)}, {until} ({one['id']})"


def rules(reply: dict[str, Any]) -> list[str]:
    """`GET /alerts/rules` as a page."""
    ink = output.ink()
    lines: list[str] = []
    for trouble in reply["troubles"]:
        lines.append(ink(f"does not count: {fmt.clean(trouble['place'])}", "red"))
        lines += ["  " + fmt.clean(line) for line in trouble["message"].splitlines()]
        lines += [f"  {fmt.clean(trouble['hint'])}"] if trouble["hint"] else []
    rows = [
        [
            fmt.clean(rule["name"]), rule["level"], fmt.clean(rule["when"]), rule["hold"], _step(rule["after"]),
            fmt.clean(rule["origin"]),
        ]
        for rule in reply["rules"]
    ]  # fmt: skip
    lines += _table(_RULES, rows) if rows else [ink("no rules of yours", "dim")]
    lines += ["", "detectors  " + ", ".join(_detector(one) for one in reply["detectors"])]
    if reply["roles"]:
        lines.append(
            "roles      " + ", ".join(f"{fmt.clean(name)} is {role}" for name, role in reply["roles"].items())
        )
    sinks = ", ".join(f"{fmt.clean(one['name'])} ({one['kind']}, {one['level']})" for one in reply["sinks"])
    lines.append("sinks      " + (sinks or "none"))
    return lines


def _detector(one: dict[str, Any]) -> str:
    if not one["on"]:
        return f"{one['name']} (off)"
    return f"{one['name']} ({one['level']})" if one["level"] else str(one["name"])


def _named(one: dict[str, Any]) -> str:
    parts = [f"{key} {fmt.clean(str(one[key]))}" for key in ("run", "detector", "metric") if one[key]]
    return ", ".join(parts) or "everything"


def _left(until: float | None) -> str:
    return "for good" if until is None else fmt.duration(max(0.0, until - time.time()))


def _step(step: int | None) -> str:
    return "" if step is None else str(step)


def _figures(evidence: dict[str, Any]) -> str:
    found = [
        f"{fmt.clean(name)} {value:.4g}"
        for name, value in evidence.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return "  ".join(found[:_MOST_FIGURES])


def _table(
    columns: tuple[Column, ...], rows: list[list[str]], *, levels: list[str] | None = None, column: int = 0
) -> list[str]:
    styles: dict[tuple[int, int], tuple[str, ...]] = {
        (at, column): _STYLES[level] for at, level in enumerate(levels or ()) if level in _STYLES
    }
    return render(columns, rows, limit=output.width(), ink=output.ink(), styles=styles)
