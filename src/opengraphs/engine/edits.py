"""What a person may change about a run, as the events that say it. Pure.

A request becomes events; whoever owns `events/ogd.jsonl` appends them, and the run is its
run.json folded with them. What a request would not change makes no event.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opengraphs.errors import UsageError

Event = dict[str, Any]

MAX_NAME_CHARS = 200
MAX_TAG_CHARS = 200
MAX_TAGS = 500
MAX_NOTES_CHARS = 100_000
MAX_NOTE_CHARS = 20_000
MAX_EVENT_ID_CHARS = 64
MAX_STEP = 1 << 53
FIELDS = ("name", "tags", "notes", "archived")
"""What `PATCH /runs/{ref}` takes."""


def events_of_patch(body: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Event]:
    """The events that bring a run's facts to what `body` asks for; none when they are there already.

    Args:
        body: any of FIELDS; `tags` is a list (these and no others) or `{"add", "remove"}`.

    Raises:
        UsageError: a field is wrong, or none is given.
    """
    if not body:
        raise UsageError("nothing to change", hint=f"give one of {', '.join(FIELDS)}")
    events: list[Event] = []
    if "name" in body and (name := _name(body["name"])) != facts.get("name"):
        events.append({"kind": "name", "name": name})
    if "tags" in body:
        events += _tag_events(body["tags"], list(facts.get("tags") or ()))
    if "notes" in body:
        notes = _text(body["notes"], "notes", MAX_NOTES_CHARS)
        if notes != (facts.get("notes") or ""):
            events.append({"kind": "notes", "notes": notes})
    if "archived" in body:
        archived = _flag(body["archived"], "archived")
        if archived != bool(facts.get("archived")):
            events.append({"kind": "archive", "archived": archived})
    return events


def _tag_events(asked: object, present: list[str]) -> list[Event]:
    if isinstance(asked, Mapping):
        _check_names(asked, ("add", "remove"), "tags")
        add, remove = _tags(asked.get("add", []), "tags.add"), _tags(asked.get("remove", []), "tags.remove")
        both = [tag for tag in add if tag in remove]
        if both:
            raise UsageError(f"the tag {both[0]!r} is to be added and removed")
    else:
        add = _tags(asked, "tags")
        remove = [tag for tag in present if tag not in add]
    gone = [tag for tag in remove if tag in present]
    new = [tag for tag in add if tag not in present]
    if len(present) - len(gone) + len(new) > MAX_TAGS:
        raise UsageError(f"a run has at most {MAX_TAGS} tags")
    events: list[Event] = []
    if gone:
        events.append({"kind": "untag", "tags": gone})
    if new:
        events.append({"kind": "tag", "tags": new})
    return events


def event_of_person(body: Mapping[str, Any]) -> Event:
    """One event as `POST /runs/{ref}/events` takes it: a kind that a person may write, checked.

    `event_id`, where given, goes with it: an event whose id is there already is not written twice.

    Raises:
        UsageError: the kind is none of KINDS, or a field is missing, wrong or unknown.
    """
    kind = body.get("kind")
    if not isinstance(kind, str):
        raise UsageError("an event needs its kind", hint=f"one of {', '.join(KINDS)}")
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.4)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"{kind!r} is no kind of event that a person writes", hint=f"{guess}known: {', '.join(KINDS)}"
        )
    fields, check = _KINDS[kind]
    _check_names(body, ("kind", "event_id", *fields), f"event {kind}")
    event = {"kind": kind, **check(body)}
    if body.get("event_id") is not None:
        event["event_id"] = _line(body["event_id"], "event_id", MAX_EVENT_ID_CHARS)
    return event


def _note_event(body: Mapping[str, Any]) -> Event:
    text = _text(body.get("text"), "text", MAX_NOTE_CHARS)
    if not text.strip():
        raise UsageError("a note needs a text")
    step = body.get("step")
    if step is None:
        return {"text": text}
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= MAX_STEP:
        raise UsageError(f"step = {_shown(step)} is not possible", hint="a whole number from 0")
    return {"text": text, "step": step}


def _tags_event(body: Mapping[str, Any]) -> Event:
    tags = _tags(body.get("tags"), "tags")
    if not tags:
        raise UsageError("tags names no tag")
    return {"tags": tags}


_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Event]]] = {
    "note": (("text", "step"), _note_event),
    "tag": (("tags",), _tags_event),
    "untag": (("tags",), _tags_event),
    "name": (("name",), lambda body: {"name": _name(body.get("name"))}),
    "notes": (("notes",), lambda body: {"notes": _text(body.get("notes"), "notes", MAX_NOTES_CHARS)}),
    "archive": (("archived",), lambda body: {"archived": _flag(body.get("archived", True), "archived")}),
}
KINDS = tuple(_KINDS)


def _check_names(given: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"unknown key {name!r} in {what}", hint=f"{guess}known: {', '.join(names)}")


def _name(value: object) -> str:
    return _line(value, "name", MAX_NAME_CHARS)


def _tags(value: object, what: str) -> list[str]:
    if not isinstance(value, list):
        raise UsageError(f"{what} = {_shown(value)} is not possible", hint="a list of texts")
    return list(dict.fromkeys(_line(tag, f"a tag of {what}", MAX_TAG_CHARS) for tag in value))


def _line(value: object, what: str, most: int) -> str:
    """A text of one line, without control characters: it goes into tables and commands."""
    text = _text(value, what, most).strip()
    if not text:
        raise UsageError(f"{what} is empty")
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text):
        raise UsageError(f"{what} = {_shown(text)} has control characters", hint="it must fit on one line")
    return text


def _text(value: object, what: str, most: int) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{what} = {_shown(value)} is not possible", hint="a text")
    if len(value) > most:
        raise UsageError(f"{what} has {len(value)} characters; at most {most} are taken")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise UsageError(f"{what} is no text (it has half a character)")
    return value


def _flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{what} must be true or false")
    return value


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
