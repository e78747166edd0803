"""Logged samples: where each line is, so that a window is read and never the whole file."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any, NamedTuple

from opengraphs.engine.samplelook import PROMPTS, SampleLook, SampleQuery, prompt_of
from opengraphs.errors import NotFoundError
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder, segment_path
from opengraphs.store.jsonl import moment_of, parse_object, parse_piece
from opengraphs.store.watch import JournalWatch


class _Place(NamedTuple):
    """Sorts by time; the rest decides between equals and says where the line is."""

    time: float
    writer: str
    segment: int
    offset: int
    length: int


LOOKS = 4
"""Filters and orders whose result is kept."""


class RunSamples:
    """Follows `samples/*.jsonl` of one run; keeps about 160 bytes a sample. May raise OSError."""

    def __init__(self, folder: RunFolder, fds: FdPool, *, reopen: bool = False) -> None:
        self._folder = folder.samples
        self._fds = fds
        self._reopen = reopen
        self._begin()

    def _begin(self) -> None:
        self._watch = JournalWatch(self._folder, self._fds, reopen=self._reopen)
        self._places: list[_Place] = []
        self._arrived: list[_Place] = []
        self._looks: dict[SampleQuery, SampleLook] = {}

    def refresh(self) -> None:
        """Take in new lines."""
        self._watch.refresh()
        for tail in self._watch.news():
            while (piece := tail.read()) is not None:
                records, _ = parse_piece(piece)
                for offset, value in records:
                    length = piece.data.index(b"\n", offset - piece.offset) - (offset - piece.offset)
                    place = _Place(moment_of(value), tail.writer, piece.segment, offset, length)
                    insort(self._places, place)
                    self._arrived.append(place)

    def verify(self) -> None:
        """Begin again if a file is not what was read."""
        if self._watch.lost():
            self._begin()

    def window(
        self, start: int, limit: int, query: SampleQuery | None = None, cut: int = 0
    ) -> dict[str, Any]:
        """Samples `start` … in the order of `query`, by default of time; negative `start` counts from the end.

        cut: texts longer than that many characters are shortened. unread: samples that a filter or an order
        has not looked at yet; ask again.
        """
        places, unread = self._chosen(query) if query is not None else (self._places, 0)
        total = len(places)
        first = max(0, total + start) if start < 0 else start
        chosen = places[first : first + limit]
        end = first + len(chosen)
        samples = [sample for place in chosen if (sample := self._told(place, cut)) is not None]
        return {
            "samples": samples,
            "from": first,
            "total": total,
            "all": len(self._places),
            "unread": unread,
            "next": end if chosen and end < total else None,
        }

    def sample(self, sample_id: str, cut: int = 0) -> dict[str, Any]:
        """One sample by its id.

        Raises:
            NotFoundError: there is no such sample.
        """
        told = self._told(self._find(sample_id), cut)
        if told is None:
            raise _unknown(sample_id)
        return told

    def prompt(self, sample_id: str) -> Any:
        """What a sample's model was asked.

        Raises:
            NotFoundError: there is no such sample, or it has no prompt.
        """
        record = self._read(self._find(sample_id)) or {}
        prompt = prompt_of(record)
        if prompt is None:
            raise NotFoundError(
                f"sample {sample_id!r} has no prompt",
                hint="a prompt is a column called " + ", ".join(PROMPTS),
            )
        return prompt

    def _chosen(self, query: SampleQuery) -> tuple[list[_Place], int]:
        look = self._looks.pop(query, None) or SampleLook(query)
        self._looks[query] = look
        while len(self._looks) > LOOKS:
            del self._looks[next(iter(self._looks))]
        look.read(self._arrived, self._read)
        return look.places(), len(self._arrived) - look.seen

    def _find(self, sample_id: str) -> _Place:
        writer, _, rest = sample_id.rpartition("/")
        segment, _, offset = rest.partition(".")
        for place in self._arrived if segment.isdigit() and offset.isdigit() else ():
            if place.offset == int(offset) and place.segment == int(segment) and place.writer == writer:
                return place
        raise _unknown(sample_id)

    def _told(self, place: _Place, cut: int) -> dict[str, Any] | None:
        record = self._read(place)
        if record is None:
            return None
        told = {
            **record,
            "id": f"{place.writer}/{place.segment}.{place.offset}",
            "n": bisect_left(self._places, place),
        }
        return shortened(told, cut) if cut else told

    def _read(self, place: _Place) -> dict[str, Any] | None:
        import os

        opened = self._fds.get(segment_path(self._folder, place.writer, place.segment))
        return parse_object(os.pread(opened.fd, place.length, place.offset))


def shortened(sample: dict[str, Any], cut: int) -> dict[str, Any]:
    """A sample whose texts have at most `cut` characters; `cut` then names the columns that had more."""
    columns = sample.get("columns")
    if not isinstance(columns, dict):
        return sample
    shown, longer = {}, []
    for name, value in columns.items():
        shown[name], whole = _short(value, cut)
        if not whole:
            longer.append(name)
    return {**sample, "columns": shown, "cut": longer}


def _short(value: Any, cut: int) -> tuple[Any, bool]:
    """(value with short texts, whether it is whole)."""
    if isinstance(value, str):
        return value[:cut], len(value) <= cut
    if isinstance(value, list):
        parts = [_short(one, cut) for one in value[:cut]]
        return [part for part, _ in parts], len(value) <= cut and all(whole for _, whole in parts)
    if isinstance(value, dict):
        found = {str(key): _short(one, cut) for key, one in value.items()}
        return {key: part for key, (part, _) in found.items()}, all(whole for _, whole in found.values())
    return value, True


def _unknown(sample_id: str) -> NotFoundError:
    return NotFoundError(f"no sample {sample_id!r}", hint="ids are told by GET /runs/{ref}/samples")
