"""Whatever moment the index's process is killed at: no point is lost, none is doubled."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine import EngineStore
from opengraphs.engine.index import Index

RUN = "20261122-093012-k7f3"
KEYS = ("loss", "lr", "acc")


@pytest.fixture
def root() -> Iterator[Path]:
    """In memory where that can be: the kill is of the process, not of the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="og-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def make_run(root: Path, *, ended: bool) -> Path:
    folder = root / "store" / "runs" / RUN
    (folder / "metrics").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"run_id": RUN, "status": "running", "host": "x"}))
    if ended:
        (folder / "exit.json").write_text('{"code": 0}')
    return folder


def append(folder: Path, writer: str, first: int, count: int) -> None:
    lines = [
        json.dumps(
            {
                "step": step,
                "time": step / 8,
                "metrics": {key: step * (1 + place) for place, key in enumerate(KEYS)},
            }
        )
        for step in range(first, first + count)
    ]
    with (folder / "metrics" / f"{writer}.jsonl").open("a") as file:
        file.write("\n".join(lines) + "\n")


def everything(engine: EngineStore) -> dict[str, Any]:
    """All points of all ranks, whole curves and descriptions."""
    while waiting := engine.backlog():
        engine.ingest_backlog(next(iter(waiting)), budget_s=1.0)
    points = {key: all_points(engine, key) for key in KEYS}
    curves = engine.series({"runs": [RUN], "metrics": list(KEYS), "columns": 50})["series"]
    return {"points": points, "curves": curves, "metrics": engine.run(RUN)["metrics"]}


def all_points(engine: EngineStore, key: str) -> list[tuple[int, int, float, float]]:
    """(rank, step, time, value) of every point, page by page."""
    rows: list[tuple[int, int, float, float]] = []
    after = None
    while True:
        page = engine.points(RUN, key, after=after, limit=50_000, ranks=True)
        rows += zip(page["rank"], page["step"], page["time"], page["value"], strict=True)
        after = page["next"]
        if after is None:
            return rows


def answer(root: Path, index: str) -> dict[str, Any]:
    engine = EngineStore.open(root / "store", index_dir=root / index)
    engine.scan()
    found = everything(engine)
    assert engine._runs.index.kept
    engine.close()
    return found


def ingest_until_killed(root: Path, statement: int) -> None:
    """In a forked child: read and commit in small steps, and die before the Nth statement."""
    left = [statement]
    run = Index._run

    def counted(self: Index, *args: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return run(self, *args)

    def one_by_one(self: Index) -> None:
        for sql, rows in self._queued.items():
            for row in rows:
                counted(self, sql, row)
        self._queued.clear()

    Index._run, Index._send_queued = counted, one_by_one  # type: ignore[method-assign]
    engine = EngineStore.open(root / "store", index_dir=root / "index")
    engine.scan()
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.0)
    engine.maintain()
    engine.close()


def test_kill_before_any_statement(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every boundary between two statements of a commit, one forked process each."""
    for name, size in (("CHUNK", 32), ("COARSE", 16), ("FINE", 4)):
        monkeypatch.setattr(f"opengraphs.engine.lane.{name}", size)
    monkeypatch.setattr("opengraphs.engine.journal.PIECE_BYTES", 1500)
    monkeypatch.setattr("opengraphs.engine.rundata.COMMIT_POINTS", 40)
    folder = make_run(root, ended=True)
    killed = survived = total = 0
    statement = 1
    while survived < 3:
        append(folder, "a0-r0", total, 35)
        append(folder, "a0-r1", total, 20)
        total += 35
        pid = os.fork()
        if pid == 0:
            try:
                ingest_until_killed(root, statement)
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            killed += 1
            statement += 1 if statement < 30 else 7
        else:
            survived += 1
            statement *= 2
    assert killed >= 30
    assert answer(root, "index") == answer(root, "fresh")


WRITER = """
import json, sys, time
folder, writer = sys.argv[1:3]
step = 0
with open(f"{folder}/metrics/{writer}.jsonl", "ab", buffering=0) as file:
    while True:
        lines = []
        for _ in range(40):
            metrics = {"loss": step, "lr": step * 2, "acc": step * 3}
            lines.append(json.dumps({"step": step, "time": step / 8, "metrics": metrics}))
            step += 1
        file.write(("\\n".join(lines) + "\\n").encode())
        time.sleep(0.02)
"""

INGESTER = """
import sys
from pathlib import Path
from opengraphs.engine import EngineStore, openruns, rundata
rundata.COMMIT_POINTS = openruns.COMMIT_POINTS = 500
engine = EngineStore.open(Path(sys.argv[1]) / "store", index_dir=Path(sys.argv[1]) / "index", budget_bytes=int(sys.argv[2]))
engine.scan()
print("ready", flush=True)
while True:
    engine.poll()
    engine.ingest_backlog(budget_s=0.001)
    engine.maintain()
    engine.series({"runs": [engine.resolve("k7f3")], "metrics": ["loss"], "columns": 20})
"""


@pytest.mark.slow
def test_kill_at_random_while_writers_log(root: Path) -> None:
    rng = random.Random(11)
    folder = make_run(root, ended=False)
    (folder / "run.json").write_text(
        json.dumps({"run_id": RUN, "status": "running", "host": os.uname().nodename})
    )
    (folder / "run.lock").touch()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(folder), writer])
        for writer in ("a0-r0", "a0-r1", "a1-r0")
    ]
    try:
        for _ in range(14):
            budget = rng.choice(["1", "200000000"])
            os.utime(folder / "run.lock")  # its owner is alive: a lock just touched is not probed
            child = subprocess.Popen(
                [sys.executable, "-c", INGESTER, str(root), budget],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(rng.uniform(0.02, 0.4))
            child.send_signal(signal.SIGKILL)
            child.communicate()
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    (folder / "exit.json").write_text('{"code": 0}')
    found, fresh = answer(root, "index"), answer(root, "fresh")
    assert found == fresh
    steps = [
        json.loads(line)["step"]
        for line in (folder / "metrics" / "a0-r1.jsonl").read_bytes().split(b"\n")[:-1]
    ]
    assert [step for rank, step, _, _ in found["points"]["loss"] if rank == 1] == steps


def test_deleting_the_index_changes_no_answer(root: Path) -> None:
    folder = make_run(root, ended=True)
    append(folder, "a0-r0", 0, 9000)
    append(folder, "a0-r1", 100, 5000)
    append(folder, "a1-r0", 7000, 3000)
    first = answer(root, "index")
    assert answer(root, "index") == first
    for file in (root / "index").iterdir():
        file.unlink()
    assert answer(root, "index") == first


def test_damaged_index_is_found_out_while_it_is_used(root: Path) -> None:
    folder = make_run(root, ended=True)
    append(folder, "a0-r0", 0, 60_000)
    first = answer(root, "index")
    path = root / "index" / "index.sqlite"
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(8192, size - 4096, 16384):
            file.seek(at)
            file.write(os.urandom(4096))
    assert answer(root, "index") == first


def test_full_disk_of_the_index_costs_the_index_and_no_answer(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from opengraphs.engine import index as index_module

    folder = make_run(root, ended=True)
    append(folder, "a0-r0", 0, 3000)
    fresh = answer(root, "fresh")
    engine = EngineStore.open(root / "store", index_dir=root / "index")
    engine.scan()
    private = engine._runs.index.folder
    send = Index._send_queued

    def full(self: Index) -> None:
        if self.folder == private:
            with index_module._doubting():
                raise sqlite3.OperationalError("database or disk is full")
        send(self)

    monkeypatch.setattr(Index, "_send_queued", full)
    assert everything(engine) == fresh
    (check,) = [check for check in engine.doctor() if check["id"] == "index"]
    assert "full" in check["message"]
    engine.close()
