"""Random histories of a store: what is logged, cut, replaced, and what the engine does meanwhile.

Chunks, cells, looks and pieces are made tiny, so that a few hundred points have every
level of the pyramid, several chunks in the index, and a part that is read behind.
"""

from __future__ import annotations

import json
import os
import pkgutil
import random
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st
from slow_store import SlowRun

import opengraphs.engine
from opengraphs.engine import EngineStore

CASES = int(os.environ.get("OG_CASES", "60"))
"""Of each property; the nightly recipe asks for ten thousand."""
RUNS = ("20261122-093012-k7f3", "20261123-101500-m2m2")
KEYS = ("loss", "tokens_per_s", "acc")
WRITERS = ("a0-r0", "a0-r1", "a1-r0", "a1-r1", "a0-r0-f77", "mirror-a0-r0", "stdout")
FINE = 4
SMALL = {
    "FINE": FINE,
    "COARSE": 16,
    "CHUNK": 32,
    "PIECE_BYTES": 2000,
    "FIRST_LOOK_BYTES": 6000,
    "_LEAST_AHEAD_BYTES": 1000,
    "POLL_BYTES": 3000,
    "COMMIT_POINTS": 100,
    "_WINDOW": 50,
    "_DESCENTS": 100_000,
    "DIGEST_S": -1.0,
}
"""Sizes that decide how data is cut, wherever the engine and the tail have them; and lists are never old."""


def shrink(patch: pytest.MonkeyPatch, sizes: dict[str, float]) -> None:
    """Make these constants small in every module that has them."""
    names = [
        f"opengraphs.engine.{module.name}" for module in pkgutil.iter_modules(opengraphs.engine.__path__)
    ]
    modules = [import_module(name) for name in (*names, "opengraphs.store.tail")]
    for name, size in sizes.items():
        holders = [module for module in modules if isinstance(getattr(module, name, None), int | float)]
        assert holders, f"no module has {name} any more: the test would measure other sizes than it says"
        for module in holders:
            patch.setattr(module, name, size)


# -- what happens ------------------------------------------------------------------------------


class Log(NamedTuple):
    """Append `count` records. start: the first step, None goes on. torn: half a line at the end."""

    run: int
    writer: str
    start: int | None
    count: int
    seed: int
    torn: bool


class Damage(NamedTuple):
    """What happens to a journal: roll, cut, replace, remove, junk."""

    run: int
    writer: str
    what: str
    seed: int


class Engine(NamedTuple):
    """What the engine is told to do meanwhile: look, slice, maintain, reopen, rebuild, starve."""

    what: str


Event = Log | Damage | Engine
run_numbers = st.sampled_from((0, 0, 0, 1))
logs = st.builds(
    Log,
    run_numbers,
    st.sampled_from((*WRITERS, "a0-r0", "a0-r0", "a1-r0", "a0-r1")),
    st.one_of(st.none(), st.none(), st.integers(0, 60)),
    st.one_of(
        st.integers(1, 12), st.integers(1, 12), st.integers(1, 60), st.integers(1, 60), st.integers(150, 400)
    ),
    st.integers(0, 999),
    st.sampled_from((False, False, False, True)),
)
damages = st.builds(
    Damage,
    run_numbers,
    st.sampled_from((*WRITERS, "a0-r0", "a0-r0")),
    st.sampled_from(("roll", "roll", "junk", "cut", "replace", "remove")),
    st.integers(0, 999),
)
engines = st.builds(
    Engine, st.sampled_from(("look", "look", "slice", "slice", "maintain", "reopen", "rebuild", "starve"))
)


def thrown_history(seed: int) -> list[Event]:
    """A history by plain dice: hypothesis alone would try few and vary those."""
    dice = random.Random(seed)
    writers = dice.sample(WRITERS, 3)
    events: list[Event] = []
    for _ in range(dice.randrange(2, 11)):
        run, writer = dice.choice((0, 0, 0, 1)), dice.choice(writers)
        kind = dice.random()
        if kind < 0.5:
            start = dice.choice((None, None, None, dice.randrange(60), dice.randrange(400)))
            count = dice.choice((dice.randrange(1, 12), dice.randrange(1, 60), dice.randrange(100, 400)))
            events.append(Log(run, writer, start, count, dice.randrange(1000), dice.random() < 0.2))
        elif kind < 0.8:
            events.append(Engine(dice.choice(("look", "slice", "maintain", "reopen", "rebuild", "starve"))))
        else:
            what = dice.choice(("roll", "roll", "junk", "cut", "replace", "remove"))
            events.append(Damage(run, writer, what, dice.randrange(1000)))
    return events


drawn = st.lists(st.one_of(logs, logs, engines, engines, damages), max_size=8)
histories = st.one_of(drawn, st.integers(0, 1 << 32).map(thrown_history)).map(
    lambda events: [Log(0, "a0-r0", None, 40, len(events), False), *events]
)


class World:
    """A store on disk and the engine that reads it; a context manager.

    Args:
        ended: the runs have an exit.json (journals may grow all the same).
    """

    def __init__(self, *, ended: bool) -> None:
        memory = Path("/dev/shm")  # an index is synced to disk when made; here nothing is to last
        self.root = Path(tempfile.mkdtemp(prefix="og-", dir=memory if memory.is_dir() else None))
        self.store = self.root / "store"
        for run_id in RUNS:
            (self.folder(run_id)).mkdir(parents=True)
            self._make_run(run_id, ended=ended)
        self._patch = pytest.MonkeyPatch()
        self._steps: dict[tuple[str, str], tuple[int, float]] = {}
        self._torn: dict[tuple[str, str], bytes] = {}
        self._indexes = 0
        self.engine = self._open()

    def _make_run(self, run_id: str, *, ended: bool) -> None:
        run = self.folder(run_id).parent
        facts = {
            "schema": 1, "run_id": run_id, "status": "running", "host": os.uname().nodename,
            "config": {"lr": 0.1 if run_id == RUNS[0] else 0.2, "optim": {"name": "adam"}}, "tags": ["model=small"],
        }  # fmt: skip
        (run / "run.json").write_text(json.dumps(facts))
        if ended:
            (run / "exit.json").write_text('{"code":0}')
        else:
            (run / "run.lock").touch()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self._patch.undo()
        shutil.rmtree(self.root)

    def folder(self, run_id: str) -> Path:
        return self.store / "runs" / run_id / "metrics"

    def slow(self, run_id: str) -> SlowRun:
        return SlowRun(self.folder(run_id))

    def _open(self, budget_bytes: int = 160 << 20) -> EngineStore:
        shrink(self._patch, SMALL)
        engine = EngineStore.open(
            self.store, index_dir=self.root / f"index-{self._indexes}", budget_bytes=budget_bytes
        )
        engine.scan()
        return engine

    def happen(self, event: Event) -> None:
        """Let one event of a history happen."""
        if isinstance(event, Engine):
            getattr(self, event.what)()
        elif isinstance(event, Log):
            self._log(event)
        else:
            getattr(self, f"_{event.what}")(RUNS[event.run], event.writer, event.seed)

    # -- the engine

    def look(self) -> None:
        self.engine.scan()
        self.engine.poll()

    def slice(self) -> None:
        self.engine.ingest_backlog(budget_s=0.0)

    def maintain(self) -> None:
        self.engine.maintain()

    def reopen(self) -> None:
        self.engine.close()
        self.engine = self._open()

    def rebuild(self) -> None:
        """Begin with an empty index."""
        self._indexes += 1
        self.reopen()

    def starve(self) -> None:
        """From here on everything that can be let go of is let go of."""
        self.engine.close()
        self.engine = self._open(budget_bytes=1)

    def read_all(self) -> None:
        """Let the engine see all there is, as the daemon would, and as one who asks until nothing is pending."""
        self.look()
        for run_id in RUNS:
            for asked in range(1000):
                if self.engine.run(run_id)["ingest"]["pending"] == 0.0:
                    break
                self.engine.ingest_backlog(run_id, budget_s=0.0 if asked < 2 else 0.05)
            else:
                raise AssertionError("the backlog does not come to an end")

    # -- the journals

    def _files(self, run_id: str, writer: str) -> list[Path]:
        folder = self.folder(run_id)
        return [*folder.glob(f"{writer}.jsonl"), *sorted(folder.glob(f"{writer}.0*.jsonl"))]

    def _append(self, run_id: str, writer: str, data: bytes) -> None:
        files = self._files(run_id, writer)
        with (files[-1] if files else self.folder(run_id) / f"{writer}.jsonl").open("ab") as file:
            file.write(data)

    def _log(self, event: Log) -> None:
        run_id = RUNS[event.run]
        lines = self._lines(run_id, event)
        rest = self._torn.pop((run_id, event.writer), b"")
        data = (rest if event.seed % 2 else b"\n" * bool(rest)) + b"".join(lines)
        if event.torn:
            half = len(lines[-1]) // 2
            data, self._torn[run_id, event.writer] = data[:-half], data[-half:]
        self._append(run_id, event.writer, data)

    def _lines(self, run_id: str, event: Log) -> list[bytes]:
        dice = random.Random(event.seed)
        step, clock = self._steps.get((run_id, event.writer), (0, 100.0 + dice.randrange(40)))
        step = step if event.start is None else event.start
        keys = dice.choice([KEYS, KEYS[:1], KEYS[:2], KEYS[1:]])
        extra = dice.choice([{}, {}, {}, {}, {"source": "wandb"}, {"source": "transformers"}, {"rank": 1}])
        gaps = dice.choice([(1,), (1,), (0, 1, 1, 2), (1, 1, 1, 1, 1, 90), (0, 1, 3, -2)])
        odd = dice.choice([0.0, 0.02, 0.3])
        lines = []
        for _ in range(event.count):
            metrics = {key: _value(dice, odd) for key in keys if dice.random() > 0.1 * (odd > 0)}
            record: dict[str, Any] = {"step": step, "time": clock, "metrics": metrics, **extra}
            if odd and dice.random() < 0.05:
                del record["step"]
                step = self._steps.get((run_id, event.writer), (0, 0.0))[0]
            lines.append(json.dumps(record).encode() + b"\n")
            self._steps[run_id, event.writer] = (step + 1, clock)
            step = max(0, step + dice.choice(gaps))
            clock += dice.choice((0, 0.25, 0.5)) if odd < 0.3 else dice.choice((-0.25, 0.5))
        self._steps[run_id, event.writer] = (step, clock)
        return lines

    def _junk(self, run_id: str, writer: str, seed: int) -> None:
        junk = (b"junk", b"", b'{"seal":{}}', b'{"step":3,"time":1,"metr', b"[1,2]", b'{"metrics":null}')
        if (run_id, writer) not in self._torn:
            self._append(run_id, writer, junk[seed % len(junk)] + b"\n")

    def _roll(self, run_id: str, writer: str, seed: int) -> None:
        """The writer goes on in its next segment."""
        files = self._files(run_id, writer)
        if files and (run_id, writer) not in self._torn:
            (files[0].parent / f"{writer}.{len(files) + seed % 3:06d}.jsonl").touch()

    def _cut(self, run_id: str, writer: str, seed: int) -> None:
        """The last file shrinks, in place: its later lines are gone."""
        for path in self._files(run_id, writer)[-1:]:
            lines = path.read_bytes().splitlines(keepends=True)
            os.truncate(path, sum(map(len, lines[: len(lines) * (seed % 4) // 4])))
            self._torn.pop((run_id, writer), None)

    def _replace(self, run_id: str, writer: str, seed: int) -> None:
        """Another file takes the last one's place."""
        for path in self._files(run_id, writer)[-1:]:
            self._torn.pop((run_id, writer), None)
            other = path.with_name("other.tmp")
            other.write_bytes(
                b"".join(self._lines(run_id, Log(0, writer, seed % 50, seed % 90, seed, False)))
            )
            other.replace(path)

    def _remove(self, run_id: str, writer: str, seed: int) -> None:
        for path in self._files(run_id, writer):
            self._torn.pop((run_id, writer), None)
            path.unlink()


def _value(dice: random.Random, odd: float) -> float | str:
    if dice.random() < odd:
        return dice.choice(("NaN", "NaN", "Infinity", "-Infinity"))
    return dice.choice((dice.randrange(-9, 10), dice.randrange(-9, 10) / 8, 3))
