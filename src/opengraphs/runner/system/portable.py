"""The same figures through psutil, where there is no `/proc` to read (macOS, BSD)."""

from __future__ import annotations

import os
from typing import Any

import psutil

from .rates import Rate


class PortableHost:
    """One host, sampled again and again."""

    def __init__(self, *, disk_path: str, max_cores: int = 16) -> None:
        self._max_cores = max_cores
        self._disk_path = disk_path
        self._rate = Rate()
        self._first = True

    def sample(self) -> dict[str, float]:
        """The metrics of docs/reference/runner.md, less those of GPUs and processes."""
        return {
            **self._cpu(),
            **self._memory(),
            **self._disk_space(),
            **self._rate.per_second(self._counters()),
        }

    def _cpu(self) -> dict[str, float]:
        cores = psutil.cpu_percent(percpu=True)
        metrics = {"cpu.count": float(len(cores)), "load.1m": round(os.getloadavg()[0], 2)}
        first, self._first = self._first, False
        if first or not cores:  # psutil's first answer has no interval behind it
            return metrics
        metrics["cpu.percent"] = round(sum(cores) / len(cores), 2)
        if len(cores) <= self._max_cores:
            metrics.update({f"cpu.{i}.percent": percent for i, percent in enumerate(cores)})
        return metrics

    def _memory(self) -> dict[str, float]:
        ram, swap = psutil.virtual_memory(), psutil.swap_memory()
        return {
            "ram.used_bytes": float(ram.total - ram.available),
            "ram.total_bytes": float(ram.total),
            "ram.percent": round(100.0 * (ram.total - ram.available) / ram.total, 2),
            "swap.used_bytes": float(swap.used),
            "swap.total_bytes": float(swap.total),
        }

    def _disk_space(self) -> dict[str, float]:
        try:
            space = psutil.disk_usage(self._disk_path)
        except OSError:
            return {}
        return {"disk.free_bytes": float(space.free), "disk.total_bytes": float(space.total)}

    def _counters(self) -> dict[str, int]:
        disk: Any = psutil.disk_io_counters()
        cards = psutil.net_io_counters(pernic=True)
        counters = {
            "net.rx_bytes_per_s": sum(
                card.bytes_recv for name, card in cards.items() if not name.startswith("lo")
            ),
            "net.tx_bytes_per_s": sum(
                card.bytes_sent for name, card in cards.items() if not name.startswith("lo")
            ),
        }
        if disk is not None:  # None on a machine without disks
            counters["disk.read_bytes_per_s"] = disk.read_bytes
            counters["disk.write_bytes_per_s"] = disk.write_bytes
        return counters

    def close(self) -> None:
        """Nothing is held open."""


class PortableTree:
    """CPU and memory of a process and everything it started."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._processes: dict[int, psutil.Process] = {}

    def sample(self) -> dict[str, float]:
        """As `ProcessTree.sample`."""
        found = self._members()
        if not found:
            return {}
        first = not self._processes
        self._processes = {process.pid: self._processes.get(process.pid, process) for process in found}
        figures = [
            figure for process in self._processes.values() if (figure := _figures(process)) is not None
        ]
        metrics = {"proc.rss_bytes": float(sum(rss for _, rss in figures)), "proc.count": float(len(figures))}
        return metrics if first else {"proc.cpu_percent": round(sum(cpu for cpu, _ in figures), 2), **metrics}

    def pids(self) -> set[int]:
        """Who is in the tree at this moment."""
        return {process.pid for process in self._members()}

    def _members(self) -> list[psutil.Process]:
        try:
            root = self._processes.get(self._root) or psutil.Process(self._root)
            return [root, *root.children(recursive=True)]
        except psutil.Error:
            return []


def _figures(process: psutil.Process) -> tuple[float, int] | None:
    try:
        return process.cpu_percent(), process.memory_info().rss
    except psutil.Error:
        return None
