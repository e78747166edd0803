"""Small JSON files that are replaced whole: run.json and exit.json.

Stdlib only and Python 3.8-safe.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


def write_json(path: str, value: Dict[str, Any], *, durable: bool = False) -> None:
    """Replace `path` atomically with `value` as JSON; see `replace_file`."""
    import json

    text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
    replace_file(path, text.encode("utf-8", "replace") + b"\n", durable=durable)


def replace_file(path: str, data: bytes, *, durable: bool = False) -> None:
    """Replace `path` atomically: a reader sees the old file or the new one, never half of one.

    Args:
        durable: also sync file and folder to disk, for records written once at an end.

    Raises:
        OSError: the folder is not writable or the disk is full; the old file stays.
    """
    temp = "%s.%d.tmp" % (path, os.getpid())
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
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


def read_json(path: str) -> Dict[str, Any]:
    """The object a file holds; {} when there is none, or it is damaged."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def sync_folder(folder: str) -> None:
    """Make new names in `folder` survive a power cut, where the file system can."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(fd)
    except OSError:
        pass
    finally:
        os.close(fd)
