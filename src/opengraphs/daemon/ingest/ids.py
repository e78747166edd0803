"""Which records a run holds already: their ids, found again in its journals.

An id stands in the very line of its record, so that a line and the knowledge of it cannot be
torn apart: what is in the page cache is known after any crash, and nothing else is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from opengraphs.store.folder import list_segments, segment_path

_RECENT = 1 << 16
_PIECE_BYTES = 1 << 20


class Kept(msgspec.Struct, gc=False):
    """What matters here of a line of any journal."""

    log_id: str | None = None
    alert_id: str | None = None
    step: int | None = None


_decode = msgspec.json.Decoder(Kept).decode


class Ids:
    """A set of record ids at 8 bytes an id; two of them are mistaken for one in 10^19 pairs."""

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._old = np.empty(0, np.uint64)

    def add(self, name: str) -> bool:
        """Know `name` from now on; False when it was known already."""
        key = _key(name)
        if key in self._recent or self._is_old(key):
            return False
        self._recent.add(key)
        if len(self._recent) >= _RECENT:
            self._old = np.union1d(self._old, np.fromiter(self._recent, np.uint64))
            self._recent.clear()
        return True

    def _is_old(self, key: int) -> bool:
        if not len(self._old):
            return False
        at = int(np.searchsorted(self._old, np.uint64(key)))
        return at < len(self._old) and int(self._old[at]) == key


def _key(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def kept_lines(folder: Path, writer: str) -> Iterator[Kept]:
    """Every sound line of one writer's journal in `folder`, in order.

    Raises:
        OSError: a segment cannot be read.
    """
    for number in list_segments(folder).get(writer, ()):
        with segment_path(folder, writer, number).open("rb") as file:
            rest = b""
            while piece := file.read(_PIECE_BYTES):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    try:
                        yield _decode(line)
                    except (msgspec.DecodeError, UnicodeDecodeError):
                        continue
