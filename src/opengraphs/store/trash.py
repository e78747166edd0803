"""Removed runs: `<store>/trash/<run_id>/`, each the run's folder as it was.

A run is moved by one rename, so it is here or there and never half; `<run_id>.json`
beside it says when. Restoring is the rename back, so that a run that returns is the run
that went. Only `purge` destroys anything, and nothing calls it by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from opengraphs.errors import AmbiguousError, NotFoundError, ProcessError, StoreError
from opengraphs.sdk import jsonfile, layout
from opengraphs.store.folder import run_names, runs_folder
from opengraphs.store.runjson import read_run_json

_LOCK_S = 0.3
_RETRY_S = 0.01
_GOING = ".going-"
"""Begins the name of a folder that is being purged; whoever purges next finishes it."""


class Trashed(NamedTuple):
    """One removed run. trash_id: its run id, with `~2` behind it where one of that id lay there before."""

    trash_id: str
    run_id: str
    name: str
    project: str
    deleted_at: str


def trash_folder(store: Path) -> Path:
    return store / layout.TRASH


def listed(store: Path) -> list[Trashed]:
    """What lies in the trash, removed last first.

    Raises:
        OSError: the folder exists and cannot be listed.
    """
    folder = trash_folder(store)
    found = [_describe(folder, name) for name in run_names(folder)]
    return sorted(found, key=lambda item: (item.deleted_at, item.trash_id), reverse=True)


def _describe(folder: Path, trash_id: str) -> Trashed:
    facts = read_run_json(folder / trash_id / layout.RUN_JSON).facts
    note = jsonfile.read_json(str(_note(folder, trash_id)))
    noted, deleted_at = note.get("run_id"), note.get("deleted_at")
    if not (isinstance(noted, str) and noted and f"{trash_id}~".startswith(f"{noted}~")):
        noted = trash_id.partition("~")[0]
    run_id = noted
    if not isinstance(deleted_at, str):  # moved by hand: the rename itself is in the inode's change time
        with contextlib.suppress(OSError):
            deleted_at = layout.utc_iso((folder / trash_id).lstat().st_ctime)
    return Trashed(
        trash_id, run_id, facts.get("name") or run_id, facts.get("project") or "", str(deleted_at or "")
    )


def find(store: Path, ref: str) -> Trashed:
    """The removed run behind an id, a unique name or a unique part of an id.

    Raises:
        NotFoundError, AmbiguousError: none fits, or several do.
        OSError: the trash cannot be listed.
    """
    items = listed(store)
    for fitting in (
        [item for item in items if item.trash_id == ref],
        [item for item in items if item.name == ref],
        [item for item in items if ref and ref in item.trash_id],
    ):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            ids = ", ".join(item.trash_id for item in fitting[:10])
            raise AmbiguousError(f"{len(fitting)} removed runs fit {ref!r}", hint=ids)
    raise NotFoundError(f"no removed run fits {ref!r}", hint="og rm --list shows what lies in the trash")


def find_id(store: Path, ref: str) -> str | None:
    """The trash id of the one removed run whose id holds `ref`. Cheap, for hints: no file is opened."""
    try:
        fitting = [name for name in run_names(trash_folder(store)) if ref in name] if ref else []
    except OSError:
        return None
    return fitting[0] if len(fitting) == 1 else None


def remove(store: Path, run_id: str) -> str:
    """Move an ended run into the trash; its trash id.

    Its lock is held meanwhile, so nobody can begin to write to it (resume it) in that moment.

    Raises:
        ProcessError: the run lives: somebody holds its lock.
        OSError: the store cannot be written; everything is where it was.
    """
    source, folder = runs_folder(store) / run_id, trash_folder(store)
    folder.mkdir(exist_ok=True)
    with _unused(source):
        trash_id = _free_name(folder, run_id)
        note = _note(folder, trash_id)
        jsonfile.write_json(str(note), {"run_id": run_id, "deleted_at": layout.utc_iso(time.time())})
        try:
            source.rename(folder / trash_id)
        except OSError:
            note.unlink(missing_ok=True)
            raise
    _sync(store)
    return trash_id


@contextlib.contextmanager
def _unused(run: Path) -> Iterator[None]:
    try:
        lock = os.open(run / layout.RUN_LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield  # never had an owner: copied here, or made by another program
        return
    try:
        if not _locked(lock):
            raise lives(run)
        yield
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    """Whether the lock could be had; another daemon holds it for a moment when it makes a run whole."""
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
        time.sleep(_RETRY_S)


def lives(run: Path) -> ProcessError:
    """The error for a run that cannot be removed yet."""
    error = ProcessError(
        f"the run {run.name} is running, and a live run is not removed",
        hint=f"og stop {run.name} ends it",
        path=str(run),
    )
    error.http_status = 409
    return error


def restore(store: Path, item: Trashed) -> None:
    """Move a removed run back.

    Raises:
        StoreError: a run of that id is there again.
        OSError: the store cannot be written; everything is where it was.
    """
    folder, target = trash_folder(store), runs_folder(store) / item.run_id
    if os.path.lexists(target):
        error = StoreError(
            f"there is another run {item.run_id}", hint="remove that one first", path=str(target)
        )
        error.http_status = 409
        raise error
    target.parent.mkdir(exist_ok=True)
    (folder / item.trash_id).rename(target)
    _note(folder, item.trash_id).unlink(missing_ok=True)
    _sync(store)


def take_for_purge(store: Path, item: Trashed) -> Path:
    """Take a removed run out of the trash's list, for `destroy`.

    Raises:
        OSError: the store cannot be written; the run is still listed.
    """
    folder = trash_folder(store)
    going = folder / f"{_GOING}{item.trash_id}-{os.getpid()}-{time.time_ns()}"
    (folder / item.trash_id).rename(going)
    _note(folder, item.trash_id).unlink(missing_ok=True)
    return going


def destroy(store: Path) -> None:
    """Delete for good what `take_for_purge` took, also what an earlier daemon did not finish.

    Raises:
        OSError: something cannot be deleted, the rest is; asking again goes on.
    """
    failed: OSError | None = None
    with _alone(trash_folder(store)):
        for path in trash_folder(store).glob(f"{_GOING}*"):
            try:
                if path.is_symlink():
                    path.unlink()
                else:
                    shutil.rmtree(path)
            except OSError as error:
                failed = error
    if failed is not None:
        raise failed


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else deletes in the folder meanwhile: two that do find half of it gone."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield  # there is no trash
        return
    try:
        with contextlib.suppress(OSError):  # where folders cannot be locked the other may get in the way
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def size_bytes(run: Path) -> int:
    """What the files of a run take on the disk, as far as they can be seen."""
    total = 0
    for folder, _, files in os.walk(run):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
    return total


def _note(folder: Path, trash_id: str) -> Path:
    return folder / f"{trash_id}.json"


def _free_name(folder: Path, run_id: str) -> str:
    name, number = run_id, 1
    while os.path.lexists(folder / name):
        number += 1
        name = f"{run_id}~{number}"
    return name


def _sync(store: Path) -> None:
    """A removal, and a return, survive a power cut."""
    for folder in (runs_folder(store), trash_folder(store)):
        jsonfile.sync_folder(str(folder))
