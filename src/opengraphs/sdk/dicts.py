"""`run.config` and `run.summary`: dicts that write down what is put into them."""

from __future__ import annotations

from . import warn
from .plain import as_mapping, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    Record = Callable[[Dict[str, Any]], None]


class RecordedDict(Dict[str, Any] if TYPE_CHECKING else dict):  # type: ignore[misc]
    """A dict with attribute access whose changes are recorded as they happen.

    Values are kept as they were given; what is recorded is their plain form. Removing a
    key changes this object only: what was recorded stays.
    """

    def __init__(self, record: Record, values: Any = None) -> None:
        super().__init__(as_mapping(values) or {})
        object.__setattr__(self, "_record", record)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._note({key: value})

    @warn.guarded
    def update(self, *given: Any, allow_val_change: Optional[bool] = None, **values: Any) -> None:
        """Take in dict-likes, argparse namespaces or dataclasses, and keywords.

        Args:
            allow_val_change: accepted, as values may always change here.
        """
        changed: Dict[str, Any] = {}
        for one in given:
            mapping = as_mapping(one)
            changed.update(dict(one) if mapping is None else mapping)
        changed.update(values)
        super().update(changed)
        self._note(changed)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of `key`, set to `default` first when it has none."""
        if key not in self:
            self[key] = default
        return self[key]

    def setdefaults(self, values: Any) -> None:
        """Take in only what has no value yet."""
        self.update({key: value for key, value in (as_mapping(values) or {}).items() if key not in self})

    def as_dict(self) -> Dict[str, Any]:
        """A plain copy."""
        return dict(self)

    def __reduce__(self) -> Any:
        """Copies and pickles are plain dicts: they do not record."""
        return dict, (dict(self),)

    def _note(self, changed: Dict[str, Any]) -> None:
        try:
            if changed:
                self._record(plain(changed))
        except Exception as error:  # the border of the SDK
            warn.complain("settings", "a setting was not recorded: %r" % error, error)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None


class Config(RecordedDict):
    """What went into a run: hyperparameters, data sets, versions."""


class Summary(RecordedDict):
    """What came out of a run. Reading falls back to the value that was logged last."""

    def __init__(self, record: Record, latest: Dict[str, Any]) -> None:
        super().__init__(record)
        object.__setattr__(self, "_latest", latest)

    def __missing__(self, key: str) -> Any:
        return self._latest[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value set, else the value logged last, else `default`."""
        return self[key] if key in self else self._latest.get(key, default)
