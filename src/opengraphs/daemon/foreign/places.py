"""The places attached to one store, kept in its cache: a new daemon follows them again."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import msgspec

FILE = "places.json"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody attached: a source, or a folder below which sources are looked for.

    format: name of the format that reads it, "" for a folder that is searched. mode: `view` or
    `attach`. project: of runs whose source names none.
    """

    path: str
    mode: str = "attach"
    format: str = ""
    project: str = ""
    added_s: float = 0.0

    @property
    def place_id(self) -> str:
        """Short, and the same each time."""
        return hashlib.blake2b(os.fsencode(self.path), digest_size=6).hexdigest()


class Places:
    """All places of a store, by id. Every change is on the disk when the call returns.

    Args:
        folder: `paths.attached_dir`; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._places: dict[str, Place] = {}
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=list[Place])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            found = []
        self._places = {place.place_id: place for place in found}

    def all(self) -> list[Place]:
        return list(self._places.values())

    def get(self, place_id: str) -> Place | None:
        return self._places.get(place_id)

    def add(self, place: Place) -> Place:
        """Keep a place; one that is known keeps its time, and stays attached when it is only viewed.

        Raises:
            OSError: the cache cannot be written.
        """
        known = self._places.get(place.place_id)
        kept = msgspec.structs.replace(
            place,
            mode="attach" if known is not None and known.mode == "attach" else place.mode,
            project=place.project or (known.project if known else ""),
            added_s=known.added_s if known else time.time(),
        )
        if kept != known:
            self._places[place.place_id] = kept
            self._save()
        return kept

    def remove(self, place_id: str) -> None:
        """Let go of a place.

        Raises:
            OSError: the cache cannot be written.
        """
        if self._places.pop(place_id, None) is not None:
            self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temp = self._file.with_name(f".{FILE}.{os.getpid()}.tmp")
        temp.write_bytes(msgspec.json.encode(self.all()))
        temp.replace(self._file)
