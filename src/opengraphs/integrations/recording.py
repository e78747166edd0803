"""What all integrations share: where they write, and that no training ever notices.

framework ─ OpenGraphsCallback.on_log ─ Recorder ─┬─ RunRecorder ─ the script's run
                                                  └─ a mirror of the hooks (source "transformers", …)
"""

from __future__ import annotations

import functools

from opengraphs.sdk import values, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any, Callable, Dict, Mapping, Optional, TypeVar, Union

    from opengraphs.sdk.run import Run

    F = TypeVar("F", bound=Callable[..., Any])
    Path = Union[str, os.PathLike[str]]


class Recorder:
    """What a callback writes to."""

    def log(self, metrics: Mapping[str, Any], step: Optional[int]) -> None:
        """Record numbers; None is the step after the last."""
        raise NotImplementedError

    def config(self, config: Any) -> None:
        """Add to what went into the run."""
        raise NotImplementedError

    def progress(self, step: Optional[int], total: Optional[int], unit: str = "step") -> None:
        """Say how far the training is; None is unknown."""
        raise NotImplementedError

    def checkpoint(self, path: Path, step: Optional[int], metrics: Mapping[str, Any]) -> None:
        """Register a saved state."""
        raise NotImplementedError


class RunRecorder(Recorder):
    """Writes to the current run of the script, or to a new one when there is none at the first record.

    Args:
        wish: arguments of `opengraphs.init`; they mean nothing when a run is current.

    Attributes:
        is_own: the run was made here, so that it may be ended here.
    """

    def __init__(self, **wish: Any) -> None:
        self._wish = wish
        self._run: Optional[Run] = None
        self.is_own = False

    @property
    def run(self) -> Run:
        """The run, made now if it must be."""
        if self._run is None:
            from opengraphs.sdk import api

            before = api.current("run")
            self._run = api.init(**self._wish)
            self.is_own = self._run is not before
        return self._run

    def log(self, metrics: Mapping[str, Any], step: Optional[int]) -> None:
        self.run.log(metrics, step)

    def config(self, config: Any) -> None:
        self.run.config.update(config)

    def progress(self, step: Optional[int], total: Optional[int], unit: str = "step") -> None:
        self.run.progress(step, total, unit)

    def checkpoint(self, path: Path, step: Optional[int], metrics: Mapping[str, Any]) -> None:
        self.run.checkpoint(path, step, metrics)

    def __getstate__(self) -> Dict[str, Any]:
        """A copy in another process finds its own run there."""
        return {"_wish": self._wish, "_run": None, "is_own": False}


class Watch:
    """Base of the callbacks: a recorder, and the promise that trouble ends og's part and nothing else.

    Attributes:
        is_explicit: the script named this callback; one that a hook added gives way to it.
        latest: the value each metric had last, for checkpoints.
    """

    is_explicit = True

    def __init__(self, **wish: Any) -> None:
        super().__init__()
        self.latest: Dict[str, Any] = {}
        self._is_off = False
        self._run_recorder = RunRecorder(**wish)

    @property
    def recorder(self) -> Recorder:
        """Where to write."""
        return self._run_recorder

    def record(self, metrics: Mapping[str, Any], step: Optional[int]) -> None:
        """Log the numbers among `metrics` and remember them for the next checkpoint."""
        found = numbers(metrics)
        if found:
            self.recorder.log(found, step)
            self.latest.update(found)

    def settings(self, read: Callable[..., Any], *args: Any) -> None:
        """Record the config that `read` finds. Trouble there, in foreign objects, ends nothing else."""
        try:
            found = read(*args)
            if found:
                self.recorder.config(found)
        except Exception as error:  # the border of the SDK
            self.trouble("cannot read the settings", error)

    def trouble(self, what: str, error: Exception) -> None:
        """Say once what went wrong."""
        text = "%s %s" % (type(self).__name__, what)
        warn.complain("integration:" + text, "%s: %r" % (text, error), error)


def never_raise(method: F) -> F:
    """For methods of a `Watch` that a framework calls: an exception switches the callback off."""

    @functools.wraps(method)
    def call(self: Watch, *args: Any, **kwargs: Any) -> Any:
        if self._is_off:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # the border of the SDK
            self._is_off = True
            self.trouble("stops recording", error)
            return None

    return call  # type: ignore[return-value]


def numbers(metrics: Mapping[str, Any]) -> Dict[str, Any]:
    """The numbers, read once each and flattened; frameworks log text and lists beside them."""
    return values.numbers(metrics, _ignore)


def _ignore(_name: str, _value: Any, _error: Exception) -> None:
    pass
