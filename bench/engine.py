"""The engine against DESIGN section 13, through a real `ogd` on its socket, beside its peers.

    python -m bench engine [--quick] [--only PART[,PART]] [--json FILE] [--markdown FILE]

Each part works in temporary folders with a daemon, an index and a socket of its own, one
measurement at a time, and compares every answer with what numpy finds in the same points.
The table gives the median, the middle half and, of many repetitions, the 99th percentile.
`ogd CPU` is the daemon's processor time of one request: on a machine that does other work
too, it says more than the clock. A figure in brackets after a floor is how many times
longer og takes; after a peer, how many times faster og is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from bench import engine_ingest, engine_live, engine_query, engine_runs
from bench.engine_home import Home, own_home
from bench.engine_open import opening
from bench.engine_peers import PEERS
from bench.engine_points import wide
from bench.engine_rows import Row, markdown, table

MARKS = ("<!-- bench engine: begin -->", "<!-- bench engine: end -->")
Part = Callable[[Home, "Sizes"], list[Row]]


class Sizes(NamedTuple):
    """How much is measured; a field counts points of a curve unless it says otherwise."""

    opened: tuple[int, ...]
    longest: int
    wall: int
    overlaid: int
    ingested_points: int
    backlog: int
    ranked: int
    runs: int
    live_s: float


FULL = Sizes(
    (100_000, 1_000_000), 10_000_000, 1_000_000, 100_000, 3_000_000, 1_000_000, 125_000, 10_000, 20.0
)
QUICK = Sizes((100_000,), 1_000_000, 100_000, 20_000, 500_000, 200_000, 12_500, 10_000, 5.0)
BUDGETS = {100_000: {"warm": 50.0}, 1_000_000: {"cold": 500.0, "warm": 50.0}}
"""DESIGN names its budgets for ten million points: ten keys of a million records."""


def _open(home: Home, sizes: Sizes) -> list[Row]:
    rows = []
    for records in sizes.opened:
        shape = wide(records)
        found = opening(home, f"open-{records}", shape, BUDGETS[records])
        rows += [row._replace(what=f"{shape.points / 1e6:g} M: {row.what.strip()}") for row in found]
    return rows


PARTS: dict[str, tuple[str, Part]] = {
    "open": ("Opening a run of ten metrics", _open),
    "series": (
        "POST /series of runs that are read",
        lambda home, s: engine_query.series(home, longest=s.longest, wall=s.wall, overlaid=s.overlaid),
    ),
    "groups": ("Many runs at once", lambda home, _: engine_query.groups(home)),
    "runs": ("Lists of runs", lambda home, s: engine_runs.runs(home, count=s.runs)),
    "keys": ("Search over metric keys", lambda home, _: engine_runs.keys(home)),
    "ingest": ("Reading journals", lambda home, s: engine_ingest.rates(home, points=s.ingested_points)),
    "backlog": (
        "Questions while a backlog is read, and memory",
        lambda home, s: [
            *engine_ingest.backlog(home, records=s.backlog),
            *engine_ingest.ranks(home, records=s.ranked),
        ],
    ),
    "live": (
        "Runs that log ten scalars at 10 Hz",
        lambda home, s: engine_live.live(home, counts=(1, 50), seconds=s.live_s),
    ),
}


def main() -> int:
    args = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends on the way out
    sizes = QUICK if args.quick else FULL
    print(machine(), flush=True)
    rows: dict[str, list[Row]] = {}
    failed: list[str] = []
    for name in args.only:
        title, part = PARTS[name]
        began = time.perf_counter()
        try:
            with own_home() as home:
                rows[name] = part(home, sizes)
        except Exception:
            failed.append(name)
            print(f"\nbench: the part {name!r} failed\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            continue
        print(table(f"{title} ({name}, {time.perf_counter() - began:.0f} s)", rows[name]), flush=True)
        _keep(args, rows, failed)
    _conclude([row for part_rows in rows.values() for row in part_rows])
    _keep(args, rows, failed)
    return 1 if failed else 0


def _keep(args: argparse.Namespace, rows: dict[str, list[Row]], failed: list[str]) -> None:
    """Write what was measured so far: a long run that is cut short leaves its figures."""
    if args.markdown:
        tables = "\n".join(markdown(PARTS[name][0], found) for name, found in rows.items())
        _put_tables(args.markdown, tables)
    if args.json:
        args.json.write_text(json.dumps(_as_json(args.quick, rows, failed), indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a million points instead of ten, some minutes")
    parser.add_argument("--only", type=_parts, default=list(PARTS), help=f"parts: {','.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument(
        "--markdown",
        type=Path,
        help="write the tables to this file too, or between the marks of a page that has them",
    )
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return names


def machine() -> str:
    """What was measured, on what, beside whom."""
    load = os.getloadavg()[0]
    parts = ("opengraphs", "numpy", "msgspec", "orjson", "uvicorn")
    peers = ", ".join(f"{label} {peer.why_not() or peer.version()}" for label, peer in PEERS.items())
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, {_cpu_name()}; Linux {platform.release()}",
        f"CPython {platform.python_version()}, {', '.join(f'{part} {version(part)}' for part in parts)}",
        f"peers: {peers}",
        f"load before: {load:.2f}" + (" – something else is running; trust CPU times" if load > 0.7 else ""),
    ]
    return "\n".join(lines)


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _put_tables(path: Path, tables: str) -> None:
    """A file of its own, or the part of a page between MARKS; the page's other words stay."""
    before, begin, rest = (path.read_text() if path.exists() else "").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    intro = "\n".join(f"- {line}" for line in machine().splitlines())
    whole = f"{before}{begin}\n{intro}\n\n{tables}\n{end}{after}" if begin and end else tables
    path.write_text(whole)


def _conclude(rows: list[Row]) -> None:
    judged = [row for row in rows if row.holds is not None]
    missed = [row for row in judged if not row.holds]
    print(f"\n{len(judged) - len(missed)} of {len(judged)} budgets hold")
    for row in missed:
        print(f"  missed: {row.what.strip()}: {row.judged:.1f} {row.unit}, budget {row.budget:g}")


def _as_json(quick: bool, rows: dict[str, list[Row]], failed: list[str]) -> dict[str, Any]:
    return {
        "schema": 1, "quick": quick, "time": time.time(), "machine": machine().splitlines(), "failed": failed,
        "parts": {name: [row.as_json() for row in found] for name, found in rows.items()},
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
