"""The points that og and its peers are measured on: the same numbers, written in each one's format.

Values are random walks in float32, as losses come out of a GPU, and are written as the
double with the same value (`loss.item()`), so that a format that keeps 32 bits keeps them
exactly. Nothing is drawn twice: a column follows from its key's place and its length.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

BEGAN = 1_760_000_000.0
STEP_S = 0.01
"""Between two records."""
PIECE = 10_000
SEGMENT_BYTES = 64 << 20


class Shape(NamedTuple):
    """A run of `records` lines with all of `keys` in each; `seed` tells runs apart."""

    keys: tuple[str, ...]
    records: int
    seed: int = 0

    @property
    def points(self) -> int:
        return len(self.keys) * self.records


def wide(records: int, *, keys: int = 10, seed: int = 0) -> Shape:
    """What a training logs: some metrics, all of them at every step."""
    return Shape(tuple(f"train/metric_{place}" for place in range(keys)), records, seed)


def columns(shape: Shape) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """First step and values (records, keys) of one piece after the other."""
    rng = np.random.default_rng((shape.seed, len(shape.keys)))
    walk = np.zeros(len(shape.keys))
    for start in range(0, shape.records, PIECE):
        count = min(PIECE, shape.records - start)
        values = walk + np.cumsum(rng.normal(0, 0.01, (count, len(shape.keys))), axis=0)
        walk = values[-1]
        yield start, values.astype(np.float32).astype(np.float64)


def column(shape: Shape, place: int) -> NDArray[np.float64]:
    """All values of one key: what an answer must agree with."""
    return np.concatenate([values[:, place] for _, values in columns(shape)])


def rows(shape: Shape) -> Iterator[tuple[int, float, dict[str, float]]]:
    """(step, time, metrics) of every record."""
    for start, values in columns(shape):
        for place, row in enumerate(values.tolist()):
            step = start + place
            yield step, BEGAN + STEP_S * step, dict(zip(shape.keys, row, strict=True))


# -- og ----------------------------------------------------------------------------------------------


def run_id(number: int, name: str) -> str:
    """An id whose order is that of `number`; `name` is its last part."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(BEGAN + 60 * number))}-{name}"


def write_facts(store: Path, run: str, *, ended: bool = True, **more: Any) -> Path:
    """A run folder without points, as a run that was made whole after its end."""
    folder = store / "runs" / run
    (folder / "metrics").mkdir(parents=True)
    stamp = f"{run[:4]}-{run[4:6]}-{run[6:8]}T{run[9:11]}:{run[11:13]}:{run[13:15]}.000000Z"
    facts = {
        "schema": 1, "run_id": run, "project": "bench", "name": f"train-{run[16:]}",
        "status": "finished" if ended else "running", "created_at": stamp, "started_at": stamp,
        "host": os.uname().nodename, "config": {}, "summary": {}, "tags": ["bench"], "notes": "",
        "events_folded": {}, **more,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts))
    if ended:
        (folder / "exit.json").write_text('{"code": 0}')
    return folder


def write_run(store: Path, run: str, shape: Shape, *, ranks: int = 1, **facts: Any) -> Path:
    """A run that ended with these points, each rank with all of them."""
    folder = write_facts(store, run, **facts)
    for rank in range(ranks):
        write_journal(folder / "metrics" / f"a0-r{rank}.jsonl", shape)
    return folder


def write_journal(path: Path, shape: Shape) -> None:
    """One writer's lines, cut into segments as the SDK cuts them."""
    options = orjson.OPT_APPEND_NEWLINE
    segment, size = 0, 0
    file = path.open("wb")
    for step, at, metrics in rows(shape):
        line = orjson.dumps({"step": step, "time": at, "metrics": metrics}, option=options)
        if size + len(line) > SEGMENT_BYTES:
            file.close()
            segment, size = segment + 1, 0
            file = path.with_suffix(f".{segment:06d}.jsonl").open("wb")
        file.write(line)
        size += len(line)
    file.close()


def link_run(store: Path, original: Path, run: str, **facts: Any) -> Path:
    """Another run with the same points, which take no more space."""
    folder = write_facts(store, run, **facts)
    for journal in (original / "metrics").iterdir():
        os.link(journal, folder / "metrics" / journal.name)
    return folder


def write_list(store: Path, runs: int, *, live: int = 0) -> None:
    """Runs with a config of 38 keys and tags; the newest `live` of them still go on."""
    for number in range(runs):
        config = {f"group/key_{place}": place * number for place in range(36)}
        config |= {"lr": number / runs, "optim": ("adam", "sgd", "lion")[number % 3]}  # type: ignore[dict-item]
        is_live = number >= runs - live
        folder = write_facts(
            store, run_id(number, f"{number:05d}"), ended=not is_live, config=config,
            summary={"loss": (number * 7919) % 1009 / 100}, tags=["baseline" if number % 10 == 0 else "sweep"],
        )  # fmt: skip
        if is_live:
            (folder / "run.lock").touch()


def journal_bytes(folder: Path) -> int:
    """Size of a run's journals."""
    return sum(file.stat().st_size for file in (folder / "metrics").iterdir())


def sample_lines(folder: Path, limit: int) -> bytes:
    """Whole lines from the beginning of a run's first journal."""
    path: Sequence[Path] = sorted((folder / "metrics").iterdir())
    with path[0].open("rb") as file:
        data = file.read(limit)
    return data[: data.rfind(b"\n") + 1]
