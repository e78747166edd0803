"""What a PATH or a RUN on the command line means: which store, and which run in it."""

from __future__ import annotations

import os
import shlex
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from opengraphs import paths
from opengraphs.cli.first_frame import looks_like_path
from opengraphs.errors import NotARunError, NotFoundError, StoreError
from opengraphs.sdk import layout

PROJECT_STORE = ".opengraphs"
MANY = 200
"""Of so many folders in `runs/` one must be a run folder, or it belongs to something else."""


class Target(NamedTuple):
    """A store, and the run in it that was meant; `ref` None means the store as a whole."""

    store: Path
    ref: str | None


class RunTarget(NamedTuple):
    """A store, and a run of it by any reference."""

    store: Path
    ref: str


def store_of(explicit: str | None) -> Path:
    """The store in force for a command that reads.

    Raises:
        StoreError: `--store` names something that is no folder.
    """
    store = paths.store_path(explicit)
    if explicit and not store.is_dir():
        what = "is a file, not a store" if store.exists() else "no such store"
        raise StoreError(
            what, hint="og init makes one; og run --store makes it as it starts", path=str(store)
        )
    return store


def resolve(word: str | None, *, store: str | None) -> Target:
    """The target of `og PATH`, `og view PATH|RUN` and `og list PATH`.

    A word with a slash in it, or that names a folder, is a path; anything else is a run.

    Raises:
        NotFoundError: a path that leads nowhere.
        NotARunError: a folder that is neither run, store nor project.
    """
    if word is None:
        return Target(store_of(store), None)
    if looks_like_path(word):
        return _from_path(Path(word).expanduser().absolute())
    return Target(store_of(store), word)


def at_hand(word: str | None, *, store: str | None) -> Target | None:
    """The target as far as it is clear without asking the daemon, for a first frame.

    None where foreign runs have to be looked for first.
    """
    path = path_of(word)
    place = store_for_foreign(path) if path is not None else None
    if path is None or place is None or place.parent == path:
        return resolve(word, store=store)
    return Target(place, None) if path.is_dir() and paths.attached_dir(place).is_dir() else None


def shown_place(store: Path, word: str | None) -> Path | None:
    """The path that a store stands for: that of foreign runs without a store of their own."""
    path = path_of(word)
    return path if path is not None and paths.view_store(path) == store else None


def path_of(word: str | None) -> Path | None:
    """The path that a word means; None when it means a run, or nothing."""
    return Path(word).expanduser().absolute() if word is not None and looks_like_path(word) else None


def store_for_foreign(path: Path) -> Path | None:
    """The store in which foreign runs at `path` are shown: that of the project, or one of the path's own.

    None where only og's own runs are meant: a run folder, or a store.
    """
    if path.is_dir() and (PROJECT_STORE in path.parts or _is_ours(path)):
        return None
    own = path / PROJECT_STORE
    return own if own.is_dir() else paths.view_store(path)


def _is_ours(path: Path) -> bool:
    """Whether a folder is a run folder or a store. TensorBoard calls its folder `runs` too."""
    if (path / layout.RUN_JSON).is_file() or _holds_runs(path / layout.RUNS):
        return True
    return path.parent.name == layout.RUNS and _holds_runs(path.parent)


def _holds_runs(folder: Path) -> bool:
    """Whether one of the first folders in it is a run folder."""
    try:
        with os.scandir(folder) as entries:
            some = list(islice(entries, MANY))
    except OSError:
        return False
    return any(os.path.isfile(f"{entry.path}/{layout.RUN_JSON}") for entry in some)  # noqa: PTH113


def one_run(word: str, *, store: str | None) -> RunTarget:
    """The target of a command that is about one run: a reference, or the path of its folder.

    Raises:
        NotARunError: the path is a store or a project.
    """
    target = resolve(word, store=store) if looks_like_path(word) else Target(store_of(store), word)
    if target.ref is None:
        raise NotARunError(
            "a store, not a run", hint=f"og list {word} shows its runs", path=str(target.store)
        )
    return RunTarget(target.store, target.ref)


def _from_path(path: Path) -> Target:
    if not path.exists():
        raise NotFoundError(
            "no such file or folder", hint="og list shows the runs of the store in force", path=str(path)
        )
    if path.is_file():
        hint = f"og attach --source {_typed(path)} makes a run of it; og tail {_typed(path)} prints its end"
        raise NotARunError("a file is no run", hint=hint, path=str(path))
    if (path / layout.RUN_JSON).is_file():
        return _from_run_folder(path)
    if (path / layout.RUNS).is_dir() or path.name == PROJECT_STORE:
        return Target(path, None)
    if (path / PROJECT_STORE).is_dir():
        return Target(path / PROJECT_STORE, None)
    return _from_inside(path)


def _typed(path: Path) -> str:
    """A path as one would type it here: without what the working folder says already."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _from_run_folder(path: Path) -> Target:
    if path.parent.name != layout.RUNS:
        hint = f"move it below the {layout.RUNS}/ folder of a store"
        raise NotARunError("a run folder that lies in no store", hint=hint, path=str(path))
    return Target(path.parent.parent, path.name)


def _from_inside(path: Path) -> Target:
    """A folder below a project that has a store; a run folder whose run.json is gone is said to be one."""
    if path.parent.name == layout.RUNS:
        hint = f"it has no {layout.RUN_JSON}; og doctor tells what is damaged"
        raise NotARunError("not a run folder", hint=hint, path=str(path))
    for folder in path.parents:
        if (folder / PROJECT_STORE).is_dir():
            return Target(folder / PROJECT_STORE, None)
    raise NotARunError(
        "neither a run, a store nor a project",
        hint=f"og list {_typed(path)} shows what other programs left there; og init makes a store",
        path=str(path),
    )
