"""What is to be done, as it was judged; it stands in the journal's first record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Change(NamedTuple):
    """A file's new text. before: SHA-256 of the text that was judged."""

    path: str
    before: str
    text: str


class Order(NamedTuple):
    """One action.

    kind: restart, override or patch. checkpoint_id: None begins anew. asked: a person is to approve it,
    until expires_at (Unix seconds). parent_failed: the run had ended by itself, so there is nothing to
    go back to. verify_s: so long evidence is waited for.
    """

    action_id: str
    run_id: str
    kind: str
    checkpoint_id: str | None = None
    overrides: Mapping[str, Any] = {}  # never written to
    files: tuple[Change, ...] = ()
    diff: str = ""
    asked: bool = True
    expires_at: float = 0.0
    parent_failed: bool = False
    verify_s: float = 1800.0

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        return {**self._asdict(), "files": [one._asdict() for one in self.files]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Order:
        """The order that a record holds; names that a later version wrote are left out."""
        known = {name: record[name] for name in cls._fields if name in record}
        return cls(**{**known, "files": tuple(Change(**one) for one in record.get("files") or ())})
