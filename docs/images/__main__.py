"""`make screenshots`: pictures of real screens, from a real training in a real terminal.

Trains on the digits with the demo, opens each screen in a pty and saves what the
terminal shows as SVG.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.pty_meter import Meter
from docs.images.svg import screen_svg

HERE = Path(__file__).parent
OG = str(Path(sys.executable).with_name("og"))
SCREENS = {"runs": b"1", "graphs": b"2", "logs": b"4"}


@contextmanager
def private_user() -> Iterator[dict[str, str]]:
    """Environment of an og user with nothing of one's own in it; the daemon is stopped at the end."""
    base = Path(tempfile.mkdtemp(prefix="og-"))
    (base / "run").mkdir(mode=0o700)
    names = {
        "OG_STORE": "store",
        "XDG_CACHE_HOME": "cache",
        "XDG_STATE_HOME": "state",
        "XDG_CONFIG_HOME": "config",
    }
    env = {name: str(base / folder) for name, folder in names.items()} | {
        "XDG_RUNTIME_DIR": str(base / "run")
    }
    try:
        yield env
    finally:
        subprocess.run([OG, "daemon", "stop"], env={**os.environ, **env}, capture_output=True, check=False)
        shutil.rmtree(base, ignore_errors=True)


def train(env: dict[str, str], name: str, *flags: str, wait: bool) -> None:
    command = [OG, "run", "--detach", "--project", "digits", "--run", name]
    command += ["--", sys.executable, "-m", "opengraphs.demo.train", *flags]
    subprocess.run(command, env={**os.environ, **env}, check=True, capture_output=True)
    if wait:
        subprocess.run(
            [OG, "tail", "--follow", name], env={**os.environ, **env}, check=True, capture_output=True
        )


def main() -> int:
    with private_user() as env:
        train(env, "lr-3e-2", "--steps", "400", "--steps-per-s", "400", wait=True)
        train(env, "lr-1e-1", "--steps", "400", "--steps-per-s", "400", "--lr", "0.1", wait=True)
        train(env, "long", "--steps", "1000", "--steps-per-s", "25", wait=False)
        with Meter([OG], columns=150, lines=42, env=env) as terminal:
            terminal.settle(20.0)
            terminal.send(b"\r")
            terminal.settle(3.0)
            for name, key in SCREENS.items():
                terminal.send(key)
                terminal.settle(2.0)
                (HERE / f"{name}.svg").write_text(screen_svg(terminal.screen))
                print(f"docs/images/{name}.svg")
        subprocess.run([OG, "stop", "long"], env={**os.environ, **env}, capture_output=True, check=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
