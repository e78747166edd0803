"""A world in which an action can be tried: trainings are names in a dict, and the clock is set by hand."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from guard_kit import AFTER, SCRIPT, Project

from opengraphs.errors import NotFoundError, OgError
from opengraphs.guard.executor import Change, Executor, Order, Seen, Uncertain
from opengraphs.guard.executor.machine import SETTLE_S


class Killed(BaseException):
    """The daemon is gone; what would catch errors does not catch this."""


class FakeWorld:
    """Trainings by id with whether they run; `launched` by token. Outlives the executors that use it."""

    def __init__(self) -> None:
        self.time, self.switch, self.kills = 1000.0, "", -1
        self.running = {"r1": True}
        self.launched: dict[str, str] = {}
        self.published: list[dict[str, Any]] = []
        self.seen = Seen("waiting")
        self.fail: dict[str, Exception] = {}
        self.smoke_says = ""
        self.most_running = 1

    def _count(self) -> None:
        """One more moment at which the daemon can be killed."""
        self.kills -= 1
        if self.kills == 0:
            raise Killed

    def _maybe(self, name: str) -> None:
        if name in self.fail:
            raise self.fail[name]

    def now(self) -> float:
        return self.time

    def stopped_by(self) -> str:
        return self.switch

    def publish(self, record: dict[str, Any]) -> None:
        self._count()
        self.published.append(record)

    async def pin(self, order: Order) -> None:
        self._maybe("pin")

    async def stop(self, run_id: str) -> None:
        self._maybe("stop")
        self._count()
        self.running[run_id] = False
        self._count()

    async def smoke(self, order: Order) -> str:
        self._count()
        return self.smoke_says

    async def launch(self, order: Order, token: str, *, original: bool) -> str:
        self._maybe("original" if original else "launch")
        self._count()
        run = f"r{len(self.running) + 1}"
        self.running[run], self.launched[token] = True, run
        self.most_running = max(self.most_running, sum(self.running.values()))
        self._count()
        return run

    async def find_launched(self, token: str) -> str | None:
        return self.launched.get(token)

    async def look(self, order: Order, child: str) -> Seen:
        self._maybe("look")
        return self.seen


class Stage:
    """A project, a run in it, and an action on both."""

    def __init__(self, base: Path, **order: Any) -> None:
        self.project, self.agent = Project(base), base / "agent"
        self.world = FakeWorld()
        change = Change("train.py", hashlib.sha256(SCRIPT.encode()).hexdigest(), AFTER)
        given = {"kind": "patch", "files": (change,), "diff": "-\n+\n", "asked": False, **order}
        self.order = Order("a1", "r1", expires_at=self.world.time + 900.0, **given)

    def begin(self) -> Executor:
        return Executor.begin(self.world, self.project.policy, self.agent, self.order)

    def recover(self) -> Executor:
        return Executor.recover(self.world, self.project.policy, self.agent, "a1")

    @property
    def text(self) -> str:
        return self.project.script.read_text()

    @property
    def alive(self) -> list[str]:
        return [run for run, runs in self.world.running.items() if runs]


def drive(executor: Executor, until: str = "") -> str:
    """Look as long as there is something to do; stops where step `until` is begun."""
    look = "again"
    while look == "again" and executor.step != until:
        look = asyncio.run(executor.look())
    return look


def finish(executor: Executor, world: FakeWorld) -> dict[str, Any]:
    """To the end; time passes whenever it waits."""
    for _ in range(40):
        if drive(executor) == "done":
            assert executor.result is not None
            return executor.result
        world.time += SETTLE_S
    raise AssertionError(f"it does not end: {executor.step}")


def gone() -> OgError:
    return NotFoundError("the checkpoint is not there any more")


__all__ = ["AFTER", "SCRIPT", "FakeWorld", "Killed", "Stage", "Uncertain", "drive", "finish", "gone"]
