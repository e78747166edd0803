"""Which step a row stands at whose tracker only counts its calls.

Trainers log through wandb and trackio without a step and put their own into the row, as
`train/global_step`; the charts then have that as their axis (`define_metric`). The same
points come from the trainer itself, at those steps: without this they would be drawn twice.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

    from .mirror import Mirror

KNOWN = ("train/global_step", "trainer/global_step")
"""What transformers and Lightning put into every row."""
_COUNTS_STEPS = re.compile(r"(?:^|[/_.\-])(?:steps?|iter|iters|iterations?|updates?)$", re.IGNORECASE)
MAX_KEYS = 10_000


class Axes:
    """The axes of one tracker's run.

    Only metrics that count steps are axes here: an epoch, or seconds, would put many points
    at one step, where the last would hide the others.
    """

    def __init__(self) -> None:
        self._named: Dict[str, str] = {}
        self._begins: Dict[str, str] = {}
        self._of_key: Dict[str, Optional[str]] = {}
        self._last: Dict[str, int] = {}

    def define(self, name: str, axis: str) -> None:
        """wandb's `define_metric(name, step_metric=axis)`; name may end in `*`."""
        if not _COUNTS_STEPS.search(axis):
            return
        self._of_key.clear()
        if name.endswith("*"):
            self._begins[name[:-1]] = axis
        else:
            self._named[name] = axis

    def log(self, mirror: Mirror, row: Mapping[str, Any], step: int) -> None:
        """Log a row, each of its metrics at the step of its axis, else at `step`."""
        if self._named or self._begins:
            self._log_defined(mirror, row, step)
            return
        for axis in KNOWN:
            if axis in row:
                step = self._read(row[axis], step)
                break
        mirror.log(row, step)

    def _log_defined(self, mirror: Mirror, row: Mapping[str, Any], step: int) -> None:
        rows: Dict[int, Dict[str, Any]] = {}
        for key, value in row.items():
            axis = self._axis(key)
            at = step
            if axis is not None and axis in row:
                at = self._last[axis] = self._read(row[axis], step)
            elif axis is not None:  # wandb goes on with the value that it saw last
                at = self._last.get(axis, step)
            rows.setdefault(at, {})[key] = value
        for at, part in rows.items():
            mirror.log(part, at)

    def _axis(self, key: str) -> Optional[str]:
        if key not in self._of_key:
            if len(self._of_key) >= MAX_KEYS:
                self._of_key.clear()
            self._of_key[key] = self._named.get(key) or self._longest(key)
        return self._of_key[key]

    def _longest(self, key: str) -> Optional[str]:
        fitting = [start for start in self._begins if key.startswith(start)]
        return self._begins[max(fitting, key=len)] if fitting else None

    @staticmethod
    def _read(value: Any, step: int) -> int:
        """The axis' value as a step; one that is none, or lies on a device, counts as not there."""
        if type(value) is int:
            return value
        return int(value) if isinstance(value, float) and value.is_integer() else step
