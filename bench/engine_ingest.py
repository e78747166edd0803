"""Reading journals: points a second beside a bare decoder, and questions asked meanwhile.

The rate is the engine's own, in a process that does nothing else, a processor second
counted and not the wall clock; the floor decodes the same bytes with msgspec into typed
lines and does nothing with them. A daemon on the socket then reads a big run while
somebody asks about others.

    python -m bench.engine_ingest STORE INDEX RUN      prints one JSON object
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.engine_home import Home, Memory, cpu_ms, wait_quiet
from bench.engine_open import COLUMNS, curve_request
from bench.engine_points import (
    Shape,
    column,
    journal_bytes,
    run_id,
    sample_lines,
    wide,
    write_journal,
    write_run,
)
from bench.engine_rows import Row, Spread

FLOOR_BYTES = 32 << 20
REPEATS = 3
PAUSE_S = 0.005


def rates(home: Home, *, points: int) -> list[Row]:
    """Rows of the engine's reading speed for journals of three shapes with about `points` points."""
    shapes = {
        "10 metrics a line": wide(points // 10),
        "1 metric a line": wide(points // 2, keys=1),
        "1 000 metrics a line": wide(max(20, points // 1000), keys=1000),
    }
    rows = []
    for number, (what, shape) in enumerate(shapes.items()):
        store, run = home.store(f"ingest-{number}"), run_id(0, "ingest")
        folder = write_run(store, run, shape)
        found = [child(store, home.root / "index", run) for _ in range(REPEATS)]
        floor = decode_floor(folder, shape)
        if {(one["points"], one["bad"]) for one in found} != {(shape.points, 0)}:
            raise RuntimeError(f"{shape.points} points were written and {found[0]} were read")
        rate = Spread.of(shape.points / one["cpu_s"] / 1e6 for one in found)
        wall = Spread.of(shape.points / one["wall_s"] / 1e6 for one in found)
        rows.append(
            Row(f"read and index, {what}", "M points / CPU s", rate, budget=4.0 if number == 0 else None, at_least=True, floor=floor,
                note=f"{shape.points / 1e6:g} M points, {journal_bytes(folder) / shape.points:.0f} B a point in the journal, "
                     f"{found[0]['index_bytes'] / shape.points:.0f} in the index; {wall.median:.2f} M/s by the clock; "
                     f"peak {max(one['peak_mb'] for one in found):.0f} MB; floor: msgspec alone")
        )  # fmt: skip
        shutil.rmtree(store)
    return rows


def decode_floor(folder: Path, shape: Shape) -> float:
    """M points a processor second of msgspec on whole lines whose keys it knows."""
    import msgspec

    names = [(f"f{place}", float) for place in range(len(shape.keys))]
    rename = {name: key for (name, _), key in zip(names, shape.keys, strict=True)}
    metrics = msgspec.defstruct("Metrics", names, rename=rename, gc=False)
    line = msgspec.defstruct("Line", [("step", int), ("time", float), ("metrics", metrics)], gc=False)
    decode = msgspec.json.Decoder(line).decode_lines
    data = sample_lines(folder, FLOOR_BYTES)
    pieces, at = [], 0
    while at < len(data):
        end = data.rfind(b"\n", at, at + (1 << 20)) + 1 or data.find(b"\n", at) + 1
        pieces.append(data[at:end])
        at = end
    best = 0.0
    for _ in range(REPEATS):
        used = time.process_time()
        lines = sum(len(decode(piece)) for piece in pieces)
        best = max(best, lines * len(shape.keys) / (time.process_time() - used) / 1e6)
    return best


def child(store: Path, index: Path, run: str) -> dict[str, float]:
    """One fresh process that reads a run to its end into an index that is not there yet."""
    shutil.rmtree(index, ignore_errors=True)
    command = [sys.executable, "-m", "bench.engine_ingest", str(store), str(index), run]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def read_in_process(store: Path, index: Path, run: str) -> dict[str, float]:
    """What `ogd` does with a backlog, as fast as it can."""
    from opengraphs.engine import EngineStore

    engine = EngineStore.open(store, index_dir=index)
    engine.scan()
    wall, used = time.perf_counter(), time.process_time()
    engine.run(run)
    while engine.backlog():
        engine.ingest_backlog(run, budget_s=0.05)
    engine.maintain()
    cpu_s, wall_s = time.process_time() - used, time.perf_counter() - wall
    reply = engine.run(run)
    engine.close()
    return {
        "points": sum(metric["points"] for metric in reply["metrics"]),
        "bad": reply["ingest"]["bad_lines"],
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "index_bytes": sum(file.stat().st_size for file in index.iterdir()),
    }


# -- questions while a backlog is read, and what that takes ------------------------------------------


def backlog(home: Home, *, records: int) -> list[Row]:
    """Rows of a fresh daemon that reads a run of 10 × `records` points while others are asked about."""
    store, big, small = home.store("backlog"), run_id(0, "big"), run_id(1, "small")
    write_run(store, big, wide(records))
    little = wide(10_000, keys=4)
    write_run(store, small, little)
    truth = float(column(little, 0).max())
    pid = _fresh(home)
    with home.asker(store) as asker:
        asker.client.run(small)
        home.read_all(asker.client, small)
        began, used = time.perf_counter(), cpu_ms(pid)
        busy = _ask_while(asker, small, big, truth)
        took_s, spent = time.perf_counter() - began, cpu_ms(pid) - used
        peak = Memory(pid).peak
        whole = [asker.repeat(1, "/series", curve_request(big, key))[2] for key in wide(records).keys]
        found = {reply["series"][0]["points"] for reply in whole}
        if found != {records}:
            raise RuntimeError(f"{records} points a curve were written and {found} came back")
        memory = Memory(pid)
        wait_quiet(pid)
        quiet = {what: asker.repeat(100, *request)[0] for what, request in _requests(small).items()}
    home.stop_daemon()
    share = spent / took_s / 10
    rows = [
        Row(f"{what} while {10 * records / 1e6:g} M points are read", "ms", busy[what], budget=25.0, budget_on="p99",
            floor=quiet[what].median, note=f"{len(busy[what].values)} questions in {took_s:.1f} s (ogd at {share:.0f} % of a core); floor: the median when nothing else goes on, p99 then {quiet[what].p99:.1f}")
        for what in busy
    ]  # fmt: skip
    where = f"RSS {memory.rss:.0f} MB"
    rows.append(Row(f"ogd with {10 * records / 1e6:g} M points indexed, all asked about: PSS", "MB", Spread((memory.pss,)), budget=200.0, note=where))  # fmt: skip
    rows.append(Row("  its peak while it read them, resident", "MB", Spread((peak,))))
    return rows


def ranks(home: Home, *, records: int) -> list[Row]:
    """Rows of a run of 8 ranks with 10 metrics, each rank with all of `records`."""
    store, run, shape = home.store("ranks"), run_id(0, "ranks"), wide(records)
    folder = write_run(store, run, shape)
    first = folder / "metrics" / "a0-r0.jsonl"
    for rank in range(1, 8):
        write_journal(first.with_name(f"a0-r{rank}.jsonl"), shape)
    truth = [float(column(shape, place).max()) for place in range(len(shape.keys))]
    pid = _fresh(home)
    request = {"runs": [run], "metrics": list(shape.keys), "columns": COLUMNS}
    with home.asker(store) as asker:
        home.read_all(asker.client, run)
        wait_quiet(pid)
        began = time.perf_counter()
        first_ms, _, reply = asker.repeat(1, "/series", request)
        while reply["pending"][run] > 0.0:  # long curves of many ranks are put together behind
            time.sleep(0.01)
            reply = asker.repeat(1, "/series", request)[2]
        whole_ms = 1e3 * (time.perf_counter() - began)
        wait_quiet(pid)
        taken, cpu, reply = asker.repeat(30, "/series", request)
        for curve, high in zip(reply["series"], truth, strict=True):
            # the mean of eight equal numbers
            if curve["points"] != records or abs(curve["max"] - high) > 1e-9 * abs(high):
                raise RuntimeError(
                    f"{curve['metric']}: {curve['points']} merged points, highest {curve['max']}"
                )
        memory = Memory(pid)
    home.stop_daemon()
    size = f"8 ranks × 10 metrics × {records:,} points"
    return [
        Row(f"10 merged curves of {size}, asked for the first time: their newest part", "ms", first_ms),
        Row("  until all of them is merged", "ms", Spread((whole_ms,))),
        Row("  asked again", "ms", taken, cpu),
        Row("  ogd's memory then, PSS", "MB", Spread((memory.pss,)), budget=200.0, note=f"peak {memory.peak:.0f} MB resident"),
    ]  # fmt: skip


def _fresh(home: Home) -> int:
    home.stop_daemon()
    home.forget_index()
    pid = home.start_daemon()
    with home.client(home.store("none")) as other:
        other.get("/runs")
    return pid


def _requests(run: str) -> dict[str, tuple[Any, ...]]:
    return {
        "POST /series of another run": ("/series", curve_request(run, wide(1).keys[0])),
        "GET /runs": ("/runs",),
    }


def _ask_while(asker: Any, small: str, big: str, truth: float) -> dict[str, Spread]:
    """Milliseconds of each kind of question from now until the big run is read to its end."""
    requests = _requests(small)
    taken: dict[str, list[float]] = {what: [] for what in requests}
    looked = time.perf_counter()
    left = asker.client.run(big)["ingest"]["pending"]
    if left < 0.5:
        raise RuntimeError(f"only {left:.0%} of the big run was still to be read")
    while left > 0.0:
        for what, (path, *body) in requests.items():
            began = time.perf_counter()
            answer = asker.ask(path, *body)
            taken[what].append((time.perf_counter() - began) * 1e3)
            if body and json.loads(answer)["series"][0]["max"] != truth:
                raise RuntimeError("another curve came back")
            time.sleep(PAUSE_S)
        if time.perf_counter() - looked > 0.5:
            left, looked = asker.client.run(big)["ingest"]["pending"], time.perf_counter()
    return {what: Spread.of(values) for what, values in taken.items()}


if __name__ == "__main__":
    print(json.dumps(read_in_process(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
