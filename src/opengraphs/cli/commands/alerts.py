"""`og alerts`: what fired in any run, what is to fire, and what is not to be told of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from opengraphs import client as clients
from opengraphs.cli import alert_pages, completing, output, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, reading
from opengraphs.client.sync import Client
from opengraphs.errors import UsageError
from opengraphs.protocol.alerts import LEVELS, STATUSES
from opengraphs.protocol.version import SCHEMA

MOST = 2000
LOOKS = 200
REPLAY_S = 60.0
"""ogd looks for some 20 s; a long run is read first."""
F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _listing(function: F) -> F:
    for option in (
        click.option("--run", metavar="RUN", help="Only alerts of this run.", shell_complete=completing.runs),
        click.option("--status", type=click.Choice(STATUSES), help="Only alerts that stand so."),
        click.option("--level", type=click.Choice(LEVELS), help="Only alerts of this level."),
        click.option("--filter", "filter_", metavar="WORDS", help="Only alerts with all these words."),
        click.option(
            "--since", metavar="TIME", help="Only what fired after it: epoch seconds, or 2h ago as 2h."
        ),
        click.option(
            "--limit",
            type=click.IntRange(1, MOST),
            metavar="N",
            default=50,
            show_default=True,
            help="Most alerts.",
        ),
        reading,
    )[::-1]:
        function = option(function)
    return function


@click.group(
    "alerts",
    cls=OgGroup,
    invoke_without_command=True,
    context_settings=SETTINGS,
    examples=(
        "og alerts",
        "og alerts --status firing --level error",
        'og alerts ack k7f3:sdk-1 --note "lr was too high"',
        "og alerts silence --metric train/loss --for 2h",
        "og alerts replay k7f3 --rule 'train/loss > 5 for 10'",
        "og alerts rules",
    ),
)
@_listing
@click.pass_context
def command(ctx: click.Context, /, **chosen: Any) -> None:
    """List the alerts of every run, the newest first.

    An ID is `RUN:NAME`, as the list shows it.
    """
    if ctx.invoked_subcommand is None:
        _list(**chosen)


@command.command("list", cls=OgCommand, examples=("og alerts list --run k7f3 --json",))
@_listing
def list_(**chosen: Any) -> None:
    """List the alerts of every run, the newest first, as `og alerts` does."""
    _list(**chosen)


def _list(*, store: str | None, as_json: bool, since: str | None, **chosen: Any) -> None:
    asked = {
        "filter" if key == "filter_" else key: value for key, value in chosen.items() if value is not None
    }
    if since is not None:
        asked["since"] = _moment(since)
    with clients.connect(store=targets.store_of(store)) as client:
        for _ in range(LOOKS):  # the daemon looks at some runs at a time
            reply: dict[str, Any] = client.get("/alerts", **asked)
            if not reply["unread"]:
                break
    if as_json:
        output.put_json(reply)
    elif reply["alerts"]:
        output.put("\n".join(alert_pages.listed(reply)))
    else:
        output.say("no alerts")


@command.command("ack", cls=OgCommand, examples=('og alerts ack k7f3:sdk-1 --note "lr was too high"',))
@click.argument("names", nargs=-1, required=True, metavar="ID...")
@click.option("--note", metavar="TEXT", help="What to say about it.")
@reading
def ack(names: tuple[str, ...], note: str | None, store: str | None, as_json: bool) -> None:
    """Say that somebody knows of an alert."""
    with clients.connect(store=targets.store_of(store)) as client:
        alerts = [_acknowledge(client, name, note) for name in names]
    if as_json:
        output.put_json({"schema": SCHEMA, "alerts": alerts})


def _acknowledge(client: Client, name: str, note: str | None) -> dict[str, Any]:
    alert: dict[str, Any] = client.post(
        f"/alerts/{quote(name, safe='')}/ack", {"note": note} if note else {}
    )["alert"]
    output.say(f"{alert['status']}: {fmt.clean(alert['title'] or alert['id'])}")
    return alert


def _naming(function: F) -> F:
    for option in (
        click.option("--run", metavar="RUN", help="Only in this run.", shell_complete=completing.runs),
        click.option("--detector", metavar="NAME", help="Only this one; rule:NAME for a rule."),
        click.option("--metric", metavar="NAME", help="Only about this metric."),
        click.option("--note", metavar="TEXT", help="Why."),
        reading,
    )[::-1]:
        function = option(function)
    return function


@command.command(
    "silence",
    cls=OgCommand,
    examples=(
        "og alerts silence",
        "og alerts silence --metric train/loss --for 2h",
        "og alerts silence --run k7f3 --for 30m",
    ),
)
@click.option("--for", "span", metavar="TIME", help="How long: 30m, 2h, 1d.")
@_naming
def silence(span: str | None, **named: Any) -> None:
    """Do not tell of alerts for a while; without any option list what is silenced."""
    what = {key: value for key, value in named.items() if key not in ("store", "as_json") and value}
    if span is None and not what:
        _show_silences(named["store"], as_json=named["as_json"])
    elif span is None:
        raise UsageError("--for says how long", hint="og alerts mute is for good")
    else:
        _silence(named, what, _seconds(span))


@command.command(
    "mute", cls=OgCommand, examples=("og alerts mute --detector plateau", "og alerts mute --run k7f3")
)
@_naming
def mute(**named: Any) -> None:
    """Do not tell of alerts until `og alerts unsilence`; at least one option says of which."""
    what = {key: value for key, value in named.items() if key not in ("store", "as_json") and value}
    if not what.keys() & {"run", "detector", "metric"}:
        raise UsageError("mute what?", hint="og alerts mute --detector plateau")
    _silence(named, what, None)


def _silence(named: dict[str, Any], what: dict[str, Any], for_s: float | None) -> None:
    with clients.connect(store=targets.store_of(named["store"])) as client:
        reply = client.post("/alerts/silence", {**what, "for_s": for_s})
    if named["as_json"]:
        output.put_json(reply)
    else:
        output.say("silenced: " + alert_pages.silence_line(reply["silences"][-1]))


@command.command("unsilence", cls=OgCommand, examples=("og alerts unsilence 3fa9c1",))
@click.argument("name", metavar="ID")
@reading
def unsilence(name: str, store: str | None, as_json: bool) -> None:
    """Take a silence back, or what was muted."""
    with clients.connect(store=targets.store_of(store)) as client:
        reply = client.delete(f"/alerts/silence/{quote(name, safe='')}")
    if as_json:
        output.put_json(reply)
    else:
        output.say(f"{name} is no longer silenced")


def _show_silences(store: str | None, *, as_json: bool) -> None:
    with clients.connect(store=targets.store_of(store)) as client:
        reply = client.get("/alerts/silence")
    if as_json:
        output.put_json(reply)
    elif reply["silences"]:
        output.put("\n".join(alert_pages.silenced(reply["silences"])))
    else:
        output.say("nothing is silenced")


@command.command("rules", cls=OgCommand, examples=("og alerts rules", "og alerts rules --run k7f3 --json"))
@click.option("--run", metavar="RUN", help="What counts for this run.", shell_complete=completing.runs)
@reading
def rules(run: str | None, store: str | None, as_json: bool) -> None:
    """Show the rules, detectors and sinks that count, and files that do not, with the reason."""
    with clients.connect(store=targets.store_of(store)) as client:
        reply = client.get("/alerts/rules", **({"run": run} if run else {}))
    if as_json:
        output.put_json(reply)
    else:
        output.put("\n".join(alert_pages.rules(reply)))


@command.command("test", cls=OgCommand, examples=("og alerts test",))
@reading
def test(store: str | None, as_json: bool) -> None:
    """Send a test alert to every sink of your alerts.toml; exit code 6 when one does not take it."""
    with clients.connect(store=targets.store_of(store)) as client:
        reply = client.post("/alerts/test", {})
    if as_json:
        output.put_json(reply)
    elif not reply["sinks"]:
        output.say("no sinks; docs/alerts.md says how to write one")
    for sink in () if as_json else reply["sinks"]:
        output.put(f"{sink['name']}: {'ok' if sink['ok'] else 'failed, ' + fmt.clean(sink['error'])}")
    if not all(sink["ok"] for sink in reply["sinks"]):
        raise click.exceptions.Exit(6)


@command.command(
    "replay",
    cls=OgCommand,
    examples=(
        "og alerts replay k7f3",
        "og alerts replay k7f3 --rule 'train/loss > 5 for 10 after 200'",
        "og alerts replay loss.csv --only-rules --rule 'loss > 2 * min(loss)'",
    ),
)
@click.argument("source", metavar="RUN|FILE.csv", shell_complete=completing.runs)
@click.option(
    "--rule", "lines", multiple=True, metavar="RULE", help="This rule in the place of yours; repeatable."
)
@click.option("--only-rules", is_flag=True, help="Without the detectors.")
@reading
def replay(source: str, lines: tuple[str, ...], only_rules: bool, store: str | None, as_json: bool) -> None:
    """Show where alerts would have fired in a run, or in a CSV with a `step` column.

    With --json one JSON object a firing, a line each.
    """
    asked: dict[str, Any] = {"only_rules": only_rules, **({"rules": list(lines)} if lines else {})}
    asked |= {"table": str(Path(source).absolute())} if _is_table(source) else {"run": source}
    with clients.connect(store=targets.store_of(store), timeout_s=REPLAY_S) as client:
        found: dict[str, Any] = client.post("/alerts/replay", asked)
    if as_json:
        for firing in found["firings"]:
            output.put(json.dumps(firing))
        return
    if found["firings"]:
        output.put("\n".join(alert_pages.firings(found["firings"])))
    word = "alert" if found["total"] == 1 else "alerts"
    output.say(f"{found['total']} {word} in {found['points']:,} points".replace(",", " "))
    if not found["complete"]:
        output.say("og: the time was up before the end of the run")


def _is_table(source: str) -> bool:
    return source.endswith(".csv") and Path(source).is_file()


def _seconds(text: str) -> float:
    """`30m` as seconds."""
    number, unit = text[:-1], text[-1:]
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise UsageError(f"{text!r} is no time", hint="30s, 10m, 2h, 1d") from None
    if not 0 < seconds < 1e10:
        raise UsageError(f"{text!r} is no time", hint="30s, 10m, 2h, 1d")
    return seconds


def _moment(text: str) -> float:
    """Epoch seconds, or so long ago."""
    try:
        return float(text)
    except ValueError:
        return time.time() - _seconds(text)
