"""Both viewers, each with folders of its own, and the runs they look at: the same numbers in each one's format."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.engine_peers import Frames, leet_template, wandb_history
from bench.engine_points import Shape, run_id, wide, write_run
from bench.pty_meter import process_tree

BIN = Path(sys.executable).parent
BRAILLE = re.compile("[\u2801-\u28ff]")
DOWN, UP, RIGHT, LEFT = b"\x1b[B", b"\x1b[A", b"\x1b[C", b"\x1b[D"


class Viewer(NamedTuple):
    """One program and how it is used.

    Attributes:
        tracker: what its runs are logged with.
        open_runs, open_run, open_live: its list of all runs; the charts of one; of one that is logged to.
        help_key, help_text: a key that covers the screen, and what only then stands there.
        prompt: the keys that open a line to type into while charts are shown.
        to_charts: the keys after which arrows go from chart to chart.
    """

    name: str
    tracker: str
    open_runs: Callable[[Path], list[str]]
    open_run: Callable[[Path], list[str]]
    open_live: Callable[[Path], list[str]]
    help_key: bytes
    help_text: str
    prompt: bytes
    to_charts: bytes
    env: dict[str, str]
    folder: Path

    def place(self, case: str) -> Path:
        """Where the runs of that case are."""
        return self.folder / case

    def environ(self, case: str) -> dict[str, str]:
        own = {"OG_STORE": str(self.place(case))} if self.tracker == "og" else {}
        return {**self.env, **own}

    def helpers(self, case: str) -> list[int]:
        """Processes that work for the viewer and are no children of it."""
        found = re.search(r'"pid":\s*(\d+)', daemon(self, "status --json"))
        return [int(found.group(1))] if found else []


def og_viewer(folder: Path, og: str | None = None) -> Viewer:
    env = {"OGD_SOCKET": str(folder / "run" / "ogd.sock"), "OG_STORE": str(folder / "none")}
    for name in ("CACHE", "STATE", "CONFIG", "DATA"):
        env[f"XDG_{name}_HOME"] = str(folder / name.lower())
    (folder / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    program = og or str(BIN / "og")
    return Viewer(
        "og",
        "og",
        lambda _: [program, "view"],
        lambda _: [program, "view", "live"],
        lambda _: [program, "view", "live", "--graphs", "probe,m0/loss,m1/loss,m2/loss"],
        b"?",
        ": keys",
        b"a",
        b"",
        env,
        folder,
    )


def leet_viewer(folder: Path) -> Viewer | None:
    """None where wandb is not installed."""
    if not (BIN / "wandb").exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    env = {"WANDB_MODE": "offline", "WANDB_CONFIG_DIR": str(folder / "config"), "HOME": str(folder)}

    def opened(place: Path) -> list[str]:
        return [str(BIN / "wandb"), "leet", str(place / "wandb")]

    return Viewer(
        "wandb leet", "wandb", opened, opened, opened, b"h", "Toggle this help", b"/", b"\t", env, folder
    )


# -- runs that ended ---------------------------------------------------------------------------------


def write_runs(viewer: Viewer, case: str, shapes: Sequence[Shape]) -> None:
    """Runs that ended, the last one named `live`; what is there already stays."""
    place = viewer.place(case)
    if (place / "written").exists():
        return
    names = [f"r{number:03d}" for number in range(len(shapes) - 1)] + ["live"]
    if viewer.tracker == "og":
        for number, (name, shape) in enumerate(zip(names, shapes, strict=True)):
            write_run(place, run_id(number, name), shape, name=name)
    else:
        _write_wandb(place, names, shapes)
    (place / "written").touch()


def _write_wandb(place: Path, names: Sequence[str], shapes: Sequence[Shape]) -> None:
    """As many offline runs as wandb would have written, made from one that it did write."""
    from wandb.proto.wandb_internal_pb2 import Record

    header, before, after, path = leet_template(place)
    original = path.parent
    for number, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        folder = original.with_name(f"offline-run-20251009_09{number // 60:02d}{number % 60:02d}-{name:>08}")
        folder.mkdir()
        with (folder / f"run-{name:>08}.wandb").open("wb") as file:
            file.write(header)
            frames = Frames(file.write)
            for data in before:
                record = Record()
                record.ParseFromString(data)
                if record.WhichOneof("record_type") == "run":
                    record.run.run_id, record.run.display_name = f"{name:>08}", name
                frames.add(record.SerializeToString())
            for data in wandb_history(shape):
                frames.add(data)
            for data in after:
                frames.add(data)
    for file in sorted(original.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
    original.rmdir()


def shapes_of(case: str) -> list[Shape]:
    """`runs`: 200 small ones; `1M`, `10M`: one with so many points of ten metrics."""
    if case == "runs":
        return [wide(100, seed=number) for number in range(200)]
    return [wide({"1M": 100_000, "10M": 1_000_000}[case])]


# -- a run that lives --------------------------------------------------------------------------------


@contextmanager
def live_run(
    viewer: Viewer, case: str, *, seconds: float, warm_steps: int = 300, hz: float = 10.0
) -> Iterator[Path]:
    """A training that logs ten metrics; yields the file that says when each step was logged."""
    place = viewer.place(case)
    place.mkdir(parents=True, exist_ok=True)
    times = place / "times"
    times.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.live_writer", viewer.tracker, "--times", str(times)]
    command += ["--seconds", str(seconds), "--warm-steps", str(warm_steps), "--hz", str(hz)]
    environ = {**os.environ, **viewer.environ(case), "WANDB_SILENT": "true", "WANDB_MODE": "offline"}
    environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(Path(__file__).parent.parent), environ.get("PYTHONPATH")])
    )
    quiet = subprocess.DEVNULL
    writer = subprocess.Popen(command, cwd=place, env=environ, stdout=quiet, stderr=quiet)
    try:
        deadline = time.monotonic() + 60
        while not times.exists() or not times.stat().st_size:
            if time.monotonic() > deadline or writer.poll() is not None:
                raise SystemExit(f"bench: the {viewer.tracker} writer did not start")
            time.sleep(0.05)
        yield times
    finally:
        for pid in reversed(process_tree(writer.pid)):  # wandb's own service, too
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        writer.wait()


# -- ogd ---------------------------------------------------------------------------------------------


def daemon(viewer: Viewer, verb: str) -> str:
    """`og daemon VERB`; nothing for LEET, which has none."""
    if viewer.tracker != "og":
        return ""
    command = [viewer.open_runs(viewer.folder)[0], "daemon", *verb.split()]
    environ = {**os.environ, **viewer.env}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout
