"""One run as a page of text, for `og show`. Pure."""

from __future__ import annotations

import json
import shlex
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.output import Ink
from opengraphs.cli.table import Column, render
from opengraphs.tui.painters.ranks import TROUBLE, by_rank, troubled

_METRICS = (
    Column("METRIC", elastic=True),
    Column("LAST", right=True),
    Column("BEST", right=True),
    Column("MIN", weight=1, right=True),
    Column("MAX", weight=1, right=True),
    Column("POINTS", weight=3, right=True),
    Column("STEPS", weight=2, right=True),
)


_RANKS = (
    Column("RANK", right=True),
    Column("STEP", right=True),
    Column("BEHIND", right=True),
    Column("LAST POINT", right=True),
    Column("STATE"),
)
_RANK_STYLES = {"lagging": "yellow", "silent": "red", "missing": "red", "ended": "dim"}
_ALL_RANKS_UP_TO = 16
"""Of more ranks only those that are not as they should be get a line."""

_TOTAL_FROM = {"config": "the total is from the config", "stdout": "the total is read off its output"}


def lines(
    run: dict[str, Any],
    *,
    now: float,
    limit: int | None,
    ink: Ink,
    progress: dict[str, Any] | None = None,
) -> list[str]:
    """Facts, family, config, summary, checkpoints, ranks and metrics of one run, a block each; empty blocks are left out.

    Args:
        progress: the daemon's reckoning (protocol `ProgressOut`); None without any.
    """
    blocks = [
        _heading(run, now, ink),
        _pairs(_facts(run, now, progress), ink),
        _titled("children", _children(run), ink),
        _titled("config", _pairs(_flat(run.get("config") or {}), ink), ink),
        _titled("summary", _pairs(_flat(_summary(run)), ink), ink),
        _titled("checkpoints", _checkpoints(run), ink),
        _titled("alerts", _alerts(run), ink),
        _ranks(run, now, limit, ink),
        _metrics(run, limit, ink),
    ]
    page: list[str] = []
    for block in blocks:
        page += (["", *block] if page else block) if block else []
    return page


def _heading(run: dict[str, Any], now: float, ink: Ink) -> list[str]:
    name = ink(fmt.clean(str(run.get("name") or run.get("run_id"))), "bold")
    archived = ink("archived", "dim") if run.get("archived") else ""
    said = [ink.status(str(run.get("status"))), archived, _outcome(run), fmt.duration(fmt.took(run, now=now))]
    return [f"{name}  {'  '.join(part for part in said if part)}"]


def _outcome(run: dict[str, Any]) -> str:
    if run.get("signal"):
        return f"signal {run['signal']}"
    return f"exit {run['exit_code']}" if run.get("exit_code") is not None else ""


def _facts(run: dict[str, Any], now: float, progress: dict[str, Any] | None) -> list[tuple[str, str]]:
    git = run.get("git") or {}
    world = (run.get("ranks") or {}).get("world_size", 1)
    ingest = run.get("ingest") or {}
    bad, pending = ingest.get("bad_lines", 0), ingest.get("pending", 0.0)
    rows = [
        ("run", str(run.get("run_id", ""))),
        ("project", str(run.get("project") or "")),
        ("started", _when(run, now)),
        ("step", _progress(run, progress)),
        ("parent", _parent(run.get("parent") or {})),
        ("command", shlex.join(run.get("command") or [])),
        ("cwd", str(run.get("cwd") or "")),
        (
            "host",
            f"{run.get('host') or ''}  pid {run['pid']}" if run.get("pid") else str(run.get("host") or ""),
        ),
        ("ranks", str(world) if world > 1 else ""),
        ("git", _git(git)),
        ("python", str(run.get("python") or "")),
        ("captured", _captured(run.get("hooks"))),
        ("tags", ", ".join(run.get("tags") or [])),
        ("notes", str(run.get("notes") or "")),
        ("source", _source(run)),
        ("unreadable", str(run.get("source_trouble") or "")),
        ("folder", str(run.get("path") or "")),
        ("read", f"{1 - pending:.0%} so far; the figures are of that part" if pending >= 0.001 else ""),
        ("forwarded", _forwarding(run.get("forwarding") or {})),
        ("damaged", f"{bad} lines could not be read; og doctor tells where" if bad else ""),
    ]
    return [(key, fmt.clean(value)) for key, value in rows if value and value != "-"]


def _source(run: dict[str, Any]) -> str:
    """Who recorded the run, where it was another program, and the place it is read from."""
    other = "" if run.get("source") in ("run", "sdk") else run.get("source")
    return ", ".join(str(told) for told in (other, run.get("source_path")) if told)


def _captured(hooks: dict[str, Any] | None) -> str:
    """`wandb 0.31.0, argparse; not keras: …`: what og's hooks watched inside the training."""
    if hooks is None:  # switched off, or no run of `og run`
        return ""
    active, failed = hooks.get("active") or {}, hooks.get("failed") or {}
    if not active:
        return "nothing: og's hooks have reached no Python of it; what it prints is read"
    known = [f"{name} {version}".strip() for name, version in active.items() if name != "sitecustomize"]
    parts = [", ".join(known) or "no library that og knows; what it logs to og and what it prints is read"]
    parts += [
        f"{name} only in part: {why}" if name in active else f"not {name}: {why}"
        for name, why in failed.items()
    ]
    return "; ".join(parts)


def _forwarding(told: dict[str, Any]) -> str:
    """`to https://host: 1200 records, 3.1 kB wait; no answer in time`."""
    if not told:
        return ""
    refused, waits = told.get("skipped", 0), told.get("pending_bytes", 0)
    parts = [
        f"to {told.get('target')}: {told.get('delivered', 0)} records",
        "all of them" if told.get("state") == "done" and not refused else "",
        f"{refused} refused" if refused else "",
        f"{fmt.size(waits)} wait" if waits else "",
    ]
    trouble = f"; {told['last_error']}" if told.get("last_error") else ""
    return ", ".join(part for part in parts if part) + trouble


def _progress(run: dict[str, Any], progress: dict[str, Any] | None) -> str:
    """`372/1000  37 %  eta 4m12s  2.5 steps/s`, and where the total comes from when nobody said it."""
    known = {key: value for key, value in (progress or {}).items() if value is not None}
    merged = {**(run.get("progress") or {}), **known}
    shown = fmt.progress({**run, "progress": merged, "last_step": _last_step(run)})
    step, total, speed = merged.get("step"), merged.get("total"), merged.get("steps_per_s")
    parts = [
        shown,
        f"{min(1.0, step / total):.0%}" if step is not None and total else "",
        f"eta {fmt.duration(merged['eta_s'])}" if merged.get("eta_s") is not None else "",
        f"{fmt.number(speed)} steps/s" if speed is not None else "",
    ]
    source = _TOTAL_FROM.get(str(merged.get("total_source")), "")
    return "  ".join(part for part in parts if part) + (f"  ({source})" if source else "")


def _parent(parent: dict[str, Any]) -> str:
    return _relative(parent, str(parent.get("checkpoint_id") or "")) if parent.get("run_id") else ""


def _children(run: dict[str, Any]) -> list[str]:
    return [fmt.clean(_relative(child)) for child in run.get("children") or []]


def _relative(other: dict[str, Any], checkpoint: str = "") -> str:
    """`20261122-093012-k7f3  from step 500  (resume)`."""
    step, reason = other.get("step"), other.get("reason")
    parts = [str(other.get("run_id")), f"from step {step}" if step is not None else "", checkpoint]
    return "  ".join(part for part in parts if part) + (f"  ({reason})" if reason else "")


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
    """Nested keys joined with dots, as filters name them; values as JSON where they are no plain text."""
    rows: list[tuple[str, str]] = []
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{name}.")
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
        f"step {'-' if point.get('step') is None else point['step']}  {fmt.clean(str(point.get('path', '')))}"
        for point in run.get("checkpoints") or []
    ]


def _alerts(run: dict[str, Any]) -> list[str]:
    return [
        f"{alert.get('level', 'info')}  step {alert.get('step', '-')}  "
        + fmt.clean(
            ": ".join(dict.fromkeys(str(said) for key in ("title", "text") if (said := alert.get(key))))
        )
        for alert in run.get("alerts") or []
    ]


def _summary(run: dict[str, Any]) -> dict[str, Any]:
    """What the script itself put into its summary: last values of metrics stand with these."""
    known = {metric.get("key") for metric in run.get("metrics") or []}
    return {key: value for key, value in (run.get("summary") or {}).items() if key not in known}


def _ranks(run: dict[str, Any], now: float, limit: int | None, ink: Ink) -> list[str]:
    """A line a rank where there are several; of very many only those that lag, are silent or missing."""
    found = by_rank(run.get("ranks_seen") or [])
    if len(found) < 2:
        return []
    shown = found if len(found) <= _ALL_RANKS_UP_TO else troubled(found)
    rows = [
        [
            str(one["rank"]),
            "-" if one["last_step"] is None else str(one["last_step"]),
            f"{one['lag_steps']}" if one.get("lag_steps") else "",
            "-" if one["last_time"] is None else fmt.duration(max(0.0, now - one["last_time"])) + " ago",
            ("! " if one["state"] in TROUBLE else "") + one["state"],
        ]
        for one in shown
    ]
    styles: dict[tuple[int, int], tuple[str, ...]] = {
        (at, 4): (_RANK_STYLES.get(one["state"], ""),) for at, one in enumerate(shown)
    }
    table = render(_RANKS, rows, limit=limit, ink=ink, styles=styles) if rows else []
    rest = len(found) - len(shown)
    return [*table, *([f"{rest} ranks are as they should be"] if rest else [])]


def _best(metric: dict[str, Any]) -> str:
    """The end of it that counts as better; empty where its name does not tell."""
    better = metric.get("better")
    return fmt.number(metric.get(better)) if better in ("min", "max") else ""


def _metrics(run: dict[str, Any], limit: int | None, ink: Ink) -> list[str]:
    rows = [
        [
            fmt.clean(metric["key"]),
            fmt.number(metric.get("last")),
            _best(metric),
            fmt.number(metric.get("min")),
            fmt.number(metric.get("max")),
            fmt.count(metric.get("points")),
            f"{metric.get('first_step')}…{metric.get('last_step')}",
        ]
        for metric in run.get("metrics") or []
    ]
    return render(_METRICS, rows, limit=limit, ink=ink) if rows else []
