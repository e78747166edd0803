"""The terminal interface beside `wandb leet`: first paint, interactive, latency, bytes, CPU, memory.

Both look at a live run of ten metrics at 10 Hz in a 120×40 terminal that answers
queries. Whatever runs on behalf of the viewer counts: og's figure holds `ogd`, LEET's
its Python parent and its Go child.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.pty_meter import Meter, cpu_s, process_tree, rss_mb

BIN = Path(sys.executable).parent
PROBE = re.compile(r"\b\d{4}\b")
BRAILLE = re.compile("[\u2801-\u28ff]")


class Viewer(NamedTuple):
    name: str
    tracker: str
    command: list[str]
    help_key: bytes
    help_text: str
    env: dict[str, str]
    cwd: Path


class Row(NamedTuple):
    """Times in ms from launch; latency in ms from `log()` to the screen; bytes and CPU over a live window."""

    viewer: str
    first_byte: float
    first_curve: float
    interactive: float
    latency_p50: float
    latency_max: float
    bytes_per_s: float
    cpu_percent: float
    rss_mb: float


@contextmanager
def live_run(viewer: Viewer, seconds: float, warm_steps: int) -> Iterator[Path]:
    times = viewer.cwd / "times"
    command = [sys.executable, "-m", "bench.live_writer", viewer.tracker, "--times", str(times)]
    command += ["--seconds", str(seconds), "--warm-steps", str(warm_steps)]
    env = {
        **os.environ,
        **viewer.env,
        "PYTHONPATH": os.getcwd(),
        "WANDB_SILENT": "true",
        "WANDB_MODE": "offline",
    }
    writer = subprocess.Popen(
        command, cwd=viewer.cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not times.exists() or not times.stat().st_size:
            if time.monotonic() > deadline or writer.poll() is not None:
                raise SystemExit(f"bench: the {viewer.tracker} writer did not start")
            time.sleep(0.05)
        yield times
    finally:
        writer.kill()
        writer.wait()


def start_up(viewer: Viewer, repeats: int) -> tuple[float, float, float]:
    """Median milliseconds to first byte, first curve, and an answered key."""
    rows = []
    for _ in range(repeats):
        with Meter(viewer.command, env=viewer.env) as meter:
            curve = meter.wait(lambda text: bool(BRAILLE.search(text)), 30)
            if curve is None:
                raise SystemExit(f"bench: {viewer.name} showed no curve:\n{meter.text()}")
            meter.send(viewer.help_key)
            answered = meter.wait(lambda text: viewer.help_text.lower() in text.lower(), 30)
            if answered is None:
                raise SystemExit(f"bench: {viewer.name} did not answer a key:\n{meter.text()}")
            rows.append(((meter.first_byte_s or 0.0), curve, answered))
    return tuple(1e3 * statistics.median(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def watch(
    viewer: Viewer, times: Path, window_s: float, helpers: list[int]
) -> tuple[list[float], float, float, float]:
    """Latencies (ms), bytes/s, CPU % and MB over a live window."""
    latencies: list[float] = []
    with Meter(viewer.command, env=viewer.env) as meter:
        meter.wait(lambda text: bool(BRAILLE.search(text)), 30)
        meter.settle(3.0)
        pids = process_tree(meter.pid) + helpers
        bytes_before, cpu_before, began = meter.bytes_seen, cpu_s(pids), time.perf_counter()
        shown = 0
        while time.perf_counter() - began < window_s:
            if not meter.read(0.05):
                continue
            now = time.perf_counter()
            logged = dict(line.split() for line in times.read_text().splitlines())
            newest = max((int(n) for n in PROBE.findall(meter.text()) if n in logged), default=0)
            if newest > shown:
                shown = newest
                latencies.append(1e3 * (now - float(logged[str(newest)])))
        spent = time.perf_counter() - began
        bytes_per_s = (meter.bytes_seen - bytes_before) / spent
        return latencies, bytes_per_s, 100 * (cpu_s(pids) - cpu_before) / spent, rss_mb(pids)


def measure(viewer: Viewer, *, repeats: int, window_s: float, helpers: list[int]) -> Row:
    with live_run(viewer, seconds=30 + 4 * repeats + 2 * window_s, warm_steps=300) as times:
        first_byte, curve, interactive = start_up(viewer, repeats)
        latencies, bytes_per_s, cpu, rss = watch(viewer, times, window_s, helpers)
    p50 = statistics.median(latencies) if latencies else float("nan")
    worst = max(latencies, default=float("nan"))
    return Row(viewer.name, first_byte, curve, interactive, p50, worst, bytes_per_s, cpu, rss)


def og_viewer(folder: Path) -> Viewer:
    env = {"OG_STORE": str(folder / "store"), "OGD_SOCKET": str(folder / "run" / "ogd.sock")}
    env |= {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_STATE_HOME": str(folder / "state")}
    env |= {"XDG_CONFIG_HOME": str(folder / "config")}
    (folder / "run").mkdir(mode=0o700)
    command = [str(BIN / "og"), "view", "live", "--graphs", "probe,m0/loss,m1/loss,m2/loss"]
    return Viewer("og", "og", command, b"?", "help", env, folder)


def leet_viewer(folder: Path) -> Viewer | None:
    if not (BIN / "wandb").exists():
        return None
    env = {"WANDB_MODE": "offline", "WANDB_CONFIG_DIR": str(folder / "config"), "HOME": str(folder)}
    command = [str(BIN / "wandb"), "leet", str(folder / "wandb")]
    return Viewer("wandb leet", "wandb", command, b"h", "quit", env, folder)


def daemon_pid(env: dict[str, str]) -> list[int]:
    done = subprocess.run(
        [BIN / "og", "daemon", "status", "--json"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r'"pid":\s*(\d+)', done.stdout)
    return [int(found.group(1))] if found else []


def report(rows: list[Row]) -> None:
    print(f"{'':>12} " + " ".join(f"{name:>13}" for name in Row._fields[1:]))
    for row in rows:
        print(f"{row.viewer:>12} " + " ".join(f"{value:13.1f}" for value in row[1:]))
    if len(rows) == 2:
        ratios = [
            theirs / ours if ours else float("inf")
            for ours, theirs in zip(rows[0][1:], rows[1][1:], strict=True)
        ]
        print(f"{'og ahead by':>12} " + " ".join(f"{ratio:12.1f}×" for ratio in ratios))
    print("budgets: first paint 30 ms, interactive 300 ms, write to event 50 ms (+ up to one 250 ms tick),")
    print("         2×2 at 4 Hz: CPU 4 %, 1 kB a tick stable (4 kB/s), 6 kB worst; TUI 70 MB + ogd")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    repeats, window_s = (3, 8.0) if args.quick else (7, 30.0)
    rows = []
    base = Path(tempfile.mkdtemp(prefix="og-bench-"))
    try:
        (base / "og").mkdir()
        og = og_viewer(base / "og")
        try:
            subprocess.run(
                [BIN / "og", "daemon", "start"], env={**os.environ, **og.env}, check=True, capture_output=True
            )
            rows.append(measure(og, repeats=repeats, window_s=window_s, helpers=daemon_pid(og.env)))
        finally:
            subprocess.run(
                [BIN / "og", "daemon", "stop"], env={**os.environ, **og.env}, check=False, capture_output=True
            )
        (base / "leet").mkdir()
        if leet := leet_viewer(base / "leet"):
            rows.append(measure(leet, repeats=repeats, window_s=window_s, helpers=[]))
        else:
            print("wandb is not installed in this environment: `make bench` installs it", file=sys.stderr)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    report(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
