"""What detectors knew when ogd ended: a file a run in the state folder, so that a restart changes nothing.

A store's silences lie beside them, and which runs ended of late. Losing them costs no more than a warm-up, a
silence, and an alert of the last minute told once more.
"""

from __future__ import annotations

import contextlib
import os
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from opengraphs import paths

SCHEMA = 1
OVER_S = 300.0
"""How long it is known that everything was said of a run that ended."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Keeping:
    """The kept states of one store's runs. Methods never raise: a full disk loses a state and no alert."""

    def __init__(self, store: Path) -> None:
        self._store = str(store)
        self._folder = folder() / _short(self._store)
        self._over: dict[str, float] | None = None

    def runs(self) -> list[str]:
        """Runs that were watched when ogd ended."""
        try:
            return sorted(path.stem for path in self._folder.glob("*.run"))
        except OSError:
            return []

    def load(self, run_id: str) -> dict[str, Any] | None:
        """What was kept of a run; None where there is nothing that can be read."""
        return self._read(f"{run_id}.run")

    def save(self, run_id: str, state: dict[str, Any]) -> None:
        """Replace what is kept of a run."""
        self._write(f"{run_id}.run", state)

    def forget(self, run_id: str) -> None:
        """The run has ended and everything was said."""
        self._over = {run: at for run, at in self.over().items() if abs(time.time() - at) < OVER_S}
        self._over[run_id] = time.time()
        self._write("over", {"runs": self._over})  # first: killed in between, the run is looked at once more
        with contextlib.suppress(OSError):
            (self._folder / f"{run_id}.run").unlink()

    def over(self) -> dict[str, float]:
        """Runs that ended of late with everything said of them, and when that was, Unix seconds."""
        if self._over is None:
            found = (self._read("over") or {}).get("runs")
            pairs = found.items() if isinstance(found, dict) else ()
            self._over = {run: at for run, at in pairs if isinstance(run, str) and isinstance(at, float)}
        return self._over

    def silences(self) -> list[dict[str, Any]]:
        """As `keep_silences` was given them."""
        found = (self._read("silences") or {}).get("silences")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def keep_silences(self, silences: list[dict[str, Any]]) -> None:
        """Replace the store's silences."""
        self._write("silences", {"silences": silences})

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found = _decode((self._folder / name).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        is_ours = (
            isinstance(found, dict) and found.get("schema") == SCHEMA and found.get("store") == self._store
        )
        return found if is_ours else None

    def _write(self, name: str, state: dict[str, Any]) -> None:
        path = self._folder / name
        fresh = path.with_name(f"{name}.{os.getpid()}.new")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(_encode({**state, "schema": SCHEMA, "store": self._store}))
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()


def folder() -> Path:
    """Where the states of all stores lie."""
    return paths.state_dir() / "alerts"


def watched_stores() -> list[Path]:
    """Stores with runs that were watched when the last ogd ended."""
    found: set[str] = set()
    for path in folder().glob("*/*.run"):
        try:
            known = _decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue
        if isinstance(known, dict) and isinstance(known.get("store"), str):
            found.add(known["store"])
    return sorted(Path(store) for store in found if Path(store).is_absolute() and Path(store).is_dir())


def _short(store: str) -> str:
    return blake2b(store.encode("utf-8", "replace"), digest_size=10).hexdigest()
