"""How far a run has been forwarded: one small file a (run, server), replaced after each delivery.

It lies in the state folder, because a cache may be emptied. If it is lost all the same,
the run is sent again from its first record and the server knows every row by its id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs import paths
from opengraphs.sdk.jsonfile import read_json, write_json
from opengraphs.store.tail import JournalTail, Mark

SCHEMA = 1
KEPT_SKIPS = 20
MAX_KEYS = 20_000
"""Metric names whose origin is remembered; beyond them nothing is taken for a repetition."""


class Skip(NamedTuple):
    """A record that the server will not have: where it stands, and what the server said."""

    place: str
    reason: str


class Cursor:
    """The state of one forwarded run. Changed in memory as records are read, saved when they are delivered.

    Attributes:
        marks: journal (`metrics/a0-r0`) → where its reader stands.
        steps: journal → the last step, for records that name none.
        origins: metric key → who may log it: its class (`rules.source_class`) and its name.
        last: the last metric row, to carry a config that changed after it.
        config_id: of the config that the server has.
        delivered, skipped: rows so far; skips: the newest of the latter.
        done_at: `ended_at` of the life that was delivered to its end; "" before.
    """

    def __init__(self, path: Path, *, store: str, run_id: str, target: str) -> None:
        self.path = path
        self.store, self.run_id, self.target = store, run_id, target
        found = read_json(str(path))
        known = found if _is_of(found, store, run_id, target) else {}
        self.name: str = _text(known.get("name"))
        self.marks: dict[str, Mark] = dict(_marks(known.get("marks")))
        self.steps: dict[str, int] = _numbers(known.get("steps"))
        self.origins: dict[str, str] = _texts(known.get("origins"))
        self.last: dict[str, Any] | None = known["last"] if isinstance(known.get("last"), dict) else None
        self.config_id = _text(known.get("config_id"))
        self.delivered = _number(known.get("delivered"))
        self.skipped = _number(known.get("skipped"))
        self.skips = _skips(known.get("skips"))
        self.done_at = _text(known.get("done_at"))

    def save(self) -> None:
        """Write it down.

        Raises:
            OSError: the state folder cannot be written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        members = {key: value for key, value in vars(self).items() if key not in ("path", "marks", "skips")}
        marks = {journal: list(mark) for journal, mark in self.marks.items()}
        skips = [list(skip) for skip in self.skips]
        write_json(str(self.path), {"schema": SCHEMA, **members, "marks": marks, "skips": skips})

    def note_skip(self, skip: Skip) -> None:
        """One more row that the server will not have."""
        self.skipped += 1
        self.skips = [*self.skips, skip][-KEPT_SKIPS:]

    def forget_journal(self, journal: str) -> None:
        """It is read from its start again."""
        self.marks.pop(journal, None)
        self.steps.pop(journal, None)

    def place(self, journal: str, tail: JournalTail) -> None:
        """Put a new reader of `journal` where the last one stood, or at its start if the files are others."""
        mark = self.marks.get(journal)
        if mark is not None and not tail.resume(mark):
            self.forget_journal(journal)

    def owns(self, key: str, origin: str) -> bool:
        """Whether `origin` may log `key`: the most trusted one that ever did, the lowest. Remembers a better one."""
        known = self.origins.get(key)
        if known is None and len(self.origins) >= MAX_KEYS:
            return True
        if known is None or origin < known:
            self.origins[key] = origin
            return True
        return origin == known


def folder() -> Path:
    """Where the cursors of all stores lie."""
    return paths.state_dir() / "forward"


def path_of(store: str, run_id: str, target: str) -> Path:
    """The cursor's file. A store that moved begins anew, which the server does not notice."""
    name = blake2b(f"{store}\0{run_id}\0{target}".encode("utf-8", "replace"), digest_size=10).hexdigest()
    return folder() / f"{name}.json"


def unfinished_stores() -> list[Path]:
    """Stores in which something was still to be forwarded when the last ogd ended."""
    found: set[str] = set()
    for path in folder().glob("*.json"):
        known = read_json(str(path))
        if not known.get("done_at") and isinstance(known.get("store"), str):
            found.add(known["store"])
    return sorted(Path(store) for store in found if Path(store).is_absolute() and Path(store).is_dir())


def config_id(config: Mapping[str, Any]) -> str:
    """The same for configs that say the same."""
    text = json.dumps(config, sort_keys=True, default=str).encode("utf-8", "replace")
    return blake2b(text, digest_size=8).hexdigest()


def _is_of(found: Mapping[str, Any], store: str, run_id: str, target: str) -> bool:
    named = (found.get("schema"), found.get("store"), found.get("run_id"), found.get("target"))
    return named == (SCHEMA, store, run_id, target)


def _marks(found: object) -> list[tuple[str, Mark]]:
    marks = []
    for journal, fields in found.items() if isinstance(found, dict) else ():
        try:
            segment, offset, inode, head_crc, tail_crc, past = fields
            ends = tuple((int(number), int(file), int(end)) for number, file, end in past)
            mark = Mark(int(segment), int(offset), int(inode), int(head_crc), int(tail_crc), ends)
            marks.append((journal, mark))
        except (TypeError, ValueError):
            continue
    return marks


def _numbers(found: object) -> dict[str, int]:
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(key): value for key, value in pairs if isinstance(value, int)}


def _texts(found: object) -> dict[str, str]:
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(key): value for key, value in pairs if isinstance(value, str)}


def _skips(found: object) -> list[Skip]:
    rows = found if isinstance(found, list) else []
    return [Skip(str(row[0]), str(row[1])) for row in rows if isinstance(row, list) and len(row) == 2]


def _number(found: object) -> int:
    return found if isinstance(found, int) else 0


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""
