"""One event file: its pieces read, checked and decoded, over damage and torn tails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opengraphs.sources.followed import SLICE_BYTES, FollowedFile, Piece
from opengraphs.sources.mishaps import Mishaps
from opengraphs.sources.tfevents import Decoder, Emit, Head, read_head
from opengraphs.sources.tfnotes import Notes
from opengraphs.sources.tfrecord import HEADER_BYTES, Framing, damaged

HEAD_BYTES = 4096
MAX_RECORD_BYTES = 8 << 20
"""Longer records (pictures, sound) are passed over unread."""
_LOST = "damaged bytes, read on behind them"
_STUCK = "damaged bytes, and nothing readable behind them yet"
_BAD_CRC = "records whose check sum is wrong"
_NO_EVENT = "records that are no events"


class EventFile:
    """Follows one file.

    Attributes:
        purge_step: this file takes over from this step on; None: it does not say so.
        is_head_known: `purge_step` will not change any more.
    """

    def __init__(
        self, path: str, saved: Sequence[Any], mishaps: Mishaps, rename: Callable[[str], str]
    ) -> None:
        """saved: from `cursor` of an earlier one; empty to begin."""
        self.path = path
        place, last_step, purge_step, is_head_known = saved if len(saved) == 4 else (None, None, None, False)
        self.followed = FollowedFile(path, place)
        self.purge_step: int | None = _int(purge_step)
        self.is_head_known = bool(is_head_known)
        self._mishaps = mishaps
        self._rename = rename
        self._framing = Framing()
        self._decoder = Decoder(rename)
        self._decoder.last_step = _int(last_step)
        self._wants = 0

    @property
    def last_step(self) -> int | None:
        """The highest step that was handed over; None before the first."""
        return self._decoder.last_step

    def cursor(self) -> list[Any]:
        return [self.followed.place(), self.last_step, self.purge_step, self.is_head_known]

    def rewind(self) -> None:
        """Begin anew; how the file begins is looked at again."""
        self.followed.rewind()
        self._decoder = Decoder(self._rename)
        self.is_head_known, self.purge_step, self._wants = False, None, 0

    def look_at_head(self) -> Head:
        """How the file begins, as far as it is written.

        Raises:
            OSError: it cannot be read.
        """
        piece = FollowedFile(self.path).piece(HEAD_BYTES)
        frames = self._framing.split(piece.data)
        head = read_head(piece.data, frames.spans, is_all=frames.is_damaged or not piece.at_end)
        self.purge_step, self.is_head_known = head.purge_step, head.is_known
        return head

    def fetch(self) -> Piece | None:
        """The next piece of the file; None when there is nothing new, or the next record is not whole yet.

        Raises:
            Rewritten: the file is another one now.
            OSError: it cannot be read.
        """
        if not self.followed.is_changed():
            return None
        if self._wants > MAX_RECORD_BYTES:
            if self.followed.size < self.followed.offset + self._wants:
                return None
            self.followed.skip(self._wants)
            self._wants = 0
        return self.followed.piece(max(SLICE_BYTES, self._wants))

    def digest(self, piece: Piece, emit: Emit, *, before: int | None, notes: Notes) -> None:
        """Hand over what is in a piece; see `tfevents.Decoder.decode`."""
        self._mishaps.over(self.path, _STUCK)
        at: int | None = 0
        while at is not None:
            frames = self._framing.split(piece.data, at)
            self._decode(piece.data, frames.spans, emit, before, notes)
            self._wants = frames.wants
            consumed, at = frames.consumed, None
            if frames.is_damaged:
                consumed, at = self._behind_damage(piece, consumed)
        self.followed.take(piece, consumed)

    def _decode(
        self, data: bytes, spans: list[tuple[int, int]], emit: Emit, before: int | None, notes: Notes
    ) -> None:
        bad = damaged(data, spans)
        if bad:
            offset = self.followed.offset + min(bad) - HEADER_BYTES
            self._mishaps.add(self.path, _BAD_CRC, skipped=len(bad), offset=offset)
            spans = [span for span in spans if span[0] not in bad]
        self._decoder.decode(data, spans, emit, before=before, notes=notes)
        if self._decoder.unreadable:
            self._mishaps.add(self.path, _NO_EVENT, skipped=self._decoder.unreadable)
            self._decoder.unreadable = 0

    def _behind_damage(self, piece: Piece, at: int) -> tuple[int, int | None]:
        """What to be done with, and where to go on in the piece, behind the damage at `at`.

        Damage that ends the file may be a record that is still being written: it is looked at
        again when the file changes.
        """
        behind = self._framing.next_header(piece.data, at)
        if behind is None and piece.at_end:
            self._mishaps.add(self.path, _STUCK, offset=piece.offset + at)
            return at, None
        self._mishaps.add(self.path, _LOST, offset=piece.offset + at)
        if behind is None:
            return max(at + 1, len(piece.data) - HEADER_BYTES + 1), None
        return behind, behind


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
