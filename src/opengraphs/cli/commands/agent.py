"""`og agent`: how the agent is, and what it would send."""

from __future__ import annotations

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, reading

PREVIEW_S = 60.0


@click.group(
    "agent",
    cls=OgGroup,
    context_settings=SETTINGS,
    examples=("og agent status", 'og agent preview k7f3 "why did the loss rise?"'),
)
def command() -> None:
    """How the agent's process is, and what a message would send to its model."""


@command.command("status", cls=OgCommand, examples=("og agent status --json",))
@reading
def status(store: str | None, as_json: bool) -> None:
    """Print how the agent is: off until it is needed, ready, busy, or broken and why."""
    with clients.connect(store=targets.resolve(None, store=store).store) as client:
        found = client.get("/agent")
    if as_json:
        output.put_json(found)
        return
    model = f", {found['provider']} {found['model']}" if found["model"] else ""
    pid = f", pid {found['pid']}" if found["pid"] else ""
    output.put(fmt.clean(f"{found['state']}{pid}{model}"))
    for name in ("trouble", "disabled"):
        if found[name]:
            output.say(f"og: {fmt.clean(found[name])}")


@command.command("preview", cls=OgCommand, examples=('og agent preview k7f3 "why?"',))
@click.argument("run", shell_complete=completing.runs)
@click.argument("text", required=False, default="")
@reading
def preview(run: str, text: str, store: str | None, as_json: bool) -> None:
    """Print exactly what TEXT about RUN would send to the model, as the first message of a session."""
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store, timeout_s=PREVIEW_S) as client:
        found = client.get("/agent/preview", run=target.ref, text=text)
    if as_json:
        output.put_json(found)
        return
    for message in found["messages"]:
        lines = [fmt.clean(line) for line in message["text"].splitlines()]
        output.put("\n".join([f"── {message['role']}", *lines, ""]))
    hidden = ", ".join(f"{one['times']} {fmt.clean(one['kind'])}" for one in found["hidden"]) or "none"
    output.say(f"about {found['tokens_estimate']} tokens; secrets hidden: {hidden}")
