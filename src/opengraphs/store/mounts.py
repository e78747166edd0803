"""Which file system a path is on, and whether other machines may change it.

On network and FUSE mounts attributes are cached for seconds and inode numbers may not
last, so readers there open a file again for every look and judge it by its content.
"""

from __future__ import annotations

import os
from pathlib import Path

REMOTE_TYPES = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "lustre", "gpfs", "ceph", "beegfs", "glusterfs", "afs")
)
_MOUNTS = Path("/proc/self/mountinfo")


def filesystem_type(path: Path, *, table: Path = _MOUNTS) -> str:
    """The type of the mount that holds `path`, such as `ext4` or `fuse.sshfs`; "" unknown."""
    try:
        lines = table.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    target = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ")
        if len(point) >= len(best) and _is_below(target, point):
            best, kind = point, right.split(" ", 1)[0]
    return kind


def _is_below(path: str, mount_point: str) -> bool:
    return mount_point in ("/", path) or path.startswith(mount_point + "/")


def is_remote(path: Path) -> bool:
    """Whether another machine, or a user-space server, may be behind `path`."""
    kind = filesystem_type(path)
    return kind in REMOTE_TYPES or kind.startswith("fuse")
