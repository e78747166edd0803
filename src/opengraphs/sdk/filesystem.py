"""Which way of writing a journal fits the file system it lies on.

`mapped` stores lines through a shared mapping; `append` writes them to an `O_APPEND`
descriptor. A mapping needs two things: that others on this machine and elsewhere see
what is stored, and that space once reserved stays reserved.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_REMOTE = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "lustre", "gpfs", "ceph", "beegfs", "beegfs_nodev",
        "glusterfs", "afs", "orangefs", "pvfs2", "panfs", "wekafs", "virtiofs", "vboxsf", "gfs2", "ocfs2",
        "daos", "juicefs", "prl_fs",
    )
)  # fmt: skip
"""Stores of one host are seen by others late or never; `fuse*` counts too."""
_COPY_ON_WRITE = frozenset(("btrfs", "zfs", "bcachefs"))
"""A page that was synced needs new space when it is stored to again: a full disk would be SIGBUS."""
MODES = ("mapped", "append")


def choose_mode(folder: str, *, env: Mapping[str, str] | None = None) -> str:
    """`mapped` or `append` for journals in `folder`; `OG_JOURNAL` overrides."""
    wanted = (os.environ if env is None else env).get("OG_JOURNAL", "")
    if wanted in MODES:
        return wanted
    if sys.implementation.name != "cpython" or sys.platform == "win32":
        return "append"
    kind = filesystem_type(folder)
    unfit = kind in _REMOTE or kind in _COPY_ON_WRITE or kind.startswith("fuse")
    return "append" if unfit else "mapped"


def filesystem_type(folder: str, *, table: str = "/proc/self/mountinfo") -> str:
    """Type of the mount that holds `folder`, such as `ext4`; "" where nobody tells."""
    try:
        with open(table, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
    except OSError:
        return ""
    target = os.path.realpath(folder)
    best, kind = "", ""
    for line in lines:
        left, dash, right = line.partition(" - ")
        fields = left.split(" ", 5)
        if not dash or len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ")
        below = point in ("/", target) or target.startswith(point + "/")
        if below and len(point) >= len(best):
            best, kind = point, right.split(" ", 1)[0]
    return kind
