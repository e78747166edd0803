"""Fixtures of tables and databases, a writer that is killed, and proof that nothing was written."""

from __future__ import annotations

import gzip
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from sink_kit import RecordingSink

FIXTURES = Path(__file__).parents[2] / "fixtures" / "tables"


def fixture(name: str, to: Path) -> Path:
    """A copy of a fixture's folder, its databases unpacked."""
    folder = Path(shutil.copytree(FIXTURES / name, to / name))
    for packed in folder.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    return folder


def expected(name: str) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """What the script that made the fixture logged: run → metric → points."""
    runs = json.loads((FIXTURES / name / "expected.json").read_text())
    return {
        run: {key: [(step, float(value)) for step, value in points] for key, points in metrics.items()}
        for run, metrics in runs.items()
    }


def curves(sink: RecordingSink, key: str) -> dict[str, list[tuple[int, float]]]:
    """metric → points of one run, in the order in which they came."""
    return {
        name: [(step, value) for step, _time, value in points]
        for name, points in sink.points.get(key, {}).items()
    }


def same(left: Any, right: Any) -> bool:
    """Equal, where NaN equals itself."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Name → (bytes, mtime) of everything below a folder, and the folders' own mtimes."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_size if path.is_file() else -1,
            path.stat().st_mtime_ns,
        )
        for path in (folder, *folder.rglob("*"))
    }


def by_name(sink: RecordingSink) -> dict[str, str]:
    """The runs' names → keys."""
    return {facts["name"]: key for key, facts in sink.facts.items()}


def spawn(code: str, *args: object) -> subprocess.Popen[str]:
    """A writer process that says something on stdout for each thing it wrote."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def lines_of(process: subprocess.Popen[str], count: int) -> None:
    """Wait until the writer said so many lines."""
    assert process.stdout is not None
    for _line in range(count):
        assert process.stdout.readline(), "the writer ended early"


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
