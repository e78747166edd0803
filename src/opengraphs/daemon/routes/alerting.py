"""Rules, silences, replay and a test of the sinks."""

from __future__ import annotations

import asyncio
import math
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from opengraphs.errors import NotFoundError, UsageError
from opengraphs.protocol.alerting import (
    CheckReply,
    ReplayReply,
    RuleOut,
    RulesReply,
    Silence,
    SilencesReply,
    SinkTestsReply,
)
from opengraphs.protocol.version import SCHEMA
from opengraphs.store.plainfile import open_plain

if TYPE_CHECKING:
    from opengraphs.alerts.replay import Replay
    from opengraphs.alerts.rules import Rule
    from opengraphs.daemon.app import Call
    from opengraphs.daemon.openstore import OpenStore

MAX_TEXT = 500
MAX_SILENCES = 200
MAX_FIRINGS = 1000
MAX_RULES = 50
REPLAY_S = 20.0
"""One request looks for so long; a thousand points take some 5 ms."""


async def silences(call: Call) -> SilencesReply:
    """`GET /alerts/silence`."""
    store = await call.store()
    return _silences(await store.ask(lambda _: store.alerts.silences()))


async def silence(call: Call) -> SilencesReply:
    """`POST /alerts/silence`."""
    store, body = await call.store(), call.body
    run = _text(body, "run")
    run_id = await store.resolve(run) if run else ""
    for_s = body.get("for_s")
    if for_s is not None and not (_is_number(for_s) and 0 < for_s < math.inf):
        raise UsageError("for_s is a number of seconds above 0, or null for good")
    made: Silence = {
        "id": uuid.uuid4().hex[:6],
        "run": run_id,
        "detector": _text(body, "detector"),
        "metric": _text(body, "metric"),
        "until": None if for_s is None else time.time() + for_s,
        "note": _text(body, "note"),
        "created_at": time.time(),
    }

    def add() -> list[dict[str, Any]]:
        if len(store.alerts.silences()) >= MAX_SILENCES:
            raise UsageError(f"more than {MAX_SILENCES} silences", hint="og alerts unsilence takes one back")
        store.alerts.silence(dict(made))
        return store.alerts.silences()

    return _silences(await store.ask(lambda _: add()))


async def unsilence(call: Call) -> SilencesReply:
    """`DELETE /alerts/silence/{id}`."""
    store = await call.store()

    def drop() -> list[dict[str, Any]]:
        if not store.alerts.unsilence(call.ref):
            raise NotFoundError(f"no silence {call.ref!r}", hint="`og alerts silence` lists them")
        return store.alerts.silences()

    return _silences(await store.ask(lambda _: drop()))


def _silences(found: list[dict[str, Any]]) -> SilencesReply:
    return {"schema": SCHEMA, "silences": found}  # type: ignore[typeddict-item]  # made by `silence` alone


async def rules(call: Call) -> RulesReply:
    """`GET /alerts/rules`: what counts for a run, or for a run that were begun now."""
    from opengraphs.alerts.settings import AFTER_S, DETECTORS

    store, run = await call.store(), call.params.text("run")
    facts = await store.ask(lambda engine: engine.facts(run) if run else {}, scan=bool(run))
    found = await store.ask(lambda _: store.alerts.rulebook.for_run(facts))
    settings = found.settings
    return {
        "schema": SCHEMA,
        "rules": [_rule(rule) for rule in found.rules],
        "detectors": [
            {
                "name": name,
                "on": name not in settings.off,
                "level": settings.levels.get(name),
                "after_s": settings.after_s[name] if name in AFTER_S else None,
            }
            for name in DETECTORS
        ],
        "roles": {str(name): str(role) for name, role in found.roles.items()},
        "sinks": [
            {"name": one.name, "kind": one.kind, "level": one.level} for one in call.core.sending.sinks()
        ],
        "troubles": [one._asdict() for one in store.alerts.rulebook.troubles()] + _sink_trouble(call),
    }


def _sink_trouble(call: Call) -> list[dict[str, str]]:
    trouble = call.core.sending.trouble
    return [{"place": "sinks", "message": trouble, "hint": ""}] if trouble else []


def _rule(rule: Rule) -> RuleOut:
    def span(one: Any) -> str | None:
        return None if one is None else f"{one.amount:g} {one.unit}"

    return {
        "name": rule.name,
        "when": rule.when,
        "hold": span(rule.hold) or "",
        "after": rule.after,
        "cooldown": span(rule.cooldown),
        "level": rule.level,
        "action": rule.action,
        "filter": rule.filter,
        "origin": rule.origin,
    }


async def check(call: Call) -> CheckReply:
    """`POST /alerts/check`: that lines are rules, before a run is started with them."""
    from opengraphs.alerts.rules import RuleSet

    wanted = _lines(call.body) or []
    RuleSet(wanted)  # two of one name
    return {"schema": SCHEMA, "rules": [_rule(rule) for rule in wanted]}


async def replay(call: Call) -> ReplayReply:
    """`POST /alerts/replay`: where detectors and rules would have fired in a stored run, or in a table."""
    from opengraphs.alerts.replay import Replay

    body, lines = call.body, _lines(call.body)
    only_rules = body.get("only_rules") is True
    table = _text(body, "table")
    if table:
        return await _replay_table(table, Replay(rules=lines or (), only_rules=only_rules))
    store = await call.store()
    run_id = await store.resolve(_text(body, "run"))
    facts = await store.ask(lambda engine: engine.facts(run_id))
    known = await store.ask(lambda _: store.alerts.rulebook.for_run(facts))
    rules = known.rules if lines is None else lines
    again = Replay(rules=rules, settings=known.settings, roles=known.roles, only_rules=only_rules)
    return await _replay_run(store, run_id, again)


async def _replay_run(store: OpenStore, run_id: str, again: Replay) -> ReplayReply:
    from opengraphs.engine.feed import RunFeed

    await store.read_whole(run_id)
    feed = RunFeed(again.wants, most_points=None)
    found = _Found()
    deadline = time.monotonic() + REPLAY_S
    while True:
        points, _ = await store.ask(lambda engine: engine.fed(run_id, feed))
        if not points or time.monotonic() > deadline:
            break
        ranks = {key: len(known) for key, known in feed.ranks().items()}
        ordered = [(key, step, when, value, rank) for key, rank, step, when, value in points]
        await asyncio.to_thread(again.take, ordered, ranks=ranks)
        found.take(again, len(points))
    return found.reply(run_id, complete=not points)


async def _replay_table(path: str, again: Replay) -> ReplayReply:
    from opengraphs.alerts.rules import read_points

    found = _Found()

    def read() -> bool:
        deadline = time.monotonic() + REPLAY_S
        with open_plain_text(path) as file:
            for point in read_points(file, path=path):
                again.take([(*point, 0)])
                found.count += 1
                if not found.count % 1000 and time.monotonic() > deadline:
                    return False
        return True

    try:
        complete = await asyncio.to_thread(read)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the table cannot be read ({error})", path=path) from error
    found.take(again, 0)
    return found.reply(None, complete=complete)


def open_plain_text(path: str) -> TextIO:
    """A regular file, for reading; never a pipe that somebody would wait for."""
    if not Path(path).is_absolute():
        raise UsageError(f"table={path!r} is not absolute", hint="give the whole path of the file")
    fd = open_plain(Path(path), os.O_RDONLY)
    return os.fdopen(fd, encoding="utf-8", newline="")


class _Found:
    """Firings so far, and of how many points."""

    def __init__(self) -> None:
        self.firings: list[dict[str, Any]] = []
        self.total = self.count = 0

    def take(self, again: Replay, count: int) -> None:
        self.count += count
        for firing in again.firings():
            self.total += 1
            if len(self.firings) < MAX_FIRINGS:
                self.firings.append(dict(firing))

    def reply(self, run_id: str | None, *, complete: bool) -> ReplayReply:
        return {
            "schema": SCHEMA,
            "run_id": run_id,
            "firings": self.firings,
            "total": self.total,
            "points": self.count,
            "complete": complete,
        }


def _lines(body: Mapping[str, Any]) -> list[Rule] | None:
    """The rules of a request, parsed; None where it names none."""
    from opengraphs.alerts.rules import parse_rule

    lines = body.get("rules")
    if lines is None:
        return None
    if (
        not isinstance(lines, list)
        or len(lines) > MAX_RULES
        or not all(isinstance(one, str) for one in lines)
    ):
        raise UsageError(f"rules is a list of at most {MAX_RULES} texts")
    rules = [parse_rule(line) for line in lines]
    for rule in rules:
        if rule.action != "notify":
            raise UsageError(
                f"action {rule.action}: this version of og only notifies", hint="leave the action out"
            )
    return rules


async def test(call: Call) -> SinkTestsReply:
    """`POST /alerts/test`: one alert to every sink, and what each says to it."""
    return {"schema": SCHEMA, "sinks": await call.core.sending.test()}


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise UsageError(f"{name} is printable text of at most {MAX_TEXT} characters")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
