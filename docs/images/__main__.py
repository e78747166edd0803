"""`make screenshots`: pictures of real screens, from a real training.

Trains on the digits with the demo and saves each screen with `og view --export`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
OG = str(Path(sys.executable).with_name("og"))
BESIDE = ("lr-0.03", "lr-0.5")
PICTURES: dict[str, tuple[str, ...]] = {
    "runs": ("view", "long", "--screen", "runs"),
    "graphs": ("view", "long", "--screen", "graphs"),
    "overlay": ("view", "long", "--screen", "graphs", "--with", BESIDE[0], "--with", BESIDE[1]),
    "compare": ("view", BESIDE[0], "--screen", "compare", "--with", "lr-0.1", "--with", BESIDE[1]),
    "logs": ("view", "long", "--screen", "logs"),
    "system": ("view", "long", "--screen", "system"),
    "samples": ("view", "long", "--screen", "samples"),
    "alerts": ("view", "long", "--screen", "alerts"),
}
"""What is asked of og for each picture."""

SIZE = {"COLUMNS": "150", "LINES": "42"}
WATCHED_S = 45.0
"""Of the run that is still going on, so long is seen."""


@contextmanager
def private_user() -> Iterator[dict[str, str]]:
    """Environment of an og user with nothing of one's own in it; the daemon is stopped at the end."""
    base = Path(tempfile.mkdtemp(prefix="og-"))
    (base / "run").mkdir(mode=0o700)
    (base / "work").mkdir()
    env = {"HOME": str(base), "XDG_RUNTIME_DIR": str(base / "run")}
    try:
        yield env
    finally:
        subprocess.run([OG, "daemon", "stop"], env={**os.environ, **env}, capture_output=True, check=False)
        shutil.rmtree(base, ignore_errors=True)


class Og:
    """og as that user types it."""

    def __init__(self, env: dict[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OG", "XDG_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
        self._env = {**kept, **env, **SIZE, "PATH": path}
        self._work = Path(env["HOME"]) / "work"
        shutil.copy(HERE / "training.py", self._work)

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            [OG, *words], env=self._env, cwd=self._work, check=True, capture_output=True, text=True
        )
        return done.stdout

    def train(self, name: str, *flags: str, wait: bool = True, fault_at: int = 0) -> None:
        training = ["python", "training.py", *flags]
        self._env["FAULT_AT"] = str(fault_at)
        self("run", "--detach", "--project", "digits", "--run", name, "--", *training)
        if wait:
            self("tail", "--follow", name)

    def save(self, picture: str) -> None:
        """What `s` would save on that screen, in the place of the picture from last time."""
        path = HERE / f"{picture}.svg"
        path.unlink(missing_ok=True)
        self(*PICTURES[picture], "--theme", "dark", "--export", str(path))
        print(f"docs/images/{picture}.svg")


def prepare(og: Og) -> None:
    """Three trainings that ended, with what people write about them, and one that goes on."""
    quick = ("--steps", "400", "--steps-per-s", "80")
    og.train("lr-0.03", *quick, "--lr", "0.03")
    og.train("lr-0.1", *quick, "--lr", "0.1")
    og.train("lr-0.5", *quick, "--lr", "0.5")
    og("tag", "lr-0.03", "baseline")
    og("note", "lr-0.5", "too steep in the beginning, recovers later", "--step", "60")
    og.train("long", "--steps", "1500", "--steps-per-s", "25", "--lr", "0.2", wait=False, fault_at=900)
    time.sleep(WATCHED_S * 0.6)
    og("note", "long", "the loss lies flat from here", "--step", "500")
    time.sleep(WATCHED_S * 0.4)


def main() -> int:
    wanted = sys.argv[1:] or list(PICTURES)
    with private_user() as env:
        og = Og(env)
        prepare(og)
        for picture in wanted:
            og.save(picture)
        og("stop", "long")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
