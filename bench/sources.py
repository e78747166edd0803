"""Readers of foreign formats beside the readers of the libraries that write them.

    python -m bench sources [--quick] [--only FORMAT[,FORMAT]] [--json FILE] [--markdown FILE]

Every input is written by the library itself, read once to warm the page cache, and then some
times by each in the same process; a program of its own has the time of its start taken off.
A figure in brackets is how many times faster og is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.sources_case import Case, Timed, read_with_og, timed
from bench.sources_events import CASES as EVENTS
from bench.sources_tables import CASES as TABLES

CASES: tuple[Case, ...] = (*EVENTS, *TABLES)
MARKS = ("<!-- bench sources: begin -->", "<!-- bench sources: end -->")


class Result(NamedTuple):
    """One line of the table."""

    case: Case
    size_bytes: int
    og: Timed
    peers: dict[str, Timed | str]

    def ratio(self, peer: Timed | str) -> float | None:
        return None if isinstance(peer, str) else peer.seconds / self.og.seconds

    def as_json(self) -> dict[str, Any]:
        return {
            "format": self.case.format.name,
            "size_bytes": self.size_bytes,
            "points": self.og.points,
            "og_s": self.og.seconds,
            "points_per_s": self.og.points / self.og.seconds,
            "peers": {
                label: found if isinstance(found, str) else {"s": found.seconds, "points": found.points}
                for label, found in self.peers.items()
            },
            "ratios": {label: self.ratio(found) for label, found in self.peers.items()},
        }


def measure(case: Case, folder: Path, *, points: int, rounds: int) -> Result:
    place = case.make(folder, points)
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    og = timed(lambda: read_with_og(case, place), rounds)
    peers: dict[str, Timed | str] = {}
    for peer in case.peers:
        if not peer.is_installed():
            peers[peer.label] = "not installed"
            continue
        found = timed(lambda read=peer.read: read(place), rounds)  # type: ignore[misc]
        start = peer.overhead() if peer.overhead else 0.0
        peers[peer.label] = found._replace(seconds=max(1e-3, found.seconds - start))
    return Result(case, sum(path.stat().st_size for path in files), og, peers)


def lines(result: Result) -> list[str]:
    """Cells of a line: what, og, and each peer."""
    og = result.og
    what = f"{result.case.title}, {og.points:,} points, {result.size_bytes / 1e6:.1f} MB"
    peers = []
    for label, found in result.peers.items():
        if isinstance(found, str):
            peers.append(f"{label}: {found}")
        else:
            other = "" if found.points == og.points else f", {found.points:,} points"
            peers.append(f"{label}: {found.seconds:.3f} s ({result.ratio(found):.1f}×{other})")
    return [what, f"{og.seconds:.3f} s", f"{og.points / og.seconds / 1e6:.2f} M/s", "; ".join(peers) or "–"]


def markdown(results: list[Result]) -> str:
    rows = [["", "og", "points", "beside it"], *(lines(result) for result in results)]
    text = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([text[0], "|---" * 4 + "|", *text[1:]])


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}, load {os.getloadavg()[0]:.2f}"


def main() -> int:
    args = _arguments()
    results = []
    print(machine(), flush=True)
    for case in CASES:
        if args.only and case.format.name not in args.only.split(","):
            continue
        if not case.is_possible():
            print(f"  {case.title}: {', '.join(case.needs)} not installed", file=sys.stderr)
            continue
        points, rounds = (case.points // 10, 2) if args.quick else (case.points, 5)
        with tempfile.TemporaryDirectory(prefix="og-bench-") as folder:
            results.append(measure(case, Path(folder), points=points, rounds=rounds))
        print("  " + "  ".join(lines(results[-1])), flush=True)
    if args.json:
        found = [result.as_json() for result in results]
        args.json.write_text(
            json.dumps({"schema": 1, "time": time.time(), "machine": machine(), "sources": found}, indent=1)
            + "\n"
        )
    if args.markdown:
        _put(args.markdown, f"- {machine()}\n\n{markdown(results)}\n")
    return 0


def _put(path: Path, table: str) -> None:
    """A file of its own, or the part of a page between MARKS; the page's other words stay."""
    before, begin, rest = (path.read_text() if path.exists() else "").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    path.write_text(f"{before}{begin}\n{table}{end}{after}" if begin and end else table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench sources",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the points, two rounds")
    parser.add_argument(
        "--only", help="formats, comma separated: " + ", ".join(case.format.name for case in CASES)
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument(
        "--markdown", type=Path, help="write the table to this file too, or between the marks of a page"
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
