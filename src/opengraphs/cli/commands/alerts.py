"""`og alerts`: what fired in any run, and taking note of it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import og_command, reading
from opengraphs.cli.table import Column, render
from opengraphs.client.sync import Client
from opengraphs.errors import UsageError
from opengraphs.protocol.alerts import LEVELS, STATUSES
from opengraphs.protocol.version import SCHEMA

MOST = 2000
LOOKS = 200
_COLUMNS = (
    Column("ID"),
    Column("STATUS"),
    Column("LEVEL"),
    Column("FIRED", right=True),
    Column("RUN", weight=1, elastic=True),
    Column("STEP", weight=2, right=True),
    Column("ALERT", elastic=True),
)
_STYLES = {"error": ("red",), "warn": ("yellow",)}


@og_command(
    "alerts",
    examples=(
        "og alerts",
        "og alerts --status firing --level error",
        "og alerts --run k7f3 --json",
        'og alerts ack k7f3:sdk-1 --note "lr was too high"',
    ),
)
@click.argument("words", nargs=-1, metavar="[ack ID...]")
@click.option("--run", metavar="RUN", help="Only alerts of this run.", shell_complete=completing.runs)
@click.option("--status", type=click.Choice(STATUSES), help="Only alerts that stand so.")
@click.option("--level", type=click.Choice(LEVELS), help="Only alerts of this level.")
@click.option("--filter", "filter_", metavar="WORDS", help="Only alerts with all these words.")
@click.option(
    "--limit", type=click.IntRange(1, MOST), metavar="N", default=50, show_default=True, help="Most alerts."
)
@click.option("--note", metavar="TEXT", help="With ack: what to say about it.")
@reading
def command(
    words: tuple[str, ...], note: str | None, store: str | None, as_json: bool, **chosen: Any
) -> None:
    """List the alerts of every run, the newest first; `ack ID` says that somebody knows of one.

    An ID is `RUN:NAME`, as the list shows it.
    """
    if words and words[0] != "ack":
        raise UsageError(f"`og alerts {words[0]}` is no command", hint="og alerts, or og alerts ack ID")
    if words and not words[1:]:
        raise UsageError("ack takes the id of an alert", hint="`og alerts` lists them")
    if note is not None and not words:
        raise UsageError("--note goes with ack", hint="og alerts ack ID --note TEXT")
    with clients.connect(store=targets.store_of(store)) as client:
        if words:
            alerts = [_acknowledge(client, name, note) for name in words[1:]]
            if as_json:
                output.put_json({"schema": SCHEMA, "alerts": alerts})
            return
        reply = _listed(client, chosen)
    if as_json:
        output.put_json(reply)
    elif reply["alerts"]:
        output.put("\n".join(_table(reply)))
    else:
        output.say("no alerts")


def _acknowledge(client: Client, name: str, note: str | None) -> dict[str, Any]:
    alert: dict[str, Any] = client.post(
        f"/alerts/{quote(name, safe='')}/ack", {"note": note} if note else {}
    )["alert"]
    output.say(f"{alert['status']}: {fmt.clean(alert['title'] or alert['id'])}")
    return alert


def _listed(client: Client, chosen: dict[str, Any]) -> dict[str, Any]:
    """The list, once the daemon has looked at every run."""
    asked = {
        "filter" if key == "filter_" else key: value for key, value in chosen.items() if value is not None
    }
    for _ in range(LOOKS):
        reply: dict[str, Any] = client.get("/alerts", **asked)
        if not reply["unread"]:
            break
    return reply


def _table(reply: dict[str, Any]) -> list[str]:
    now, alerts = time.time(), reply["alerts"]
    rows = [
        [
            fmt.clean(f"{alert['run_id'].rpartition('-')[2]}:{alert['alert_id']}"),
            alert["status"],
            alert["level"],
            f"{fmt.duration(max(0.0, now - alert['fired_at']))} ago",
            fmt.clean(str(alert["run"])),
            "" if alert["step"] is None else str(alert["step"]),
            fmt.clean(str(alert["title"] or alert["detector"] or "")),
        ]
        for alert in alerts
    ]
    styles: dict[tuple[int, int], tuple[str, ...]] = {
        (at, 2): _STYLES[alert["level"]] for at, alert in enumerate(alerts) if alert["level"] in _STYLES
    }
    ink = output.ink()
    lines = render(_COLUMNS, rows, limit=output.width(), ink=ink, styles=styles)
    if reply["next"] is not None:
        lines.append(ink(f"{len(alerts)} of {reply['total']} alerts", "dim"))
    return lines
