"""The terminal interface beside `wandb leet`, on the same runs and in turns, in a terminal of 120×40 that answers queries.

Cases, `--only` takes some of them:

    start   first paint, first answered key, memory: 200 runs, 1 M points, 10 M points; og without `ogd`, too
    keys    key → first byte of its picture, bytes of it: the list of 200 runs, the charts of 1 M points
    idle    CPU and bytes while nothing happens: a run that ended, a live one that logs nothing
    live    ten metrics at 10 Hz: log() → screen, CPU, bytes, memory, letters typed meanwhile
    slow    the same behind a line of 32 kB/s and 150 ms each way: letters, help

Whatever works for a viewer counts: og's figures hold `ogd`, LEET's its Python parent and
its Go child. og's modules are compiled first, as an installer leaves them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench import slow_line, tui_cases
from bench.engine_rows import Row, Spread, markdown, table
from bench.tui_viewers import Viewer, daemon, leet_viewer, og_viewer, shapes_of, write_runs

MARKS = ("<!-- bench tui: begin -->", "<!-- bench tui: end -->")
LEET = "wandb leet"


class Plan(NamedTuple):
    """How much of everything."""

    points: tuple[str, ...]
    repeats: int
    presses: int
    idle_s: float
    live_s: float
    rounds: int


QUICK = Plan(("1M",), 3, 15, 5.0, 6.0, 1)
WHOLE = Plan(("1M", "10M"), 7, 30, 10.0, 12.0, 2)


def row(
    what: str,
    unit: str,
    found: tui_cases.Figures,
    name: str,
    *,
    pick: Callable[[list[float]], float] | None = None,
    budget: float | None = None,
    cannot: str = "",
    note: str = "",
) -> Row:
    """Medians of both, or what `pick` makes of all repetitions."""
    ours, theirs = found["og"][name], found[LEET][name]
    if pick is not None:
        ours, theirs = [pick(values)] if (values := ours) else [], [pick(theirs)] if theirs else []
    peer: float | str = statistics.median(theirs) if theirs else cannot
    return Row(
        what,
        unit,
        Spread.of(ours or [0.0]),
        budget=budget,
        peers={LEET: peer} if peer != "" else {},
        note=note,
    )


def start(viewers: list[Viewer], plan: Plan) -> list[Row]:
    rows = []
    for case in ("runs", *plan.points):
        what = "200 runs" if case == "runs" else f"{case} points"
        tui_cases.warm(viewers[0], case)
        found = tui_cases.start(viewers, case, plan.repeats)
        rows += [
            row(f"{what}: first byte on the screen", "ms", found, "first byte", budget=30.0),
            row(
                f"{what}: {'the newest run' if case == 'runs' else 'first curve'}", "ms", found, "first curve"
            ),
            row(f"{what}: the first key is answered", "ms", found, "interactive", budget=300.0),
            row(f"{what}: memory, PSS", "MB", found, "memory", note=_own(found)),
        ]
    cold = tui_cases.start([viewers[0]], plan.points[0], 3, cold=True)
    rows += [
        row("no ogd, index there; its start counts: first byte", "ms", cold, "first byte"),
        row("no ogd, index there: first curve", "ms", cold, "first curve"),
    ]
    return rows


def keys(viewers: list[Viewer], plan: Plan) -> list[Row]:
    rows = []
    for case, what in (
        ("runs", "cursor in the list of 200 runs"),
        ("1M", "focus on the charts of 1M points"),
    ):
        found = tui_cases.keys(viewers, case, plan.presses)
        rows += [
            row(f"{what}: key → paint, p50", "ms", found, "key", pick=statistics.median, budget=5.0),
            row(f"{what}: key → paint, p95", "ms", found, "key", pick=tui_cases.p95, budget=20.0),
            row(f"{what}: a key", "bytes", found, "bytes"),
        ]
    return rows


def idle(viewers: list[Viewer], plan: Plan) -> list[Row]:
    rows = []
    for case, what in (("1M", "a run that ended"), ("quiet", "a live run that logs nothing")):
        found = tui_cases.idle(viewers, case, plan.idle_s)
        rows += [
            row(f"{what}: CPU", "% of a core", found, "cpu", note=_shares(found)),
            row(f"{what}: output", "bytes/s", found, "bytes/s"),
        ]
    return rows


def live(viewers: list[Viewer], plan: Plan) -> list[Row]:
    found = tui_cases.live(viewers, plan.live_s, plan.rounds)
    return [
        row("log() → screen, p50", "ms", found, "latency", pick=statistics.median),
        row("log() → screen, worst", "ms", found, "latency", pick=max),
        row("CPU", "% of a core", found, "cpu", budget=4.0, note=_shares(found)),
        row("output", "bytes/s", found, "bytes/s"),
        row("a picture", "bytes", found, "bytes/picture", budget=1024.0),
        row("pictures", "a second", found, "pictures/s"),
        row(
            "a letter typed meanwhile → paint, p50", "ms", found, "letter", pick=statistics.median, budget=5.0
        ),
        row("a letter typed meanwhile → paint, p95", "ms", found, "letter", pick=tui_cases.p95, budget=20.0),
        row("memory, PSS", "MB", found, "memory", note=_own(found)),
    ]


def slow(viewers: list[Viewer], plan: Plan) -> list[Row]:
    found = tui_cases.figures()
    for viewer in viewers:
        one = slow_line.measure(
            viewer, bytes_per_s=32e3, delay_s=0.15, words=plan.rounds, helps=2 * plan.rounds
        )
        mine = found[viewer.name]
        mine["letter"], mine["help"] = one.letters, one.help
        mine["bytes/s"], mine["under way"] = [one.bytes_per_s], [float(one.most_under_way)]
    return [
        row(
            "a letter → far screen, p50 (300 of it is the line)",
            "ms",
            found,
            "letter",
            pick=statistics.median,
        ),
        row("a letter → far screen, worst", "ms", found, "letter", pick=max, budget=slow_line.BUDGET_MS),
        row("help on or off → far screen, p50", "ms", found, "help", pick=statistics.median),
        row("help on or off → far screen, worst", "ms", found, "help", pick=max),
        row("live charts carry", "bytes/s", found, "bytes/s"),
        row("most that was under way", "bytes", found, "under way"),
    ]


def _own(found: tui_cases.Figures) -> str:
    own = found["og"]["memory own"]
    return f"og's screen alone {statistics.median(own):.0f} MB, the rest is ogd" if own else ""


def _shares(found: tui_cases.Figures) -> str:
    one = found["og"]
    return f"og's screen {statistics.median(one['cpu own']):.1f}, ogd {statistics.median(one['cpu ogd']):.1f}"


CASES: dict[str, tuple[str, Callable[[list[Viewer], Plan], list[Row]]]] = {
    "start": ("Opening", start),
    "keys": ("Keys, nothing else going on", keys),
    "idle": ("Idle", idle),
    "live": ("A live run: ten metrics at 10 Hz, four charts", live),
    "slow": ("The same behind 32 kB/s and 150 ms each way", slow),
}


def main() -> int:
    args = _arguments()
    if not tui_cases.bytecode_there():
        print("bench: og's modules could not be compiled; each start compiles them anew", file=sys.stderr)
    plan = QUICK if args.quick else WHOLE
    folder = args.data or Path(tempfile.mkdtemp(prefix="og-tui-"))
    viewers = [og_viewer(folder / "og", args.og)]
    if leet := leet_viewer(folder / "leet"):
        viewers.append(leet)
    else:
        print("wandb is not installed in this environment: `make bench` installs it", file=sys.stderr)
    try:
        tables = _measure(viewers, args.only, plan)
    finally:
        daemon(viewers[0], "stop")
        if args.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    if args.markdown:
        _put(args.markdown, "\n".join(tables))
    return 0


def _measure(viewers: list[Viewer], only: list[str], plan: Plan) -> list[str]:
    began = time.perf_counter()
    daemon(viewers[0], "start")
    cases = ("runs", *plan.points) if "start" in only else ("runs", "1M")
    for viewer in viewers:
        for case in cases if {"start", "keys", "idle"} & set(only) else ():
            write_runs(viewer, case, shapes_of(case))
    print(f"runs written in {time.perf_counter() - began:.0f} s", flush=True)
    tables = []
    for name in only:
        title, measure = CASES[name]
        began = time.perf_counter()
        rows = measure(viewers, plan)
        print(table(f"{title} ({name}, {time.perf_counter() - began:.0f} s)", rows), flush=True)
        tables.append(markdown(title, rows).replace("### ", "#### ", 1))
    return tables


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench tui", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="no 10 M points, fewer repetitions")
    parser.add_argument("--only", type=_cases, default=list(CASES), help=f"cases: {','.join(CASES)}")
    parser.add_argument("--og", help="the og to measure; default: the one beside this interpreter")
    parser.add_argument("--data", type=Path, help="keep the runs in this folder, or take them from there")
    parser.add_argument(
        "--markdown", type=Path, help="write the tables between the marks of this page, or as a file"
    )
    return parser.parse_args()


def _cases(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in CASES]:
        raise argparse.ArgumentTypeError(f"no case {unknown[0]!r}; there are {', '.join(CASES)}")
    return names


def _put(path: Path, tables: str) -> None:
    """A file of its own, or the part of a page between MARKS; the page's other words stay."""
    before, begin, rest = (path.read_text() if path.exists() else "").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    intro = (
        f"- {time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} shared cores, "
        f"CPython {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    path.write_text(f"{before}{begin}\n{intro}\n\n{tables}\n{end}{after}" if begin and end else tables)


if __name__ == "__main__":
    raise SystemExit(main())
