"""`og rm`: move runs to the trash, bring them back, or delete them for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, several
from opengraphs.cli import format as fmt
from opengraphs.cli.options import og_command, reading
from opengraphs.cli.table import Column, render
from opengraphs.client.sync import Client
from opengraphs.errors import UsageError

MAX_LISTED = 2000
_COLUMNS = (
    Column("RUN"),
    Column("NAME", weight=1, elastic=True),
    Column("PROJECT", weight=3, elastic=True),
    Column("REMOVED", weight=2),
    Column("SIZE", right=True),
)


@og_command(
    "rm",
    examples=(
        "og rm k7f3 m2m2",
        "og rm --filter 'status:failed created>30d'",
        "og rm --list",
        "og rm --restore k7f3",
        "og rm --purge k7f3",
    ),
)
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completing.runs_or_removed)
@click.option(
    "--filter", "filter_", metavar="QUERY", help="All runs that match.", shell_complete=completing.filters
)
@click.option("--restore", is_flag=True, help="Bring RUN back out of the trash.")
@click.option("--list", "list_", is_flag=True, help="Show what lies in the trash.")
@click.option("--purge", is_flag=True, help="Delete RUN, or all there is, from the trash for good.")
@click.option("--force", is_flag=True, help="Also lost runs of other machines, which may still live there.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@reading
def command(
    runs: tuple[str, ...],
    filter_: str | None,
    restore: bool,
    list_: bool,
    purge: bool,
    force: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Move runs to the trash of their store, from where `--restore` brings them back as they were.

    A live run is refused. Nothing is deleted before `--purge`. RUN is any unique part of its
    id, its name, or its folder.
    """
    if restore + list_ + purge > 1:
        raise UsageError("--restore, --list and --purge are three things", hint="choose one of them")
    if filter_ is not None and (restore or list_ or purge):
        raise UsageError("--filter finds runs, not what lies in the trash", hint="og rm --list shows that")
    is_path_free = restore or purge or list_
    place = several.store_of(() if is_path_free else runs, store=store)
    with clients.connect(store=place) as client:
        if list_:
            return _list(client, as_json=as_json)
        if restore:
            return _back(client, runs, as_json=as_json)
        if purge:
            return _purge(client, runs, yes=yes, as_json=as_json)
        return _remove(client, runs, filter_, force=force, yes=yes, store=store, as_json=as_json)


def _remove(
    client: Client,
    words: Sequence[str],
    filter_: str | None,
    *,
    force: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    runs = several.chosen(client, words, filter_, store=store)
    if runs.refs:
        many = f"{len(runs.refs)} runs" if len(runs.refs) > 1 else "1 run"
        names = runs.names if runs.found or yes or not several.can_ask() else _names(client, runs.refs)
        several.confirm(f"move {many} to the trash", yes=yes, needed=runs.found, names=names)
    return _each(
        runs.refs,
        lambda ref: client.remove(ref, force=force),
        as_json=as_json,
        line=lambda item: f"{several.called(item)} is in the trash; og rm --restore {item['trash_id']}",
    )


def _names(client: Client, refs: list[str]) -> list[str]:
    """Which runs the references mean, before anybody says yes to them."""
    return [several.called(cast("dict[str, Any]", client.run(ref))) for ref in refs]


def _back(client: Client, words: Sequence[str], *, as_json: bool) -> int:
    if not words:
        raise UsageError("which run?", hint="og rm --list shows what lies in the trash")
    return _each(words, client.restore, as_json=as_json, line=lambda item: f"{several.called(item)} is back")


def _purge(client: Client, words: Sequence[str], *, yes: bool, as_json: bool) -> int:
    items = client.trash(limit=MAX_LISTED)["trash"]
    refs = list(words) or [item["trash_id"] for item in items]
    if refs:
        many = f"{len(refs)} removed runs" if len(refs) > 1 else "1 removed run"
        several.confirm(f"delete {many} for good", yes=yes, needed=True, names=refs)
    elif not as_json:
        output.say("the trash is empty")
        return 0
    return _each(
        refs, client.purge, as_json=as_json, line=lambda item: f"{several.called(item)} is deleted for good"
    )


def _each(
    refs: Sequence[str], act: Callable[[str], Any], *, as_json: bool, line: Callable[[dict[str, Any]], str]
) -> int:
    done, failed = several.each(refs, act)
    return several.conclude(done, failed, as_json=as_json, line=line)


def _list(client: Client, *, as_json: bool) -> int:
    reply = cast("dict[str, Any]", client.trash(limit=MAX_LISTED))
    if as_json:
        output.put_json(reply)
        return 0
    if not reply["trash"]:
        output.say("the trash is empty")
        return 0
    now = time.time()
    rows = [
        [
            str(item["trash_id"]),
            fmt.clean(str(item["name"])),
            fmt.clean(str(item["project"])),
            fmt.age(item["deleted_at"], now=now),
            fmt.size(item["size_bytes"]),
        ]
        for item in reply["trash"]
    ]
    output.put("\n".join(render(_COLUMNS, rows, limit=output.width(), ink=output.ink())))
    if reply["total"] > len(rows):
        output.say(f"{len(rows)} of {reply['total']}, removed last first")
    return 0
