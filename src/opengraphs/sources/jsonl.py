"""Metrics logs in JSON Lines: one file, one run, followed while it grows.

A last line without its end is taken as soon as it is a whole object, for no part of an
object is one. Lines that are no object are counted with their offset and passed over.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.records import RunFacts
from opengraphs.sdk.layout import RUN_JSON
from opengraphs.sources import plain
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.followed import Rewritten
from opengraphs.sources.jsonshape import Teller, looks_like_metrics
from opengraphs.sources.reading import LineReader

KEY = ""
_HEAD = 1 << 16
_RAY_RESULT = "result.json"


class JsonLinesReader(LineReader):
    """Follows one file."""

    def _begin(self, saved: Mapping[str, Any]) -> None:
        self._is_told = bool(saved.get("is_told"))
        self._teller = Teller(str(saved.get("step_name") or ""))
        self._step = int(saved.get("step", 0))
        """Of the last line that had one: lines without one belong to it."""
        self._total = saved.get("total")
        self._records = int(saved.get("records", 0))

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        deadline = time.monotonic() + budget_s
        if not self._lines.file.is_changed():
            return False
        modified = self._path.stat().st_mtime
        while True:
            try:
                found = self._lines.next()
            except Rewritten:
                self._restart(sink)
                continue
            for index, line in enumerate(found.lines):
                if not self._take(sink, line, modified):
                    self._mishaps.add(
                        self._path, "a line that is no JSON object", offset=found.offset_of(index)
                    )
            if found.tail and self._take(sink, found.tail, modified):
                self._lines.take_tail(found)
            if found.at_end:
                return False
            if time.monotonic() > deadline:
                return True

    def cursor(self) -> dict[str, Any]:
        return {
            "lines": self._lines.saved(),
            "is_told": self._is_told,
            "step_name": self._teller.step_name,
            "step": self._step,
            "total": self._total,
            "records": self._records,
            "troubles": self._mishaps.saved(),
        }

    def _told(self) -> list[str]:
        return [KEY] if self._is_told else []

    def _take(self, sink: Sink, line: bytes, modified: float) -> bool:
        """Hand over one line; False when it is no object."""
        line = line.strip(b" \t\r\0\xef\xbb\xbf")
        if not line:
            return True
        try:
            record = plain.decoded(line)
        except ValueError:
            return False
        if not isinstance(record, dict):
            return False
        found = self._teller.tell(record)
        at = modified if found.time is None else found.time
        if not self._is_told or found.config:
            self._tell(sink, at, found.config)
        if found.step is not None:
            self._step = found.step
        elif not self._teller.step_name:
            self._step = self._records
        self._records += 1
        if found.metrics:
            sink.metrics(KEY, self._step, at, found.metrics)
        if found.total is not None and found.total != self._total:
            self._total = found.total
            progress = {"step": None, "total": found.total, "unit": "step"}
            sink.event(KEY, at, "progress", {"progress": progress})
        return True

    def _tell(self, sink: Sink, at: float, config: Mapping[str, Any] | None) -> None:
        if self._is_told and self._records:
            return  # Ray repeats it in each result
        facts = RunFacts(name=plain.file_name(self._path), created_at=plain.iso(at))
        if config:
            facts["config"] = plain.config(config)
        sink.run(KEY, facts)
        self._is_told = True


def accepts(path: Path) -> Path | None:
    """A file that looks like a training's: its first objects have a step, numbers and little text."""
    if path.suffix not in {".jsonl", ".ndjson"} and path.name != _RAY_RESULT:
        return None
    if (path.parent.parent / RUN_JSON).exists() or path.parent.parent.name == "inbox":
        return None  # og's own journals, and Trackio's fragments
    if path.name == _RAY_RESULT and (path.parent / "progress.csv").exists():
        return None  # the same run, in fewer words
    lines = [line for line in plain.head(path, _HEAD).splitlines()[:5] if line.strip()]
    judged = [looks_like_metrics(record) for record in map(_object, lines) if record is not None]
    return path if judged and sum(judged) * 2 > len(judged) else None


def accepts_any(path: Path) -> Path | None:
    """Any file whose first lines are objects, when somebody names it."""
    lines = [line for line in plain.head(path, _HEAD).splitlines() if line.strip()][:3]
    return path if lines and isinstance(_object(lines[0]), dict) and _all_objects(lines[:-1]) else None


def _all_objects(lines: list[bytes]) -> bool:
    return all(isinstance(_object(line), dict) for line in lines)


def _object(line: bytes) -> Any:
    try:
        return plain.decoded(line.strip(b" \t\r\0\xef\xbb\xbf"))
    except ValueError:
        return None


def open_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
    return JsonLinesReader(path, cursor)


FORMAT = Format(
    name="jsonl",
    title="JSON Lines",
    looks_for="*.jsonl with a step and numbers in each object; verl, LLaMA-Factory, ms-swift, Ray result.json",
    names=("*.jsonl", "*.ndjson", _RAY_RESULT),
    accepts=accepts,
    open=open_reader,
)
ANY = FORMAT._replace(
    looks_for="any file of JSON objects, one a line, that you name", names=(), accepts=accepts_any
)
"""For files that are named by hand: no pattern finds them."""
