"""Names of runs for the shell's completion: quick or not at all."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from opengraphs.cli.targets import store_of
from opengraphs.errors import OgError
from opengraphs.sdk import layout

BUDGET_S = 0.1
MAX_ITEMS = 50


def runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest runs of the store whose id, or its last part, begins with what was typed.

    Reads the folder and, within the budget, each run's name for the help beside it; asks no daemon.
    """
    deadline = time.monotonic() + BUDGET_S
    try:
        folder = store_of(ctx.params.get("store")) / layout.RUNS
        ids = sorted((entry.name for entry in folder.iterdir()), reverse=True)
    except (OgError, OSError):
        return []
    fitting = [run_id for run_id in ids if _fits(run_id, incomplete)][:MAX_ITEMS]
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


def folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete folders."""
    return [CompletionItem(incomplete, type="dir")]
