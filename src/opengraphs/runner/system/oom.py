"""Whether the kernel killed for memory: the usual end of a training that just says "Killed"."""

from __future__ import annotations

from .cgroup import Cgroup
from .files import read_text


def oom_kills(*, cgroup: Cgroup | None = None, proc: str = "/proc") -> int:
    """Processes killed so far in this cgroup, and on the host where the cgroup does not count; 0 where nobody does."""
    counted = (Cgroup() if cgroup is None else cgroup).oom_kills()
    if counted is not None:
        return counted
    rows = dict(line.split()[:2] for line in read_text(f"{proc}/vmstat").splitlines() if " " in line)
    return int(rows.get("oom_kill", 0))
