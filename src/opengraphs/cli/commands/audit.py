"""`og audit`: what the agent of a run was sent, said and did."""

from __future__ import annotations

from typing import Any

import click

from opengraphs import client as clients
from opengraphs.cli import audit_page, completing, output, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, reading
from opengraphs.errors import StoreError

MOST = 2000
VERIFY_S = 60.0
"""The daemon reads the whole audit to answer."""


@click.group(
    "audit",
    cls=OgGroup,
    context_settings=SETTINGS,
    examples=("og audit show k7f3", "og audit show k7f3 --from 120 --json", "og audit verify k7f3"),
)
def command() -> None:
    """Show and check what the agent of a run was sent, said and did."""


@command.command("show", cls=OgCommand, examples=("og audit show k7f3", "og audit show k7f3 --from 120"))
@click.argument("run", shell_complete=completing.runs)
@click.option(
    "--from", "start", type=click.IntRange(1), metavar="SEQ", default=1, help="From this record on."
)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    metavar="N",
    default=100,
    show_default=True,
    help="Most records.",
)
@reading
def show(run: str, start: int, limit: int, store: str | None, as_json: bool) -> None:
    """Show the records of RUN, a line each, the oldest first.

    RUN is any unique part of its id, its name, or its folder.
    """
    reply = _ask(run, store, start, limit)
    if as_json:
        output.put_json(reply)
        return
    if reply["records"]:
        lines = audit_page.lines(reply["records"], limit=output.width(), ink=output.ink())
        output.put("\n".join(lines))
    else:
        output.say("no records" if start == 1 else f"no records from {start} on")
    if reply["next"] is not None:
        output.say(f"more: og audit show {run} --from {reply['next']}")
    if not reply["intact"]:
        output.say(f"og: the audit is not intact: {fmt.clean(reply['broken'])}")


@command.command("verify", cls=OgCommand, examples=("og audit verify k7f3",))
@click.argument("run", shell_complete=completing.runs)
@reading
def verify(run: str, store: str | None, as_json: bool) -> None:
    """Check that no record of RUN was changed, removed, added or moved; exit code 4 when one was."""
    reply = _ask(run, store, 1, 1)
    if as_json:
        output.put_json(reply)
    elif reply["intact"]:
        output.put("intact" if reply["records"] else "intact: no records")
    else:
        output.put(f"not intact: {fmt.clean(reply['broken'])}")
    if not reply["intact"]:
        raise click.exceptions.Exit(StoreError.exit_code)


def _ask(run: str, store: str | None, start: int, limit: int) -> dict[str, Any]:
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store, timeout_s=VERIFY_S) as client:
        return client.get("/auto/audit", **{"run": target.ref, "from": start, "limit": limit})
