"""The processes of this machine: the busiest, or the biggest, of those that fit."""

from __future__ import annotations

import os
import time
from typing import Any, NamedTuple

from opengraphs.sdk.redact import redact_command

from .files import on_linux, read_text
from .tree import Stat, members, parse_stat

MAX_COMMAND = 400
"""Characters of a command line that are told."""


class _Process(NamedTuple):
    pid: int
    cpu_percent: float | None
    rss_bytes: int
    cpu_s: float


class Processes:
    """All processes at each call; CPU is since the call before."""

    def __init__(self, *, proc: str = "/proc") -> None:
        self._proc = proc
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._before: dict[int, tuple[int, int]] = {}
        self._time = 0.0
        self._stats: dict[int, Stat] = {}
        self._found: list[_Process] = []

    def sample(self) -> None:
        """Read `/proc`; on other systems `top` asks psutil."""
        if not on_linux():
            return
        now = time.monotonic()
        elapsed, before = now - self._time, self._before
        self._stats = self._read()
        self._found = [self._process(pid, stat, before, elapsed) for pid, stat in self._stats.items()]
        self._before = {pid: (stat.start_ticks, stat.cpu_ticks) for pid, stat in self._stats.items()}
        self._time = now

    def _read(self) -> dict[int, Stat]:
        pids = (int(name) for name in os.listdir(self._proc) if name.isdigit())
        read = ((pid, parse_stat(read_text(f"{self._proc}/{pid}/stat"))) for pid in pids)
        return {pid: stat for pid, stat in read if stat is not None}

    def _process(self, pid: int, stat: Stat, before: dict[int, tuple[int, int]], elapsed: float) -> _Process:
        start, ticks = before.get(pid, (-1, 0))
        percent = None
        if start == stat.start_ticks and elapsed > 0:
            percent = round(max(0, stat.cpu_ticks - ticks) / self._ticks_per_s / elapsed * 100, 1)
        rss, cpu_s = stat.rss_pages * self._page_bytes, stat.cpu_ticks / self._ticks_per_s
        return _Process(pid, percent, rss, cpu_s)

    def top(
        self,
        limit: int,
        *,
        sort: str = "cpu",
        filter_: str = "",
        roots: dict[int, tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        """`{"processes", "matching", "total"}` as of the last `sample`.

        Args:
            sort: `cpu` or `memory`.
            filter_: words that stand in the command, the user, the pid or the run's name; `!word` stands in none.
            roots: pid of a run's process → its id and name; it and what it started carry them.
        """
        if not on_linux():
            return _portable(limit, sort=sort, filter_=filter_, roots=roots or {})
        runs = (
            {pid: run for root, run in (roots or {}).items() for pid in members(self._stats, root)}
            if roots
            else {}
        )
        words = filter_.lower().split()
        ordered = sorted(self._found, key=lambda one: _rank(one, sort))
        if not words:
            shown = [self._told(one, runs.get(one.pid)) for one in ordered[:limit]]
            return {"processes": shown, "matching": len(ordered), "total": len(ordered)}
        told = [self._told(one, runs.get(one.pid)) for one in ordered]
        fitting = [one for one in told if _fits(one, words)]
        return {"processes": fitting[:limit], "matching": len(fitting), "total": len(ordered)}

    def _told(self, one: _Process, run: tuple[str, str] | None) -> dict[str, Any]:
        words = read_text(f"{self._proc}/{one.pid}/cmdline").strip("\0 ").split("\0")
        command = _shown(words) or f"[{read_text(f'{self._proc}/{one.pid}/comm').strip()}]"
        return {
            "pid": one.pid,
            "user": self._user(one.pid),
            "cpu_percent": one.cpu_percent,
            "rss_bytes": one.rss_bytes,
            "cpu_s": round(one.cpu_s, 2),
            "command": command,
            "run": run[0] if run else None,
            "run_name": run[1] if run else None,
        }

    def _user(self, pid: int) -> str:
        try:
            return user_name(os.stat(f"{self._proc}/{pid}").st_uid)
        except OSError:
            return ""


def _rank(one: _Process, sort: str) -> tuple[float, float, int]:
    cpu, memory = one.cpu_percent or 0.0, float(one.rss_bytes)
    first, second = (memory, cpu) if sort == "memory" else (cpu, memory)
    return -first, -second, one.pid


def _fits(one: dict[str, Any], words: list[str]) -> bool:
    text = f"{one['pid']} {one['user']} {one['command']} {one['run_name'] or ''}".lower()
    return all(
        word[1:] not in text if word.startswith("!") and len(word) > 1 else word in text for word in words
    )


_names: dict[int, str] = {}


def user_name(uid: int) -> str:
    """Who a uid is; the number where nobody has it."""
    if uid not in _names:
        import pwd

        try:
            _names[uid] = pwd.getpwuid(uid).pw_name
        except KeyError:
            _names[uid] = str(uid)
    return _names[uid]


def _shown(words: list[str]) -> str:
    """A command line as a screen may show it: without secrets, cut."""
    return " ".join(redact_command(words)).strip()[:MAX_COMMAND]


def _portable(limit: int, *, sort: str, filter_: str, roots: dict[int, tuple[str, str]]) -> dict[str, Any]:
    """The same through psutil, which keeps what CPU figures are measured against."""
    import psutil

    found, parents = [], {}
    for process in psutil.process_iter(
        ["pid", "ppid", "username", "cpu_percent", "cpu_times", "memory_info", "cmdline", "name"]
    ):
        info = process.info
        parents[info["pid"]] = info["ppid"]
        times = info["cpu_times"]
        found.append(
            {
                "pid": info["pid"],
                "user": info["username"] or "",
                "cpu_percent": info["cpu_percent"],
                "rss_bytes": info["memory_info"].rss if info["memory_info"] else 0,
                "cpu_s": round(times.user + times.system, 2) if times else 0.0,
                "command": _shown(info["cmdline"] or []) or f"[{info['name']}]",
                "run": None,
                "run_name": None,
            }
        )
    for one in found:
        run = _run_above(one["pid"], parents, roots)
        one["run"], one["run_name"] = run or (None, None)
    key = "rss_bytes" if sort == "memory" else "cpu_percent"
    words = filter_.lower().split()
    fitting = sorted((one for one in found if _fits(one, words)), key=lambda one: -(one[key] or 0))
    return {"processes": fitting[:limit], "matching": len(fitting), "total": len(found)}


def _run_above(
    pid: int, parents: dict[int, int], roots: dict[int, tuple[str, str]]
) -> tuple[str, str] | None:
    seen: set[int] = set()
    while pid and pid not in seen:
        if pid in roots:
            return roots[pid]
        seen.add(pid)
        pid = parents.get(pid, 0)
    return None
