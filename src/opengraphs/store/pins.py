"""Checkpoints that og keeps: a second name for every file, so that a training's own rotation frees nothing.

A pin is `<run>/checkpoints/<checkpoint_id>/` with `pin.json` and the checkpoint under its own name. A
file that the training overwrites in place would change under a second name, too: that one is copied.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import time
from pathlib import Path
from typing import NamedTuple

from opengraphs.errors import ConflictError, DiskFullError, StoreError
from opengraphs.sdk import layout
from opengraphs.sdk.jsonfile import write_json
from opengraphs.store.checkpointlook import PIN_JSON
from opengraphs.store.checkpointnames import is_written_in_place
from opengraphs.store.checkpoints import mark_of
from opengraphs.store.plainfile import open_plain

MAX_COPY_BYTES = 4 << 30
"""What is really copied, where the file system can neither link nor share blocks."""
ROOM_LEFT_BYTES = 1 << 30
MAX_FILES = 100_000
_TRACKERS = {"deepspeed": "latest", "megatron": "latest_checkpointed_iteration.txt"}
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,119}")
_CLONE = 0x40049409
"""FICLONE of linux/fs.h."""
_PIECE = 8 << 20


class Pin(NamedTuple):
    """path: where the kept checkpoint lies. source: where it was. time: epoch seconds. bytes: of its files.

    how: link, clone or copy.
    """

    checkpoint_id: str
    path: str
    source: str
    time: float
    bytes: int
    how: str


def pins_of(run_dir: Path) -> dict[str, Pin]:
    """What is kept of a run, by checkpoint id."""
    found: dict[str, Pin] = {}
    try:
        with os.scandir(run_dir / layout.CHECKPOINTS) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return found
    for folder in folders:
        pin = _read(folder)
        if pin is not None and not folder.name.startswith("."):
            found[pin.checkpoint_id] = pin
    return found


def _read(folder: Path) -> Pin | None:
    try:
        with os.fdopen(open_plain(folder / PIN_JSON, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            told = json.loads(file.read(1 << 16))
        name = Path(str(told["name"])).name
        if not os.path.lexists(folder / name) or name in ("", PIN_JSON):
            return None
        return Pin(
            str(told["checkpoint_id"]), str(folder / name), str(told["source"]), float(told["time"]),
            int(told["bytes"]), str(told["how"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def pin(run_dir: Path, checkpoint_id: str, source: Path, *, kind: str, rewritten: bool) -> Pin:
    """Keep a checkpoint; one that is kept already stays as it is.

    Args:
        kind: its format: some need their tracker beside them.
        rewritten: its training overwrites it in place.

    Raises:
        ConflictError: it was written to meanwhile; try again.
        StoreError: it is gone, or too big to be copied to another file system.
        DiskFullError: there is no room for a copy.
    """
    folder = run_dir / layout.CHECKPOINTS / _folder_name(checkpoint_id)
    known = _read(folder)
    if known is not None:
        return known
    staging = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir(parents=True)
        how, size = _keep(source, staging / source.name, copy=rewritten or is_written_in_place(source.name))
        if kind in _TRACKERS:
            told = source.name if kind == "deepspeed" else re.sub(r"^iter_0*(?=\d)", "", source.name)
            (staging / _TRACKERS[kind]).write_text(told)
        write_json(
            str(staging / PIN_JSON),
            {
                "schema": 1, "checkpoint_id": checkpoint_id, "name": source.name, "source": str(source),
                "time": time.time(), "bytes": size, "how": how,
            },
        )  # fmt: skip
        staging.rename(folder)
    except OSError as error:
        raise _refused(error, source) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    kept = _read(folder)
    if kept is None:
        raise StoreError("the checkpoint could not be kept", path=str(source))
    return kept


def unpin(run_dir: Path, checkpoint_id: str) -> bool:
    """Give a kept checkpoint up; False when it was not kept."""
    folder = run_dir / layout.CHECKPOINTS / _folder_name(checkpoint_id)
    if _read(folder) is None:
        return False
    gone = folder.with_name(f".{folder.name}.{os.getpid()}.gone")
    try:
        folder.rename(gone)
    except OSError as error:
        raise _refused(error, folder) from error
    shutil.rmtree(gone, ignore_errors=True)
    return True


def _folder_name(checkpoint_id: str) -> str:
    """An id that a script made up is no way out of the folder."""
    if _PLAIN_ID.fullmatch(checkpoint_id):
        return checkpoint_id
    return "id-" + hashlib.blake2s(checkpoint_id.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _keep(source: Path, target: Path, *, copy: bool) -> tuple[str, int]:
    """Link or copy one checkpoint, whole; how it was done, and its bytes."""
    before = mark_of(str(source))
    if before is None:
        raise StoreError("the checkpoint is gone, or is neither a file nor a folder", path=str(source))
    files = _tree(source, target)
    size = sum(seen.st_size for _, _, seen in files)
    is_far = source.lstat().st_dev != target.parent.stat().st_dev
    ways = {_bring(at, to, seen, link=not copy and not is_far, total=size) for at, to, seen in files}
    if mark_of(str(source)) != before:
        raise ConflictError("the checkpoint is being written", hint="try again in a moment", path=str(source))
    return next(way for way in ("copy", "clone", "link") if way in ways), size


def _tree(source: Path, target: Path) -> list[tuple[Path, Path, os.stat_result]]:
    """Files with where they go; folders are made. A link in it is not followed: what it means stays outside."""
    seen = source.lstat()
    if stat.S_ISREG(seen.st_mode):
        return [(source, target, seen)]
    found: list[tuple[Path, Path, os.stat_result]] = []
    for root, folders, names in os.walk(source):
        to = target / Path(root).relative_to(source)
        to.mkdir()
        folders[:] = [name for name in folders if not Path(root, name).is_symlink()]
        for name in names:
            at = Path(root, name)
            about = at.lstat()
            if stat.S_ISREG(about.st_mode):
                found.append((at, to / name, about))
        if len(found) > MAX_FILES:
            raise StoreError(f"the checkpoint has more than {MAX_FILES} files", path=str(source))
    if not found:
        raise StoreError("there is no file in the checkpoint", path=str(source))
    return found


def _bring(source: Path, target: Path, about: os.stat_result, *, link: bool, total: int) -> str:
    if link:
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EACCES):
                raise
        else:
            return "link"
    with os.fdopen(open_plain(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as from_, target.open("xb") as to:
        if _clone(from_.fileno(), to.fileno()):
            way = "clone"
        else:
            _check_room(source, target, total)
            shutil.copyfileobj(from_, to, _PIECE)
            way = "copy"
        to.flush()
        os.fsync(to.fileno())
    os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))
    return way


def _clone(source: int, target: int) -> bool:
    """Share the blocks of a file until one of the two is written to, where the file system can."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError:
        return False
    return True


def _check_room(source: Path, target: Path, total: int) -> None:
    """A copy of this size is taken only where it is small and leaves room."""
    if total > MAX_COPY_BYTES:
        raise StoreError(
            f"the checkpoint has {total / 2**30:.1f} GiB and would have to be copied: it is overwritten in place, or lies on "
            "another file system than the store",
            hint="save it under a name of its own, on the file system of the store (OG_STORE)",
            path=str(source),
        )
    if shutil.disk_usage(target.parent).free < total + ROOM_LEFT_BYTES:
        raise DiskFullError("there is no room for a copy of the checkpoint", path=str(target.parent))


def _refused(error: OSError, path: Path) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError("no space left to keep the checkpoint", path=str(path))
    return StoreError(f"the checkpoint cannot be kept ({error.strerror or error})", path=str(path))
