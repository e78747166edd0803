"""The whole line once, with nothing faked: the SDK writes, ogd tails, the UI shows; then ogd is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tui_fakes import until

from opengraphs import client as clients
from opengraphs.client import lifecycle
from opengraphs.tui import once, plain
from opengraphs.tui.app import OgApp
from opengraphs.tui.messages import Link
from opengraphs.tui.model import Desk
from opengraphs.tui.theme import THEMES
from opengraphs.tui.watched import WatchedClient
from opengraphs.tui.widgets.canvas import Palette

TRAINING = """
import sys
import opengraphs as og

run = og.init(project="digits", name="live-one", progress_total=100)
step = 0
for line in sys.stdin:
    for _ in range(int(line)):
        run.log({"train/loss": 1 / (step + 1), "lr": 1e-3}, step=step)
        step += 1
    run.progress(step, 100)
    if step > 30:
        run.log({"eval/acc": 0.5}, step=step)
    print("logged", step, flush=True)
run.finish()
"""


class Training:
    """A training process that logs as many steps as it is told to."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", TRAINING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def log(self, steps: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def training(og_home: Path) -> Iterator[Training]:
    child = Training()
    yield child
    child.end()
    lifecycle.stop()


def watch(og_home: Path, make_desk: Callable[..., Desk], script: Any, **options: Any) -> None:
    """Run `script(app, desk)` against the user's own daemon."""

    async def main() -> None:
        desk = make_desk(refresh_ms=33, **options)
        client = WatchedClient(store=og_home / "store")
        app = OgApp(client, desk, Palette(THEMES["dark"], "truecolor"))
        client.on_search = lambda: app.take_live(Link(False, "looking for ogd"))
        async with app.run_test(size=(120, 40)):
            await script(app, desk)

    asyncio.run(main())


def text(app: OgApp) -> str:
    return "\n".join(app.canvas.text())


def test_points_reach_the_screen_and_the_end_is_seen(
    training: Training, og_home: Path, make_desk: Callable[..., Desk]
) -> None:
    training.log(10)

    async def script(app: OgApp, desk: Desk) -> None:
        await until(lambda: desk.graphs.raw("train/loss") and "live-one" in text(app))
        assert desk.graphs.raw("train/loss")["last"]["step"] == 9
        await asyncio.to_thread(training.log, 15)
        await until(lambda: desk.graphs.raw("train/loss")["last"]["step"] == 24)
        await until(lambda: "25/100" in text(app))
        await asyncio.to_thread(training.log, 10)
        await until(lambda: "eval/acc" in desk.graphs.shown())
        await until(lambda: "new series discovered: eval/acc" in text(app))
        await asyncio.to_thread(training.finish)
        await until(lambda: "finished" in text(app) and "ended" in text(app))

    watch(og_home, make_desk, script, screen="graphs")


def test_a_killed_daemon_is_started_again_and_nothing_is_missing(
    training: Training, og_home: Path, make_desk: Callable[..., Desk]
) -> None:
    training.log(10)

    async def script(app: OgApp, desk: Desk) -> None:
        await until(lambda: desk.graphs.raw("train/loss"))
        found = lifecycle.status()
        assert found is not None
        os.kill(found["pid"], signal.SIGKILL)
        await asyncio.to_thread(training.log, 15)
        await until(lambda: desk.graphs.raw("train/loss")["last"]["step"] == 24)
        await until(lambda: desk.link.alive and "connecting" not in text(app))
        await asyncio.to_thread(training.log, 5)
        await until(lambda: desk.graphs.raw("train/loss")["last"]["step"] == 29, what="live again")

    watch(og_home, make_desk, script, screen="graphs")


def test_the_run_is_listed_and_filtered(
    training: Training, og_home: Path, make_desk: Callable[..., Desk]
) -> None:
    training.log(10)

    async def script(app: OgApp, desk: Desk) -> None:
        await until(lambda: desk.runs.total == 1 and "live-one" in text(app))
        desk.runs.set_filter("status:finished")
        app.changed()
        await until(lambda: desk.runs.total == 0)
        desk.runs.set_filter("nonsense:(")
        app.changed()
        await until(lambda: desk.runs.error)
        desk.runs.set_filter("live")
        app.changed()
        await until(lambda: desk.runs.total == 1)
        for key in ("name", "status", "project", "step", "created_at"):
            desk.runs.set_sort((key, True))
            app.changed()
            await until(lambda: app.live.busy is False)
            assert desk.runs.error == "", key

    watch(og_home, make_desk, script)


def test_once_and_plain_read_the_same_run(training: Training, og_home: Path, capsys: Any) -> None:
    training.log(40)
    training.finish()
    store = og_home / "store"
    once.print_frame(
        sys.stdout, store=store, run="live-one", width=100, height=30, color=False, glyphs="ascii"
    )
    frame = capsys.readouterr().out
    assert "train/loss" in frame
    assert "live-one" in frame
    plain.follow(sys.stdout, store=store, run="live-one")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "step 0  lr 1.00e-3  train/loss 1" or lines[0] == "step 0  train/loss 1  lr 1.00e-3"
    assert len(lines) == 41


def test_a_run_in_the_trash_leaves_the_table_and_comes_back(
    training: Training, og_home: Path, make_desk: Callable[..., Desk]
) -> None:
    training.log(10)
    training.finish()

    def trash(restore: str | None = None) -> str:
        with clients.connect(store=og_home / "store") as client:
            if restore is not None:
                client.restore(restore)
                return restore
            run_id = client.runs()["runs"][0]["run_id"]
            client.remove(run_id)
            return run_id

    async def script(app: OgApp, desk: Desk) -> None:
        await until(lambda: "live-one" in text(app))
        run_id = await asyncio.to_thread(trash)
        await until(lambda: "live-one" not in text(app) and desk.runs.total == 0, what="the run gone")
        await asyncio.to_thread(trash, run_id)
        await until(lambda: "live-one" in text(app) and desk.runs.total == 1, what="the run back")

    watch(og_home, make_desk, script)


def test_a_long_run_is_shown_from_its_newest_part_and_filled_in_behind(
    training: Training, og_home: Path, make_desk: Callable[..., Desk]
) -> None:
    training.finish()
    steps = 200_000
    folder = next((og_home / "store" / "runs").iterdir())
    with (folder / "metrics" / "a0-r0.jsonl").open("w") as journal:
        for step in range(steps):
            pad = f"{step / 7:.12f}"
            journal.write(
                f'{{"step":{step},"time":{1.8e9 + step},"metrics":{{"up":{step},"pad/one":{pad},"pad/two":{pad},"pad/three":{pad}}}}}\n'
            )
    assert (folder / "metrics" / "a0-r0.jsonl").stat().st_size > 20_000_000

    async def script(app: OgApp, desk: Desk) -> None:
        first: list[float] = []
        take_run = desk.graphs.take_run

        def note(reply: Any) -> list[str]:
            first.append(reply["ingest"]["pending"])
            return take_run(reply)

        desk.graphs.take_run = note  # type: ignore[method-assign]
        await until(lambda: first and desk.graphs.raw("up"), what="the newest part")
        assert first[0] > 0.1
        curve = desk.graphs.raw("up")
        assert curve["last"]["step"] > 0.9 * steps
        await until(lambda: desk.graphs.pending == 0 and not desk.graphs.unread, what="the rest")
        await until(lambda: desk.graphs.raw("up")["points"] == steps, what="every point")
        await until(lambda: "reading" not in text(app))

    watch(og_home, make_desk, script, screen="graphs")
