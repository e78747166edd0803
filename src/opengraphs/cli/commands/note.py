"""`og note`: write down what was seen, and read it again."""

from __future__ import annotations

import sys
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, several, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import og_command, reading
from opengraphs.client.sync import Client
from opengraphs.errors import UsageError
from opengraphs.protocol.runs import EventRequest
from opengraphs.protocol.version import SCHEMA

PAGE_EVENTS = 2000


@og_command(
    "note",
    examples=(
        'og note k7f3 "warm-up was too short"',
        'og note k7f3 "loss spike here" --step 1200',
        "git log -1 | og note k7f3 -",
        "og note k7f3",
    ),
)
@click.argument("run", shell_complete=completing.runs)
@click.argument("text", required=False)
@click.option("--step", type=click.IntRange(0), metavar="N", help="The step that the note is about.")
@click.option("--replace", is_flag=True, help="Write the notes anew instead of adding to them.")
@reading
def command(
    run: str, text: str | None, step: int | None, replace: bool, store: str | None, as_json: bool
) -> None:
    """Add TEXT to the notes of RUN (`-` reads it from stdin); without TEXT, show its notes.

    RUN is any unique part of its id, its name, or its folder.
    """
    if text is None and (replace or step is not None):
        raise UsageError("which text?", hint="og note RUN TEXT, or - to read it from stdin")
    if replace and step is not None:
        raise UsageError("a note at a step stands by itself", hint="leave out --replace or --step")
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        if text is None:
            _show(client, target.ref, as_json=as_json)
            return
        written = sys.stdin.read().strip() if text == "-" else text
        reply = _write(client, target.ref, written, step=step, replace=replace)
    if as_json:
        output.put_json(reply)
    else:
        output.say(f"noted for {reply['run_id']}" + (f" at step {step}" if step is not None else ""))


def _write(client: Client, ref: str, text: str, *, step: int | None, replace: bool) -> dict[str, Any]:
    if replace:
        return cast("dict[str, Any]", client.edit(ref, {"notes": text}))
    note: EventRequest = {"kind": "note", "text": text}
    if step is not None:
        note["step"] = step
    return cast("dict[str, Any]", client.add_event(ref, note))


def _show(client: Client, ref: str, *, as_json: bool) -> None:
    run = cast("dict[str, Any]", client.run(ref))
    at_steps = [
        {"step": event["step"], "time": event.get("time"), "text": str(event.get("text") or "")}
        for event in _events(client, run["run_id"])
        if event.get("kind") == "note" and isinstance(event.get("step"), int)
    ]
    notes = str(run.get("notes") or "")
    if as_json:
        output.put_json(
            {
                "schema": SCHEMA,
                "run_id": run["run_id"],
                "name": run["name"],
                "notes": notes,
                "at_steps": at_steps,
            }
        )
        return
    lines = [fmt.clean(line) for line in notes.splitlines()]
    ink = output.ink()
    lines += [
        f"{ink('step ' + str(note['step']), 'dim')}  {fmt.clean(note['text'])}"
        for note in sorted(at_steps, key=lambda note: int(note["step"]))
    ]
    if lines:
        output.put("\n".join(lines))
    else:
        output.say(f"no notes on {several.called(run)}")


def _events(client: Client, run_id: str) -> list[dict[str, Any]]:
    """All events of a run, page after page."""
    found: list[dict[str, Any]] = []
    since: str | None = None
    while True:
        page = client.get(f"/runs/{run_id}/events", since=since, limit=PAGE_EVENTS)
        found += page["events"]
        since = page["next"]
        if since is None:
            return found
