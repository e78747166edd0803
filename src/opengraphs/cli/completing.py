"""What a shell may complete: runs, tags, filters, sort keys, metrics. Quick or not at all.

Ids and names come from the store's folder. The rest is the daemon's to say: one that does
not run, or is busy, offers nothing, and none is started for it.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from opengraphs.cli.targets import store_of
from opengraphs.errors import OgError
from opengraphs.sdk import layout

BUDGET_S = 0.1
MAX_ITEMS = 50
MAX_KEYS = 1000
DAEMON_S = 0.5
"""How long a daemon is waited for; longer, and the shell would seem to hang."""
_GROUPED = ("project", "status", "group", "job_type", "host", "user", "source", "script")
_NO_KEYS = ("tag", "has", "family", "parent")
"""Fields of a filter that are no sort keys."""


def runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest runs of the store whose id, or its last part, begins with what was typed.

    Reads the folder and, within the budget, each run's name for the help beside it. Where no
    id fits, a daemon that runs is asked for names that begin so.
    """
    deadline = time.monotonic() + BUDGET_S
    try:
        folder = store_of(ctx.params.get("store")) / layout.RUNS
        ids = sorted((entry.name for entry in folder.iterdir()), reverse=True)
    except (OgError, OSError):
        return []
    fitting = [run_id for run_id in ids if _fits(run_id, incomplete)][:MAX_ITEMS]
    if not fitting and incomplete:
        return _named(ctx, incomplete)
    return [
        CompletionItem(_shown(run_id, incomplete), help=_name(folder / run_id, deadline))
        for run_id in fitting
    ]


def _fits(run_id: str, typed: str) -> bool:
    return run_id.startswith(typed) or run_id.rpartition("-")[2].startswith(typed)


def _shown(run_id: str, typed: str) -> str:
    return run_id if run_id.startswith(typed) else run_id.rpartition("-")[2]


def _name(run_dir: Path, deadline: float) -> str | None:
    if time.monotonic() > deadline:
        return None
    try:
        return str(json.loads((run_dir / layout.RUN_JSON).read_bytes()).get("name") or "") or None
    except (OSError, ValueError, AttributeError):
        return None


def _ask(ctx: click.Context, path: str, **query: Any) -> dict[str, Any]:
    """What a daemon that runs answers in time; nothing else."""
    from opengraphs.client.sync import Client

    try:
        with Client(store=store_of(ctx.params.get("store")), autostart=False, timeout_s=DAEMON_S) as client:
            return client.get(path, **query)
    except (OgError, OSError):
        return {}


def _named(ctx: click.Context, typed: str) -> list[CompletionItem]:
    pattern = f"name:/^{re.escape(typed).replace('/', chr(92) + '/')}/"
    rows = _ask(ctx, "/runs", filter=pattern, limit=MAX_ITEMS).get("runs", [])
    return [CompletionItem(str(row["name"]), help=str(row["run_id"])) for row in rows]


def removed(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What lies in the trash and begins so."""
    items = _ask(ctx, "/trash", limit=MAX_ITEMS).get("trash", [])
    return [
        CompletionItem(_shown(item["trash_id"], incomplete), help=item["name"])
        for item in items
        if _fits(item["trash_id"], incomplete)
    ]


def runs_or_removed(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of `og rm`: removed runs where one is to be restored or purged, else runs."""
    wanted = removed if ctx.params.get("restore") or ctx.params.get("purge") else runs
    return wanted(ctx, param, incomplete)


def run_then_tags(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of `og tag`: a run first, then tags that other runs have."""
    has_run = bool(ctx.params.get("words") or ctx.params.get("filter_") or ctx.params.get("more"))
    return (tags if has_run else runs)(ctx, param, incomplete)


def tags(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tags of the store's runs that begin so, the most frequent first."""
    return [
        CompletionItem(item["value"], help=_times(item["runs"]))
        for item in _values(ctx, f"tag:{incomplete}")
        if item["value"].startswith(incomplete)
    ]


def filters(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The last term of a filter: a field, or a value of one."""
    at = max(incomplete.rfind(" "), incomplete.rfind("(")) + 1
    before, term = incomplete[:at], incomplete[at:]
    sign = "-" if term.startswith("-") else ""
    word = term.removeprefix("-")
    cut = next((place for place, char in enumerate(word) if char in ":=<>"), None)
    if cut is None:
        return [
            CompletionItem(f"{before}{sign}{item['field']}{_operator(item)}", help=_times(item["runs"]))
            for item in _fields(ctx, word)
        ]
    begin = f"{before}{sign}{word[: cut + 1]}"
    return [
        CompletionItem(f"{begin}{_quoted(item['value'])}", help=_times(item["runs"]))
        for item in _values(ctx, word)
    ]


def sort_keys(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Fields that runs can be sorted by or that a list can show; of a list, the last one."""
    at = incomplete.rfind(",") + 1
    before, term = incomplete[:at], incomplete[at:]
    sign = "-" if term.startswith("-") else ""
    return [
        CompletionItem(f"{before}{sign}{item['field']}", help=_times(item["runs"]))
        for item in _fields(ctx, term.removeprefix("-"))
        if "." in item["field"] or item["field"] not in _NO_KEYS
    ]


def group_keys(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What runs can be put together by: `tag:KEY`, `config.KEY`, and facts that several share."""
    typed = incomplete.replace("tag:", "tag.", 1)
    return [
        CompletionItem(item["field"].replace("tag.", "tag:", 1), help=_times(item["runs"]))
        for item in _fields(ctx, typed)
        if item["field"].startswith(("tag.", "config.")) or item["field"] in _GROUPED
    ]


def metrics(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Metrics that begin so: of the one run that was named, else of the store."""
    named = list(ctx.params.get("runs") or ())
    query = {"run": named[0] if len(named) == 1 else None, "q": incomplete or None, "limit": MAX_KEYS}
    keys = [item["key"] for item in _ask(ctx, "/metrics/keys", **query).get("keys", [])]
    return [CompletionItem(key) for key in keys if key.startswith(incomplete)][:MAX_ITEMS]


def settings(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of settings."""
    from opengraphs.tui.settings import SETTINGS

    return [CompletionItem(one.name, help=one.title) for one in SETTINGS if one.name.startswith(incomplete)]


def setting_values(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the setting before it may be, where that is a list."""
    from opengraphs.tui import theme
    from opengraphs.tui.settings import SETTINGS

    one = {one.name: one for one in SETTINGS}.get(ctx.params.get("name") or "")
    if one is None:
        return []
    choices = ("auto", *theme.THEMES, *theme.own()) if one.name == "ui.theme" else one.choices
    choices = ("true", "false") if isinstance(one.default, bool) else choices
    return [CompletionItem(choice) for choice in choices if choice.startswith(incomplete)]


def _fields(ctx: click.Context, typed: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _ask(ctx, "/runs/fields", q=typed or None, limit=MAX_ITEMS).get(
        "fields", []
    )
    return [field for field in found if field["field"].lower().startswith(typed.lower())]


def _values(ctx: click.Context, term: str) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = _ask(ctx, "/runs/fields", q=term, limit=1).get("fields", [])
    return fields[0]["values"] if fields else []


def _operator(field: dict[str, Any]) -> str:
    return ":" if field["kind"] in (None, "text", "bool", "list") else ""


def _quoted(value: str) -> str:
    return f'"{value}"' if any(char in ' ()*?"' for char in value) and '"' not in value else value


def _times(runs: int) -> str | None:
    return f"{runs} run{'s' if runs > 1 else ''}" if runs else None


def folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete folders."""
    return [CompletionItem(incomplete, type="dir")]


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete files and folders."""
    return [CompletionItem(incomplete, type="file")]
