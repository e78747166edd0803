"""`og stop`: end a run the way its owner asked for."""

from __future__ import annotations

import time
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, targets
from opengraphs.cli.options import no_color, og_command, store
from opengraphs.client.sync import Client
from opengraphs.errors import ProcessError
from opengraphs.records import ENDED

_LOOK_S = 0.1
_SLACK_S = 10.0
"""After the grace has passed: the kill, the runner's last record, and the daemon's look at it."""


@og_command("stop", examples=("og stop k7f3", "og stop k7f3 --grace 60"))
@click.argument("run", shell_complete=completing.runs)
@click.option(
    "--grace",
    "grace_s",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    metavar="SECONDS",
    help="Seconds between asking (TERM) and ending (KILL).",
)
@store
@no_color
def command(run: str, grace_s: float, store: str | None) -> None:
    """Stop a run: its processes get TERM, and KILL when they are still there after the grace.

    Of a run that crashed and waits for its restart, the restart is called off.

    RUN is any unique part of its id, its name, or its folder.
    """
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        facts = cast("dict[str, Any]", client.run(target.ref))
        if facts["status"] in ENDED:
            _call_off(client, facts)
            return
        client.stop(facts["run_id"], grace_s=grace_s)
        status = _wait(client, facts["run_id"], grace_s + _SLACK_S)
    output.say(f"{facts['name']} ({facts['run_id']}) {status}")


def _call_off(client: Client, facts: dict[str, Any]) -> None:
    """Of a run that crashed: no restart after it.

    Raises:
        ProcessError: none was due.
    """
    try:
        client.stop(facts["run_id"])
    except ProcessError:
        raise ProcessError(
            f"{facts['name']} is not running ({facts['status']})", hint="og list --status running"
        ) from None
    output.say(f"{facts['name']} ({facts['run_id']}) {facts['status']}; it is not restarted")


def _wait(client: Client, run_id: str, timeout_s: float) -> str:
    """The run's status once it has ended.

    Raises:
        ProcessError: it has not, within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        status = str(client.run(run_id)["status"])
        if status in ENDED:
            return status
        if time.monotonic() > deadline:
            raise ProcessError(f"{run_id} was asked to stop and still runs", hint="og doctor, og daemon logs")
        time.sleep(_LOOK_S)
