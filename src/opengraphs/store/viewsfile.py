"""`views.toml`: the saved views of a store, by project and name.

    [projects.digits]
    default = "loss"

    [projects.digits.views.loss]
    screen = "graphs"

A file that cannot be read is left as it is. Every change reads the file again under a lock
and replaces it whole, so that writers do not lose each other's views.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.errors import ConflictError, NotFoundError, StoreError
from opengraphs.sdk.jsonfile import replace_file
from opengraphs.store import tomltext

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "views.toml"
MAX_FILE_BYTES = 1 << 20
_HEADING = "# Saved views of og, by project. May be edited by hand.\n\n"


class Views(NamedTuple):
    """The views of one project. version: of the file as it was read, "" where there is none."""

    version: str
    default: str | None
    views: dict[str, dict[str, Any]]


class Change(NamedTuple):
    """What shall be different. views: None takes one away. default: "" is none, None leaves it as it is."""

    views: Mapping[str, Mapping[str, Any] | None]
    default: str | None = None
    version: str | None = None
    """The version the change was made from; None does not care."""


def read(store: Path, project: str) -> Views:
    """The saved views of a project.

    Raises:
        StoreError: the file is damaged or cannot be read.
    """
    document, version = _read(store / NAME)
    return _of_project(document, version, project, store / NAME)


def change(store: Path, project: str, wanted: Change) -> Views:
    """Put views in the file, take some away; those that are not named stay.

    Raises:
        ConflictError: the file is no longer the one that `wanted.version` names.
        NotFoundError: the default names no view.
        StoreError: the file is damaged, cannot be read or cannot be written; it stays as it is.
    """
    path = store / NAME
    try:
        with _alone(store):
            document, version = _read(path)
            if wanted.version is not None and wanted.version != version:
                hint = "ask for them again: what was saved meanwhile is kept"
                raise ConflictError("the saved views have changed since they were read", hint=hint)
            data = _changed(document, _of_project(document, version, project, path), project, wanted)
            replace_file(str(path), data, durable=True)
    except OSError as error:
        raise StoreError(f"views cannot be saved ({error.strerror})", path=str(path)) from error
    return read(store, project)


def _changed(document: dict[str, Any], before: Views, project: str, wanted: Change) -> bytes:
    """The new text of the file."""
    views = {name: view for name, view in {**before.views, **wanted.views}.items() if view is not None}
    default = before.default if wanted.default is None else wanted.default
    if wanted.default and default not in views:
        raise NotFoundError(f"no saved view {default!r}", hint="saved: " + (", ".join(views) or "none"))
    table = {**document.get("projects", {}).get(project, {}), "views": views}
    table.pop("default", None)
    if default and default in views:
        table["default"] = default
    projects = {**document.get("projects", {}), project: table}
    text = _HEADING + tomltext.dumps({**document, "projects": projects})
    if len(text.encode()) > MAX_FILE_BYTES:
        raise StoreError(f"the saved views would need more than {MAX_FILE_BYTES} bytes")
    return text.encode()


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        raise StoreError(f"saved views cannot be read ({error.strerror})", path=str(path)) from error
    try:
        document = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        hint = "mend the file, or move it away; og does not touch it before"
        raise StoreError(f"saved views are damaged ({error})", hint=hint, path=str(path)) from error
    return document, hashlib.blake2b(data, digest_size=8).hexdigest()


def _of_project(document: Mapping[str, Any], version: str, project: str, path: Path) -> Views:
    projects = document.get("projects", {})
    table = projects.get(project, {}) if isinstance(projects, dict) else None
    views = table.get("views", {}) if isinstance(table, dict) else None
    if not isinstance(views, dict) or not all(isinstance(view, dict) for view in views.values()):
        hint = "[projects.NAME.views.NAME] is a table; og does not touch the file before it is mended"
        raise StoreError("saved views are damaged (no tables where tables belong)", hint=hint, path=str(path))
    default = table.get("default") if isinstance(table, dict) else None
    return Views(version, default if default in views else None, views)


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """No other writer of this store's views until the end."""
    fd = os.open(store, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
