"""Small JSON files that are replaced whole: run.json and exit.json.

Stdlib only and Python 3.8-safe.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


def write_json(path: str, value: Dict[str, Any], *, durable: bool = False) -> None:
    """Replace `path` atomically: a reader sees the old file or the new one, never half of one.

    Args:
        durable: also sync file and folder to disk, for records written once at an end.

    Raises:
        OSError: the folder is not writable or the disk is full; the old file stays.
    """
    temp = "%s.%d.tmp" % (path, os.getpid())
    data = json.dumps(value, indent=1, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temp, path)
    except OSError:
        try:
            os.unlink(temp)
        except OSError:
            pass
        raise
    if durable:
        sync_folder(os.path.dirname(path))


def sync_folder(folder: str) -> None:
    """Make new names in `folder` survive a power cut, where the file system can."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(fd)
    except OSError:
        pass
    finally:
        os.close(fd)
