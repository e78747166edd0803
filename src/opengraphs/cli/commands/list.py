"""`og list`: runs as a table, or as JSON."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, foreign, output, runs_table, several
from opengraphs.cli.first_frame import looks_like_path
from opengraphs.cli.options import og_command, project, reading
from opengraphs.cli.waiting import saying
from opengraphs.client.sync import Client
from opengraphs.records import STATUSES

DEFAULT_LIMIT = 50
PAGE_RUNS = 2000
"""Most that one reply of the daemon holds."""


@og_command(
    "list",
    examples=(
        "og list",
        "og list --status running",
        "og list --filter 'config.lr>=1e-3 summary.loss<0.5' --sort summary.loss",
        "og list --filter tag:sweep --columns config.lr,summary.loss --all",
        "og list --filter 'created<2d -status:failed' --json",
        "og list ~/work/llm --filter source:tensorboard",
    ),
)
@click.argument("path", required=False, shell_complete=completing.folders)
@project
@click.option("--status", type=click.Choice(STATUSES), help="Only runs in this state.")
@click.option(
    "--tags",
    multiple=True,
    metavar="TAG",
    help="Only runs with this tag (k or k=v); repeatable.",
    shell_complete=completing.tags,
)
@click.option(
    "--filter",
    "filter_",
    metavar="QUERY",
    help="Words, and terms such as status:failed, config.lr>1e-3, created<2d.",
    shell_complete=completing.filters,
)
@click.option(
    "--sort",
    default="-created_at",
    show_default=True,
    metavar="KEY",
    help="Any key, such as config.lr, summary.loss or duration; -KEY sorts downwards.",
    shell_complete=completing.sort_keys,
)
@click.option(
    "--columns",
    multiple=True,
    metavar="KEYS",
    help="Show these instead, such as config.lr,summary.loss; repeatable.",
    shell_complete=completing.sort_keys,
)
@click.option("--archived", is_flag=True, help="Archived runs too.")
@click.option("--all", "all_", is_flag=True, help="Every run, however many.")
@click.option(
    "--limit",
    default=DEFAULT_LIMIT,
    show_default=True,
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Most runs shown.",
)
@reading
def command(
    path: str | None,
    project: str | None,
    status: str | None,
    tags: tuple[str, ...],
    filter_: str | None,
    sort: str,
    columns: tuple[str, ...],
    archived: bool,
    all_: bool,
    limit: int,
    store: str | None,
    as_json: bool,
) -> None:
    """List the runs of the store in force, or of PATH, newest first.

    PATH is a store, a project, or a file or folder of other programs' runs (TensorBoard, W&B, CSV, …).
    """
    target = foreign.resolve(path, store=store, patient=True)
    terms = [_in_brackets(filter_, alone=not tags and target.ref is None and not archived)] if filter_ else []
    terms += [f"tag:{_quoted(tag)}" for tag in tags]
    if target.ref is not None:
        terms.append(f"id:{target.ref}" if path and looks_like_path(path) else f'"{target.ref}"')
    if archived:
        terms.append("archived:any")
    query = " ".join(terms)
    print_runs(
        target.store,
        as_json=as_json,
        filter=query or None,
        project=project,
        status=status,
        sort=sort,
        limit=several.MAX_RUNS if all_ else limit,
        columns=[name.strip() for value in columns for name in value.split(",") if name.strip()],
    )


def print_runs(store: Path, *, as_json: bool = False, columns: Sequence[str] = (), **query: Any) -> None:
    """The runs of `store` that fit `query` (that of `GET /runs`), as a table or as JSON."""
    with saying("reading the list of runs"), clients.connect(store=store) as client:
        reply = _runs(client, **{"limit": DEFAULT_LIMIT, **query})
    if as_json:
        output.put_json(reply)
        return
    notes = [*str(reply.get("hint") or "").splitlines(), *runs_table.unknown_columns(reply["runs"], columns)]
    if not reply["runs"]:
        narrowed = any(query.get(name) for name in ("filter", "project", "status"))
        output.say(
            "\n".join(
                ["no run fits" if narrowed else f"no runs yet in {store}; start one: og run train.py", *notes]
            )
        )
        return
    lines = runs_table.lines(
        reply["runs"], now=time.time(), limit=output.width(), ink=output.ink(), chosen=columns
    )
    output.put("\n".join(lines))
    if rest := runs_table.footer(len(reply["runs"]), reply["total"]):
        output.say(rest)
    for note in notes:
        output.say(note)


def _runs(client: Client, *, limit: int, **query: Any) -> dict[str, Any]:
    """As many pages as `limit` needs, joined into one reply; its `next` is that of the last page."""
    reply = cast("dict[str, Any]", client.runs(limit=min(limit, PAGE_RUNS), **query))
    while reply["next"] and len(reply["runs"]) < limit:
        left = min(limit - len(reply["runs"]), PAGE_RUNS)
        page = cast("dict[str, Any]", client.runs(limit=left, cursor=reply["next"], **query))
        reply = {**page, "runs": reply["runs"] + page["runs"]}
    return reply


def _in_brackets(query: str, *, alone: bool) -> str:
    """A filter that others may stand beside; as it was typed where it can be, so that errors count its characters."""
    return query if alone or "OR" not in query else f"({query})"


def _quoted(tag: str) -> str:
    """A tag as one word of a filter, whatever is in it."""
    return f'"{tag}"' if '"' not in tag else f"/^{re.escape(tag)}$/"
