"""The host as `/proc` and `/sys` tell it. About 0.3 ms a sample, no import beyond the stdlib."""

from __future__ import annotations

import os

from .cgroup import Cgroup
from .files import KernelFile
from .rates import Rate

_SECTOR_BYTES = 512  # what /proc/diskstats counts in, whatever the disk's own sectors
_LIMITS_EVERY = 15  # samples between two looks at the cgroup's limits, which hardly ever change

_VIRTUAL_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")
"""What sits on other disks would be counted twice."""


def cpu_times(stat: str) -> dict[str, tuple[int, int]]:
    """`cpu`, `cpu0`, … → (busy, total) ticks since boot, from `/proc/stat`."""
    times = {}
    for line in stat.splitlines():
        if not line.startswith("cpu"):
            break
        name, *ticks = line.split()
        numbers = [int(tick) for tick in ticks[:8]]
        total = sum(numbers)
        times[name] = (total - sum(numbers[3:5]), total)
    return times


def memory_rows(meminfo: str) -> dict[str, int]:
    """`/proc/meminfo` in bytes."""
    rows = (line.split() for line in meminfo.splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) >= 2}


def disk_bytes(diskstats: str, disks: frozenset[str]) -> tuple[int, int]:
    """(read, written) since boot, over whole disks."""
    read = written = 0
    for line in diskstats.splitlines():
        fields = line.split()
        if len(fields) >= 10 and fields[2] in disks:
            read += int(fields[5])
            written += int(fields[9])
    return read * _SECTOR_BYTES, written * _SECTOR_BYTES


def net_bytes(net_dev: str, cards: frozenset[str]) -> tuple[int, int]:
    """(received, sent) since boot, over `cards`."""
    received = sent = 0
    for line in net_dev.splitlines():
        name, colon, numbers = line.partition(":")
        fields = numbers.split()
        if colon and name.strip() in cards and len(fields) >= 9:
            received += int(fields[0])
            sent += int(fields[8])
    return received, sent


def whole_disks(sys_root: str) -> frozenset[str]:
    """Names of the disks that are not made of other disks."""
    try:
        names = os.listdir(f"{sys_root}/block")
    except OSError:
        return frozenset()
    return frozenset(name for name in names if not name.startswith(_VIRTUAL_DISKS))


def network_cards(sys_root: str) -> frozenset[str]:
    """Cards with hardware behind them; inside a container, where none has, all but loopback."""
    try:
        names = [name for name in os.listdir(f"{sys_root}/class/net") if name != "lo"]
    except OSError:
        return frozenset()
    physical = [name for name in names if os.path.exists(f"{sys_root}/class/net/{name}/device")]
    return frozenset(physical or names)


class LinuxHost:
    """One host, sampled again and again."""

    def __init__(
        self,
        *,
        disk_path: str,
        proc: str = "/proc",
        sys_root: str = "/sys",
        cgroup: Cgroup | None = None,
        max_cores: int = 16,
    ):
        self._max_cores = max_cores
        self._disk_path = disk_path
        self._sys_root = sys_root
        self._cgroup = Cgroup() if cgroup is None else cgroup
        self._stat = KernelFile(f"{proc}/stat")
        self._meminfo = KernelFile(f"{proc}/meminfo")
        self._diskstats = KernelFile(f"{proc}/diskstats")
        self._net = KernelFile(f"{proc}/self/net/dev")
        self._cpu_before: dict[str, tuple[int, int]] = {}
        self._throttled_before = (0, 0)
        self._rate = Rate()
        self._samples = 0
        self._refresh()

    def _refresh(self) -> None:
        self._cpus = self._cgroup.cpus()
        self._usable = len(os.sched_getaffinity(0))
        self._disks = whole_disks(self._sys_root)
        self._cards = network_cards(self._sys_root)

    def sample(self) -> dict[str, float]:
        """The metrics of docs/reference/runner.md, less those of GPUs and processes."""
        self._samples += 1
        if self._samples % _LIMITS_EVERY == 0:
            self._refresh()
        return {
            **self._cpu(),
            **self._memory(),
            **self._disk_space(),
            **self._rate.per_second(self._counters()),
        }

    def _cpu(self) -> dict[str, float]:
        usable = float(self._usable) if self._cpus is None else min(float(self._usable), self._cpus)
        metrics = {"cpu.count": round(usable, 2), "load.1m": round(os.getloadavg()[0], 2)}
        now, before = cpu_times(self._stat.text()), self._cpu_before
        self._cpu_before = now
        names = list(now) if len(now) <= self._max_cores + 1 else ["cpu"]
        for name in names:
            busy, total = (
                a - b for a, b in zip(now.get(name, (0, 0)), before.get(name, (0, 0)), strict=True)
            )
            if name in before and total > 0:
                key = "cpu.percent" if name == "cpu" else f"cpu.{name[3:]}.percent"
                metrics[key] = round(min(100.0, max(0.0, 100.0 * busy / total)), 2)
        return {**metrics, **self._throttling()}

    def _throttling(self) -> dict[str, float]:
        if self._cpus is None:
            return {}
        now, before = self._cgroup.throttling() or (0, 0), self._throttled_before
        self._throttled_before = now
        periods = now[0] - before[0]
        if not before[0] or periods <= 0:
            return {}
        return {"cpu.throttled_percent": round(100.0 * (now[1] - before[1]) / periods, 2)}

    def _memory(self) -> dict[str, float]:
        rows = memory_rows(self._meminfo.text())
        total = rows.get("MemTotal", 0)
        used = total - rows.get("MemAvailable", rows.get("MemFree", 0))
        limit = self._cgroup.memory()
        if limit is not None and limit.total < total:
            total, used = limit
        swap_total = rows.get("SwapTotal", 0)
        return {
            "ram.used_bytes": float(used),
            "ram.total_bytes": float(total),
            "ram.percent": round(100.0 * used / total, 2) if total else 0.0,
            "swap.used_bytes": float(swap_total - rows.get("SwapFree", 0)),
            "swap.total_bytes": float(swap_total),
        }

    def _disk_space(self) -> dict[str, float]:
        try:
            space = os.statvfs(self._disk_path)
        except OSError:
            return {}
        return {
            "disk.free_bytes": float(space.f_bavail * space.f_frsize),
            "disk.total_bytes": float(space.f_blocks * space.f_frsize),
        }

    def _counters(self) -> dict[str, int]:
        read, written = disk_bytes(self._diskstats.text(), self._disks)
        received, sent = net_bytes(self._net.text(), self._cards)
        return {
            "disk.read_bytes_per_s": read,
            "disk.write_bytes_per_s": written,
            "net.rx_bytes_per_s": received,
            "net.tx_bytes_per_s": sent,
        }

    def close(self) -> None:
        """Give the open kernel files back."""
        for file in (self._stat, self._meminfo, self._diskstats, self._net):
            file.close()
