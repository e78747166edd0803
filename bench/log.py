"""What a `log()` of ten numbers costs the training, beside its peers and a bare `os.write`.

    python -m bench.log [--quick] [--store FOLDER]

Every figure comes from a process of its own and all from the same run; the tables quote
ratios, because a shared machine's microseconds mean little. Peers that are not installed
are named. To measure them: `pip install -e '.[bench]'`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.peers import CONTESTANTS, Contestant

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ("tight", "paced", "busy", "step")
IMPORTS = {
    "opengraphs (og.log)": "import opengraphs; opengraphs.log",
    "trackio": "import trackio",
    "wandb": "import wandb",
    "tensorboardX": "import tensorboardX",
}


def child_env(one: type[Contestant], **more: str) -> dict[str, str]:
    """One thread for numpy, no network, no way to the user's own runs."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OG_")}
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return {**env, **quiet, **one.env, **more}


def measure(name: str, scenario: str, folder: Path, scale: float) -> dict[str, float] | None:
    """Run one scenario; None when the contestant failed in it."""
    command = [sys.executable, "-m", "bench.log_child", name, scenario, str(folder), str(scale)]
    done = subprocess.run(
        command,
        env=child_env(CONTESTANTS[name]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        print(f"bench: {name} failed in {scenario}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def descendants(pid: int) -> list[int]:
    """A process and everything below it."""
    found = [pid]
    for parent in found:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        if children.exists():
            found += [int(child) for child in children.read_text().split()]
    return found


def lost_in_one_kill(name: str, folder: Path, dice: random.Random) -> tuple[int, int]:
    """(calls that returned, of these lost) when everything is killed while it logs at 1 kHz."""
    counter = folder / "counter"
    counter.write_bytes(bytes(8))
    runs = folder / "runs-of-it"
    runs.mkdir()
    command = [sys.executable, "-m", "bench.log_child", name, "kill", str(runs), "1"]
    child = subprocess.Popen(
        command,
        env=child_env(CONTESTANTS[name], BENCH_COUNTER=str(counter)),
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while child.poll() is None and not struct.unpack("<q", counter.read_bytes())[0]:
        time.sleep(0.01)
    time.sleep(dice.uniform(0.3, 1.5))
    for pid in descendants(child.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    child.wait()
    returned = int(struct.unpack("<q", counter.read_bytes())[0]) + 1  # the first call came before the count
    read = measure(name, "rows", runs, 1)
    return returned, returned - int(read["rows"] if read else 0)


def import_ms(statement: str, times: int) -> float | None:
    """Median of an import in a fresh process, the interpreter's own start taken off."""
    code = f"import time; t = time.perf_counter(); {statement}; print((time.perf_counter() - t) * 1e3)"
    samples = []
    for _ in range(times + 1):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        samples.append(float(done.stdout.split()[-1]))
    return statistics.median(samples[1:])


def print_table(title: str, header: list[str], rows: list[list[str]]) -> None:
    """Columns as wide as their widest cell; the first to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    print(f"\n{title}")
    for row in [header, *rows]:
        first, *rest = (
            cell.ljust(w) if n == 0 else cell.rjust(w)
            for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join([first, *rest]))


def shown(value: float | None, *, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def times(value: float | None, base: float | None) -> str:
    return "–" if value is None or not base else f"{value / base:,.1f}×"


def run_scenarios(names: list[str], folder: Path, scale: float, repeats: int) -> dict[str, dict[str, Any]]:
    """Medians over `repeats` rounds in which the contestants take turns."""
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for number in range(repeats):
        for scenario in SCENARIOS:
            for name in names:
                own = folder / f"{number}-{scenario}-{name}"
                own.mkdir()
                for key, value in (measure(name, scenario, own, scale) or {}).items():
                    samples[name].setdefault(f"{scenario}.{key}", []).append(value)
                shutil.rmtree(own, ignore_errors=True)
    return {
        name: {key: statistics.median(values) for key, values in of.items()} for name, of in samples.items()
    }


def print_latencies(found: dict[str, dict[str, Any]]) -> None:
    og = found["og"]
    header = [
        "µs a call",
        *(f"{s} {q}" for s in SCENARIOS[:3] for q in ("p50", "p99")),
        "p50 to og",
        "busy p99 to og",
    ]
    rows = []
    for name, of in found.items():
        cells = [shown(of.get(f"{s}.{q}")) for s in SCENARIOS[:3] for q in ("p50", "p99")]
        ratios = [times(of.get(key), og.get(key)) for key in ("tight.p50", "busy.p99")]
        rows.append([CONTESTANTS[name].label, *cells, *ratios])
    print_table("log() of 10 floats: back to back, at 1 kHz, beside a busy Python thread", header, rows)


def print_steps(found: dict[str, dict[str, Any]]) -> None:
    floor = found["nothing"].get("step.slowdown")
    rows = [
        [
            CONTESTANTS[name].label,
            shown(of.get("step.slowdown"), digits=3),
            shown(of.get("tight.ready_ms"), digits=0),
        ]
        for name, of in found.items()
    ]
    title = f"Slowdown of a 1 ms numpy step (the harness alone: {shown(floor, digits=3)}); import + init + first log()"
    print_table(title, ["", "slowdown ×", "ready ms"], rows)


def print_losses(names: list[str], folder: Path, kills: int) -> None:
    rows = []
    for name in names:
        dice = random.Random(4711)
        lost, returned = [], []
        for number in range(kills):
            own = folder / f"kill-{number}-{name}"
            own.mkdir()
            one_returned, one_lost = lost_in_one_kill(name, own, dice)
            returned.append(one_returned)
            lost.append(max(0, one_lost))
            shutil.rmtree(own, ignore_errors=True)
        share = f"{100 * sum(lost) / sum(returned):.1f} %"
        rows.append(
            [
                CONTESTANTS[name].label,
                str(kills),
                str(sum(returned)),
                f"{statistics.median(lost):.0f}",
                str(max(lost)),
                share,
            ]
        )
    print_table(
        "kill -9 of everything at 1 000 calls/s: calls that had returned and cannot be read back",
        ["", "kills", "returned", "lost, median", "lost, worst", "lost"],
        rows,
    )


def print_imports(count: int) -> None:
    found = {label: import_ms(statement, count) for label, statement in IMPORTS.items()}
    base = found["opengraphs (og.log)"]
    rows = [[label, shown(value), times(value, base)] for label, value in found.items()]
    print_table("Import, median", ["", "ms", "to og"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.log", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the calls, one round, four kills")
    parser.add_argument("--store", type=Path, help="where to write; the temp folder if not given")
    parser.add_argument("--only", help="contestants, comma separated: " + ", ".join(CONTESTANTS))
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else list(CONTESTANTS)
    names = [
        name
        for name in CONTESTANTS
        if CONTESTANTS[name].is_installed() and name in {*wanted, "nothing", "og"}
    ]
    for name in (name for name in wanted if name not in names):
        print(f"{CONTESTANTS[name].label}: not installed")
    scale, repeats, kills = (0.2, 1, 4) if options.quick else (1.0, 3, 20)
    with tempfile.TemporaryDirectory(prefix="og-bench-", dir=options.store) as folder:
        found = run_scenarios(names, Path(folder), scale, repeats)
        print_latencies(found)
        print_steps(found)
        print_imports(3 if options.quick else 9)
        print_losses([name for name in names if name != "nothing"], Path(folder), kills)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
