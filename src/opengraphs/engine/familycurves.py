"""Which run owns which steps of a family's curve. Pure.

The curve of a run follows the path from the root of its family down to it: each step belongs to the
deepest run that has it. What a run on the path logged behind the step its child went on from, and every other
branch, is abandoned: still there, and no part of the curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from opengraphs.engine.families import Lineage

MAX_PIECES = 64
"""Of one run's family at most; the path comes first."""
Role = Literal["path", "abandoned"]


class Piece(NamedTuple):
    """Steps `low` to `high` of a run, both inclusive. share: of the steps that the whole family spans, 0 to 1."""

    run_id: str
    role: Role
    low: float
    high: float
    share: float = 1.0

    def within(self, span: tuple[float, float] | None) -> tuple[float, float] | None:
        """The part of it in a range of steps; None where they do not meet."""
        low, high = (
            (self.low, self.high) if span is None else (max(self.low, span[0]), min(self.high, span[1]))
        )
        return (low, high) if low <= high else None


def pieces_of(
    found: Lineage, starts: Mapping[str, int | None], spans: Mapping[str, tuple[int, int] | None]
) -> list[Piece]:
    """The pieces of the curve of the last run of `found.path`, root first, and what was abandoned, near ones first.

    Args:
        starts: the step that each run went on from; None for one that began by itself, or anew.
        spans: the first and the last step that each run logged; None before it did. A run that logs earlier
            steps anew owns them.
    """
    path = [run_id for run_id in found.path if run_id in spans]
    ends = dict(zip(path, _ends(path, starts, spans), strict=True))
    own = [_piece(run_id, "path", spans[run_id], high=ends[run_id]) for run_id in path]
    left = [_piece(run_id, "abandoned", spans[run_id], low=ends[run_id] + 1) for run_id in reversed(path)]
    others = [run_id for run_id in found.members if run_id in spans and run_id not in ends]
    left += [_piece(run_id, "abandoned", spans[run_id]) for run_id in others]
    kept = [piece for piece in own if piece is not None][-MAX_PIECES:]
    kept += [piece for piece in left if piece is not None][: MAX_PIECES - len(kept)]
    return _shared(kept)


def _piece(
    run_id: str, role: Role, span: tuple[int, int] | None, *, low: float = -math.inf, high: float = math.inf
) -> Piece | None:
    """The part of what a run logged; None where there is none."""
    if span is None:
        return None
    piece = Piece(run_id, role, max(low, span[0]), min(high, span[1]))
    return piece if piece.low <= piece.high else None


def _shared(pieces: Sequence[Piece]) -> list[Piece]:
    if not pieces:
        return []
    whole = max(piece.high for piece in pieces) - min(piece.low for piece in pieces) + 1
    return [piece._replace(share=(piece.high - piece.low + 1) / whole) for piece in pieces]


def _ends(
    path: Sequence[str], starts: Mapping[str, int | None], spans: Mapping[str, tuple[int, int] | None]
) -> list[float]:
    """The last step that each run of a path owns: the one before any deeper run begins."""
    ends: list[float] = []
    end = math.inf
    for run_id in reversed(path):
        ends.append(end)
        start, span = starts.get(run_id), spans.get(run_id)
        begins = ([] if start is None else [start + 1]) + ([] if span is None else [span[0]])
        end = min(end, min(begins, default=0) - 1)
    return ends[::-1]


def starts_of(facts: Mapping[str, Any]) -> int | None:
    """The step that a run went on from, as its facts have it."""
    parent = facts.get("parent")
    step = parent.get("step") if isinstance(parent, Mapping) else None
    return step if isinstance(step, int) and not isinstance(step, bool) else None
