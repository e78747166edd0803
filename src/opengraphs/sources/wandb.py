"""Runs of W&B: the `.wandb` file that its client writes, offline or not, and what lies beside it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from opengraphs.sources import leveldblog, plain
from opengraphs.sources.base import Format, Sink
from opengraphs.sources.followed import SLICE_BYTES, FollowedFile, Piece, Rewritten
from opengraphs.sources.protowire import WireError
from opengraphs.sources.reading import PathReader
from opengraphs.sources.wandbrun import KEY, WandbRun

SUFFIX = ".wandb"
MAX_RECORD_BYTES = 8 << 20
MAX_LOG_BYTES = 1 << 20
MAX_METADATA_BYTES = 1 << 18
_NO_HEADER = "does not begin as a W&B file"
_DAMAGED = "damaged blocks of 32 KiB"
_STUCK = "a damaged block, and nothing behind it yet"
_NO_RECORD = "records that are none of W&B's"
_TOO_LONG = "records that are too long"


class WandbReader(PathReader):
    """Follows one `.wandb` file; see `base.Reader`."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None = None) -> None:
        saved = dict(cursor or {})
        super().__init__(path, saved)
        self._file = FollowedFile(str(path), saved.get("place"))
        self._run = self._new_run(saved.get("run"))
        self._is_log_read = bool(saved.get("is_log_read"))
        self._slice = SLICE_BYTES
        self._is_through = False

    def _new_run(self, saved: object = None) -> WandbRun:
        known = saved if isinstance(saved, Mapping) else {}
        return WandbRun(known, self._path.parent.name, self._metadata)

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        deadline = time.monotonic() + budget_s
        self._is_through = False
        try:
            while self._advance(sink):
                if time.monotonic() >= deadline:
                    return True
        except Rewritten:
            self._begin_anew(sink)
            return True
        if self._run.has_ended and not self._run.has_output and not self._is_log_read:
            self._read_log(sink)
        self._is_through = True
        return False

    def _advance(self, sink: Sink) -> bool:
        """Read one piece; True when there is more at once.

        Raises:
            Rewritten: the file is another one now.
            OSError: it cannot be read.
        """
        if not self._file.is_changed():
            return False
        piece = self._file.piece(self._slice)
        skipped = 0
        if piece.offset == 0:
            skipped = len(leveldblog.FILE_HEADER)
            if len(piece.data) < skipped:
                return False
            if piece.data[:skipped] != leveldblog.FILE_HEADER:
                self._mishaps.once(self._path, _NO_HEADER)
        found = leveldblog.split(piece.data[skipped:], piece.offset + skipped)
        for record in found.records:
            try:
                self._run.take(record, sink)
            except WireError:
                self._mishaps.add(self._path, _NO_RECORD)
        self._run.flush(sink)
        self._report(found)
        self._file.take(piece, skipped + found.consumed)
        if piece.at_end:
            return False
        if not found.consumed:
            self._widen(piece)
        else:
            self._slice = SLICE_BYTES
        return True

    def _report(self, found: leveldblog.Records) -> None:
        for damage in found.damages:
            self._mishaps.add(self._path, _DAMAGED, offset=damage.offset)
        self._mishaps.over(self._path, _STUCK)
        if found.stuck_at is not None:
            self._mishaps.add(self._path, _STUCK, offset=found.stuck_at)

    def _widen(self, piece: Piece) -> None:
        """One record fills the whole piece: take more of it at once, or give it up."""
        if self._slice < MAX_RECORD_BYTES:
            self._slice *= 2
            return
        self._mishaps.add(self._path, _TOO_LONG, offset=piece.offset)
        self._file.skip(leveldblog.give_up(piece.data, piece.offset))
        self._slice = SLICE_BYTES

    def _begin_anew(self, sink: Sink) -> None:
        sink.reset(KEY)
        self._file.rewind()
        self._run = self._new_run()
        self._is_log_read = False
        self._slice = SLICE_BYTES

    # -- what lies beside the file -----------------------------------------------------------------

    def _read_log(self, sink: Sink) -> None:
        """The end of `files/output.log`, for runs that keep what they printed nowhere else."""
        self._is_log_read = True
        path = self._path.parent / "files" / "output.log"
        try:
            size = path.stat().st_size if path.is_file() else 0
            with path.open("rb") if size else BytesIO() as file:
                file.seek(max(0, size - MAX_LOG_BYTES))
                parts = list(iter(lambda: file.read(SLICE_BYTES), b""))
        except OSError as error:
            self._mishaps.once(path, f"cannot be read: {error.strerror or error}")
            return
        for part in parts:
            sink.log(KEY, part)
        if size > MAX_LOG_BYTES:
            self._mishaps.add(path, "bytes of output before the last MiB", skipped=size - MAX_LOG_BYTES)

    def _metadata(self) -> dict[str, Any]:
        """Facts of `files/wandb-metadata.json`."""
        content = plain.head(self._path.parent / "files" / "wandb-metadata.json", MAX_METADATA_BYTES)
        try:
            found = plain.decoded(content) if content else None
        except ValueError:
            return {}
        if not isinstance(found, dict):
            return {}
        facts: dict[str, Any] = {}
        for name, key in _METADATA.items():
            if isinstance(found.get(name), str) and found[name]:
                facts[key] = plain.clean(found[name], plain.MAX_TEXT)
        if "script" in facts:
            arguments = found.get("args") if isinstance(found.get("args"), list) else []
            executable = str(found.get("executable") or "python")
            words = (executable, facts["script"], *(arguments or [])[:1000])
            facts["command"] = [plain.clean(str(word), plain.MAX_TEXT) for word in words]
        git = found.get("git")
        if isinstance(git, dict):
            pairs = {name: git.get(name) for name in ("commit", "remote")}
            facts["git"] = {name: plain.clean(str(value)) for name, value in pairs.items() if value}
        return facts

    # -- the rest of the protocol ------------------------------------------------------------------

    def cursor(self) -> dict[str, Any]:
        return {
            "place": self._file.place(),
            "run": self._run.cursor(),
            "is_log_read": self._is_log_read,
            "troubles": self._mishaps.saved(),
        }

    def left(self) -> float:
        if self._is_through or not self._file.size:
            return 0.0
        return max(0.0, 1.0 - self._file.offset / self._file.size)


_METADATA = {"host": "host", "username": "user", "python": "python", "root": "cwd", "program": "script"}


def accepts(path: Path) -> Path | None:
    """The `.wandb` file, of a run's folder or of the file itself; links are followed to their end."""
    try:
        if path.is_dir():
            files = [entry for entry in path.iterdir() if entry.name.endswith(SUFFIX) and entry.is_file()]
            if len(files) != 1:
                return None
            path = files[0]
        elif not path.name.endswith(SUFFIX) or not path.is_file():
            return None
        start = plain.head(path, len(leveldblog.FILE_HEADER))
        return path.resolve() if leveldblog.FILE_HEADER.startswith(start) else None
    except (OSError, ValueError):
        return None


FORMAT = Format(
    name="wandb",
    title="W&B",
    looks_for="wandb/*run-*/run-*.wandb",
    names=(f"*{SUFFIX}", "offline-run-*", "run-*"),
    accepts=accepts,
    open=WandbReader,
)
