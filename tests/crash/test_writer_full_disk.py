"""A full disk is one warning and a count; never a signal, an exception or a torn record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TRAINER = """
    import os, sys
    import opengraphs as og
    run = og.init()
    for step in range(20_000):
        run.log({"loss": 1.0, "step_again": float(step)}, step=step)
    print("dropped", run._metrics.dropped, flush=True)
    sys.stdin.readline()
    run.tend(1e12)
    for sink in (run._writers.metrics._sink, run._writers.events._sink):
        sink.tend(1e12)
    for step in range(20_000, 20_100):
        run.log({"loss": 1.0, "step_again": float(step)}, step=step)
    print("dir", run.dir, flush=True)
    og.finish()
"""


def small_environment(store: Path, mode: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OG_")}
    return {**env, "OG_STORE": str(store), "OG_JOURNAL": mode}


def records_in(folder: Path, *, damaged: int) -> list[dict[str, Any]]:
    """All whole records; at most `damaged` lines may be the beginning of one that found no room."""
    records = []
    for path in sorted(folder.iterdir()):
        for line in filter(None, path.read_bytes().rstrip(b"\0").split(b"\n")):
            try:
                records.append(json.loads(line))
            except ValueError:
                damaged -= 1
                assert b'{"step":'.startswith(line[:8])
    assert damaged >= 0
    return records


def assert_steps(steps: list[int], *, total: int, dropped: int) -> None:
    """All but those dropped, in order. A shorter line may still fit where longer ones did not.

    A line that lacked room for nothing but its newline counts as dropped and comes back
    with the newline.
    """
    assert len(steps) - (total - dropped) in (0, 1)
    assert steps == sorted(set(steps))
    assert steps[: len(steps) * 9 // 10] == list(range(len(steps) * 9 // 10))


@pytest.fixture
def small_disk(short_tmp: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = short_tmp / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "og-test", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("mode", ["mapped", "append"])
def test_disk_that_fills_up_and_gets_space_again(small_disk: Path, mode: str) -> None:
    trainer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(TRAINER)],
        env=small_environment(small_disk / "store", mode),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert trainer.stdin is not None
    assert trainer.stdout is not None
    dropped = int(trainer.stdout.readline().split()[1])
    assert dropped > 0
    assert os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize < 64 << 10
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    out, errors = trainer.communicate("go\n", timeout=60)
    assert trainer.returncode == 0
    assert errors.count("og: ") == 1
    assert "No space left" in errors
    run_dir = Path(out.split()[1])
    damaged = 1 if mode == "append" else 0
    steps = [
        record["step"] for record in records_in(run_dir / "metrics", damaged=damaged) if "step" in record
    ]
    assert steps[-100:] == list(range(20_000, 20_100))
    assert_steps(steps, total=20_100, dropped=dropped)
    told = [event for event in records_in(run_dir / "events", damaged=0) if "dropped" in event]
    assert sum(event["dropped"] for event in told) == dropped
    assert json.loads((run_dir / "exit.json").read_bytes())["code"] == 0


def fill(path: Path) -> None:
    """Take what space is left."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(fd, bytes(4096)):
            pass
    except OSError:
        os.close(fd)


def test_disk_that_is_full_from_the_start_does_not_stop_the_training(small_disk: Path) -> None:
    (small_disk / "store").mkdir()
    fill(small_disk / "filler")
    code = "import opengraphs as og\nog.init()\nfor i in range(100): og.log({'a': i})\nog.finish()\nprint('done')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=small_environment(small_disk / "store", "mapped"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert 1 <= done.stderr.count("og: ") <= 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("mode", ["mapped", "append"])
def test_file_size_limit_is_a_full_disk(tmp_path: Path, mode: str) -> None:
    """`ulimit -f`: the kernel would kill with SIGXFSZ where Python did not ignore it."""
    code = textwrap.dedent("""
        import resource, opengraphs as og
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        run = og.init()
        for step in range(10_000):
            run.log({"loss": 1.0}, step=step)
        print(run._metrics.dropped)
        print(run.dir)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=small_environment(tmp_path / "store", mode),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    dropped, run_dir = done.stdout.split()
    damaged = 1 if mode == "append" else 0
    steps = [r["step"] for r in records_in(Path(run_dir) / "metrics", damaged=damaged) if "step" in r]
    assert int(dropped) > 0
    assert_steps(steps, total=10_000, dropped=int(dropped))
    assert done.stderr.count("og: ") == 1


def test_strict_mode_raises_on_a_full_disk(small_disk: Path) -> None:
    code = textwrap.dedent("""
        import opengraphs as og
        og.init()
        try:
            for step in range(50_000):
                og.log({"loss": 1.0}, step=step)
        except OSError as error:
            print("raised", error.errno)
            raise SystemExit(0)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**small_environment(small_disk / "store", "mapped"), "OG_STRICT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["raised", "28"]
