"""Plain text logs: what a training printed, read with the grammar of printed metrics.

One file is one run. The file may grow, be rotated (renamed, and begun anew under its old
name) or be overwritten by the next training: rotation goes on, anything else begins anew.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.grammar.parser import LineParser, Record
from opengraphs.grammar.stamps import stamp
from opengraphs.grammar.terminal import MAX_LINE_BYTES
from opengraphs.records import RunFacts
from opengraphs.sources import plain
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.followed import FollowedFile, Rewritten
from opengraphs.sources.reading import PathReader

KEY = ""
CONTEXT_BYTES = 256 << 10
"""Read again in front of the place of a cursor: what a parser knows from earlier lines."""
QUIET_S = 60.0
PIECE_BYTES = 128 << 10
_HEAD_BYTES = 64 << 10
_NO_TEXT = bytes(set(range(32)) - set(b"\a\b\t\n\v\f\r\x1b"))
_UNIX_NAME = re.compile(r"log_(\d{9,10})(?:\.\d+)?$")


class TextLogReader(PathReader):
    """Follows one log."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None) -> None:
        saved = cursor or {}
        super().__init__(path, saved)
        self._file = FollowedFile(str(path), saved.get("place"))
        self._inode = saved.get("inode")
        self._is_told = bool(saved.get("is_told"))
        self._is_ended = bool(saved.get("is_ended"))
        self._total = saved.get("total")
        self._moment = float(saved.get("moment") or 0.0)
        """Time of the newest record that told one."""
        self._parser = self._resumed(saved.get("parser"))

    def _resumed(self, saved: object) -> LineParser:
        """A parser that knows what the one before knew."""
        begin = max(0, self._file.offset - CONTEXT_BYTES)
        parser = LineParser(position=begin, stamp=stamp)
        if not self._file.offset:
            return parser
        if begin:
            parser.jump(begin)
        parser.feed(_read(self._path, begin, self._file.offset - begin))
        try:
            parser.restore(saved if isinstance(saved, dict) else {})
        except (KeyError, TypeError, ValueError):  # a cursor of another version: the lines themselves must do
            pass
        return parser

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        """Hand over what is new; see `Reader.read`."""
        until_s = time.monotonic() + budget_s
        is_changed = self._file.is_changed()
        status = self._path.stat()
        if not is_changed:
            self._end_line(sink, status.st_mtime)
            return False
        if not self._is_told:
            self._tell(sink, status.st_mtime)
        while True:
            try:
                piece = self._file.piece(PIECE_BYTES)
            except Rewritten:
                self._begin_anew(sink, status.st_mtime)
                status = self._path.stat()
                continue
            self._inode = status.st_ino
            if piece.data:
                self._file.take(piece, len(piece.data))
                self._is_ended = False
                self._hand_over(sink, piece.data, status.st_mtime)
            if piece.at_end:
                self._end_line(sink, status.st_mtime)
                return False
            if time.monotonic() > until_s:
                return True

    def _end_line(self, sink: Sink, modified: float) -> None:
        """Take a last line without its end as whole once the file has been quiet for long."""
        if not self._is_ended and time.time() - modified > QUIET_S:
            self._is_ended = True
            self._records(sink, self._parser.flush(), modified)

    def _hand_over(self, sink: Sink, data: bytes, modified: float) -> None:
        dropped = self._parser.dropped
        records = self._parser.feed(data)
        if self._parser.dropped > dropped:
            count = self._parser.dropped - dropped
            self._mishaps.add(self._path, f"a line of more than {MAX_LINE_BYTES} bytes", skipped=count)
        sink.log(KEY, data)
        self._records(sink, records, modified)

    def _records(self, sink: Sink, records: list[Record], modified: float) -> None:
        for record in records:
            if record.time is not None:
                self._moment = record.time
            sink.metrics(KEY, record.step, self._moment or modified, record.metrics)
        progress = self._parser.progress()
        if progress is not None and progress[1] != self._total:
            self._total = progress[1]
            said = {"step": progress[0], "total": progress[1], "unit": "step"}
            sink.event(KEY, self._moment or modified, "progress", {"progress": said})

    def _tell(self, sink: Sink, modified: float) -> None:
        named = _UNIX_NAME.search(self._path.stem)
        created = float(named[1]) if named else stamp(plain.read_text(self._path, 4096)) or modified
        sink.run(KEY, RunFacts(name=plain.file_name(self._path), created_at=plain.iso(created)))
        self._is_told = True

    # -- rotation --------------------------------------------------------------------------------

    def _begin_anew(self, sink: Sink, modified: float) -> None:
        """The file is another one: what was rotated away is read to its end and kept, what was overwritten is void."""
        old = self._rotated()
        if old is not None:
            self._hand_over(sink, _read(old, self._file.offset, 64 << 20), modified)
            self._records(sink, self._parser.flush(), modified)
        else:
            if self._is_told:
                sink.reset(KEY)
            self._parser = LineParser(stamp=stamp)
            self._total, self._moment = None, 0.0
            self._tell(sink, modified)
        self._file.rewind()

    def _rotated(self) -> Path | None:
        """Where the file that was read lies now, if it was renamed beside its old place."""
        if self._inode is None:
            return None
        try:
            with os.scandir(self._path.parent) as entries:
                for entry in entries:
                    if (
                        entry.name != self._path.name
                        and entry.name.startswith(self._path.stem)
                        and entry.inode() == self._inode
                    ):
                        return Path(entry.path)
        except OSError:
            return None
        return None

    # -- state -----------------------------------------------------------------------------------

    def cursor(self) -> dict[str, Any]:
        return {
            "place": self._file.place(),
            "inode": self._inode,
            "is_told": self._is_told,
            "is_ended": self._is_ended,
            "total": self._total,
            "moment": self._moment,
            "parser": self._parser.saved(),
            "troubles": self._mishaps.saved(),
        }

    def left(self) -> float:
        size = self._file.size
        return max(0.0, 1 - self._file.offset / size) if size else 0.0


def _read(path: Path, offset: int, most: int) -> bytes:
    """Bytes of a file; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(most)
    except OSError:
        return b""


def _is_text(head: bytes) -> bool:
    """Whether control characters that no terminal is told are rare: of random bytes one in ten is one."""
    return bool(head) and (len(head) - len(head.translate(None, _NO_TEXT))) * 100 < len(head)


def accepts(path: Path) -> Path | None:
    """A log whose beginning holds metrics of two steps or more."""
    if "wandb" in path.parts:
        return None  # a run that the reader of W&B shows
    head = plain.head(path, _HEAD_BYTES)
    if not _is_text(head):
        return None
    parser = LineParser()
    steps = {record.step for record in [*parser.feed(head), *parser.flush()]}
    return path if len(steps) > 1 else None


def accepts_any(path: Path) -> Path | None:
    """Any text that somebody names: its metrics may come later."""
    return path if _is_text(plain.head(path, 4096)) else None


def open_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
    return TextLogReader(path, cursor)


FORMAT = Format(
    name="textlog",
    title="text log",
    looks_for="main.log, train*.log, log_<time>.txt, slurm-*.out, *_log.out with lines such as `step 12: loss 0.31`",
    names=("main.log", "train*.log", "log_[0-9]*.txt", "slurm-*.out", "*_log.out"),
    accepts=accepts,
    open=open_reader,
)
ANY = FORMAT._replace(looks_for="any text that you name", names=(), accepts=accepts_any)
"""For files that are named by hand: no pattern finds them."""
