"""What a training is told about going on: from where, with which settings, and whether to stop or save.

    going = og.resume()                    # None, or .path .step .kind .overrides
    lr = og.override("lr", 3e-4)           # the value a person or og chose over the script's own
    if og.should_checkpoint(): save()      # somebody sent SIGUSR1
    if og.should_stop(): save(); break     # somebody sent SIGTERM

Read from the environment (docs/resume.md), so it works in every process of a run, without
`init()` and without og around: then it says None, the default, and False.
"""

from __future__ import annotations

import os

from . import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, List, Mapping, Optional, Set, TypeVar

    T = TypeVar("T")

_asked: Set[int] = set()
"""Signals that arrived and were not asked about since."""
_watched: Dict[int, Any] = {}
"""Signals that are listened to, and what the script did with them before."""


class Resume:
    """Where to go on.

    Attributes:
        path: file or folder of the checkpoint.
        step: at which it was saved; None when nobody knows.
        kind: what wrote it: `hf`, `lightning`, `torch`, `dcp`, …; `custom` when nobody knows.
        overrides: settings that shall have another value than the script's own.
    """

    __slots__ = ("kind", "overrides", "path", "step")

    def __init__(self, path: str, step: Optional[int], kind: str, overrides: Dict[str, Any]) -> None:
        self.path = path
        self.step = step
        self.kind = kind
        self.overrides = overrides

    def __repr__(self) -> str:
        return "<Resume %s at step %s>" % (self.path, self.step)


@warn.guarded
def resume() -> Optional[Resume]:
    """Where this training shall go on; None when it shall begin."""
    path = os.environ.get("OG_RESUME_FROM", "")
    if os.environ.get("OG_RESUME") != "1" or not path:
        return None
    step = os.environ.get("OG_RESUME_STEP", "")
    kind = os.environ.get("OG_RESUME_KIND") or "custom"
    return Resume(path, int(step) if step.isdigit() else None, kind, overrides())


def overrides() -> Dict[str, Any]:
    """Settings that shall have another value than the script's own; none for most runs."""
    text = os.environ.get("OG_OVERRIDES", "")
    if not text:
        return {}
    import json

    try:
        found = json.loads(text)
    except ValueError as error:
        warn.complain("overrides", "OG_OVERRIDES is no JSON and is ignored: %s" % error, error)
        return {}
    return found if isinstance(found, dict) else {}


def override(name: str, default: T) -> T:
    """The value of a setting: the one chosen for this run, else `default`. A number stays of `default`'s type."""
    try:
        value: Any = overrides().get(name, default)
        if type(default) is float and type(value) is int:
            value = float(value)
        return value  # type: ignore[no-any-return]
    except Exception as error:  # the border of the SDK
        warn.complain("override", "override(%r) is ignored: %r" % (name, error), error)
        return default


def overridden(config: Mapping[str, Any]) -> Dict[str, Any]:
    """Those settings of a config that were chosen otherwise for this run, nested ones by `a.b`, as changes to it."""
    changes: Dict[str, Any] = {}
    for name, value in overrides().items():
        if name in config:
            changes[name] = value
            continue
        head, dot, rest = name.partition(".")
        if dot and isinstance(config.get(head), dict):
            inside = changes.get(head, config[head])
            changed = _changed(inside, rest.split("."), value)
            if changed is not None:
                changes[head] = changed
    return changes


def _changed(config: Any, names: List[str], value: Any) -> Optional[Dict[str, Any]]:
    """A copy with one nested value changed; None when there is no such setting."""
    if not isinstance(config, dict) or names[0] not in config:
        return None
    if len(names) == 1:
        return {**config, names[0]: value}
    inner = _changed(config[names[0]], names[1:], value)
    return None if inner is None else {**config, names[0]: inner}


def should_stop() -> bool:
    """Whether SIGTERM has come, as `og stop` and schedulers send it before they kill.

    The first call begins to listen; from then on the signal no longer ends the process, and
    a handler that the script had is still called. Call it once before the loop. Only the
    main thread can begin; in others, and in a process that did not begin, it is False.
    """
    return _has_come("SIGTERM", keep=True)


def should_checkpoint() -> bool:
    """Whether SIGUSR1 has come since the last call, as a wish to save now. Listens like `should_stop`."""
    return _has_come("SIGUSR1", keep=False)


def _has_come(name: str, *, keep: bool) -> bool:
    import signal

    try:
        number = getattr(signal, name, None)
        if number is None:  # this system has no such signal
            return False
        if number not in _watched and not _listen(number):
            return False
        came = number in _asked
        if not keep:
            _asked.discard(number)
        return came
    except Exception as error:  # the border of the SDK
        warn.complain("signals", "%s cannot be listened to: %r" % (name, error), error)
        return False


def _listen(number: int) -> bool:
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        warn.tell("signals", "should_stop() and should_checkpoint() begin to listen in the main thread alone")
        return False
    _watched[number] = signal.signal(number, _came)
    return True


def _came(number: int, frame: Optional[FrameType]) -> None:
    """Note it, and do what the script did with it before."""
    _asked.add(number)
    before = _watched.get(number)
    if callable(before):
        before(number, frame)
