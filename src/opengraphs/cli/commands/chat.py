"""`og chat`: ask the agent about a run."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from opengraphs import client as clients
from opengraphs.cli import chatting, completing, output, table, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import og_command, reading
from opengraphs.errors import NotFoundError, UsageError
from opengraphs.protocol.chat import MODES
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.client.sync import Client

COLUMNS = (
    table.Column("SESSION"),
    table.Column("STATE", weight=1),
    table.Column("TURNS", weight=3, right=True),
    table.Column("WRITTEN", weight=2, right=True),
    table.Column("TITLE", elastic=True),
)


@og_command(
    "chat",
    examples=(
        'og chat k7f3 "why did the loss rise?"',
        "og chat k7f3",
        "og chat --list",
        "og chat --fork 20261122-093012-k7f3.abcd --at 12",
    ),
)
@click.argument("run", required=False, shell_complete=completing.runs)
@click.argument("text", required=False)
@click.option("--session", metavar="ID", help="Go on with this session.")
@click.option("--new", is_flag=True, help="Begin a new session.")
@click.option(
    "--mode", type=click.Choice(MODES), help="How far the agent may go in this session from now on."
)
@click.option("--list", "list_", is_flag=True, help="Print sessions, of RUN or of all runs.")
@click.option("--fork", metavar="ID", help="Make a session that begins as this one did; print its id.")
@click.option("--at", type=click.IntRange(1), metavar="SEQ", help="With --fork: up to this record.")
@reading
def command(
    run: str | None,
    text: str | None,
    session: str | None,
    new: bool,
    mode: str | None,
    list_: bool,
    fork: str | None,
    at: int | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Ask the agent about RUN, the newest run by default, and print its answer as it comes.

    Without TEXT a terminal asks for lines; elsewhere the question is read from stdin. The newest session of the run
    goes on. Keys of model providers come from the environment: og config agent.
    """
    if run is not None and text is None and any(letter.isspace() for letter in run):
        run, text = None, run
    target = targets.resolve(run, store=store)
    with clients.connect(store=target.store, timeout_s=chatting.ANSWER_S) as client:
        if list_:
            _print_sessions(client.get("/chat/sessions", run=target.ref, limit=50), as_json=as_json)
        elif fork is not None:
            _print_fork(client.post("/chat/fork", {"session_id": fork, "at": at}), as_json=as_json)
        else:
            message = _address(client, target.ref, session)
            message |= {"origin": "cli", **({"new": True} if new else {}), **({"mode": mode} if mode else {})}
            _talk(client, message, text, as_json=as_json)


def _address(client: Client, ref: str | None, session: str | None) -> dict[str, Any]:
    """Whom a message is for."""
    if session is not None:
        return {"session_id": session}
    if ref is not None:
        return {"run": ref}
    page = client.runs(limit=1)
    if not page["runs"]:
        raise NotFoundError("the store has no runs", hint="og run train.py", path=str(client.store))
    return {"run": page["runs"][0]["run_id"]}


def _talk(client: Client, message: dict[str, Any], text: str | None, *, as_json: bool) -> None:
    if text is None and output.is_terminal() and not as_json:
        _ask_lines(client, message)
        return
    message["text"] = sys.stdin.read() if text is None else text
    if not message["text"].strip():
        raise UsageError("nothing to ask", hint='og chat RUN "QUESTION"')
    if as_json:
        found = chatting.records(client, message)
        output.put_json({"schema": SCHEMA, "records": found})
        raise click.exceptions.Exit(0 if found[-1]["state"] == "done" else 7)
    chatting.answer(client, message)


def _ask_lines(client: Client, message: dict[str, Any]) -> None:
    """A line, its answer, and again, until the end of input."""
    output.say("ctrl-d ends, ctrl-c interrupts an answer")
    while True:
        try:
            line = input("> ")
        except EOFError:
            output.put("")
            return
        if line.strip():
            _ask_line(client, {**message, "text": line})
            for once in ("new", "mode"):
                message.pop(once, None)


def _ask_line(client: Client, message: dict[str, Any]) -> None:
    """One exchange; what goes wrong with it ends no conversation."""
    from opengraphs.errors import AgentError

    try:
        chatting.answer(client, message)
    except AgentError as error:
        output.say(f"og: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    except KeyboardInterrupt:
        output.say("interrupted")


def _print_sessions(reply: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.put_json(reply)
        return
    rows = [
        [
            one["session_id"],
            one["state"],
            str(one["turns"]),
            fmt.ago(max(0.0, time.time() - one["updated_at"])),
            fmt.clean(one["title"]),
        ]
        for one in reply["sessions"]
    ]
    if rows:
        output.put("\n".join(table.render(COLUMNS, rows, limit=output.width(), ink=output.ink())))
    else:
        output.say("no sessions")


def _print_fork(reply: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.put_json(reply)
    else:
        output.put(reply["session_id"])
