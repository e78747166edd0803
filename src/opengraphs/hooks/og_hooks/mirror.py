"""Where hooks write: `mirror("wandb").log({"loss": 0.3}, 12)`.

All mirrors of a process share one journal, `mirror-a0-r0.jsonl`, and one of events; each
record of metrics carries the mirror's name as its `source`. They are opened with the first
record, through the SDK, and closed when the process ends. No call here raises, and none
reads a value more than once.

    mirror(source) -> Mirror         one a source and process; `source` is one of `transformers`,
                                     `lightning`, `keras`, `accelerate`, `wandb`, `trackio`,
                                     `mlflow`, `summary_writer`, or `config` (argparse, hydra)
    .log(metrics, step)              numbers under names, nested dicts joined by `/`; what is no
                                     number is left out; step None is one more than the last of this source
    .config(values) .summary(values) merged into the run's
    .checkpoint(path, step, metrics) registered, after it was saved whole
    .tags(*names) .name(text) .note(text, step) .alert(title, text, level, step)
    .progress(step, total, unit)     at most about once a second reaches the disk
    .system(metrics)                 figures of the machine
"""

from __future__ import annotations

from math import isfinite
from time import time

from .guard import trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Mapping, Optional

    from .channel import Channel

PLAIN = frozenset((float, int))
_mirrors: Dict[str, Mirror] = {}


def mirror(source: str) -> Mirror:
    """The mirror of one source in this process; the first call costs nothing on the disk."""
    found = _mirrors.get(source)
    if found is None:
        found = _mirrors[source] = Mirror(source)
    return found


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Mirror, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # the border of the hooks
            trouble(self.source, error)
            return None

    call.__doc__, call.__name__ = method.__doc__, method.__name__
    return call


class Mirror:
    """What one library tells about the run. Made by `mirror`; see the top of this module."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._channel: Optional[Channel] = None
        self._encode: Callable[[int, float, Mapping[str, Any]], bytes]
        self._next_step = 0

    def log(self, metrics: Mapping[str, Any], step: Any = None) -> None:
        """Record numbers at a step; everything else in `metrics` is left out.

        Cost: some 3 µs for a dict of floats; see bench/hooks.py.
        """
        try:
            if type(step) is not int:
                step = self._next_step if step is None else self._whole(step)
            self._next_step = step + 1
            channel = self._channel or self._open()
            values = metrics.values()
            if metrics and PLAIN.issuperset(map(type, values)) and isfinite(sum(values)):
                channel.put(self._encode(step, time(), metrics))
            else:
                channel.log_any(self.source, metrics, step)
        except Exception as error:  # the border of the hooks
            trouble(self.source, error)

    @_guarded
    def config(self, values: Mapping[str, Any]) -> None:
        """Merge settings into the run's config. Any values; their plain form is recorded."""
        if values:
            self._opened().config(values)

    @_guarded
    def summary(self, values: Mapping[str, Any]) -> None:
        """Merge results into the run's summary."""
        if values:
            self._opened().event("summary", {"summary": values})

    @_guarded
    def tags(self, *names: str) -> None:
        """Add labels."""
        if names:
            self._opened().event("tag", {"tags": [str(name) for name in names]})

    @_guarded
    def name(self, text: str) -> None:
        """Rename the run, unless its user has named it on the command line of og."""
        self._opened().name(str(text))

    @_guarded
    def note(self, text: str, step: Optional[int] = None) -> None:
        """Add a sentence to the run's notes, or at a step."""
        self._opened().event("note", {"text": str(text), "step": step})

    @_guarded
    def alert(self, title: str, text: str = "", level: str = "info", step: Optional[int] = None) -> None:
        """Raise an alert. level: `info`, `warn` or `error`, in any case; others are `info`."""
        self._opened().alert(self.source, title, text, level, self.step if step is None else step)

    @_guarded
    def checkpoint(
        self, path: Any, step: Optional[int] = None, metrics: Optional[Mapping[str, Any]] = None
    ) -> None:
        """Register a saved model state; nothing is copied. Call it after the save is complete.

        Args:
            step: None is the step logged last by this source.
            metrics: what it scored; values that are no numbers are left out.
        """
        self._opened().checkpoint(path, self.step if step is None else int(step), metrics or {})

    @_guarded
    def progress(self, step: Optional[int], total: Optional[int] = None, unit: str = "step") -> None:
        """Say how far the training is; None leaves what is known."""
        self._opened().progress(step, total, unit)

    @_guarded
    def system(self, metrics: Mapping[str, Any]) -> None:
        """Record figures of the machine at the present time."""
        self._opened().system(metrics)

    @property
    def step(self) -> int:
        """The step logged last; 0 before the first."""
        return max(0, self._next_step - 1)

    def _opened(self) -> Channel:
        from .channel import channel

        return channel()

    def _open(self) -> Channel:
        channel = self._opened()
        self._encode = channel.encoder(self.source)
        self._channel = channel
        return channel

    def _whole(self, step: Any) -> int:
        """A step of any library's type; what is none counts as the next one."""
        try:
            whole = int(step)
            return whole if whole == step else self._next_step
        except Exception:  # the border of the hooks: a step of a type that raises as it likes
            return self._next_step
