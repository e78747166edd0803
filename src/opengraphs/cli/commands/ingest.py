"""`og ingest`: let Trackio clients write into og."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from opengraphs import client as clients
from opengraphs import paths
from opengraphs.cli import output
from opengraphs.cli.format import clean
from opengraphs.cli.options import no_color, og_command, store
from opengraphs.client.sync import Client
from opengraphs.errors import DaemonError

LOOK_S = 1.0
CALM_S = 10.0
"""At least between two lines about one run."""


@og_command(
    "ingest",
    examples=(
        "og ingest",
        'eval "$(og ingest --detach)"; python train.py',
        "og ingest --port 0 --project demo",
        "og ingest status",
        "og ingest stop",
    ),
)
@click.argument("action", type=click.Choice(("start", "stop", "status")), default="start", required=False)
@click.option("--host", metavar="ADDRESS", help="Where to listen; 127.0.0.1 unless you say otherwise.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="Port, 7860 at first; 0: one that is free."
)
@click.option("--project", metavar="NAME", help="Project of runs whose client names none.")
@click.option("--token", metavar="TOKEN", help="What clients must show to write, instead of a random one.")
@click.option("--anywhere", is_flag=True, help="Accept that --host can be reached from other machines.")
@click.option("--detach", is_flag=True, help="Print the two lines for your shell and leave at once.")
@store
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with stable keys; leaves at once.")
@no_color
def command(action: str, detach: bool, store: str | None, as_json: bool, **wish: Any) -> int:
    """Take what Trackio clients send: its Python client as it is, trackio-rs, trackio-go, trackio-js.

    ogd listens on this machine alone until `og ingest stop`, also after a restart. Runs appear in
    the store like any other. Ctrl-C ends the view of what arrives, not the listening.
    """
    with clients.connect(store=paths.store_path(store)) as client:
        if action == "status":
            return _status(client, as_json=as_json)
        if action == "stop":
            reply = client.delete("/ingest")
            return (
                _put(reply, as_json=as_json) if as_json else _say("ogd does not listen for Trackio clients")
            )
        reply = client.post("/ingest", {name: value for name, value in wish.items() if value is not None})
        if as_json:
            return _put(reply, as_json=True)
        _tell(reply)
        return 0 if detach else _follow(client)


def _status(client: Client, *, as_json: bool) -> int:
    reply = client.get("/ingest")
    _put(reply, as_json=as_json)
    return 0 if reply["listening"] else DaemonError.exit_code


def _put(reply: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        output.put_json(reply)
        return 0
    if not reply["listening"]:
        output.put(f"not listening{': ' + reply['trouble'] if reply['trouble'] else ''}")
        return 0
    output.put(f"listening on {reply['url']} for {clean(reply['store'])}")
    for run in reply["runs"]:
        output.put(f"  {_line(run)}")
    if reply["quarantined"]:
        output.put(f"  {_counted(reply['quarantined'], 'row')} could not be stored: {clean(reply['reason'])}")
    return 0


def _say(text: str) -> int:
    output.say(text)
    return 0


def _tell(reply: dict[str, Any]) -> None:
    """The two lines that a shell needs, and nothing else on stdout."""
    output.say(f"og: Trackio clients can write here; runs go to {clean(str(Path(reply['store'])))}")
    output.put_flushed(f"export TRACKIO_SERVER_URL={reply['url']}")
    output.put_flushed(f"export TRACKIO_WRITE_TOKEN={reply['token']}")


def _follow(client: Client) -> int:
    output.say("og: ctrl-c ends this view; `og ingest stop` ends the listening")
    shown: dict[str, tuple[int, bool, float]] = {}
    lost = 0
    try:
        while True:
            reply = client.get("/ingest")
            now = time.monotonic()
            for run in reply["runs"]:
                rows, was_open, at = shown.get(run["run_id"], (0, False, 0.0))
                has_turned = run["is_open"] != was_open
                is_news = run["rows"] != rows and now - at >= CALM_S
                if has_turned or is_news:
                    shown[run["run_id"]] = (run["rows"], run["is_open"], now)
                    output.put_flushed(_line(run))
            if reply["quarantined"] > lost:
                lost = reply["quarantined"]
                output.say(f"og: {_counted(lost, 'row')} could not be stored: {clean(reply['reason'])}")
            if not reply["listening"]:
                return _say("og: somebody ended the listening")
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        return _say("\nog: still listening; `og ingest stop` ends it")


def _line(run: dict[str, Any]) -> str:
    """`demo/first  17 rows  20261126-063909-9ecx  running`"""
    state = "running" if run["is_open"] else "finished"
    name = clean(f"{run['project']}/{run['name']}")
    return f"{name}  {_counted(run['rows'], 'row')}  {run['run_id']}  {state}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
