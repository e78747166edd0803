"""Runs that log: how soon a listening client is told, and what `ogd` uses for it.

Every writer is a process with ten runs at most, each logging ten scalars at 10 Hz through
the SDK. The clock of a point starts when `log()` has returned and stops when the client
has read an event that tells of its step or a later one.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import engine_live_peers
from bench.engine_home import Home, cpu_ms
from bench.engine_points import wide
from bench.engine_rows import Row, Spread

HZ = 10.0
A_PROCESS = 10
"""Runs in one writing process."""
CHARTS_HZ = 4.0


class Window(NamedTuple):
    """What a while of watching showed: ms from `log()` to the event, `ogd`'s percent of a core."""

    delays: list[float]
    cpu_percent: float
    events: int


def live(home: Home, *, counts: tuple[int, ...], seconds: float) -> list[Row]:
    """Rows for each number of live runs: latency and CPU, unwatched and watched."""
    rows: list[Row] = []
    for count in counts:
        store = home.store(f"live-{count}")
        os.environ["OG_STORE"] = str(store)
        home.stop_daemon()
        with writers(home, count) as times:
            probe = _wait_live(home, store, count)
            unwatched = _unwatched(home, store, seconds)
            listening = asyncio.run(_watch(home, store, times, seconds, run=None, charts=False))
            charts = asyncio.run(_watch(home, store, times, seconds, run=probe, charts=True))
        home.stop_daemon()
        rows += _rows(count, seconds, unwatched, listening, charts)
    return [rows[0], *_peers(home, seconds, rows[0]), *rows[1:]] if rows else []


def _peers(home: Home, seconds: float, ours: Row) -> list[Row]:
    """The way of a point through each peer until its reader can have it, p50 and p99."""
    found = {
        label: engine_live_peers.delays_ms(label, home.root / f"live-{label[:5]}", seconds=seconds, hz=HZ)
        for label in engine_live_peers.READERS
    }
    spreads = {label: Spread.of(f) if isinstance(f, list) else f for label, f in found.items()}
    lines = []
    for what in ("median", "p99"):
        peers = {label: s if isinstance(s, str) else getattr(s, what) for label, s in spreads.items()}
        own = None if ours.og is None else Spread((getattr(ours.og, what),))
        lines.append(Row(f"  1 live run: log() → readable, {what}", "ms", own, peers=peers))
    lines[1] = lines[1]._replace(
        note="peers: their writer's default buffers, their reader asked all the time"
    )
    return lines


def _rows(count: int, seconds: float, unwatched: float, listening: Window, charts: Window) -> list[Row]:
    whose = "1 live run" if count == 1 else f"{count} live runs"
    rate = f"{listening.events / seconds:.0f} events/s"
    return [
        Row(f"{whose}: log() → event, a listener to all", "ms", Spread.of(listening.delays), budget=50.0, note=f"{len(listening.delays)} calls; {rate}"),
        Row(f"{whose}: log() → event, a listener to that run that asks for 4 charts at 4 Hz", "ms", Spread.of(charts.delays), budget=50.0),
        Row(f"{whose}: ogd, nobody watches", "% of a core", Spread((unwatched,))),
        Row(f"{whose}: ogd, a listener to all", "% of a core", Spread((listening.cpu_percent,))),
        Row(f"{whose}: ogd, one run watched, 4 charts at 4 Hz", "% of a core", Spread((charts.cpu_percent,)), budget=4.0 if count == 1 else None),
    ]  # fmt: skip


@contextmanager
def writers(home: Home, count: int) -> Iterator[Path]:
    """So many live runs; the file of the first one's times."""
    times = home.root / f"times-{count}"
    processes = []
    try:
        for first in range(0, count, A_PROCESS):
            command = [
                sys.executable,
                "-m",
                "bench.engine_live_writer",
                "--hz",
                str(HZ),
                "--first",
                str(first),
            ]
            command += ["--runs", str(min(A_PROCESS, count - first))]
            command += ["--times", str(times)] if first == 0 else []
            processes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        yield times
    finally:
        for process in processes:
            process.communicate()  # closes its input: it ends
            process.wait(30)


def _wait_live(home: Home, store: Path, count: int) -> str:
    """Until all runs are there and the daemon knows them; the id of the one with times."""
    deadline = time.perf_counter() + 60
    with home.client(store) as client:
        while time.perf_counter() < deadline:
            page = client.runs(status="running", limit=200)
            if page["total"] == count:
                return str(next(run["run_id"] for run in page["runs"] if run["name"] == "live-0"))
            time.sleep(0.1)
    raise RuntimeError(f"{count} runs did not come to life")


def _unwatched(home: Home, store: Path, seconds: float) -> float:
    """Percent of a core while no client is connected."""
    pid = home.start_daemon()
    time.sleep(6.0)  # what was asked about counts as watched for some seconds
    used = cpu_ms(pid)
    time.sleep(seconds)
    return (cpu_ms(pid) - used) / seconds / 10


async def _watch(
    home: Home, store: Path, times: Path, seconds: float, *, run: str | None, charts: bool
) -> Window:
    from opengraphs.client.aio import AsyncClient

    seen: list[tuple[int, float]] = []
    told = 0
    async with AsyncClient(store=store) as client, aclosing(client.events(run=run)) as events:
        await anext(events)
        pid = (await client.get("/version"))["pid"]
        names: dict[str, str] = {}

        async def listen() -> None:
            nonlocal told
            async for event in events:
                now = time.perf_counter()
                told += 1
                if event["kind"] == "metrics" and (step := event.get("keys", {}).get("probe")) is not None:
                    if run is None and event["run"] not in names:
                        continue
                    seen.append((step, now))

        async def ask() -> None:
            keys = list(wide(1, keys=4).keys)
            while True:
                await client.post(
                    "/series", {"runs": [run], "metrics": keys, "columns": 160, "smooth": ["ma(15)"]}
                )
                await asyncio.sleep(1 / CHARTS_HZ)

        page = await client.get("/runs", status="running", limit=200)
        names.update({one["run_id"]: one["name"] for one in page["runs"] if one["name"] == "live-0"})
        tasks = [asyncio.ensure_future(listen()), *([asyncio.ensure_future(ask())] if charts else [])]
        await asyncio.sleep(1.0)
        told, began, used = 0, time.perf_counter(), cpu_ms(pid)
        await asyncio.sleep(seconds)
        ended, spent = time.perf_counter(), cpu_ms(pid) - used
        count = told
        await asyncio.sleep(0.5)  # events of the last calls
        for task in tasks:
            if task.done():
                task.result()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    delays = delays_ms(_calls(times, began, ended), seen)
    return Window(delays, spent / (ended - began) / 10, count)


def _calls(times: Path, began: float, ended: float) -> list[tuple[int, float]]:
    lines = (line.split() for line in times.read_text().splitlines())
    return [(int(step), float(at)) for step, at in lines if began <= float(at) <= ended]


def delays_ms(calls: list[tuple[int, float]], seen: list[tuple[int, float]]) -> list[float]:
    """For each call the first event that tells of its step or a later one.

    Raises:
        RuntimeError: a call that no event told of, or hardly any calls.
    """
    delays = []
    told = iter(seen)
    step, at = next(told, (-1, 0.0))
    for wanted, returned in calls:
        while step < wanted:
            found = next(told, None)
            if found is None:
                raise RuntimeError(f"no event told of step {wanted}")
            step, at = found
        delays.append((at - returned) * 1e3)
    if len(delays) < 10:
        raise RuntimeError(f"only {len(delays)} calls were seen")
    return delays
