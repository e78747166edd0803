"""Panels that others bring: how they are found, what they are given, what becomes of their lines.

A panel is whatever an entry point of the group `opengraphs.panels` names: an object with `title`,
`metrics` and `paint`, or something that returns one when called without arguments. docs/plugins.md
is its contract. Nothing here imports a plug-in before it is asked for by name.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypedDict

from opengraphs.protocol.runs import RunReply
from opengraphs.protocol.series import SeriesOut
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import frame
from opengraphs.tui.painters.cells import Row, fit
from opengraphs.tui.painters.numbers import to_float

GROUP = "opengraphs.panels"
MAX_METRICS = 32
"""Metrics a panel may have at once."""

_STYLES = frozenset(("text", "dim", "faint", "title", "accent", "ok", "warn", "error"))
_SERIES = re.compile(r"series\.\d{1,2}(\.dim)?")
_MAX_PIECE = 2000
"""Characters of one piece of text that are looked at; a line has fewer cells."""


class PanelError(Exception):
    """What is wrong with a plug-in, as a sentence for its panel."""


class Installed(NamedTuple):
    """A panel that could be shown, and the distribution that brings it."""

    name: str
    distribution: str
    version: str


class PanelSeries(TypedDict):
    """One metric of the run in view, thinned to the panel's width: x rising, y floats (NaN and infinities too).

    points, min, max, mean, slope are about all points in the range, not the thinned ones; None without any.
    """

    x: list[float]
    y: list[float]
    last: float | None
    points: int
    min: float | None
    max: float | None
    mean: float | None
    slope: float | None


class PanelData(TypedDict):
    """What `paint` is given. run: run_id, name, project, status, step, total, config, tags. x: step, time, relative."""

    run: dict[str, Any]
    x: str
    series: dict[str, PanelSeries]


class Panel:
    """A loaded plug-in behind its contract: whatever it does wrong comes out as PanelError."""

    def __init__(self, name: str, brought: Any) -> None:
        """Raises PanelError when it is no panel."""
        found = brought() if _is_factory(brought) else brought
        for attribute in ("title", "metrics", "paint"):
            if not hasattr(found, attribute):
                raise PanelError(f"{name}: a panel needs {attribute!r}")
        if not isinstance(found.title, str):
            raise PanelError(f"{name}: title is a text, not {_kind(found.title)}")
        if not callable(found.paint):
            raise PanelError(f"{name}: paint cannot be called")
        self.name = name
        self.title = found.title
        self._found = found

    def wanted(self, keys: Sequence[str]) -> tuple[str, ...]:
        """The metrics it wants of a run that has `keys`, in its own order; globs are matched.

        Raises:
            PanelError: they are no list of texts.
        """
        asked = self._found.metrics
        if callable(asked):
            asked = asked(list(keys))
        if isinstance(asked, str) or not isinstance(asked, Iterable):
            raise PanelError(f"{self.name}: metrics is a list of names, not {_kind(asked)}")
        out: dict[str, None] = {}
        for pattern in asked:
            if not isinstance(pattern, str):
                raise PanelError(f"{self.name}: a metric is named by a text, not {_kind(pattern)}")
            matches = [pattern] if pattern in keys else fnmatch.filter(keys, pattern)
            out.update(dict.fromkeys(matches))
        return tuple(out)[:MAX_METRICS]

    def paint(self, data: PanelData, width: int, height: int) -> list[Any]:
        """Its lines, as it returned them.

        Raises:
            PanelError: they are no list.
        """
        lines = self._found.paint(data, width, height)
        if isinstance(lines, str) or not isinstance(lines, (list, tuple)):
            raise PanelError(f"{self.name}: paint returned {_kind(lines)}, not a list of lines")
        return list(lines[:height])


def _is_factory(brought: Any) -> bool:
    """A class, or a function that makes a panel; a panel object may be callable itself."""
    return isinstance(brought, type) or (callable(brought) and not hasattr(brought, "paint"))


def _kind(value: object) -> str:
    return type(value).__name__


def installed() -> list[Installed]:
    """Every panel that a distribution of this environment brings, by name. Imports none of them."""
    from importlib import metadata

    found = [
        Installed(entry.name, entry.dist.name if entry.dist else "", entry.dist.version if entry.dist else "")
        for entry in metadata.entry_points(group=GROUP)
    ]
    return sorted(dict.fromkeys(found))


def load(name: str) -> Panel:
    """Import a panel by the name of its entry point.

    Raises:
        PanelError: there is none of that name, or it is no panel. Whatever its import raises.
    """
    import difflib
    from importlib import metadata

    entries = {entry.name: entry for entry in metadata.entry_points(group=GROUP)}
    if name not in entries:
        near = difflib.get_close_matches(name, entries, n=1)
        known = f"did you mean {near[0]}?" if near else f"installed: {', '.join(sorted(entries)) or 'none'}"
        raise PanelError(f"no panel {name!r} is installed; {known}")
    return Panel(name, entries[name].load())


def describe(error: BaseException) -> str:
    """What a plug-in did wrong, in a line."""
    if isinstance(error, PanelError):
        return str(error)
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


# What it is given


def data_of(run: RunReply, x: str, found: Sequence[SeriesOut], metrics: Sequence[str]) -> PanelData:
    """The answer of `/series` in the shape of the contract, with copies that a plug-in may change."""
    progress = run.get("progress") or {}
    return {
        "run": {
            "run_id": run.get("run_id", ""),
            "name": run.get("name", ""),
            "project": run.get("project", ""),
            "status": run.get("status", ""),
            "step": progress.get("step"),
            "total": progress.get("total"),
            "config": _copy(run.get("config") or {}),
            "tags": list(run.get("tags") or ()),
        },
        "x": x,
        "series": {
            one["metric"]: _series(one)
            for one in found
            if one["derived"] is None and one["metric"] in metrics and one["run"] == run.get("run_id")
        },
    }


def _series(one: SeriesOut) -> PanelSeries:
    last = one["last"]
    return {
        "x": list(one["x"]),
        "y": [to_float(y) for y in one["y"]],
        "last": to_float(last["value"]) if last else None,
        "points": one["points"],
        "min": one["min"],
        "max": one["max"],
        "mean": one["mean"],
        "slope": one["slope"],
    }


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


# What becomes of its lines


def rows_of(lines: Sequence[Any], width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """A plug-in's lines as rows: text made safe for the terminal, known styles, cut to the panel.

    Raises:
        PanelError: a line is neither a text nor a list of texts and (text, style) pairs.
    """
    return [_row(line, width, glyphs) for line in lines[:height]]


def _row(line: Any, width: int, glyphs: Glyphs) -> Row:
    if line is None:
        return fit([], width)
    pieces = [line] if isinstance(line, str) or _is_pair(line) else line
    if not isinstance(pieces, (list, tuple)):
        raise PanelError(f"a line is a text or a list of pieces, not {_kind(line)}")
    return fit([_run(piece, glyphs) for piece in pieces[:width]], width, ellipsis=glyphs.ellipsis)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, str) for part in value)


def _run(piece: Any, glyphs: Glyphs) -> tuple[str, str]:
    text, style = piece if _is_pair(piece) else (piece, "")
    if not isinstance(text, str):
        raise PanelError(f"a piece of a line is a text or (text, style), not {_kind(piece)}")
    return glyphs.clean(text[:_MAX_PIECE]), role_of(style)


def role_of(style: str) -> str:
    """The role behind a style word (`bold` and one of the words, in any order); `text` for what is not known."""
    words = style.split()
    base = next((word for word in words if word in _STYLES or _SERIES.fullmatch(word)), "text")
    return f"b:{base}" if "bold" in words else base


def box(title: str, content: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """A panel's frame around its rows."""
    return frame.box(content, width, height, glyphs, title=glyphs.clean(title))


def message(text: str, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """Rows that say one thing, broken at words."""
    lines: list[str] = []
    for word in glyphs.clean(text).split():
        if lines and len(lines[-1]) + 1 + len(word) <= max(1, width - 2):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [fit([(f" {line}", "dim")], width, ellipsis=glyphs.ellipsis) for line in lines[:height]]
