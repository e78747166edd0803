"""From a returned `log()` in a training process to the event at a client: p50 and p99.

A training logs ten metrics through a mapped journal; a client reads `GET /events`. Both
clocks are the machine's monotonic one. Beside it stands the floor: the same lines through
a pipe between two processes of the same interpreter.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from bench.live_writer import FIRST_PROBE

BUDGET_MS = 50.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--hz", type=float, default=10.0)
    args = parser.parse_args()
    seconds = 5.0 if args.quick else 30.0
    with tempfile.TemporaryDirectory(prefix="og-") as home:
        private_home(Path(home))
        floor = percentiles(pipe_floor(seconds=min(5.0, seconds), hz=args.hz))
        delays, cpu_share = asyncio.run(measure(Path(home), seconds, args.hz))
    p50, p99 = percentiles(delays)
    print(f"write → event at the client, {len(delays)} calls at {args.hz:g} Hz (ms)")
    print(f"  og      p50 {p50:7.2f}   p99 {p99:7.2f}   {p50 / floor[0]:6.1f} × the pipe")
    print(f"  pipe    p50 {floor[0]:7.2f}   p99 {floor[1]:7.2f}   floor")
    print(f"  budget  p50 {BUDGET_MS:7.2f}   {'held' if p50 <= BUDGET_MS else 'MISSED'}")
    print(f"  ogd used {cpu_share:.1%} of a core meanwhile")
    return 0 if p50 <= BUDGET_MS else 1


def private_home(home: Path) -> None:
    """A store, a socket and caches that are nobody else's."""
    for name in ("OGD_SOCKET", "OG_RUN_DIR", "OG_RUN_ID"):
        os.environ.pop(name, None)
    os.environ["OG_STORE"] = str(home / "store")
    for name in ("RUNTIME_DIR", "CACHE_HOME", "STATE_HOME", "DATA_HOME", "CONFIG_HOME"):
        folder = home / name.lower()
        folder.mkdir(mode=0o700)
        os.environ[f"XDG_{name}"] = str(folder)


async def measure(home: Path, seconds: float, hz: float) -> tuple[list[float], float]:
    """Milliseconds from each call's return to its event, and ogd's share of a core."""
    from opengraphs.client import lifecycle
    from opengraphs.client.aio import AsyncClient

    store, times = home / "store", home / "times"
    seen: list[tuple[int, float]] = []
    async with AsyncClient(store=store) as client, aclosing(client.events()) as events:
        await anext(events)
        pid = (await client.get("/version"))["pid"]
        began, used = time.perf_counter(), cpu_s(pid)
        writer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.live_writer", "og"),
            *("--hz", str(hz), "--seconds", str(seconds), "--times", str(times)),
        )
        ending = asyncio.ensure_future(writer.wait())
        reading = asyncio.ensure_future(read_events(events, seen))
        await ending
        await asyncio.wait([reading], timeout=1.0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        share = (cpu_s(pid) - used) / (time.perf_counter() - began)
    lifecycle.stop()
    return delays_ms(times, seen), share


async def read_events(events: object, seen: list[tuple[int, float]]) -> None:
    """Note when each step was first told of."""
    async for event in events:  # type: ignore[attr-defined]
        step = event.get("keys", {}).get("probe")
        if step is not None:
            seen.append((step, time.perf_counter()))


def delays_ms(times: Path, seen: list[tuple[int, float]]) -> list[float]:
    """For each call the first event that tells of its step or a later one."""
    delays, told = [], iter(sorted(seen))
    step, at = next(told)
    for line in times.read_text().splitlines():
        probe, returned = line.split()
        while step < int(probe) - FIRST_PROBE:
            step, at = next(told, (1 << 60, float("inf")))
        if at != float("inf"):
            delays.append((at - float(returned)) * 1e3)
    return delays


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pipe_floor(*, seconds: float, hz: float) -> list[float]:
    """Milliseconds through a pipe: what two Python processes cannot beat."""
    code = (
        "import sys, time\n"
        f"for _ in range({int(seconds * hz)}):\n"
        f"    time.sleep({1 / hz})\n"
        "    sys.stdout.write(f'{time.perf_counter()}\\n'); sys.stdout.flush()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        return [(time.perf_counter() - float(line)) * 1e3 for line in child.stdout]


def percentiles(values: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]


if __name__ == "__main__":
    raise SystemExit(main())
