"""Where the user was, kept while og runs: after a dropped line the same command shows the same screen.

One file for all stores, an entry for what was opened (a store, or a run of it); leaving with `q`
takes the entry away, so that a fresh start is a fresh start.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs import paths
from opengraphs.sdk.jsonfile import read_json, replace_file
from opengraphs.tui.screens import views_state

if TYPE_CHECKING:
    from opengraphs.tui.app import OgApp

FILE = "screens.json"
MAX_ENTRIES = 40
MAX_AGE_S = 86_400.0
"""Who comes back later than that starts afresh."""


class Memory:
    """The entry of one store, or of one run in it. Never raises: it is a convenience."""

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
        found = read_json(str(self._path)).get("screens")
        return found if isinstance(found, dict) else {}

    def _change(self, entry: dict[str, Any] | None) -> None:
        entries = {key: value for key, value in self._entries().items() if key != self._key}
        entries = dict(list(entries.items())[-(MAX_ENTRIES - 1) :])
        if entry is not None:
            entries[self._key] = entry
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(str(self._path), json.dumps({"schema": 1, "screens": entries}).encode())
            os.chmod(self._path, 0o600)  # noqa: PTH101 - it has names of runs and what was searched for
        except (OSError, ValueError):
            return


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
