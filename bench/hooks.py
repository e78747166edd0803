"""What og's hooks cost a training: at the start of its interpreter, and for each mirrored value.

    python -m bench.hooks [--quick] [--python PATH]

Starts with and without the hooks take turns, bare Python being the peer. A call is timed
with the hooks switched off and on, in processes that take turns; what is added is divided
by the values in the call. The stub is a tracker that does nothing, so its "off" is the
price of a call; libraries that the other Python lacks are named.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.log import print_table, shown, times

HOOKS = Path(__file__).resolve().parents[1] / "src" / "opengraphs" / "hooks"
START_BUDGET_MS, VALUE_BUDGET_US = 3.0, 5.0
QUIET = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
STUB = """
class SummaryWriter:
    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None):
        pass
    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        pass
    def add_hparams(self, hparam_dict, metric_dict, global_step=None):
        pass
"""
TIMED = """
import json, statistics, time
def measure(call, calls, values):
    for n in range(200):
        call(n)
    samples = []
    for n in range(calls):
        t = time.perf_counter_ns(); call(200 + n); samples.append(time.perf_counter_ns() - t)
    samples.sort()
    print(json.dumps({"p50": samples[len(samples) // 2] / 1e3, "p99": samples[int(len(samples) * 0.99)] / 1e3, "values": values}))
"""
CALLS = {
    "a stub's add_scalar": (
        "",
        TIMED + "from tensorboardX.writer import SummaryWriter\nw = SummaryWriter()\n"
        "measure(lambda n: w.add_scalar('train/loss', 0.5 + n, n), {calls}, 1)",
    ),
    "tensorboardX add_scalar": (
        "tensorboardX",
        TIMED + "from tensorboardX import SummaryWriter\nw = SummaryWriter('events')\n"
        "measure(lambda n: w.add_scalar('train/loss', 0.5 + n, n), {calls}, 1)",
    ),
    "torch SummaryWriter add_scalar": (
        "torch.utils.tensorboard",
        TIMED + "from torch.utils.tensorboard import SummaryWriter\nw = SummaryWriter('events')\n"
        "measure(lambda n: w.add_scalar('train/loss', 0.5 + n, n), {calls}, 1)",
    ),
    "wandb log of 10, offline": (
        "wandb",
        TIMED + "import wandb\nrun = wandb.init(project='bench')\nkeys = ['m%d' % n for n in range(10)]\n"
        "measure(lambda n: run.log(dict.fromkeys(keys, 0.5 + n)), {calls}, 10)\nrun.finish()",
    ),
    "trackio log of 10": (
        "trackio",
        TIMED + "import os; os.environ['TRACKIO_DIR'] = os.getcwd()\nimport trackio, contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    run = trackio.init(project='bench', auto_log_cpu=False, auto_log_gpu=False)\n"
        "keys = ['m%d' % n for n in range(10)]\n"
        "measure(lambda n: trackio.log(dict.fromkeys(keys, 0.5 + n)), {calls}, 10)",
    ),
}
"""What is timed → the module it needs, and its script."""


def env(folder: Path | None, *, hooked: bool) -> dict[str, str]:
    """The environment of a training; with hooks, and a run folder of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OG_") and name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    }
    stub = [str(folder / "stub")] if folder and (folder / "stub").exists() else []
    if not hooked:
        return {**kept, **QUIET, "PYTHONPATH": os.pathsep.join(stub)}
    run = {"OG_RUN_DIR": str(folder), "OG_RUN_ID": "bench"}
    return {**kept, **QUIET, **run, "PYTHONPATH": os.pathsep.join([str(HOOKS), *stub])}


def run_folder(root: Path, name: str) -> Path:
    folder = root / name
    (folder / "events").mkdir(parents=True)
    return folder


def start_ms(python: str, environment: dict[str, str]) -> float:
    """Wall time of an interpreter that does nothing."""
    code = (
        "import os, subprocess, sys, time; t = time.perf_counter_ns();"
        "os.waitpid(os.posix_spawn(sys.argv[1], [sys.argv[1], '-c', 'pass'], os.environ), 0);"
        "print((time.perf_counter_ns() - t) / 1e6)"
    )
    plain = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    # the one that waits is not to start with hooks itself, so they are handed on by `env`
    handed = f"import os; os.environ['PYTHONPATH'] = {environment['PYTHONPATH']!r};" + code
    done = subprocess.run(
        [sys.executable, "-S", "-c", handed, python],
        env=plain,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return float(done.stdout)


def measure_start(python: str, root: Path, rounds: int) -> None:
    folder = run_folder(root, "start")
    found: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds):
        for hooked in (False, True) if number % 2 else (True, False):
            found[hooked].append(start_ms(python, env(folder, hooked=hooked)))
    bare, hooks = statistics.median(found[False]), statistics.median(found[True])
    added = statistics.median(b - a for a, b in zip(found[False], found[True], strict=True))
    held = "held" if added <= START_BUDGET_MS else "missed"
    print_table(
        f"Start of an interpreter, median of {rounds} alternating starts (budget: {START_BUDGET_MS:g} ms added: {held})",
        ["", "ms", "to bare"],
        [
            ["bare Python", shown(bare, digits=2), "1.0×"],
            ["with og's hooks", shown(hooks, digits=2), times(hooks, bare)],
            ["added, median of pairs", shown(added, digits=2), ""],
        ],
    )


def timed(python: str, script: str, folder: Path, *, hooked: bool) -> dict[str, float] | None:
    """p50 and p99 of a call in µs, and the values in it; None when the script failed."""
    done = subprocess.run(
        [python, "-c", script],
        env=env(folder, hooked=hooked),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        print(f"bench: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    found: dict[str, float] = json.loads(line)
    return found


def has(python: str, module: str) -> bool:
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return (
        not module or subprocess.run([python, "-c", code], check=False, capture_output=True).returncode == 0
    )


def measure_calls(python: str, root: Path, rounds: int, calls: int) -> None:
    rows = []
    for label, (module, script) in CALLS.items():
        if not has(python, module):
            print(f"{label}: {module} is not installed there")
            continue
        row = measure_call(python, root, rounds, label, script.replace("{calls}", str(calls)))
        rows += [row] if row else []
    print_table(
        f"A mirrored call (budget: {VALUE_BUDGET_US:g} µs a value)",
        ["µs", "off p50", "on p50", "off p99", "on p99", "on to off", "added a value", "budget"],
        rows,
    )


def measure_call(python: str, root: Path, rounds: int, label: str, script: str) -> list[str] | None:
    """One row: medians over rounds in which off and on take turns."""
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for number in range(rounds):
        for hooked in (False, True) if number % 2 else (True, False):
            folder = run_folder(root, f"{label.replace(' ', '-')}-{number}-{hooked}")
            if not CALLS[label][0]:
                package = folder / "stub" / "tensorboardX"
                package.mkdir(parents=True)
                (package / "__init__.py").write_text("")
                (package / "writer.py").write_text(STUB)
            one = timed(python, script, folder, hooked=hooked)
            if one is None:
                return None
            found[hooked].append(one)
    off, on = (
        {key: statistics.median(one[key] for one in found[hooked]) for key in ("p50", "p99", "values")}
        for hooked in (False, True)
    )
    added = (on["p50"] - off["p50"]) / on["values"]
    cells = [shown(side[key]) for key in ("p50", "p99") for side in (off, on)]
    verdict = "held" if added <= VALUE_BUDGET_US else "missed"
    return [label, *cells, times(on["p50"], off["p50"]), shown(added, digits=2), verdict]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.hooks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer starts, calls and rounds")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the trackers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="og-bench-") as folder:
        root = Path(folder)
        measure_start(options.python, root, 40 if options.quick else 200)
        measure_calls(options.python, root, 3 if options.quick else 7, 2_000 if options.quick else 5_000)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
