"""Does ogd stay small and quiet? A thousand finished runs, fifty that live, for as long as you like.

    python -m bench.soak [--minutes 20 | --hours 8] [--runs 1000] [--live 50] [--hz 1]

First nobody watches: that is the figure DESIGN promises (idle below 2 % of a core). Then a
client follows the events of one live run and another one asks about any run now and then. A line a minute;
in the end a verdict against the budgets, and whether memory or open files grew.
Everything lies in a private temporary folder and is removed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import signal
import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

from bench.live import cpu_s, private_home

IDLE_SHARE = 0.02
RSS_MB = 200.0
EVENT_MS = 50.0
GROWTH_MB_PER_H = 20.0
GROWTH_FILES_PER_H = 6.0
"""Slower growth than this is not told from noise in twenty minutes; let it run for hours."""
STEPS, KEYS = 200, ("train/loss", "eval/loss", "lr", "grad_norm", "tokens_per_s")
_SETTLED_S = 10.0


class Line(NamedTuple):
    """One stretch of time. cpu: share of a core. event and request: milliseconds, NaN where nobody asked."""

    phase: str
    at_s: float
    cpu: float
    rss_mb: float
    pss_mb: float
    files: int
    event_p50: float
    event_p99: float
    request_p99: float
    index_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--hours", type=float, default=0.0, help="instead of --minutes")
    parser.add_argument("--runs", type=int, default=1000, help="finished runs")
    parser.add_argument("--live", type=int, default=50, help="live runs, a process each")
    parser.add_argument("--hz", type=float, default=1.0, help="records a second of each live run")
    parser.add_argument("--line-s", type=float, default=60.0, help="seconds a line of the table covers")
    parser.add_argument("--quick", action="store_true", help="three minutes, a line every 15 s")
    args = parser.parse_args()
    total_s = 180.0 if args.quick else args.hours * 3600 or args.minutes * 60
    line_s = 15.0 if args.quick else args.line_s
    with tempfile.TemporaryDirectory(prefix="og-") as home:
        private_home(Path(home))
        lines = asyncio.run(soak(Path(home), args, total_s, line_s))
    return verdict(lines)


async def soak(home: Path, args: argparse.Namespace, total_s: float, line_s: float) -> list[Line]:
    """Half of the time nobody watches, half of it somebody does."""
    from opengraphs.client import lifecycle
    from opengraphs.client.aio import AsyncClient

    began = time.perf_counter()
    for number in range(args.runs):
        write_finished(home / "store", number)
    print(f"{args.runs} finished runs written in {time.perf_counter() - began:.1f} s", flush=True)
    times = home / "times"
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.soak_writer"),
        *("--runs", str(args.live), "--hz", str(args.hz), "--times", str(times)),
    )
    try:
        async with AsyncClient(store=home / "store", timeout_s=60.0) as client:
            pid = int((await client.get("/version"))["pid"])
            await everything_read(client, args.runs + args.live)
        await asyncio.sleep(_SETTLED_S)  # whom somebody asked about counts as watched for a while
        meter = Meter(pid, home)
        print(HEAD, flush=True)
        lines = [await idle_line(meter, line_s) for _ in range(max(2, round(total_s / line_s / 2)))]
        return lines + await watched_lines(meter, home, times, max(2, round(total_s / line_s / 2)), line_s)
    finally:
        writer.send_signal(signal.SIGTERM)
        await writer.wait()
        lifecycle.stop()


def write_finished(store: Path, number: int) -> None:
    """A run as the SDK leaves it: five metrics, two hundred steps."""
    from opengraphs.sdk import layout

    dice = random.Random(number)
    ended = time.time() - number * 60
    run_id = layout.new_run_id(ended - 3600)
    folder = Path(layout.create_run_folder(str(store), run_id))
    facts = {
        "schema": 1, "run_id": run_id, "project": f"soak-{number % 7}", "name": f"done-{number}",
        "status": "finished", "created_at": layout.utc_iso(ended - 3600), "started_at": layout.utc_iso(ended - 3600),
        "ended_at": layout.utc_iso(ended), "heartbeat_at": layout.utc_iso(ended), "host": layout.host_name(),
        "tags": ["baseline"] if number % 10 == 0 else [], "summary": {}, "exit_code": 0,
        "config": {"lr": 10.0 ** -dice.randrange(1, 6), "model": {"layers": dice.choice([6, 12, 24])}, "seed": number},
    }  # fmt: skip
    (folder / layout.RUN_JSON).write_text(json.dumps(facts))
    (folder / layout.EXIT_JSON).write_text(
        json.dumps({"code": 0, "signal": None, "ended_at": layout.utc_iso(ended)})
    )
    (folder / layout.RUN_LOCK).touch()
    with open(folder / layout.METRICS / "a0-r0.jsonl", "w") as journal:
        for step in range(STEPS):
            metrics = {key: round(dice.random(), 6) for key in KEYS}
            journal.write(json.dumps({"step": step, "time": ended - 3600 + step, "metrics": metrics}) + "\n")


async def everything_read(client: Any, runs: int) -> None:
    """Wait until every run is there and was read once."""
    began = time.perf_counter()
    while True:
        reply = await client.get("/runs", limit=2000)
        read = sum(1 for run in reply["runs"] if run["points"])
        if read >= runs:
            print(f"{read} runs read after {time.perf_counter() - began:.1f} s", flush=True)
            return
        if time.perf_counter() - began > 600:
            raise SystemExit(f"soak: only {read} of {runs} runs were read within ten minutes")
        await asyncio.sleep(1.0)


class Meter:
    """What the kernel says of one process; each look counts from the one before."""

    def __init__(self, pid: int, home: Path) -> None:
        self._pid = pid
        self._home = home
        self._began = time.perf_counter()
        self.start()

    def start(self) -> None:
        self._at, self._used = time.perf_counter(), cpu_s(self._pid)

    def line(self, phase: str, events: list[float], requests: list[float]) -> Line:
        now, used = time.perf_counter(), cpu_s(self._pid)
        share = (used - self._used) / (now - self._at)
        self._at, self._used = now, used
        return Line(
            phase, now - self._began, share, self._memory_mb("status", "VmRSS:"),
            self._memory_mb("smaps_rollup", "Pss:"), len(list(Path(f"/proc/{self._pid}/fd").iterdir())),
            share_of(events, 50), share_of(events, 99), share_of(requests, 99), self._index_mb(),
        )  # fmt: skip

    def _memory_mb(self, file: str, field: str) -> float:
        for line in Path(f"/proc/{self._pid}/{file}").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        return math.nan

    def _index_mb(self) -> float:
        files = [path for path in (self._home / "cache_home").rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files) / 1e6


def share_of(values: list[float], percent: int) -> float:
    """A percentile; NaN of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else math.nan


async def idle_line(meter: Meter, line_s: float) -> Line:
    await asyncio.sleep(line_s)
    return show(meter.line("nobody", [], []))


async def watched_lines(meter: Meter, home: Path, times: Path, count: int, line_s: float) -> list[Line]:
    """One client follows a live run, another asks every two seconds."""
    from opengraphs.client.aio import AsyncClient

    seen: list[tuple[int, float]] = []
    asked: list[float] = []
    lines: list[Line] = []
    async with AsyncClient(store=home / "store") as watcher, AsyncClient(store=home / "store") as prober:
        probe = next(
            run["run_id"]
            for run in (await prober.get("/runs", limit=2000))["runs"]
            if run["name"] == "live-0"
        )
        tasks = [
            asyncio.ensure_future(follow(watcher, probe, seen)),
            asyncio.ensure_future(ask_now_and_then(prober, asked)),
        ]
        try:
            await asyncio.sleep(3.0)
            meter.start()
            for _ in range(count):
                since = time.perf_counter()
                await asyncio.sleep(line_s)
                dead = [task for task in tasks if task.done()]
                if dead:
                    dead[0].result()
                lines.append(show(meter.line("one", delays_ms(times, seen, since), asked)))
                asked.clear()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return lines


async def follow(client: Any, probe: str, seen: list[tuple[int, float]]) -> None:
    """Note when each step of the probed run was told."""
    async with aclosing(client.events(run=probe)) as events:
        async for event in events:
            step = event.get("keys", {}).get("probe")
            if step is not None:
                seen.append((step, time.perf_counter()))


async def ask_now_and_then(client: Any, asked: list[float]) -> None:
    dice = random.Random(7)
    runs = [run["run_id"] for run in (await client.get("/runs", limit=2000))["runs"]]
    questions = (
        lambda run: client.get("/runs", limit=50),
        lambda run: client.get(f"/runs/{run}"),
        lambda run: client.post("/series", {"runs": [run], "metrics": ["train/loss", "lr"], "columns": 200}),
    )
    while True:
        began = time.perf_counter()
        await dice.choice(questions)(dice.choice(runs))
        asked.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(2.0)


def delays_ms(times: Path, seen: list[tuple[int, float]], since: float) -> list[float]:
    """For each call after `since` that was told of: from its return to the first event that covers it."""
    found, place = [], 0
    for line in times.read_text().splitlines():
        step, returned = line.split()
        if float(returned) < since:
            continue
        while place < len(seen) and seen[place][0] < int(step):
            place += 1
        if place < len(seen):
            found.append((seen[place][1] - float(returned)) * 1e3)
    return found


HEAD = "watching  minute   cpu %   RSS MB   PSS MB  files  event p50   p99 ms  request p99  index MB"


def show(line: Line) -> Line:
    print(
        f"{line.phase:8}  {line.at_s / 60:6.1f}  {line.cpu:6.2%}  {line.rss_mb:7.1f}  {line.pss_mb:7.1f}  {line.files:5}"
        f"  {line.event_p50:9.1f}  {line.event_p99:7.1f}  {line.request_p99:11.1f}  {line.index_mb:8.1f}",
        flush=True,
    )
    return line


def growth_per_h(lines: list[Line], values: list[float]) -> tuple[float, bool]:
    """Slope by least squares, an hour; and whether it stands out of the noise (three standard errors)."""
    if len(lines) < 4:
        return 0.0, False
    hours = [line.at_s / 3600 for line in lines]
    middle, mean = statistics.fmean(hours), statistics.fmean(values)
    spread = sum((hour - middle) ** 2 for hour in hours)
    slope = sum((hour - middle) * (value - mean) for hour, value in zip(hours, values, strict=True)) / spread
    rest = [value - mean - slope * (hour - middle) for hour, value in zip(hours, values, strict=True)]
    error = math.sqrt(sum(one * one for one in rest) / (len(rest) - 2) / spread)
    return slope, abs(slope) > 3 * error


def verdict(lines: list[Line]) -> int:
    """The budgets, one a line; 1 when one is missed."""
    idle = [line for line in lines if line.phase == "nobody"]
    watched = [line for line in lines if line.phase == "one"]
    share = statistics.median(line.cpu for line in idle)
    most = max(line.rss_mb for line in lines)
    checks = [
        ("idle, of a core", f"{share:.2%}", f"{IDLE_SHARE:.0%}", share < IDLE_SHARE),
        ("most memory (RSS)", f"{most:.0f} MB", f"{RSS_MB:.0f} MB", most <= RSS_MB),
    ]
    medians = [line.event_p50 for line in watched if not math.isnan(line.event_p50)]
    median = statistics.median(medians) if medians else math.nan
    checks.append(("write → event, median", f"{median:.1f} ms", f"{EVENT_MS:.0f} ms", median <= EVENT_MS))
    for phase, part in (("nobody watches", idle), ("one watches", watched)):
        part = part[len(part) // 4 :]  # caches fill at first
        for name, values, most_per_h in (
            ("memory", [line.rss_mb for line in part], GROWTH_MB_PER_H),
            ("files", [float(line.files) for line in part], GROWTH_FILES_PER_H),
        ):
            slope, is_real = growth_per_h(part, values)
            held = not (is_real and slope > most_per_h)
            checks.append((f"{name} an hour, {phase}", f"{slope:+.1f}", f"{most_per_h:+.0f}", held))
    print()
    for name, found, budget, held in checks:
        print(f"{name:32} {found:>10}   budget {budget:>7}   {'held' if held else 'MISSED'}")
    return 0 if all(held for *_, held in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
