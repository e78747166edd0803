"""What a PATH or a RUN on the command line means: which store, and which run in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from opengraphs import paths
from opengraphs.cli.first_frame import looks_like_path
from opengraphs.errors import NotARunError, NotFoundError, StoreError
from opengraphs.sdk import layout

PROJECT_STORE = ".opengraphs"


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
            "no such folder", hint="og list shows the runs of the store in force", path=str(path)
        )
    if path.is_file():
        raise NotARunError("a file is no run", hint=f"og tail {path.name} prints its end", path=str(path))
    if (path / layout.RUN_JSON).is_file():
        return _from_run_folder(path)
    if (path / layout.RUNS).is_dir() or path.name == PROJECT_STORE:
        return Target(path, None)
    if (path / PROJECT_STORE).is_dir():
        return Target(path / PROJECT_STORE, None)
    return _from_inside(path)


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
        "neither a run, a store nor a project", hint="og init makes a store here", path=str(path)
    )
