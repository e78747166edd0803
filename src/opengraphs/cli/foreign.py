"""Asking the daemon for foreign runs at a path: attach, look, wait until they are there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

from opengraphs import client as clients
from opengraphs.cli import first_frame, output, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.targets import RunTarget, Target
from opengraphs.cli.waiting import ProgressLine
from opengraphs.client.sync import Client
from opengraphs.client.wire import source_path
from opengraphs.errors import NotARunError, NotFoundError
from opengraphs.protocol.sources import SourcesReply

LOOK_S = 0.05
PATIENCE_S = 60.0
"""Who wants all of it waits so long for sources that are still being read."""


class Foreign(NamedTuple):
    """What lies at a path. run_ids: of all sources, as far as a reply names them. looked_for: what
    the formats look for, a line each. notes: what could not be read, for stderr."""

    place_id: str
    run_ids: list[str]
    looked_for: list[str]
    notes: list[str]


def attach(
    store: Path,
    path: Path,
    *,
    mode: str,
    patient: bool,
    format_: str | None = None,
    project: str | None = None,
) -> Foreign:
    """Attach a path to a store, and wait for its first run; `patient` waits for all of them.

    Raises:
        NotFoundError: a file that no format knows. UsageError: no such format.
    """
    body = {"path": str(path), "mode": mode, "format": format_, "project": project}
    with ProgressLine() as line, clients.connect(store=store) as client:
        reply = cast("SourcesReply", client.post("/sources", {k: v for k, v in body.items() if v}))
        place_id, until = reply["id"], time.monotonic() + PATIENCE_S
        while _is_waiting(reply, patient=patient and time.monotonic() < until):
            if not first_frame.is_painted():
                line.show(_progress(path, reply))
            time.sleep(LOOK_S)
            reply = _again(client, place_id)
        run_ids = [run_id for source in reply["sources"] for run_id in source["run_ids"]]
        return Foreign(place_id, run_ids, _looked_for(reply), _notes(reply))


def resolve(
    word: str | None, *, store: str | None, patient: bool, heard: Callable[[list[str]], object] | None = None
) -> Target:
    """As `targets.resolve`, foreign runs included: those of a path are shown in the store of its
    project, or in one of the path's own.

    Args:
        heard: takes what could not be read; None says it on stderr at once.

    Raises:
        NotFoundError, NotARunError: neither og's runs nor foreign ones are there.
    """
    path = targets.path_of(word)
    place = targets.store_for_foreign(path) if path is not None else None
    if path is None or place is None:
        return targets.resolve(word, store=store)
    found = attach(place, path, mode="view", patient=patient)
    if found.run_ids:
        (heard or say)(found.notes)
        return Target(place, found.run_ids[0] if path.is_file() and len(found.run_ids) == 1 else None)
    first_frame.give_back()
    say(found.notes)
    forget(place, found.place_id)
    try:
        return targets.resolve(word, store=store)
    except NotARunError as error:
        hint = f"og init makes a store here\n{_looked(found)}"
        raise NotARunError(error.message, hint=hint, path=error.path) from None


def nothing_found(path: Path, found: Foreign) -> NotFoundError:
    """The error for a place without foreign runs: what was looked for, and what to do."""
    hint = f"{_looked(found)}\n--format NAME where the name of a file says nothing"
    return NotFoundError("no foreign runs here", hint=hint, path=str(path))


def _looked(found: Foreign) -> str:
    return "\n".join(["looked for the runs of", *(f"  {line}" for line in found.looked_for)])


def one_run(word: str, *, store: str | None) -> RunTarget:
    """As `targets.one_run`, the one run of a foreign file included.

    Raises:
        NotARunError: the path is a store, a project, or holds several runs.
    """
    path = targets.path_of(word)
    if path is None or not path.is_file():
        return targets.one_run(word, store=store)
    target = resolve(word, store=store, patient=True)
    if target.ref is None:
        raise NotARunError("several runs, not one", hint=f"og list {word} shows them", path=str(path))
    return RunTarget(target.store, target.ref)


def forget(store: Path, ref: str) -> None:
    """Detach a place or a source, by its id or its path."""
    with clients.connect(store=store) as client:
        client.delete(source_path(ref))


def _again(client: Client, place_id: str) -> SourcesReply:
    return cast("SourcesReply", client.get("/sources", place=place_id, limit=2000))


def _is_waiting(reply: SourcesReply, *, patient: bool) -> bool:
    if reply["trouble"]:
        return False
    is_reading = any(source["state"] == "reading" for source in reply["sources"])
    has_runs = any(source["runs"] for source in reply["sources"])
    return (reply["looking"] or is_reading) and (patient or not has_runs)


def _progress(path: Path, reply: SourcesReply) -> str:
    runs = sum(source["runs"] for source in reply["sources"])
    found = f"{runs} run{'' if runs == 1 else 's'} found, " if runs else ""
    return f"{found}still {'looking' if reply['looking'] else 'reading'} in {path}"


def _looked_for(reply: SourcesReply) -> list[str]:
    return [f"{row['title']}: {row['looks_for']}" for row in reply["formats"]]


def _notes(reply: SourcesReply) -> list[str]:
    notes = [reply["trouble"]] if reply["trouble"] else []
    for source in reply["sources"]:
        if source["message"]:
            notes.append(f"{source['path']}: {source['message']}")
        elif source["skipped"]:
            where = source["troubles"][0]
            at = "" if where["offset"] is None else f" at {where['offset']}"
            count = f"{source['skipped']} record{'' if source['skipped'] == 1 else 's'}"
            notes.append(f"{source['path']}: {count} skipped: {where['reason']}{at}")
    return [fmt.clean(note) for note in notes]


def say(notes: list[str], *, most: int = 5) -> None:
    """What could not be read, on stderr."""
    for note in notes[:most]:
        output.say(note)
    if len(notes) > most:
        output.say(f"and {len(notes) - most} more; og doctor names them")


def import_all(
    store: Path, path: Path, *, format_: str | None, project: str | None, dry_run: bool
) -> dict[str, Any]:
    """Import a path into a store; the reply when it is done.

    Raises:
        NotFoundError: the path leads nowhere.
    """
    body: dict[str, Any] = {"path": str(path), "mode": "import"}
    body |= {key: value for key, value in {"format": format_, "project": project}.items() if value}
    if dry_run:
        body["dry_run"] = True
    with ProgressLine() as line, clients.connect(store=store) as client:
        reply = client.post("/sources", body)
        while not reply["done"]:
            line.show(f"importing {path}: {len(reply['sources'])} sources, {len(reply['runs'])} runs")
            time.sleep(LOOK_S)
            reply = client.get(f"/imports/{reply['import_id']}")
        return {**reply, "formats": client.get("/sources")["formats"]}
