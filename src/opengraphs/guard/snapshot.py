"""The files of an action before and after it, kept so that it can be done, and undone, once or twice.

`<run>/agent/patches/<action_id>/` holds `before/` and `after/` with the files under their own paths,
`change.diff`, and `meta.json` with their hashes. The folder appears whole or not at all, and is never
written again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from opengraphs.errors import DiskFullError, StoreError
from opengraphs.guard.durable import sync_folder
from opengraphs.guard.finding import Refused, refused
from opengraphs.guard.paths import Target, open_target
from opengraphs.guard.rules import Policy, parts_of
from opengraphs.guard.write import replace, sweep

FOLDER = "patches"
META, DIFF = "meta.json", "change.diff"
Side = Literal["before", "after"]
State = Literal["before", "after", "between", "edited"]
"""between: some files are before and some after; edited: one is neither."""
_ACTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class Saved(NamedTuple):
    """One file of a snapshot. before, after: SHA-256 of its two texts; mode: its permission bits."""

    path: str
    before: str
    after: str
    mode: int


class Snapshot(NamedTuple):
    """A stored snapshot; the texts lie in `folder`."""

    action_id: str
    folder: Path
    files: tuple[Saved, ...]
    diff: str

    def text(self, path: str, side: Side) -> str:
        """One side of one file.

        Raises:
            StoreError: the copy is gone, or is not what was stored.
        """
        saved = next(one for one in self.files if one.path == path)
        place = self.folder / side / path
        try:
            data = place.read_bytes()
        except OSError as error:
            raise StoreError("a snapshot lost a copy", path=str(place)) from error
        if hashlib.sha256(data).hexdigest() != (saved.before if side == "before" else saved.after):
            raise StoreError("a copy in a snapshot was changed", path=str(place))
        return data.decode()


def take(agent: Path, action_id: str, changes: Sequence[tuple[Target, str]], *, diff: str) -> Snapshot:
    """Store what an action is about to change, before it changes anything.

    Args:
        agent: the run's `agent/`.
        changes: each file as it is, and its new text.
        diff: unified, for people.

    Returns:
        The snapshot; that of an earlier call with the same texts, where there is one.

    Raises:
        StoreError, DiskFullError: it could not be stored, or another one has this name.
    """
    folder = agent / FOLDER / _checked(action_id)
    files = tuple(Saved(old.path, old.sha256, _sha(text), old.mode) for old, text in changes)
    if folder.exists():
        return _same(load(agent, action_id), files)
    part = folder.with_name(f".{action_id}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        for old, text in changes:
            _put(part / "before" / old.path, old.text)
            _put(part / "after" / old.path, text)
        _put(part / DIFF, diff)
        _put(part / META, json.dumps({"action_id": action_id, "files": [one._asdict() for one in files]}))
        _sync_tree(part)
        part.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        kind = DiskFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        raise kind(f"the snapshot could not be stored: {error.strerror}", path=str(folder)) from error
    return Snapshot(action_id, folder, files, diff)


def load(agent: Path, action_id: str) -> Snapshot:
    """A stored snapshot.

    Raises:
        StoreError: there is none, or it is damaged.
    """
    folder = agent / FOLDER / _checked(action_id)
    try:
        meta: Mapping[str, Any] = json.loads((folder / META).read_bytes())
        files = tuple(
            Saved(str(one["path"]), str(one["before"]), str(one["after"]), int(one["mode"]))
            for one in meta["files"]
        )
        for one in files:
            parts_of(one.path)
        diff = (folder / DIFF).read_bytes().decode()
    except (OSError, ValueError, KeyError, TypeError, Refused) as error:
        raise StoreError("no snapshot that can be read", path=str(folder)) from error
    return Snapshot(action_id, folder, files, diff)


def state(policy: Policy, snapshot: Snapshot) -> State:
    """Which side of the snapshot the files are on now.

    Raises:
        Refused: the policy does not allow one of them.
    """
    sides = [_side(saved, _now(policy, saved)) for saved in snapshot.files]
    if None in sides:
        return "edited"
    if len(set(sides)) > 1:
        return "between"
    return "before" if "before" in sides else "after"


def apply(policy: Policy, snapshot: Snapshot) -> list[Target]:
    """Give the files their new texts, those that have them not yet; may be called again.

    Raises:
        Refused: rule `edited_since` when a file is neither before nor after; nothing was written then.
            Or a rule of `write.replace`.
        StoreError: a copy is gone.
    """
    return _to(policy, snapshot, "after")


def restore(policy: Policy, snapshot: Snapshot) -> list[Target]:
    """Give the files their old texts, where they are still what the action wrote; may be called again.

    Raises:
        As `apply`; whoever edited a file since keeps their edits.
    """
    paths = (saved.path for saved in snapshot.files)  # they were allowed when it was taken
    return _to(policy._replace(allowed=(*policy.allowed, *paths)), snapshot, "before")


def _to(policy: Policy, snapshot: Snapshot, side: Side) -> list[Target]:
    found = [(saved, _now(policy, saved)) for saved in snapshot.files]
    for saved, now in found:
        if _side(saved, now) is None:
            text = "the file was edited since; it is left as it is, the copies lie in the run's agent/patches"
            raise refused("edited_since", text, saved.path)
    texts = [snapshot.text(saved.path, side) for saved in snapshot.files]
    return [
        _written(policy, now, text) for (_, now), text in zip(found, texts, strict=True) if now is not None
    ]


def _written(policy: Policy, now: Target, text: str) -> Target:
    sweep(policy, now.path)
    return now if now.text == text else replace(policy, now, text)


def _now(policy: Policy, saved: Saved) -> Target | None:
    """The file as it is; None when it is gone, or is no file of that kind any more."""
    try:
        return open_target(policy, saved.path)
    except Refused as refusal:
        if refusal.finding.rule in ("denied", "not_allowed", "root", "unreadable"):
            raise
        return None


def _side(saved: Saved, now: Target | None) -> Side | None:
    if now is None or now.sha256 not in (saved.before, saved.after):
        return None
    return "before" if now.sha256 == saved.before else "after"


def _same(stored: Snapshot, files: tuple[Saved, ...]) -> Snapshot:
    if stored.files != files:
        raise StoreError("another snapshot has this name", path=str(stored.folder))
    for saved in files:
        stored.text(saved.path, "before")
        stored.text(saved.path, "after")
    return stored


def _checked(action_id: str) -> str:
    if not _ACTION.fullmatch(action_id):
        raise StoreError(f"no name for an action: {action_id[:80]!r}")
    return action_id


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.flush()
        os.fsync(fd)


def _sync_tree(folder: Path) -> None:
    for one in (*folder.rglob("*"), folder):
        if one.is_dir():
            sync_folder(one)
