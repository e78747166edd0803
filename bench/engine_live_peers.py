"""How soon a point that a peer's `log()` took can be read by the peer's own reader.

    python -m bench.engine_live_peers NAME FOLDER HZ TIMES     logs until its standard input ends

The reader looks again and again, much more often than a screen would, so that what is
measured is the way of the point and not the patience of a viewer.
"""

from __future__ import annotations

import contextlib
import os
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.peers import CONTESTANTS, leveldb_records

LOOK_S = 0.01
WAIT_S = 20.0
"""A point that cannot be read so long after the last call counts as that late."""
TRACKERS = {"wandb leet": "wandb", "TensorBoard": "tensorboardX", "Trackio": "trackio"}


def delays_ms(label: str, folder: Path, *, seconds: float, hz: float) -> list[float] | str:
    """Milliseconds from each call's return to the first look that saw its step, or why there is none."""
    tracker = CONTESTANTS[TRACKERS[label]]
    if not tracker.is_installed():
        return "not installed"
    folder.mkdir(parents=True)
    times = folder / "times"
    command = [
        sys.executable,
        "-m",
        "bench.engine_live_peers",
        TRACKERS[label],
        str(folder),
        str(hz),
        str(times),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    seen: list[tuple[int, float]] = []
    newest = READERS[label](folder)
    try:
        _wait_for_calls(times, process)
        began = time.perf_counter()
        while (age_s := time.perf_counter() - began) < seconds + WAIT_S:
            step = newest()
            if step is not None and (not seen or step > seen[-1][0]):
                seen.append((step, time.perf_counter()))
            last = _calls(times, began, began + seconds)[-1:]
            if age_s > seconds and last and seen and seen[-1][0] >= last[0][0]:
                break
            time.sleep(LOOK_S)
    finally:
        process.kill()
        process.communicate()
    calls = _calls(times, began, began + seconds)
    late = [
        next((at for step, at in seen if step >= wanted), began + seconds + WAIT_S) - returned
        for wanted, returned in calls
    ]
    if not any(step >= calls[0][0] for step, _ in seen):
        return f"> {WAIT_S:g} s"
    return [delay * 1e3 for delay in late]


def _wait_for_calls(times: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.perf_counter() + 60
    while not times.exists() or times.read_bytes().count(b"\n") < 5:
        if time.perf_counter() > deadline or process.poll() is not None:
            raise RuntimeError("the peer's writer did not start")
        time.sleep(0.05)


def _calls(times: Path, began: float, ended: float) -> list[tuple[int, float]]:
    lines = (line.split() for line in times.read_text().splitlines())
    return [
        (int(words[0]), float(words[1]))
        for words in lines
        if len(words) == 2 and began <= float(words[1]) <= ended
    ]


# -- readers: each returns a function that gives the newest step there is ------------------------------


def _trackio(folder: Path) -> Callable[[], int | None]:
    def newest() -> int | None:
        for path in folder.glob("*.db"):
            with (
                contextlib.suppress(sqlite3.OperationalError),
                contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database,
            ):
                found = database.execute("select max(step) from metrics").fetchone()[0]
                return None if found is None else int(found)
        return None

    return newest


def _wandb(folder: Path) -> Callable[[], int | None]:
    """The file that LEET reads; it is taken apart anew whenever it has grown."""
    size, step = 0, None

    def newest() -> int | None:
        nonlocal size, step
        from wandb.proto.wandb_internal_pb2 import Record

        for path in folder.glob("wandb/offline-run-*/*.wandb"):
            data = path.read_bytes()
            if len(data) == size:
                continue
            size = len(data)
            for one in leveldb_records(data[7:], first_block=(32 << 10) - 7):
                record = Record()
                record.ParseFromString(one)
                if record.WhichOneof("record_type") == "history":
                    step = int(record.history.step.num)
        return step

    return newest


def _tensorboard(folder: Path) -> Callable[[], int | None]:
    accumulator: Any = None

    def newest() -> int | None:
        nonlocal accumulator
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        if accumulator is None and not any(folder.glob("events.*")):
            return None
        accumulator = accumulator or EventAccumulator(str(folder), size_guidance={"scalars": 0})
        accumulator.Reload()
        tags = accumulator.Tags()["scalars"]
        return int(accumulator.Scalars(tags[0])[-1].step) if tags else None

    return newest


READERS = {"wandb leet": _wandb, "TensorBoard": _tensorboard, "Trackio": _trackio}


def main() -> None:
    name, folder, hz, times = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    tracker = CONTESTANTS[name]()
    os.environ.update(tracker.env)
    log = tracker.open(folder)
    values = {f"train/metric_{place}": 0.5 for place in range(10)}
    begin, step = time.perf_counter(), 0
    with times.open("w", buffering=1) as file:
        while not select.select([sys.stdin], [], [], max(0.0, begin + step / hz - time.perf_counter()))[0]:
            log(values, step)
            file.write(f"{step} {time.perf_counter()}\n")
            step += 1
    tracker.close()


if __name__ == "__main__":
    main()
