"""The engine against DESIGN section 13: open, query, list, ingest, memory.

    python -m bench.engine [--quick]

Each figure stands beside its budget and, where there is one, a floor measured in the same
run: numpy reducing the same column from a memory-mapped file. Wall-clock time is what the
budget is about; on a machine that does other work too, the CPU time beside it says more.
Every measurement runs in a process of its own, so that memory is that of the measured work alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEYS = tuple(f"train/metric_{place}" for place in range(10))
CHARTS = tuple(f"chart/metric_{place}" for place in range(12))
BIG, OVERLAY = "20261122-000000-bigg", "20261122-00000{}-over"
COLUMNS = 200
REPEATS = 9


def main() -> int:
    quick = "--quick" in sys.argv
    if len(sys.argv) > 2 and sys.argv[1] == "--child":
        print(json.dumps(CHILDREN[sys.argv[2]](Path(sys.argv[3]))))
        return 0
    root = Path(tempfile.mkdtemp(prefix="og-bench-"))
    try:
        return report(root, quick)
    finally:
        shutil.rmtree(root)


def report(root: Path, quick: bool) -> int:
    records, overlay, runs = (100_000, 50_000, 2000) if quick else (1_000_000, 1_000_000, 10_000)
    print(
        f"big run {records * len(KEYS):,} points; overlay 5 runs x {len(CHARTS)} x {overlay:,}; {runs:,} runs in a list"
    )
    write_run(root / "big", BIG, KEYS, records)
    cold, warm = child("open_cold", root / "big"), None
    ingest = child("ingest", root / "big")
    warm = child("open_warm", root / "big")
    floor = child("floor", root / "big")
    write_overlay(root / "overlay", overlay)
    curves = child("overlay", root / "overlay")
    write_list(root / "list", runs)
    listed = child("list", root / "list")
    cold_floor, warm_floor = floor["cold_ms"], floor["warm_ms"][0]
    rows = [
        ("first curve, no index (ms)", cold["first_ms"], 500, f"newest {100 * (1 - cold['pending']):.0f} % of the run"),
        ("first curve, index there (ms)", warm["first_ms"], 50, f"floor: column from memmap {cold_floor:.1f} ms"),
        ("same curve again (ms)", warm["again_ms"], None, f"floor: reduce in memory {warm_floor:.2f} ms"),
        ("zoom to 1 % (ms)", warm["zoom_ms"], None, ""),
        ("ingest (M points/s)", ingest["rates"], None, f"decode alone {ingest['decode_rate']:.1f}"),
        ("memory, indexed and queried (MB)", [warm["rss_mb"]], 200, f"peak of the ingest {ingest['peak_mb']:.0f} MB"),
        ("index size (bytes a point)", [ingest["index_bytes"] / (records * len(KEYS))], None, ""),
        ("12 charts x 5 runs (ms)", curves["raw_ms"], 30, f"memory {curves['rss_mb']:.0f} MB"),
        ("  with ma(15) (ms)", curves["smooth_ms"], None, ""),
        ("list + filter (ms)", listed["filter_ms"], 50, ""),
        ("list, by summary (ms)", listed["summary_ms"], None, ""),
        ("scan, first / again / snapshot (ms)", listed["scan_ms"], None, f"first {show(listed['first_ms'])}, with snapshot {show(listed['snapshot_ms'])}"),
        ("poll of 50 quiet live runs (ms)", listed["poll_ms"], None, ""),
    ]  # fmt: skip
    print(f"{'':36} {'wall':>9} {'CPU':>9}")
    for name, values, budget, beside in rows:
        cpu = f"{values[1]:9.2f}" if len(values) > 1 else " " * 9
        verdict = "" if budget is None else f"budget {budget:g}  {values[0] / budget:5.2f}x"
        print(f"{name:36} {values[0]:9.2f} {cpu}  {verdict:20} {beside}")
    over = [name for name, values, budget, _ in rows if budget is not None and values[0] > budget]
    print("over budget: " + ", ".join(over) if over else "all budgets hold")
    return 0


def child(name: str, root: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.engine", "--child", name, str(root)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


# -- stores ------------------------------------------------------------------------------------


def write_facts(root: Path, run_id: str, **more: Any) -> Path:
    folder = root / "store" / "runs" / run_id
    (folder / "metrics").mkdir(parents=True)
    stamp = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T{run_id[9:11]}:{run_id[11:13]}:{run_id[13:15]}.000000Z"
    facts = {
        "schema": 1, "run_id": run_id, "project": "bench", "name": f"train-{run_id[-4:]}", "status": "finished",
        "created_at": stamp, "started_at": stamp, "host": os.uname().nodename, "config": {}, "summary": {},
        "tags": ["bench"], "notes": "", "events_folded": {}, **more,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


def write_run(root: Path, run_id: str, keys: tuple[str, ...], records: int) -> None:
    import numpy as np

    folder = write_facts(root, run_id)
    (folder / "exit.json").write_text('{"code": 0}')
    rng = np.random.default_rng(1)
    template = '{"step":%d,"time":%.6f,"metrics":{' + ",".join(f'"{key}":%.7g' for key in keys) + "}}\n"
    segment, size, file = 0, 0, (folder / "metrics" / "a0-r0.jsonl").open("w")
    walk = rng.normal(size=(len(keys),))
    for start in range(0, records, 10_000):
        count = min(10_000, records - start)
        values = walk + np.cumsum(rng.normal(size=(count, len(keys))) * 0.01, axis=0)
        walk = values[-1]
        text = "".join(
            template % (start + place, 1.76e9 + (start + place) * 0.01, *row)
            for place, row in enumerate(values.tolist())
        )
        if size + len(text) > 64 << 20:
            file.close()
            segment, size = segment + 1, 0
            file = (folder / "metrics" / f"a0-r0.{segment:06d}.jsonl").open("w")
        file.write(text)
        size += len(text)
    file.close()


def write_overlay(root: Path, records: int) -> None:
    write_run(root, OVERLAY.format(0), CHARTS, records)
    first = root / "store" / "runs" / OVERLAY.format(0)
    for number in range(1, 5):
        folder = write_facts(root, OVERLAY.format(number))
        (folder / "exit.json").write_text('{"code": 0}')
        for journal in (first / "metrics").iterdir():
            os.link(journal, folder / "metrics" / journal.name)


def write_list(root: Path, runs: int) -> None:
    for number in range(runs):
        config = {f"group/key_{place}": place * number for place in range(36)} | {
            "lr": number / runs,
            "optim": "adam",
        }
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(1.76e9 + 60 * number))
        live = number >= runs - 50
        folder = write_facts(
            root, f"{stamp}-{number:05d}", config=config, summary={"loss": (number * 7919) % 1009 / 100},
            tags=["baseline"] if number % 10 == 0 else ["sweep"], status="running" if live else "finished",
        )  # fmt: skip
        if live:
            (folder / "run.lock").touch()
            (folder / "metrics" / "a0-r0.jsonl").write_text(
                '{"step":0,"time":1.0,"metrics":{"loss":1.0}}\n' + "\0" * 4096
            )
        else:
            (folder / "exit.json").write_text('{"code": 0}')


# -- measurements, each in its own process ------------------------------------------------------


Times = list[float]
"""Wall-clock and CPU time in ms."""


def timed(call: Callable[[], Any]) -> tuple[Times, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return [(time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3], result


def median_ms(call: Callable[[], Any]) -> Times:
    taken = [timed(call)[0] for _ in range(REPEATS)]
    return [statistics.median(values) for values in zip(*taken, strict=True)]


def show(times: Times) -> str:
    return f"{times[0]:.0f} ({times[1]:.0f} CPU)"


def rss_mb() -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def forget_pages(root: Path) -> None:
    """Drop the files from the page cache, so that a first look reads the disk."""
    for path in root.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            with contextlib.suppress(OSError):
                os.fdatasync(fd)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def open_engine(root: Path) -> Any:
    from opengraphs.engine import EngineStore

    engine = EngineStore.open(root / "store", index_dir=root / "index")
    engine.scan()
    return engine


def ask(*runs: str, metrics: tuple[str, ...] = KEYS[:1], **more: Any) -> dict[str, Any]:
    return {"runs": list(runs), "metrics": list(metrics), "columns": COLUMNS, **more}


def open_cold(root: Path) -> dict[str, Any]:
    import numpy  # noqa: F401  (a daemon has it loaded)

    shutil.rmtree(root / "index", ignore_errors=True)
    from opengraphs.engine import EngineStore  # noqa: F401

    forget_pages(root)
    first_ms, reply = timed(lambda: open_engine(root).series(ask(BIG)))
    return {"first_ms": first_ms, "pending": reply["pending"][BIG]}


def ingest(root: Path) -> dict[str, Any]:
    from opengraphs.engine.decode import LineDecoder
    from opengraphs.store.tail import Piece

    shutil.rmtree(root / "index", ignore_errors=True)
    engine = open_engine(root)

    def read_all() -> None:
        engine.run(BIG)
        while engine.backlog():
            engine.ingest_backlog(BIG, budget_s=0.05)

    took, _ = timed(read_all)
    points = sum(metric["points"] for metric in engine.run(BIG)["metrics"])
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    engine.close()
    data = next((root / "store").rglob("a0-r0.jsonl")).read_bytes()[: 16 << 20]
    pieces = [data[at : at + (1 << 20)] for at in range(0, len(data), 1 << 20)]
    whole = [piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1] for piece in pieces]
    decoder = LineDecoder()
    decode_took, decoded = timed(lambda: [decoder.decode(Piece(piece, 0, 0)) for piece in whole])
    decoded_points = sum(len(rows.steps) for one in decoded for rows in one.rows)
    return {
        "rates": [points / took_ms / 1e3 for took_ms in took],
        "decode_rate": decoded_points / decode_took[1] / 1e3,
        "peak_mb": peak_mb,
        "index_bytes": sum(file.stat().st_size for file in (root / "index").iterdir()),
    }


def open_warm(root: Path) -> dict[str, Any]:
    from opengraphs.engine import EngineStore  # noqa: F401

    forget_pages(root / "index")
    engine_ms, engine = timed(lambda: open_engine(root))
    first_ms, reply = timed(lambda: engine.series(ask(BIG)))
    points = reply["series"][0]["points"]
    again_ms = median_ms(lambda: engine.series(ask(BIG)))
    zoom = [points * 0.4, points * 0.41]
    zoom_ms = median_ms(lambda: engine.series(ask(BIG, range=zoom)))
    for key in KEYS:
        engine.series(ask(BIG, metrics=(key,), smooth=["ma(15)"]))
    return {
        "first_ms": [sum(both) for both in zip(engine_ms, first_ms, strict=True)], "again_ms": again_ms, "zoom_ms": zoom_ms, "rss_mb": rss_mb(),
    }  # fmt: skip


def floor(root: Path) -> dict[str, Any]:
    """The same column as plain float64 in a file, reduced to the same number of columns."""
    import numpy as np

    engine = open_engine(root)
    n = engine.series(ask(BIG))["series"][0]["points"]
    path = root / "column.f64"
    np.random.default_rng(1).normal(size=n).tofile(path)
    edges = np.linspace(0, n - 1, COLUMNS + 1).astype(int)[:-1]

    def reduce() -> Any:
        column = np.memmap(path, np.float64)
        return np.minimum.reduceat(column, edges), np.maximum.reduceat(column, edges)

    forget_pages(root)
    cold_ms, _ = timed(reduce)
    return {"cold_ms": cold_ms[0], "warm_ms": median_ms(reduce)}


def overlay(root: Path) -> dict[str, Any]:
    engine = open_engine(root)
    runs = [OVERLAY.format(number) for number in range(5)]
    for run in runs:
        engine.run(run)
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.5)
    engine.maintain()
    engine.series(ask(*runs, metrics=CHARTS))
    raw_ms = median_ms(lambda: engine.series(ask(*runs, metrics=CHARTS)))
    smooth_ms = median_ms(lambda: engine.series(ask(*runs, metrics=CHARTS, smooth=["ma(15)"])))
    return {"raw_ms": raw_ms, "smooth_ms": smooth_ms, "rss_mb": rss_mb()}


def list_runs(root: Path) -> dict[str, Any]:
    from opengraphs.engine import EngineStore

    first_ms, engine = timed(lambda: open_engine(root))
    scan_ms = median_ms(engine.scan)
    where = "status:finished tag:sweep config.lr>=0.5"
    filter_ms = median_ms(lambda: engine.runs(where=where, limit=50))
    summary_ms = median_ms(
        lambda: engine.runs(where="tag:sweep summary.loss<5", sort="summary.loss", limit=50)
    )
    engine.poll()
    poll_ms = median_ms(engine.poll)
    engine.maintain()
    engine.close()
    snapshot_ms, _ = timed(lambda: EngineStore.open(root / "store", index_dir=root / "index").scan())
    return {
        "first_ms": first_ms, "scan_ms": scan_ms, "filter_ms": filter_ms, "summary_ms": summary_ms,
        "poll_ms": poll_ms, "snapshot_ms": snapshot_ms,
    }  # fmt: skip


CHILDREN: dict[str, Callable[[Path], dict[str, Any]]] = {
    "open_cold": open_cold,
    "ingest": ingest,
    "open_warm": open_warm,
    "floor": floor,
    "overlay": overlay,
    "list": list_runs,
}

if __name__ == "__main__":
    raise SystemExit(main())
