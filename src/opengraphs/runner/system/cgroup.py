"""The limits that a container, a Slurm step or a user slice puts on this process.

`/proc/meminfo` and the CPU count describe the host. What a job may use stands in the
cgroup tree, which a process finds through `/proc/self/cgroup` (its place in each
hierarchy) and `/proc/self/mountinfo` (where a hierarchy is mounted, and which part of
it). Version 2 has one hierarchy, version 1 one for each controller, and hybrid hosts
have both; limits hold from the leaf up to the mount point, the smallest wins.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from .files import read_text

_UNLIMITED_V1 = 1 << 60
"""Version 1 writes "no limit" as the largest page-aligned number."""


class Mount(NamedTuple):
    """One mounted hierarchy. `root` is the part of it that is visible at `point`."""

    version: int
    controllers: frozenset[str]
    root: str
    point: str


class MemoryLimit(NamedTuple):
    """Bytes. `used` counts what cannot be dropped: without the inactive page cache."""

    total: int
    used: int


def _mounts(mountinfo: str) -> list[Mount]:
    found = []
    for line in mountinfo.splitlines():
        head, separator, tail = line.partition(" - ")
        fields, rest = head.split(), tail.split()
        if not separator or len(fields) < 5 or len(rest) < 3:
            continue
        if rest[0] == "cgroup2":
            found.append(Mount(2, frozenset(), fields[3], fields[4]))
        elif rest[0] == "cgroup":
            found.append(Mount(1, frozenset(rest[2].split(",")), fields[3], fields[4]))
    return found


def _places(cgroup: str) -> dict[str, str]:
    """Controller → path in its hierarchy; the version 2 path stands under the empty name."""
    places = {}
    for line in cgroup.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            places[controller] = path
    return places


def _folder(mount: Mount, path: str) -> str:
    inside = os.path.relpath(path, mount.root) if mount.root != "/" else path.lstrip("/")
    if inside.startswith(
        ".."
    ):  # the mount shows another part of the tree: a container without its own namespace
        return mount.point
    return os.path.normpath(os.path.join(mount.point, inside))


def _upwards(folder: str, top: str) -> list[str]:
    folders = [folder]
    while folders[-1] != top and len(folders[-1]) > len(top):
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _number(text: str) -> int | None:
    first = text.split(maxsplit=1)[:1]
    return int(first[0]) if first and first[0].lstrip("-").isdigit() else None


def _table(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


class Cgroup:
    """The cgroup of one process, asked for limits and use. Without cgroups every answer is None or 0."""

    def __init__(self, *, proc: str = "/proc/self", prefix: str = "") -> None:
        """Find the hierarchies of a process.

        Args:
            proc: the process's folder below `/proc`.
            prefix: put before every mount point; a test's own tree.
        """
        self._mounts = _mounts(read_text(os.path.join(proc, "mountinfo")))
        self._places = _places(read_text(os.path.join(proc, "cgroup")))
        self._prefix = prefix
        self._memory = self._hierarchy("memory")
        self._cpu = self._hierarchy("cpu")

    def _hierarchy(self, controller: str) -> tuple[int, list[str]]:
        """Version and folders from the process's own up to the mount point."""
        version = 1 if controller in self._places else 2
        path = self._places.get(controller if version == 1 else "")
        if path is None:
            return version, []
        for mount in self._mounts:
            if mount.version == version and (version == 2 or controller in mount.controllers):
                top = self._prefix + mount.point
                return version, _upwards(self._prefix + _folder(mount, path), top)
        return version, []

    def memory(self) -> MemoryLimit | None:
        """The tightest memory limit in force and what is used of it; None when there is none."""
        version, folders = self._memory
        limit_file = "memory.limit_in_bytes" if version == 1 else "memory.max"
        limits = [
            (limit, folder)
            for folder in folders
            if (limit := _number(read_text(f"{folder}/{limit_file}"))) is not None and limit < _UNLIMITED_V1
        ]
        if not limits:
            return None
        total, folder = min(limits)
        return MemoryLimit(total, self._used(version, folder))

    @staticmethod
    def _used(version: int, folder: str) -> int:
        usage_file = "memory.usage_in_bytes" if version == 1 else "memory.current"
        cache_row = "total_inactive_file" if version == 1 else "inactive_file"
        usage = _number(read_text(f"{folder}/{usage_file}")) or 0
        return max(0, usage - _table(read_text(f"{folder}/memory.stat")).get(cache_row, 0))

    def cpus(self) -> float | None:
        """How many CPUs' worth of time the quota allows; None when there is no quota."""
        version, folders = self._cpu
        quotas = [quota for folder in folders if (quota := self._quota(version, folder)) is not None]
        return min(quotas, default=None)

    @staticmethod
    def _quota(version: int, folder: str) -> float | None:
        if version == 1:
            quota = _number(read_text(f"{folder}/cpu.cfs_quota_us"))
            period = _number(read_text(f"{folder}/cpu.cfs_period_us"))
        else:
            words = read_text(f"{folder}/cpu.max").split()
            quota, period = (_number(words[0]), _number(words[1])) if len(words) == 2 else (None, None)
        return quota / period if quota is not None and quota > 0 and period else None

    def throttling(self) -> tuple[int, int] | None:
        """(periods, periods in which the quota ran out) since the cgroup was made; None without quota."""
        for folder in self._cpu[1]:
            rows = _table(read_text(f"{folder}/cpu.stat"))
            if rows.get("nr_periods"):
                return rows["nr_periods"], rows.get("nr_throttled", 0)
        return None

    def oom_kills(self) -> int | None:
        """Processes of this cgroup that the kernel killed for memory, so far; None where it does not count."""
        version, folders = self._memory
        file = "memory.oom_control" if version == 1 else "memory.events"
        return _table(read_text(f"{folders[0]}/{file}")).get("oom_kill") if folders else None
