"""`og list`: runs as a table, or as JSON."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, runs_table, targets
from opengraphs.cli.options import og_command, project, reading
from opengraphs.client.sync import Client
from opengraphs.records import STATUSES

DEFAULT_LIMIT = 50
PAGE_RUNS = 2000
"""Most that one reply of the daemon holds."""


@og_command(
    "list", examples=("og list", "og list --status running", "og list --filter 'tag:baseline lr' --json")
)
@click.argument("path", required=False, shell_complete=completing.folders)
@project
@click.option("--status", type=click.Choice(STATUSES), help="Only runs in this state.")
@click.option("--tags", multiple=True, metavar="TAG", help="Only runs with this tag (k or k=v); repeatable.")
@click.option("--filter", "filter_", metavar="QUERY", help="Words, and status:, tag:, project: terms.")
@click.option("--sort", default="-created_at", show_default=True, metavar="KEY", help="-KEY sorts downwards.")
@click.option(
    "--limit",
    default=DEFAULT_LIMIT,
    show_default=True,
    type=click.IntRange(1, 10_000),
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
    limit: int,
    store: str | None,
    as_json: bool,
) -> None:
    """List the runs of the store in force, or of PATH (a store, or a project with one), newest first."""
    target = targets.resolve(path, store=store)
    query = " ".join([*([filter_] if filter_ else []), *(f"tag:{_quoted(tag)}" for tag in tags)])
    if target.ref is not None:
        query = f"{query} {target.ref}".strip()
    print_runs(
        target.store,
        as_json=as_json,
        filter=query or None,
        project=project,
        status=status,
        sort=sort,
        limit=limit,
    )


def print_runs(store: Path, *, as_json: bool = False, **query: Any) -> None:
    """The runs of `store` that fit `query` (that of `GET /runs`), as a table or as JSON."""
    with clients.connect(store=store) as client:
        reply = _runs(client, **{"limit": DEFAULT_LIMIT, **query})
    if as_json:
        output.put_json(reply)
        return
    if not reply["runs"]:
        narrowed = any(query.get(name) for name in ("filter", "project", "status"))
        output.say("no run fits" if narrowed else "no runs yet; start one: og run train.py")
        return
    lines = runs_table.lines(reply["runs"], now=time.time(), limit=output.width(), ink=output.ink())
    output.put("\n".join(lines))
    if rest := runs_table.footer(len(reply["runs"]), reply["total"]):
        output.say(rest)


def _runs(client: Client, *, limit: int, **query: Any) -> dict[str, Any]:
    """As many pages as `limit` needs, joined into one reply; its `next` is that of the last page."""
    reply = cast("dict[str, Any]", client.runs(limit=min(limit, PAGE_RUNS), **query))
    while reply["next"] and len(reply["runs"]) < limit:
        left = min(limit - len(reply["runs"]), PAGE_RUNS)
        page = cast("dict[str, Any]", client.runs(limit=left, cursor=reply["next"], **query))
        reply = {**page, "runs": reply["runs"] + page["runs"]}
    return reply


def _quoted(tag: str) -> str:
    return f'"{tag}"' if " " in tag else tag
