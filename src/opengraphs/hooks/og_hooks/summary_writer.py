"""SummaryWriter of torch and of tensorboardX: scalars under their tags, and hparams as config.

A step that was not given counts 0, 1, 2, … by tag; the event file has 0 for each of them.
Scalars that `add_scalars` writes into one chart become `chart/name`.
"""

from __future__ import annotations

from .guard import after
from .mirror import mirror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Mapping

MAX_TAGS = 100_000
_mirror = mirror("summary_writer")
_counts: Dict[str, int] = {}


def hook(module: ModuleType) -> None:
    """Watch the class; both libraries have the same methods."""
    name = "tensorboardX" if module.__name__.startswith("tensorboardX") else "tensorboard"
    after(module.SummaryWriter, "add_scalar", _add_scalar, hook=name)
    after(module.SummaryWriter, "add_scalars", _add_scalars, hook=name)
    after(module.SummaryWriter, "add_hparams", _add_hparams, hook=name)


def _add_scalar(
    _result: None,
    _writer: Any,
    tag: str,
    scalar_value: Any,
    global_step: Any = None,
    *_more: Any,
    **_others: Any,
) -> None:
    _mirror.log({tag: scalar_value}, _counted(tag) if global_step is None else global_step)


def _add_scalars(
    _result: None,
    _writer: Any,
    main_tag: str,
    tag_scalar_dict: Mapping[str, Any],
    global_step: Any = None,
    *_more: Any,
    **_others: Any,
) -> None:
    step = _counted(main_tag) if global_step is None else global_step
    _mirror.log({"%s/%s" % (main_tag, tag): value for tag, value in tag_scalar_dict.items()}, step)


def _add_hparams(
    _result: None,
    _writer: Any,
    hparam_dict: Mapping[str, Any],
    metric_dict: Mapping[str, Any],
    *_more: Any,
    global_step: Any = None,
    **_others: Any,
) -> None:
    _mirror.config(hparam_dict)
    if global_step is None and _more and type(_more[-1]) is int:
        global_step = _more[-1]
    for tag, value in metric_dict.items():
        _mirror.log({tag: value}, _counted(tag) if global_step is None else global_step)


def _counted(tag: str) -> int:
    step = _counts.get(tag, 0)
    if step or len(_counts) < MAX_TAGS:
        _counts[tag] = step + 1
    return step
