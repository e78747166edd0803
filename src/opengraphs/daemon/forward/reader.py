"""Read one run's journals on from its cursor, as rows for the server, a batch at a time.

Memory holds one batch, whatever waits on the disk: what was read is read again after an
end of the daemon, and what is still to be read stays in the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from opengraphs.daemon.forward.cursor import Cursor, Skip, config_id
from opengraphs.daemon.forward.rows import (
    CONFIG_PLACE,
    METRICS,
    Row,
    Who,
    alert_row,
    metric_row,
    row_id,
    system_row,
)
from opengraphs.engine.rules import source_class
from opengraphs.sdk import layout
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder, WriterName
from opengraphs.store.jsonl import finite, parse_object
from opengraphs.store.tail import JournalTail, Piece
from opengraphs.store.watch import JournalWatch

PIECE_BYTES = 32 << 10
MAX_ROWS = 500
MAX_BYTES = 1 << 20
MAX_ROW_BYTES = 4 << 20
"""A longer row is not offered to any server."""
_KINDS = (layout.METRICS, layout.SYSTEM, layout.EVENTS)


class Batch(NamedTuple):
    """Rows in the order of their journals; skips: records that no server is asked to take."""

    rows: list[Row]
    skips: list[Skip]


class RunReader:
    """The rows of one run; used by one thread.

    Args:
        cursor: moved on with every batch; the caller saves it once the batch is delivered.
    """

    def __init__(self, folder: RunFolder, cursor: Cursor, fds: FdPool, *, who: Who) -> None:
        self._cursor = cursor
        self._who = who
        folders = {layout.METRICS: folder.metrics, layout.SYSTEM: folder.system, layout.EVENTS: folder.events}
        self._watches = {kind: JournalWatch(folders[kind], fds) for kind in _KINDS}
        self._placed: set[str] = set()

    def read(self, *, final: bool) -> Batch | None:
        """The next rows, about `MAX_ROWS` or `MAX_BYTES` of them; None: nothing new stands there.

        Args:
            final: the run has ended, so a hole of NULs is damage and not "not yet".

        Raises:
            OSError: the run folder cannot be read.
        """
        rows: list[Row] = []
        skips: list[Skip] = []
        has_read, size = False, 0
        for journal, tail in self._tails():
            while (
                len(rows) < MAX_ROWS and size < MAX_BYTES and (piece := tail.read(PIECE_BYTES, final=final))
            ):
                has_read = True
                for row in self._rows(journal, tail.writer, piece):
                    size += row.size_bytes
                    if row.size_bytes > MAX_ROW_BYTES:
                        skips.append(Skip(row.place, f"longer than {MAX_ROW_BYTES >> 20} MiB"))
                    else:
                        rows.append(row)
                self._cursor.marks[journal] = tail.mark()
        return Batch(rows, skips) if has_read else None

    def pending_bytes(self) -> int:
        """How much stands in the journals behind the cursor."""
        return sum(max(0, end - start) for _, tail in self._tails() for _number, start, end in tail.spans())

    def config_rows(self, config: Mapping[str, Any], rows: list[Row]) -> list[Row]:
        """`rows` with the run's config on its first metric row, if the server has another one.

        Trackio keeps the last config that came with any row, also with one that it has
        already: where no row is new, the last one carries it once more.
        """
        known = config_id(config)
        if not config or known == self._cursor.config_id:
            return rows
        for at, row in enumerate(rows):
            if row.endpoint == METRICS:
                carrier = row._replace(entry={**row.entry, "config": dict(config)})
                self._cursor.config_id = known
                return [*rows[:at], carrier, *rows[at + 1 :]]
        if rows or self._cursor.last is None:
            return rows
        self._cursor.config_id = known
        last = {**self._cursor.last, "config": dict(config)}
        return [Row(METRICS, last, CONFIG_PLACE, 0)]

    # -- journals ----------------------------------------------------------------------------

    def _tails(self) -> Iterator[tuple[str, JournalTail]]:
        """Every journal, the most trusted writers first, each placed where its reader stood last."""
        for kind, watch in self._watches.items():
            watch.refresh()
            for writer, tail in sorted(
                watch.tails.items(), key=lambda pair: (source_class(None, pair[0]), pair[0])
            ):
                journal = f"{kind}/{writer}"
                if journal not in self._placed:
                    self._placed.add(journal)
                    self._cursor.place(journal, tail)
                elif not tail.verify():
                    tail.restart()
                    self._cursor.forget_journal(journal)
                yield journal, tail

    def _rows(self, journal: str, writer: str, piece: Piece) -> Iterator[Row]:
        offset = piece.offset
        for line in piece.data.split(b"\n")[:-1]:
            record = parse_object(line)
            if record is not None:
                name = f"{journal}#{piece.segment}"
                place = f"{name} byte {offset}"
                row = row_id(self._who.run_id, name, offset, line)
                made = self._row(journal, writer, record, row=row, place=place)
                if made is not None:
                    yield made
            offset += len(line) + 1

    def _row(self, journal: str, writer: str, record: dict[str, Any], *, row: str, place: str) -> Row | None:
        kind = journal.partition("/")[0]
        if kind == layout.EVENTS:
            return alert_row(self._who, record, place=place) if record.get("kind") == "alert" else None
        if kind == layout.SYSTEM:
            return system_row(self._who, record, row=row, place=place)
        return self._metric_row(journal, writer, record, row=row, place=place)

    def _metric_row(
        self, journal: str, writer: str, record: dict[str, Any], *, row: str, place: str
    ) -> Row | None:
        metrics = record.get("metrics")
        if not isinstance(metrics, dict):
            return None
        step = self._step(journal, record.get("step"))
        source = record.get("source")
        name = source if isinstance(source, str) else ""
        origin = f"{source_class(name or None, writer)} {name}"
        kept = {key: value for key, value in metrics.items() if self._cursor.owns(key, origin)}
        if not kept:
            return None
        told = finite(record.get("rank"))
        rank = int(told) if told is not None else WriterName.parse(writer).rank
        named = {f"rank-{rank}/{key}": value for key, value in kept.items()} if rank > 0 else kept
        made = metric_row(
            self._who, named, step=step, time_s=finite(record.get("time")) or 0.0, row=row, place=place
        )
        self._cursor.last = made.entry
        return made

    def _step(self, journal: str, given: object) -> int:
        """A missing step is the previous one of that journal plus 1."""
        told = finite(given)
        step = self._cursor.steps.get(journal, -1) + 1 if told is None else int(told)
        self._cursor.steps[journal] = step
        return step
