"""`og tag`: put tags on runs, and take them off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, several
from opengraphs.cli.format import clean
from opengraphs.cli.nearest import did_you_mean
from opengraphs.cli.options import og_command, reading
from opengraphs.client.sync import Client
from opengraphs.protocol.runs import TagsEdit
from opengraphs.protocol.version import SCHEMA


@og_command(
    "tag",
    examples=(
        "og tag k7f3 baseline lr=3e-4",
        "og tag k7f3 --remove old",
        "og tag --filter 'project:gpt status:failed' broken",
        "og tag k7f3",
    ),
)
@click.argument("words", nargs=-1, metavar="[RUN] [TAG]...", shell_complete=completing.run_then_tags)
@click.option(
    "--remove",
    multiple=True,
    metavar="TAG",
    help="Take this tag off; repeatable.",
    shell_complete=completing.tags,
)
@click.option(
    "--run",
    "more",
    multiple=True,
    metavar="RUN",
    help="Another run; repeatable.",
    shell_complete=completing.runs,
)
@click.option(
    "--filter",
    "filter_",
    metavar="QUERY",
    help="All runs that match; every word is a tag then.",
    shell_complete=completing.filters,
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before many runs are changed.")
@reading
def command(
    words: tuple[str, ...],
    remove: tuple[str, ...],
    more: tuple[str, ...],
    filter_: str | None,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Tag RUN with each TAG (k or k=v), and take off what --remove names. Without tags: show those of RUN.

    RUN is any unique part of its id, its name, or its folder.
    """
    named = [*([] if filter_ is not None or more else words[:1]), *more]
    add = list(words if filter_ is not None or more else words[1:])
    with clients.connect(store=several.store_of(named, store=store)) as client:
        runs = several.chosen(client, named, filter_, store=store)
        if not add and not remove:
            return _show(client, runs.refs, as_json=as_json)
        if runs.found:
            several.confirm(
                f"change the tags of {len(runs.refs)} runs", yes=yes, needed=False, names=runs.names
            )
        edit: TagsEdit = {"add": add, "remove": list(remove)}
        done, failed = several.each(runs.refs, lambda ref: client.edit(ref, {"tags": edit}))
    return several.conclude(
        cast("list[dict[str, Any]]", done), failed, as_json=as_json, line=lambda item: _line(item, remove)
    )


def _line(item: dict[str, Any], remove: Sequence[str] = ()) -> str:
    """What a run has now; of an edit that changed nothing, why."""
    tags = item["run"].get("tags") or []
    said = f"{several.called(item)}: {_shown(tags)}"
    if item["changed"]:
        return said
    lacking = [f"no tag {clean(tag)!r} to take off; {did_you_mean(tag, tags)}".rstrip("; ") for tag in remove]
    return "\n  ".join([f"{said}  (unchanged)", *lacking])


def _shown(tags: list[str] | None) -> str:
    return "  ".join(map(clean, tags or [])) or "no tags"


def _show(client: Client, refs: list[str], *, as_json: bool) -> int:
    done, failed = several.each(refs, client.run)
    rows = [{"run_id": run["run_id"], "name": run["name"], "tags": run.get("tags") or []} for run in done]
    if as_json:
        errors = [{"run": ref, **error.to_wire()["error"]} for ref, error in failed]
        output.put_json({"schema": SCHEMA, "runs": rows, "errors": errors})
        return failed[0][1].exit_code if failed else 0
    for row in rows:
        heading = f"{several.called(cast('dict[str, Any]', row))}: " if len(refs) > 1 else ""
        output.put(heading + _shown(cast("list[str]", row["tags"])))
    return several.conclude([], failed, as_json=False, line=_line) if failed else 0
