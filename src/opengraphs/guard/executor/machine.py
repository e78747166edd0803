"""Which step of an action is next, and how it is done.

`look` does at most one step and never sleeps: the daemon calls it again. All that is known stands in the
journal, so that an executor made anew after a kill goes on where the old one was. A launch that was announced
and of which nobody knows whether it took place is not made again before SETTLE_S have passed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from opengraphs.errors import OgError, StoreError
from opengraphs.guard import snapshot
from opengraphs.guard.executor.journal import FOLDER, Journal
from opengraphs.guard.executor.order import Order
from opengraphs.guard.executor.world import Seen, Uncertain, World
from opengraphs.guard.finding import Refused, refused
from opengraphs.guard.paths import open_target
from opengraphs.guard.rules import Policy

SETTLE_S = 180.0
"""Longer than a runner takes to launch what it was told to."""
Look = Literal["again", "wait", "done"]
_ORDER = ("judged", "approved", "snapshot", "stopping", "patched", "smoke", "restarting", "verifying")


class Executor:
    """One action. Not for two threads; the caller makes one at a time."""

    def __init__(self, world: World, policy: Policy, agent: Path, journal: Journal) -> None:
        """Args: journal: of an action that was begun; agent: `agent/` of the run."""
        self._world, self._policy, self._agent, self._journal = world, policy, agent, journal
        self.order = Order.from_record(journal.records[0]["order"])

    @classmethod
    def begin(cls, world: World, policy: Policy, agent: Path, order: Order) -> Executor:
        """A new action, as it was judged."""
        journal = Journal(agent / FOLDER / f"{order.action_id}.jsonl")
        if not journal.records:
            world.publish(journal.append(world.now(), "judged", "done", order=order.to_record()))
        return cls(world, policy, agent, journal)

    @classmethod
    def recover(cls, world: World, policy: Policy, agent: Path, action_id: str) -> Executor:
        """An action that an earlier daemon began; its newest record is told again.

        Raises:
            StoreError: its journal is empty, damaged or cannot be read.
        """
        journal = Journal(agent / FOLDER / f"{action_id}.jsonl")
        if not journal.records:
            raise StoreError("an action was never written down; nothing was done", path=str(journal.path))
        world.publish(journal.records[-1])
        return cls(world, policy, agent, journal)

    @property
    def step(self) -> str:
        """The newest step that was begun."""
        return str(self._journal.records[-1]["step"])

    @property
    def result(self) -> dict[str, Any] | None:
        """The last record, once it is over."""
        return self._journal.last("done")

    @property
    def child(self) -> str | None:
        """The run that tries the change."""
        record = self._journal.last("restarting", phase="done")
        return str(record["child_run_id"]) if record else None

    def decide(self, *, approve: bool, note: str = "") -> bool:
        """Answer the question; False when it is not open any more."""
        if self.result or self.step != "judged" or not self.order.asked or self._has_expired():
            return False
        if approve:
            self._done("approved", note=note)
        else:
            self._finish("denied", f"denied{': ' + note if note else ''}; nothing was changed")
        return True

    async def look(self) -> Look:
        """Do the next step, if there is one to be done now.

        Raises:
            StoreError: the journal cannot be kept; nothing is done that does not stand in it.
        """
        if self.result:
            return "done"
        back = self._journal.last("rolling_back", part="why")
        if back is not None:
            return await self._go_back(back)
        if self._journal.last("keeping"):
            return self._keep()
        done = {record["step"] for record in self._journal.records if record["phase"] == "done"}
        step = next(name for name in _ORDER if name not in done)
        why = self._world.stopped_by()
        return await self._halt(why, done) if why else await self._do(step)

    async def _do(self, step: str) -> Look:
        try:
            return await getattr(self, f"_{step}")()  # type: ignore[no-any-return]
        except Refused as refusal:
            return self._give_up(step, f"{refusal.finding.path}: {refusal.finding.text}".lstrip(": "))
        except OgError as error:
            return self._give_up(step, error.message)

    async def _approved(self) -> Look:
        if not self.order.asked:
            self._done("approved", note="by the mode")
            return "again"
        if not self._has_expired():
            return "wait"
        return self._finish("denied", "nobody answered in time, which is a no; nothing was changed")

    async def _snapshot(self) -> Look:
        changes = []
        for change in self.order.files:
            target = open_target(self._policy, change.path)
            if target.sha256 != change.before:
                raise refused("changed", "the file was edited since the change was judged", change.path)
            changes.append((target, change.text))
        await self._world.pin(self.order)
        if changes:
            snapshot.take(self._agent, self.order.action_id, changes, diff=self.order.diff)
        self._done("snapshot", files={one.path: _sha(one.text) for one in self.order.files})
        return "again"

    async def _stopping(self) -> Look:
        if self._journal.last("stopping") is None:
            await self._world.pin(self.order)  # is there still something to go on from?
        self._intent("stopping")
        try:
            await self._world.stop(self.order.run_id)
        except OgError as error:
            run = self.order.run_id
            text = f"{error.message}. Nothing was changed, but {run} was told to stop and may end yet"
            return self._finish("failed", f"{text}: og show {run}, then og resume {run}")
        self._done("stopping")
        return "again"

    async def _patched(self) -> Look:
        self._intent("patched")
        if self.order.files:
            snapshot.apply(self._policy, self._stored())
        self._done("patched")
        return "again"

    async def _smoke(self) -> Look:
        trouble = await self._world.smoke(self.order) if self.order.files else ""
        if trouble:
            return self._turn_back("failed", f"the changed script does not run: {trouble}")
        self._done("smoke")
        return "again"

    async def _restarting(self) -> Look:
        child = await self._launched("restarting", original=False)
        if child is None:
            return "wait"
        self._done("restarting", child_run_id=child)
        return "again"

    async def _verifying(self) -> Look:
        begun = self._journal.last("verifying") or self._intent("verifying", child_run_id=self.child)
        seen = await self._world.look(self.order, str(self.child))
        if not seen.harm and seen.verdict == "improved":
            self._intent("keeping", text=seen.text, effect=seen.effect)
            return "again"
        late = self._world.now() - begun["time"] > self.order.verify_s
        if not seen.harm and seen.verdict == "waiting" and not late:
            return "wait"
        return self._no_good(seen)

    async def _launched(self, step: str, *, original: bool) -> str | None:
        """The run that was started now or before; None while that is not known."""
        token = f"{self.order.action_id}.{'original' if original else 'child'}"
        found = await self._world.find_launched(token)
        if found is not None:
            return found
        open_since = self._journal.last(step, phase="intent", token=token)
        if open_since is not None and not self._is_settled(open_since):
            return None
        self._intent(step, token=token)
        try:
            return await self._world.launch(self.order, token, original=original)
        except Uncertain:
            return None

    def _no_good(self, seen: Seen) -> Look:
        """It harmed or did not help; a plain restart is the original already, so nothing is started again."""
        text = seen.harm or seen.text or "there is no evidence that it helped"
        if self.order.kind != "restart":
            return self._turn_back("rolled_back", text, effect=seen.effect)
        after = self._how_to_go_on() if seen.ended else f"{self.child} goes on; it is the run unchanged"
        return self._finish("failed", f"{text}. {after}", effect=seen.effect)

    # -- ways out ------------------------------------------------------------------------------

    async def _halt(self, why: str, done: set[str]) -> Look:
        """The kill switch: nothing is started or stopped any more, and no file is left between."""
        if "restarting" not in done and (begun := self._journal.last("restarting")) is not None:
            found = await self._world.find_launched(str(begun["token"]))
            if found is None and not self._is_settled(begun):
                return "wait"
            if found is not None:
                self._done("restarting", child_run_id=found)
        if self.child:
            text = f"stopped: {why}. {self.child} goes on with the change, unverified; files stay as it runs them"
            return self._finish("stopped", text)
        if self._journal.last("stopping"):
            return self._turn_back("stopped", f"stopped: {why}", relaunch=False)
        return self._finish("stopped", f"stopped: {why}. Nothing was changed")

    def _give_up(self, step: str, text: str) -> Look:
        if step == "verifying":
            return "wait" if not self._is_late() else self._turn_back("rolled_back", text)
        if self._journal.last("stopping"):
            return self._turn_back("failed", text)
        return self._finish("refused", f"{text}. Nothing was changed")

    def _is_late(self) -> bool:
        begun = self._journal.last("verifying")
        return begun is not None and self._world.now() - float(begun["time"]) > self.order.verify_s

    def _turn_back(
        self, outcome: str, text: str, *, relaunch: bool = True, effect: dict[str, Any] | None = None
    ) -> Look:
        self._intent("rolling_back", part="why", outcome=outcome, text=text, relaunch=relaunch, effect=effect)
        return "again"

    async def _go_back(self, back: dict[str, Any]) -> Look:
        """End the child, restore the files, start the original again; each may have been done already."""
        text, outcome = str(back["text"]), str(back["outcome"])
        try:
            if not self._is_part_done("restored") and self._is_edited():
                return self._leave_edited(text)
            why = self._world.stopped_by() if outcome != "stopped" else ""
            if why and self.child and not self._journal.last("rolling_back", part="child"):
                return self._finish(
                    "stopped", f"{text}; stopped: {why}. {self.child} goes on with the change"
                )
            if await self._undo(relaunch=bool(back["relaunch"]) and not why):
                return "wait"
        except Refused as refusal:
            return self._finish("failed", f"{text}; {refusal.finding.text}. {self._where_it_stands()}")
        except OgError as error:
            return self._finish("failed", f"{text}; {error.message}. {self._where_it_stands()}")
        text += f"; stopped: {why}" if why else ""
        again = self._journal.last("rolling_back", part="original", phase="done")
        after = f"{again['run_id']} goes on without the change" if again else self._how_to_go_on()
        return self._finish("stopped" if why else outcome, f"{text}. {after}", effect=back.get("effect"))

    async def _undo(self, *, relaunch: bool) -> bool:
        """What was done, taken back in turn; whether the original's start is still to be waited for."""
        if self.child and not self._is_part_done("child"):
            self._intent("rolling_back", part="child")
            await self._world.stop(self.child)
            self._done("rolling_back", part="child")
        if not self._is_part_done("restored"):
            self._intent("rolling_back", part="restored")
            if self._has_snapshot():
                snapshot.restore(self._policy, self._stored())
            self._done("rolling_back", part="restored")
        if not relaunch or self.order.parent_failed or self._is_part_done("original"):
            return False
        run = await self._launched("rolling_back", original=True)
        if run is None:
            return True
        self._done("rolling_back", part="original", run_id=run)
        return False

    def _leave_edited(self, text: str) -> Look:
        """Somebody's edits are never overwritten; a child that runs is left to them."""
        copies = (
            f"the file was edited since and is left as it is; copies: agent/patches/{self.order.action_id}"
        )
        return self._finish("failed", f"{text}; {copies}. {self._where_it_stands()}")

    def _keep(self) -> Look:
        record = self._journal.last("keeping") or {}
        return self._finish("kept", str(record["text"]), effect=record["effect"])

    def _finish(self, outcome: str, text: str, *, effect: dict[str, Any] | None = None) -> Look:
        self._done("done", outcome=outcome, text=text, child_run_id=self.child, effect=effect)
        return "done"

    # -- small things --------------------------------------------------------------------------

    def _how_to_go_on(self) -> str:
        return f"The training is stopped; og resume {self.order.run_id} goes on with it"

    def _where_it_stands(self) -> str:
        if not self.child or self._is_part_done("child"):
            return self._how_to_go_on()
        if self._journal.last("rolling_back", part="child"):
            return f"{self.child} was told to stop and may still run: og show {self.child}"
        return f"{self.child} is left as it is: og stop {self.child} ends it"

    def _is_settled(self, announced: dict[str, Any]) -> bool:
        return self._world.now() - float(announced["time"]) >= SETTLE_S

    def _has_expired(self) -> bool:
        return self._world.now() >= self.order.expires_at

    def _is_part_done(self, part: str) -> bool:
        return self._journal.last("rolling_back", part=part, phase="done") is not None

    def _has_snapshot(self) -> bool:
        return bool(self.order.files) and self._journal.last("snapshot") is not None

    def _is_edited(self) -> bool:
        return self._has_snapshot() and snapshot.state(self._policy, self._stored()) == "edited"

    def _stored(self) -> snapshot.Snapshot:
        return snapshot.load(self._agent, self.order.action_id)

    def _intent(self, step: str, **fields: Any) -> dict[str, Any]:
        return self._told(step, "intent", fields)

    def _done(self, step: str, **fields: Any) -> dict[str, Any]:
        return self._told(step, "done", fields)

    def _told(self, step: str, phase: str, fields: dict[str, Any]) -> dict[str, Any]:
        record = self._journal.append(self._world.now(), step, phase, **fields)
        self._world.publish(record)
        return record


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
