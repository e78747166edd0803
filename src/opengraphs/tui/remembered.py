"""What the UI remembers from one start to the next, in files of its state folder.

`Memory`: where the user was, kept while og runs, so that after a dropped line the same command shows the
same screen. One file for all stores, an entry for what was opened (a store, or a run of it); leaving with `q`
takes the entry away, so that a fresh start is a fresh start.

`Lasting`: what holds in any case, such as columns and what was entered in the input lines; a file for each store.

Neither ever raises: they are a convenience, and a disk that takes nothing costs no more than that.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs import paths
from opengraphs.tui.screens import views_state
from opengraphs.tui.screens.base import View
from opengraphs.tui.widgets.line_history import Histories

if TYPE_CHECKING:
    from opengraphs.tui.app import OgApp

FILE = "screens.json"
HISTORY = "history"
"""Beside the names of screens in the file of `Lasting`: what was entered, by kind of line."""

MAX_BYTES = 4 << 20
MAX_ENTRIES = 40
MAX_AGE_S = 86_400.0
"""Who comes back later than that starts afresh."""


def read(path: Path) -> dict[str, Any]:
    """The object a file holds; {} where it is missing, too large or no such thing."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, value: Mapping[str, Any]) -> None:
    """Replace the file, whole or not at all. It is the user's own: it has names of runs and what was typed."""
    with contextlib.suppress(OSError, ValueError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)


class Memory:
    """The entry of one store, or of one run in it."""

    def __init__(self, store: Path, run: str | None, *, folder: Path | None = None) -> None:
        self._path = (folder or paths.state_dir()) / FILE
        self._key = f"{store}\n{run or ''}"
        self._written: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self._left = False

    def load(self) -> dict[str, Any] | None:
        """What was kept, when that is not too long ago; `age_s` says how long."""
        entry = self._entries().get(self._key)
        if not isinstance(entry, dict) or not isinstance(entry.get("at"), (int, float)):
            return None
        age_s = time.time() - entry["at"]
        return {**entry, "age_s": age_s} if 0 <= age_s < MAX_AGE_S else None

    def keep(self, state: dict[str, Any]) -> None:
        """Keep this; nothing is written when it was kept already, or the user has left."""
        with self._lock:
            if state != self._written and not self._left:
                self._written = state
                self._change({**state, "at": time.time()})

    def forget(self) -> None:
        """The user has left on purpose."""
        with self._lock:
            self._left = True
            if self._key in self._entries():
                self._change(None)

    def _entries(self) -> dict[str, Any]:
        found = read(self._path).get("screens")
        return found if isinstance(found, dict) else {}

    def _change(self, entry: dict[str, Any] | None) -> None:
        entries = {key: value for key, value in self._entries().items() if key != self._key}
        entries = dict(list(entries.items())[-(MAX_ENTRIES - 1) :])
        if entry is not None:
            entries[self._key] = entry
        write(self._path, {"schema": 1, "screens": entries})


class Lasting:
    """Each screen's `lasting` values and the histories of the input lines. `path` None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: dict[str, dict[str, Any]] = {}
        self._version = 0
        self._lock = threading.Lock()

    def restore(self, views: Iterable[View], histories: Histories) -> None:
        """Look as the file says, as far as it can be."""
        if self._path is None:
            return
        found = {name: kept for name, kept in read(self._path).items() if isinstance(kept, dict)}
        self._kept = found
        histories.restore(found.get(HISTORY, {}))
        self._version = histories.version
        for view in views:
            if view.name in found and view.lasting:
                view.restore(found[view.name])
            if view.lasting:
                found[view.name] = _lasting_of(view)

    def note(self, view: View, histories: Histories) -> bool:
        """Take up how this screen looks and what was entered; True when there is something to `write`."""
        before = self._kept
        if self._path is None:
            return False
        if view.lasting and (kept := _lasting_of(view)) != before[view.name]:
            self._kept = {**self._kept, view.name: kept}
        if histories.version != self._version:
            self._version = histories.version
            self._kept = {**self._kept, HISTORY: histories.lasting()}
        return self._kept is not before

    def write(self) -> None:
        """For a thread, since a home on a network may hang: who comes last writes the newest."""
        with self._lock:
            if self._path is not None:
                write(self._path, self._kept)


def _lasting_of(view: View) -> dict[str, Any]:
    return {name: one for name, one in view.saved().items() if name in view.lasting}


def state_of(app: OgApp) -> dict[str, Any]:
    """How all looks now, and where."""
    desk = app.desk
    runs = {"filter": desk.runs.filter, "sort": list(desk.runs.sort)}
    return {
        "run": desk.graphs.ref,
        "runs": runs,
        "selected": dict(desk.runs.selected),
        "look": views_state.keep(desk, app.views),
        "recent": list(app.recent),
    }


def come_back(app: OgApp, found: Mapping[str, Any]) -> None:
    """Look as `found` says, as far as it can be."""
    desk = app.desk
    selected = found.get("selected")
    if isinstance(selected, dict) and not desk.runs.selected:
        desk.runs.selected.update({str(run): str(name) for run, name in selected.items()})
        desk.graphs.set_overlay(list(desk.runs.selected.items()))
    if desk.graphs.ref is None and isinstance(found.get("run"), str):
        desk.open_run(found["run"])
    runs = found.get("runs")
    if isinstance(runs, dict) and isinstance(runs.get("filter"), str):
        desk.runs.set_filter(runs["filter"])
        match runs.get("sort"):
            case [str(key), bool(down)]:
                desk.runs.set_sort((key, down))
    recent = found.get("recent")
    if isinstance(recent, list):
        app.recent[:] = [name for name in recent if isinstance(name, str)]
    if isinstance(found.get("look"), dict):
        views_state.apply(desk, app.views, found["look"])
