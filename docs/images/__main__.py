"""`make screenshots`: pictures of real screens, from real trainings. Takes about a minute and a half.

Trains on the digits with the demo and saves each screen with `og view --export`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from opengraphs.demo.model_server import Answer, Call, ModelServer

HERE = Path(__file__).parent
OG = str(Path(sys.executable).with_name("og"))
MOST_BYTES = 150_000


class Picture(NamedTuple):
    """What is asked of og, and the terminal it is asked in; small where there is little to show."""

    words: tuple[str, ...]
    columns: int = 132
    lines: int = 40


OTHERS = ("--with", "lr-0.1", "--with", "lr-0.5")
PICTURES = {
    "runs": Picture(("view", "long", "--screen", "runs"), lines=21),
    "graphs": Picture(("view", "long", "--screen", "graphs"), columns=150),
    "overlay": Picture(("view", "lr-0.03", "--screen", "graphs", *OTHERS), columns=150),
    "compare": Picture(("view", "lr-0.03", "--screen", "compare", *OTHERS), columns=150, lines=38),
    "logs": Picture(("view", "long", "--screen", "logs"), columns=110, lines=32),
    "system": Picture(("view", "long", "--screen", "system"), columns=150),
    "samples": Picture(("view", "long", "--screen", "samples"), lines=30),
    "alerts": Picture(("view", "long", "--screen", "alerts"), columns=150, lines=30),
    "chat": Picture(("view", "long", "--screen", "chat"), columns=120, lines=32),
    "top": Picture(("top", "--for", "24", "--filter", "training.py !og"), lines=23),
}
QUESTION = "Why does the loss go up again?"
ANSWERS = [
    Answer(calls=[Call("metric_window", {"metric": "train/loss", "from_step": 850, "to_step": 1000})]),
    Answer(
        "It rises **within a few steps** and does not come back: see [train/loss @ 900].\n\n"
        "- the learning rate is what it was before (`0.2`), so that is not it\n"
        "- `eval/accuracy` falls at the same step, so the batches themselves are different from then on\n\n"
        "Look at what the loader gives after step 900: labels that no longer fit their images look like this."
    ),
]
"""The model is scripted; everything else on the picture is as it is with any other."""
QUICK = ("--steps", "400", "--steps-per-s", "60")
QUICK_S = 60.0
"""How long the quick ones may take, all at once."""
WATCHED_S = 44.0
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
        self._env = {**kept, **env, "PATH": path}
        self._work = Path(env["HOME"]) / "work"
        shutil.copy(HERE / "training.py", self._work)

    def __call__(
        self, *words: str, timeout_s: float = 60.0, is_sure: bool = True, env: Mapping[str, str] | None = None
    ) -> str:
        """What it printed. Raises CalledProcessError where it fails and `is_sure` that it does not."""
        done = subprocess.run(
            [OG, *words],
            env={**self._env, **(env or {})},
            cwd=self._work,
            check=is_sure,
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout_s,
        )
        return done.stdout

    def train(self, name: str, *flags: str, fault: str = "") -> None:
        """Begin a training; `fault` as `training.py` takes it."""
        training = ["python", "training.py", *flags]
        self("run", "--detach", "--project", "digits", "--run", name, "--", *training, env={"FAULT": fault})

    def wait(self, name: str) -> None:
        """Until that training has ended, well or not."""
        self("tail", "--follow", name, timeout_s=QUICK_S, is_sure=False)

    def alert_of(self, name: str) -> str:
        """Id of the first alert of a run, which there is within seconds. Raises SystemExit when there is none."""
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline:
            found = json.loads(self("alerts", "--run", name, "--json"))["alerts"]
            if found:
                return str(found[-1]["alert_id"])
            time.sleep(0.5)
        raise SystemExit(f"no alert of {name}")

    def save(self, name: str) -> None:
        """What `s` would save on that screen, in the place of the picture from last time."""
        path, picture = HERE / f"{name}.svg", PICTURES[name]
        path.unlink(missing_ok=True)
        size = {"COLUMNS": str(picture.columns), "LINES": str(picture.lines)}
        self(*picture.words, "--theme", "dark", "--export", str(path), env=size)
        if path.stat().st_size > MOST_BYTES:
            raise SystemExit(f"docs/images/{name}.svg: more than {MOST_BYTES // 1000} kB")
        print(f"docs/images/{name}.svg")


def prepare(og: Og, wanted: Sequence[str]) -> None:
    """Trainings that ended, well and not, with what people write about them, and two that go on.

    What the machine does is looked at meanwhile.
    """
    og("daemon", "start")  # it tells of failures that it was there to see
    og.train("no-data", *QUICK, fault="file:130")
    og.train("too-hot", *QUICK, "--lr", "0.1", fault="rate:180")
    og.train("lr-0.03", *QUICK, "--lr", "0.03")
    og.train("lr-0.1", *QUICK, "--lr", "0.1")
    og.train("lr-0.5", *QUICK, "--lr", "0.5", "--batch-size", "64")
    for name in ("no-data", "too-hot", "lr-0.03", "lr-0.1", "lr-0.5"):
        og.wait(name)
    og("tag", "lr-0.03", "paper")
    og("note", "lr-0.5", "too steep in the beginning, recovers later", "--step", "60")
    og.train("wide", "--steps", "2000", "--steps-per-s", "20", "--batch-size", "256", "--lr", "0.1")
    og.train("long", "--steps", "1500", "--steps-per-s", "25", "--lr", "0.2", fault="labels:900")
    til_then = time.monotonic() + WATCHED_S
    og("note", "long", "a calm night so far", "--step", "400")
    og("alerts", "ack", f"no-data:{og.alert_of('no-data')}", "--note", "the path is mended")
    if "chat" in wanted:
        og("chat", "long", QUESTION)
    if "top" in wanted:
        og.save("top")
    time.sleep(max(0.0, til_then - time.monotonic()))


def main() -> int:
    wanted = sys.argv[1:] or list(PICTURES)
    with private_user() as env, ModelServer(ANSWERS) as model:
        env |= {"OG_AGENT_PROVIDER": "vllm", "OG_AGENT_MODEL": "scripted", "OG_AGENT_BASE_URL": model.url}
        og = Og(env)
        prepare(og, wanted)
        for picture in (one for one in wanted if one != "top"):
            og.save(picture)
        og("stop", "long")
        og("stop", "wide")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
