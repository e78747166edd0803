"""run.json and exit.json, read so that damage costs as little as it can."""

from __future__ import annotations

import json
import math
import os
import re
from calendar import timegm
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple, cast

from opengraphs.records import STATUSES, ExitRecord, RunFacts
from opengraphs.sdk import layout
from opengraphs.store.jsonl import parse_object
from opengraphs.store.plainfile import open_plain

_TEXT = (str,)
_TEXT_OR_NONE = (str, type(None))
_INT_OR_NONE = (int, type(None))
_DICT_OR_NONE = (dict, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    "schema": (int,),
    "run_id": _TEXT,
    "project": _TEXT,
    "name": _TEXT,
    "group": _TEXT_OR_NONE,
    "job_type": _TEXT_OR_NONE,
    "status": _TEXT,
    "created_at": _TEXT,
    "started_at": _TEXT_OR_NONE,
    "ended_at": _TEXT_OR_NONE,
    "heartbeat_at": _TEXT_OR_NONE,
    "exit_code": _INT_OR_NONE,
    "signal": _INT_OR_NONE,
    "host": _TEXT,
    "user": _TEXT,
    "pid": _INT_OR_NONE,
    "runner_pid": _INT_OR_NONE,
    "command": (list,),
    "cwd": _TEXT,
    "script": _TEXT_OR_NONE,
    "git": _DICT_OR_NONE,
    "python": _TEXT_OR_NONE,
    "ranks": (dict,),
    "job": (dict,),
    "source": _TEXT,
    "source_path": _TEXT,
    "source_trouble": _TEXT,
    "config": (dict,),
    "summary": (dict,),
    "tags": (list,),
    "notes": _TEXT,
    "progress": _DICT_OR_NONE,
    "parent": _DICT_OR_NONE,
    "archived": (bool,),
    "mirror_to": _TEXT,
    "hooks": (dict,),
    "journal": _TEXT,
    "events_folded": (dict,),
    "summary_folded": (list,),
}
_STAMP = re.compile(r"^(\d{8})-(\d{6})\b")


class RunJson(NamedTuple):
    """What run.json says; `damage` "" when it was whole, else what is wrong with it."""

    facts: RunFacts
    damage: str


def read_run_json(path: Path | str) -> RunJson:
    """Read run.json; never raises. A damaged one gives the members that can be read."""
    try:
        data = read_small(path)
    except FileNotFoundError:
        return RunJson({}, "run.json is missing")
    except OSError as error:
        return RunJson({}, f"run.json cannot be read ({error.strerror})")
    value = parse_object(data)
    damage = ""
    if value is None:
        value = salvage(data.decode("utf-8", "replace"))
        damage = f"run.json does not parse; {len(value)} fields could be read"
    return _sound(value, damage)


def read_small(path: Path | str) -> bytes:
    """All bytes of a file, in four system calls: ten thousand of these are read at a first start.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    fd = open_plain(path)
    try:
        size = os.fstat(fd).st_size
        data = os.read(fd, size + 1)
        while len(data) > size and (more := os.read(fd, 1 << 20)):  # it grew meanwhile
            data += more
        return data
    finally:
        os.close(fd)


def _sound(value: dict[str, Any], damage: str) -> RunJson:
    """Drop members whose type would mislead everything behind this reader."""
    wrong = [key for key, item in value.items() if not isinstance(item, _TYPES.get(key, (object,)))]
    if value.get("status") not in (None, *STATUSES) and "status" not in wrong:
        wrong.append("status")
    if wrong and not damage:
        damage = f"run.json has fields of a wrong type: {', '.join(sorted(wrong))}"
    facts = {key: item for key, item in value.items() if key not in wrong}
    for key in ("tags", "command", "summary_folded"):
        if key in facts:
            facts[key] = [str(item) for item in facts[key]]
    return RunJson(cast("RunFacts", facts), damage)


def salvage(text: str) -> dict[str, Any]:
    """The members of a JSON object that breaks off somewhere: those before the break."""
    decoder = json.JSONDecoder()
    members: dict[str, Any] = {}
    at = text.find("{") + 1
    while at > 0:
        try:
            key, at = decoder.raw_decode(text, _skip(text, at, ","))
            value, at = decoder.raw_decode(text, _skip(text, at, ":"))
        except (ValueError, RecursionError):
            break
        if not isinstance(key, str):
            break
        members[key] = value
    return members


def _skip(text: str, at: int, mark: str) -> int:
    while at < len(text) and (text[at].isspace() or text[at] == mark):
        at += 1
    return at


def complete(facts: RunFacts, run_id: str) -> RunFacts:
    """Fill what every reader counts on, from the folder's name where need be.

    The folder's name is the identity: a copied run is another run.
    """
    created = facts.get("created_at") or _created_from(run_id)
    return {
        "schema": layout.SCHEMA,
        "project": "",
        "config": {},
        "summary": {},
        "tags": [],
        "notes": "",
        **facts,
        "name": facts.get("name") or run_id,
        "created_at": created,
        "run_id": run_id,
    }


def own_summary(facts: RunFacts) -> dict[str, Any]:
    """What the user set; last values of metrics that `settle` wrote beside it are left out."""
    folded = facts.get("summary_folded", ())
    return {key: value for key, value in facts.get("summary", {}).items() if key not in folded}


def _created_from(run_id: str) -> str:
    found = _STAMP.match(run_id)
    if found is None:
        return layout.utc_iso(0.0)
    try:
        moment = datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S")
    except ValueError:
        return layout.utc_iso(0.0)
    return layout.utc_iso(timegm(moment.timetuple()))


def epoch(stamp: str | None) -> float | None:
    """Epoch seconds of an ISO-8601 time; None when there is none or it does not parse."""
    if not stamp:
        return None
    try:
        moment = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    seconds = moment.timestamp()
    return seconds if math.isfinite(seconds) else None


def read_exit(path: Path | str) -> ExitRecord | None:
    """exit.json; None when there is none, or it is no object (then the lock decides)."""
    try:
        value = parse_object(read_small(path))
    except OSError:
        return None
    if value is None:
        return None
    record: ExitRecord = {
        "code": value.get("code") if isinstance(value.get("code"), int) else None,
        "signal": value.get("signal") if isinstance(value.get("signal"), int) else None,
        "stopped": value.get("stopped") is True,
    }
    if isinstance(value.get("ended_at"), str):
        record["ended_at"] = value["ended_at"]
    return record
