"""What one object of a metrics log in JSON Lines says, in the shapes that loggers write.

A plain object `{"step": 3, "loss": 0.2}`, nested or not; a wrapper `{"step": 3, "data": {…}}` as
verl writes it; LLaMA-Factory's `current_steps` and `total_steps`; ms-swift's
`"global_step/max_steps": "12/100"`; Ray Tune's results with their `config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opengraphs.sources import plain, stepnames

WRAPPERS = ("data", "metrics", "logs")
SWIFT_STEP = "global_step/max_steps"
_SWIFT = frozenset({SWIFT_STEP, "percentage", "elapsed_time", "remaining_time"})
_FACTORY = frozenset({"current_steps", "total_steps", "percentage", "elapsed_time", "remaining_time"})
_RAY = frozenset({"training_iteration", "trial_id"})
RAY_FACTS = frozenset(
    {
        "pid",
        "hostname",
        "node_ip",
        "trial_id",
        "experiment_id",
        "date",
        "timestamp",
        "done",
        "should_checkpoint",
    }
)
_SPECIAL = frozenset({SWIFT_STEP, "current_steps", "trial_id", *WRAPPERS})
_MAX_STRING = 200


class Told(NamedTuple):
    """One object. step_name: of the key that gave `step`; None and -1 where there is none.

    total: steps that there will be. config: None where the object has none.
    """

    step_name: str
    step: int | None
    time: float | None
    metrics: dict[str, float]
    total: int | None = None
    config: Mapping[str, Any] | None = None


def told(record: Mapping[str, Any], wanted: str = "") -> Told:
    """Read one object.

    Args:
        wanted: the step's key in this file so far; a better one in the object wins over it,
            a worse one does not.
    """
    total: int | None = None
    config: Mapping[str, Any] | None = None
    time = _time(record)
    dropped: frozenset[str] = frozenset()
    if SWIFT_STEP in record:
        step, total = _fraction(record[SWIFT_STEP])
        found = _numbers(record, _SWIFT)
        return Told(SWIFT_STEP, step, time, found, total)
    if "current_steps" in record and "total_steps" in record:
        total, dropped = plain.step_number(record["total_steps"]), _FACTORY - {"current_steps"}
    elif record.keys() >= _RAY:
        dropped = RAY_FACTS | {"config"}
        config = record["config"] if isinstance(record.get("config"), dict) else None
    found = _numbers(_unwrapped(record), dropped)
    name = _step_name(found, wanted)
    if not name:
        return Told("", None, time, found, total, config)
    step = plain.step_number(found.get(name))
    if step is not None:
        del found[name]
    return Told(name, step, time, found, total, config)


class Teller:
    """Reads the objects of one file, most of which have the keys of one before.

    Attributes:
        step_name: of the key that gives the step, as far as is known.
    """

    MAX_PLANS = 256

    def __init__(self, step_name: str = "") -> None:
        self.step_name = step_name
        self._plans: dict[tuple[str, ...], tuple[str, str]] = {}

    def tell(self, record: Mapping[str, Any]) -> Told:
        """One object, as `told` reads it."""
        keys = tuple(record)
        plan = self._plans.get(keys)
        if plan is not None:
            quick = _by_plan(record, *plan)
            if quick is not None:
                return quick
        found = told(record, self.step_name)
        if found.step_name and found.step_name != self.step_name:
            self.step_name = found.step_name
            self._plans.clear()
        if (
            found.step_name in record
            and found.total is None
            and _is_flat(record)
            and all(map(str.isprintable, keys))
        ):
            if len(self._plans) >= self.MAX_PLANS:
                self._plans.clear()
            times = [key for key in keys if stepnames.is_time(key)]
            if len(times) < 2 and not record.keys() & _SPECIAL:
                self._plans[keys] = (found.step_name, times[0] if times else "")
        return found


def _is_flat(record: Mapping[str, Any]) -> bool:
    return all(type(value) is float or type(value) is int for value in record.values())


def _by_plan(record: Mapping[str, Any], step_name: str, time_key: str) -> Told | None:
    """A flat object of numbers whose keys are known; None where it is not so plain after all."""
    found: dict[str, float] = {}
    for key, value in record.items():
        if type(value) is float:
            found[key] = value
        elif type(value) is int and -(1 << 62) < value < 1 << 62:
            found[key] = float(value)
        else:
            return None
    step = plain.step_number(found.pop(step_name))
    time = plain.epoch_s(found[time_key]) if time_key else None
    if step is None or (time_key and time is None):
        return None
    if time_key:
        del found[time_key]
    return Told(step_name, step, time, found)


def looks_like_metrics(record: object) -> bool:
    """Whether an object is a training's and not a data set's: a step, a number beside it, little text."""
    if not isinstance(record, dict) or _is_longwinded(record):
        return False
    try:
        found = told(record)
    except RecursionError:
        return False
    return found.step is not None and found.step >= 0 and bool(found.metrics)


def _is_longwinded(record: Mapping[str, Any]) -> bool:
    if record.keys() >= _RAY:
        return False
    values = list(_unwrapped(record).items())
    texts = [
        value for key, value in values if isinstance(value, str) and key not in _SWIFT and not _is_date(value)
    ]
    numbers = sum(plain.number(value) is not None for _key, value in values if not isinstance(value, str))
    return (
        any(isinstance(value, list) and len(value) > 16 for _key, value in values)
        or any(len(text) > _MAX_STRING for text in texts)
        or sum(plain.number(text) is None for text in texts) > max(1, numbers)
    )


def _is_date(value: str) -> bool:
    return plain.epoch_s(value) is not None


def _unwrapped(record: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in WRAPPERS:
        inner = record.get(name)
        if isinstance(inner, dict):
            return {**{key: value for key, value in record.items() if key != name}, **inner}
    return record


def _numbers(record: Mapping[str, Any], dropped: frozenset[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    kept = {
        key: value
        for key, value in record.items()
        if key not in dropped and not (stepnames.is_time(key) and plain.epoch_s(value) is not None)
    }
    plain.flatten(kept, found)
    return found


def _step_name(found: Mapping[str, float], wanted: str) -> str:
    better = stepnames.best(found)
    if better is None:
        return wanted
    if wanted and (wanted not in stepnames.STEP_NAMES or stepnames.rank(better) > stepnames.rank(wanted)):
        return wanted
    return better


def _time(record: Mapping[str, Any]) -> float | None:
    for name, value in record.items():
        if stepnames.is_time(name):
            found = plain.epoch_s(value)
            if found is not None:
                return found
    return None


def _fraction(value: object) -> tuple[int | None, int | None]:
    left, _slash, right = str(value)[:64].partition("/")
    return plain.step_number(left), plain.step_number(right)
