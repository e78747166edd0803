"""Short words for long things: a log, a curve, a table. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opengraphs.untrusted import clean

TAIL = 20
LOG_LINES = 80
MAX_TRACE = 200
_BAR = re.compile(r"\d+%\||\d+/\d+ \[|\[=*>?\.* *\]|it/s|s/it|[█▏▎▍▌▋▊▉]{2,}|━{3,}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TRACE = "Traceback (most recent call last)"


def log_digest(lines: Sequence[str], *, most: int = LOG_LINES) -> list[str]:
    """The end of a log for somebody who has little room.

    Redrawn progress bars leave their last state, equal lines (but for numbers in bars) are counted, and the last
    traceback stays whole wherever it stands.
    """
    shown = [clean(line.rsplit("\r", 1)[-1]).rstrip() for line in lines]
    trace = _last_trace(shown)
    folded = _counted(_without_bars(line for line in shown if line))
    tail = folded[-most:]
    if trace and not all(line in tail for line in trace):
        return ["(the last traceback)", *trace, "(the end of the log)", *tail]
    return tail


def _without_bars(lines: Iterable[str]) -> list[str]:
    """Of each stretch of one bar's states the last one."""
    kept: list[str] = []
    bar = ""
    for line in lines:
        shape = _NUMBER.sub("#", line) if _BAR.search(line) else ""
        shape = re.sub(r"[#\s█▏▎▍▌▋▊▉━=>.|<?,:/\[\]a-z]+", " ", shape)[:20] if shape else ""
        if shape and shape == bar:
            kept[-1] = line
        else:
            kept.append(line)
        bar = shape
    return kept


def _counted(lines: Sequence[str]) -> list[str]:
    folded: list[tuple[str, int]] = []
    for line in lines:
        if folded and folded[-1][0] == line:
            folded[-1] = (line, folded[-1][1] + 1)
        else:
            folded.append((line, 1))
    return [line if times == 1 else f"{line}  (×{times})" for line, times in folded]


def _last_trace(lines: Sequence[str]) -> list[str]:
    """From the last `Traceback` to the error that ends it."""
    begin = next((n for n in range(len(lines) - 1, -1, -1) if _TRACE in lines[n]), None)
    if begin is None:
        return []
    found = [lines[begin]]
    for line in lines[begin + 1 : begin + MAX_TRACE]:
        found.append(line)
        if line and not line.startswith((" ", "|", "\t")):
            break
    return [line for line in found if line]


def curve_digest(
    curve: Mapping[str, Any], *, last: int = TAIL, onset: int | None = None, around: int = 10
) -> dict[str, Any]:
    """What there is to say of one curve of `POST /series`: figures, the last points, and those about the onset."""
    points = list(zip(curve.get("x") or (), curve.get("y") or (), strict=False))
    told: dict[str, Any] = {
        name: curve.get(name)
        for name in (
            "metric",
            "points",
            "min",
            "max",
            "mean",
            "slope",
            "first_step",
            "last_step",
            "nonfinite",
        )
        if curve.get(name) is not None
    }
    told["last_points"] = [_point(x, y) for x, y in points[-last:]]
    if onset is not None:
        before = [pair for pair in points if pair[0] < onset][-around:]
        after = [pair for pair in points if pair[0] >= onset][:around]
        told["around_onset"] = [_point(x, y) for x, y in (*before, *after)]
    return told


def _point(x: Any, y: Any) -> list[Any]:
    step = int(x) if isinstance(x, float) and x.is_integer() else x
    return [step, float(f"{y:.5g}") if isinstance(y, float) else y]


def table(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as tab-separated lines."""
    return "\n".join("\t".join(_cell(value) for value in row) for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return " ".join(str(value).split())


def cut(text: str, most: int) -> str:
    """`text`, or its beginning and its end with what is missing between."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters are left out …\n{text[-half:]}"
