"""Which checkpoint a run begins again from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Checkpoint = Mapping[str, Any]


def choose_checkpoint(
    checkpoints: Sequence[Checkpoint], *, onset_step: int | None, margin: int, wanted: str | int | None = None
) -> Checkpoint | None:
    """The newest complete checkpoint from before the fault, or the one that was asked for.

    Args:
        checkpoints: with `checkpoint_id`, `step`, `complete`, `exists`, `pinned`, `best`, `time`, `path` as a
            run's checkpoints have them. One that is gone counts as long as og has pinned it.
        onset_step: where the fault began; None: there is none, and the newest is taken.
        margin: steps that lie between at least, since a fault begins before it is seen.
        wanted: `latest`, `best`, a step, an id or a path; None lets `onset_step` decide.

    Returns:
        None when there is none that fits; what was asked for is never replaced by another.
    """
    usable = sorted((one for one in checkpoints if _is_usable(one)), key=_age)
    if wanted is None and onset_step is not None:
        usable = [one for one in usable if one.get("step") is not None and one["step"] <= onset_step - margin]
    if wanted in (None, "latest"):
        return usable[-1] if usable else None
    if wanted == "best":
        return next((one for one in reversed(usable) if one.get("best")), None)
    return next((one for one in reversed(usable) if _is_named(one, wanted)), None)


def _is_usable(one: Checkpoint) -> bool:
    return bool(one.get("complete")) and bool(one.get("exists", True) or one.get("pinned"))


def _age(one: Checkpoint) -> tuple[float, float]:
    step = one.get("step")
    return (-1.0 if step is None else float(step), float(one.get("time") or 0.0))


def _is_named(one: Checkpoint, wanted: str | int | None) -> bool:
    if isinstance(wanted, int) or (isinstance(wanted, str) and wanted.isdigit()):
        return one.get("step") == int(wanted)
    return wanted in (one.get("checkpoint_id"), one.get("path"))
