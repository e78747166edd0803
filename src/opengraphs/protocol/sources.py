"""Foreign runs on the wire: what is attached, attaching, importing."""

from __future__ import annotations

from typing import Any, TypedDict


class AttachRequest(TypedDict, total=False):
    """path: absolute, of a file or folder. format: a name of `formats`, absent: found out.

    mode: `attach` (from now on), `view` (the same, said to be for looking), `import` (copied
    into the store, once). project: of runs whose source names none. dry_run: of an import.
    """

    path: str
    format: str
    mode: str
    project: str
    dry_run: bool


class PlaceRow(TypedDict):
    """An attached place. looking: the folder is being searched for the first time."""

    id: str
    path: str
    mode: str
    format: str
    looking: bool
    sources: int
    runs: int


class TroubleRow(TypedDict):
    path: str
    reason: str
    skipped: int
    offset: int | None


class SourceRow(TypedDict):
    """One source. state: `reading`, `followed` or `unreadable`, of which `message` says why.

    left: fraction still to be read. skipped: records that were left out; `troubles` says where.
    run_ids: the first hundred of its `runs`.
    """

    id: str
    place: str
    format: str
    title: str
    path: str
    state: str
    message: str
    left: float
    runs: int
    run_ids: list[str]
    skipped: int
    troubles: list[TroubleRow]


class SourcesReply(TypedDict, total=False):
    """`id` is that of the place in the reply to `POST /sources`. looking: something is searched for
    the first time. trouble: why nothing is followed, "" when it is."""

    schema: int
    store: str
    id: str
    places: list[PlaceRow]
    sources: list[SourceRow]
    total: int
    looking: bool
    trouble: str
    formats: list[dict[str, str]]


class ImportReply(TypedDict):
    """runs: `{run_id, key, format, path, state, points}`, state one of `imported`, `updated`,
    `unchanged`, `removed` (by somebody, and not brought back). sources: `{format, path, message,
    skipped}`. message: why the import broke off, "" when it did not."""

    schema: int
    import_id: str
    store: str
    path: str
    done: bool
    dry_run: bool
    message: str
    runs: list[dict[str, Any]]
    sources: list[dict[str, Any]]


class DetachReply(TypedDict):
    schema: int
    detached: str
