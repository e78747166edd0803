"""What the fake daemon tells of machines: figures of a run, and this machine now."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fakes.store import NOW, FakeStore


class FakeMachine(FakeStore):
    def add_figures(
        self, *, gpus: int = 0, hosts: tuple[str, ...] = ("box",), cores: int = 0, n: int = 300
    ) -> None:
        """Figures of a run, one every two seconds up to now; GPU number N is busy for N + 1 parts of the time."""
        for host in hosts:
            figures = self.figures.setdefault(host, {})
            times = [NOW - 2.0 * (n - 1 - at) for at in range(n)]

            def put(
                key: str, value: Callable[[int], float], times: list[float] = times, figures: Any = figures
            ) -> None:
                figures[key] = [(time, value(at)) for at, time in enumerate(times)]

            for gpu in range(gpus):
                busy = (gpu + 1) / gpus
                put(f"gpu.{gpu}.util_percent", lambda at, busy=busy: 96.0 if at % 60 < 60 * busy else 3.0)
                put(f"gpu.{gpu}.mem_used_bytes", lambda at, gpu=gpu: (20.0 + gpu) * 2**30)
                put(f"gpu.{gpu}.mem_total_bytes", lambda at: 80.0 * 2**30)
                put(f"gpu.{gpu}.power_watts", lambda at, busy=busy: 100 + 500 * busy)
                put(f"gpu.{gpu}.power_limit_watts", lambda at: 700.0)
                put(f"gpu.{gpu}.temp_c", lambda at, gpu=gpu: 40.0 + gpu)
            for core in range(cores):
                put(f"cpu.{core}.percent", lambda at, core=core: (at * 7 + core * 20) % 100)
            put("cpu.percent", lambda at: 41 + 10 * math.sin(at / 9))
            put("cpu.count", lambda at: 8.0)
            put("load.1m", lambda at: 3.2)
            put("ram.used_bytes", lambda at: 6e9 + at * 1e7)
            put("ram.total_bytes", lambda at: 16e9)
            put("disk.read_bytes_per_s", lambda at: 4e6)
            put("disk.write_bytes_per_s", lambda at: 1e6)
            put("net.rx_bytes_per_s", lambda at: 2e6)
            put("net.tx_bytes_per_s", lambda at: 5e5)

    def _figures(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        prefixes = tuple((query.get("keys") or "").split(","))
        low, high = query.get("from") or -math.inf, query.get("to") or math.inf
        series = [
            {
                "run": run["run_id"], "metric": key, "derived": None, "rank": None, "host": host,
                "x": [x for x, _ in points if low <= x <= high], "y": [y for x, y in points if low <= x <= high],
                "last": {"step": 0, "time": points[-1][0], "value": points[-1][1]},
            }
            for host, figures in self.figures.items()
            if query.get("host") in (None, host)
            for key, points in figures.items()
            if key.startswith(prefixes)
        ]  # fmt: skip
        return {
            "hosts": list(self.figures),
            "series": series,
            "columns": query["columns"],
            "total": len(series),
        }

    def _host(self, query: dict[str, Any]) -> dict[str, Any]:
        """This machine: its clock goes on a second with each question."""
        self.host_asked += 1
        words = (query.get("filter") or "").lower().split()
        key = {"cpu": "cpu_percent", "memory": "rss_bytes"}[query["sort"]]
        found = [
            one for one in self.processes if all(word in f"{one['pid']} {one['command']}" for word in words)
        ]
        found.sort(key=lambda one: -one[key])
        metrics = self.host_metrics or {"cpu.percent": 41.0, "ram.used_bytes": 6e9, "ram.total_bytes": 16e9}
        return {
            "schema": 1, "time": NOW + self.host_asked * self.host_step_s, "host": "box", "metrics": metrics,
            "load": [0.42, 0.51, 0.6], "uptime_s": 86_400.0, "processes": found[: query["processes"]],
            "matching": len(found), "total": len(self.processes),
        }  # fmt: skip

    def _system(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        if self.figures:
            return self._figures(run, query)
        series = [
            {
                "run": run["run_id"],
                "metric": key,
                "derived": None,
                "rank": None,
                "x": [NOW - 2, NOW],
                "y": [value, value],
            }
            for key, value in self.system.items()
        ]
        return {"hosts": ["box"], "series": series}
