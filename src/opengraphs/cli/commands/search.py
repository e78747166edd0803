"""`og search`: where in a store a word occurs."""

from __future__ import annotations

import re
import time
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, runs_table, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import og_command, project, reading
from opengraphs.cli.table import Column, clip, render
from opengraphs.client.sync import Client
from opengraphs.protocol.version import SCHEMA

DEFAULT_LIMIT = 10
NOTED_RUNS = 500
"""So many of the runs that match have their notes looked through, newest first."""
_OPERATOR = re.compile(r"[:=<>]")
_KEPT = ("run_id", "name", "project", "status", "tags", "notes", "created_at", "started_at", "ended_at")
_SHOWN_VALUES = 6
_METRICS = (
    Column("METRIC", elastic=True),
    Column("POINTS", right=True),
    Column("LAST", weight=1, right=True),
)
_FIELDS = (
    Column("FIELD", elastic=True),
    Column("RUNS", right=True),
    Column("VALUES", weight=1, elastic=True),
)


@og_command(
    "search",
    examples=("og search warm-up", "og search 'lr tag:baseline'", "og search 'status:failed nan' --json"),
)
@click.argument("query", nargs=-1, required=True, shell_complete=completing.filters)
@project
@click.option(
    "--limit",
    default=DEFAULT_LIMIT,
    show_default=True,
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Most of each kind.",
)
@reading
def command(
    query: tuple[str, ...], project: str | None, limit: int, store: str | None, as_json: bool
) -> None:
    """Find QUERY in runs (id, name, project, tags, notes), metric names, and config, summary and tag keys.

    QUERY is a filter as `og list --filter` takes it; its bare words are also looked for in
    metric names and fields. Logs are not searched: `og tail RUN | grep` does that.
    """
    asked = " ".join(query)
    words = bare_words(asked)
    with clients.connect(store=targets.store_of(store)) as client:
        found = client.runs(filter=asked, project=project, limit=max(limit, NOTED_RUNS))
        reply = {
            "schema": SCHEMA,
            "query": asked,
            "runs": [{key: run.get(key) for key in _KEPT} for run in found["runs"][:limit]],
            "total_runs": found["total"],
            "notes": _notes(cast("list[dict[str, Any]]", found["runs"]), words)[:limit],
            "metrics": client.get("/metrics/keys", q=" ".join(words), limit=limit)["keys"] if words else [],
            "fields": _fields(client, words, limit) if words else [],
        }
    if as_json:
        output.put_json(reply)
        return
    blocks = _blocks(reply, cast("list[dict[str, Any]]", found["runs"][:limit]), output.width())
    if blocks:
        output.put("\n\n".join("\n".join(block) for block in blocks))
    else:
        output.say(str(found.get("hint") or "") or "nothing fits")


def bare_words(query: str) -> list[str]:
    """The words of a filter that search text: no terms, no operators, not what is excluded.

    >>> bare_words("loss tag:base -old (warm OR cold) NOT hot")
    ['loss', 'warm', 'cold']
    """
    words: list[str] = []
    skip = False
    for word in re.findall(r'"[^"]*"|[^\s()]+', query):
        if word in ("OR", "AND"):
            continue
        if word == "NOT":
            skip = True
            continue
        if not skip and not word.startswith("-") and (word.startswith('"') or not _OPERATOR.search(word)):
            words.append(word.strip('"*?/'))
        skip = False
    return [word for word in words if word]


def _notes(runs: list[dict[str, Any]], words: list[str]) -> list[dict[str, str]]:
    """Lines of notes that hold one of the words."""
    lower = [word.lower() for word in words]
    return [
        {"run_id": str(run["run_id"]), "name": str(run.get("name") or ""), "line": line}
        for run in runs
        for line in str(run.get("notes") or "").splitlines()
        if any(word in line.lower() for word in lower)
    ]


def _fields(client: Client, words: list[str], limit: int) -> list[dict[str, Any]]:
    """Fields whose name holds every word."""
    found = cast("list[dict[str, Any]]", client.fields(max(words, key=len), limit=1000)["fields"])
    lower = [word.lower() for word in words]
    return [
        field for field in found if field["runs"] and all(word in field["field"].lower() for word in lower)
    ][:limit]


def _blocks(reply: dict[str, Any], runs: list[dict[str, Any]], width: int | None) -> list[list[str]]:
    ink = output.ink()
    blocks: list[list[str]] = []
    if runs:
        blocks.append(runs_table.lines(runs, now=time.time(), limit=width, ink=ink))
        if reply["total_runs"] > len(runs):
            blocks[-1].append(ink(f"{len(runs)} of {reply['total_runs']} runs", "dim"))
    if reply["notes"]:
        lines = [f"{note['run_id']}  {fmt.clean(note['line'])}" for note in reply["notes"]]
        blocks.append([ink("NOTES", "dim"), *(clip(line, width) if width else line for line in lines)])
    if reply["metrics"]:
        rows = [
            [fmt.clean(row["key"]), fmt.count(row["points"]), fmt.number(row["last"])]
            for row in reply["metrics"]
        ]
        blocks.append(render(_METRICS, rows, limit=width, ink=ink))
    if reply["fields"]:
        rows = [[fmt.clean(row["field"]), str(row["runs"]), _values(row)] for row in reply["fields"]]
        blocks.append(render(_FIELDS, rows, limit=width, ink=ink))
    return blocks


def _values(field: dict[str, Any]) -> str:
    shown = [fmt.clean(item["value"]) for item in field["values"][:_SHOWN_VALUES]]
    return ", ".join(shown) + (", …" if field["more"] or len(field["values"]) > len(shown) else "")
