"""Keeps what is on the screen fresh: what is dirty, what is visible, and one round of questions a tick.

    GET /events ─ Happened ─┐                       ┌─ Answer ─┐
                            ├─ post ─▶ app, model ──┤          ├─▶ app paints
    questions (a slot each) ┘   marks slots dirty   └─ Failure ┘

Nothing here touches a widget or a screen: results leave as immutable messages through `post`.
A slot holds the one question that is wanted there; at most one request of a slot is in flight, and
a newer question replaces an older one. No timer runs while nothing is dirty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from opengraphs.errors import DaemonError, OgError
from opengraphs.tui.messages import Answer, Failure, Happened, Link, LiveMessage, Streamed
from opengraphs.tui.questions import Question, Source, Stream

RETRY_S = 1.0
"""How long a question that found no daemon waits before it is asked again."""

FRAME_SHARE = 8
"""A live frame may take at most one part in this many of the time; slower frames come less often."""

MAX_INTERVAL_S = 1.0


class _Slot:
    """One place on the screen: what is wanted there, and how its last request went."""

    __slots__ = ("asked_at", "asking", "dirty", "interval_s", "not_before", "wanted")

    def __init__(self, interval_s: float) -> None:
        self.wanted: Question | None = None
        self.asking: Question | None = None
        self.dirty = False
        self.interval_s = interval_s
        self.asked_at = float("-inf")
        self.not_before = float("-inf")

    def due_at(self, interval_s: float) -> float:
        return max(self.asked_at + max(self.interval_s, interval_s), self.not_before)


class Live:
    """The data layer of one UI. All methods run in the event loop's thread."""

    def __init__(
        self,
        source: Source,
        post: Callable[[LiveMessage], object],
        *,
        on_defect: Callable[[BaseException], object],
        refresh_s: float = 0.25,
        slow_slots: dict[str, float] | None = None,
    ) -> None:
        """Nothing is asked before somebody wants something.

        Args:
            on_defect: called with what no question may raise: anything but an OgError.
            slow_slots: least seconds between two questions of a slot, where that is more than `refresh_s`.
        """
        self._source = source
        self._post = post
        self._on_defect = on_defect
        self._refresh_s = refresh_s
        self._frame_s = 0.0
        self._slow = slow_slots or {}
        self._slots: dict[str, _Slot] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._ended = False
        self._stream: Stream | None = None
        self._listening: asyncio.Task[object] | None = None
        self.paused = False

    @property
    def interval_s(self) -> float:
        """Seconds between two live frames: the user's choice, longer when frames are dear."""
        return max(self._refresh_s, min(MAX_INTERVAL_S, self._frame_s * FRAME_SHARE))

    def frame_took(self, seconds: float) -> None:
        """Tell what a live frame cost; a running average slows the rate down when it is too much."""
        self._frame_s += (seconds - self._frame_s) / 4

    def want(self, question: Question) -> None:
        """Put `question` in its slot. A new one is asked at once; the same one only when it has become old."""
        slot = self._slot(question.slot)
        if question == slot.wanted:
            return
        slot.wanted = question
        slot.dirty = True
        slot.not_before = float("-inf")
        if slot.asking is None:
            self._ask(slot)

    def ask_once(self, question: Question) -> None:
        """Ask something that is not kept fresh: a search, a request to stop. It has no slot."""
        self._start(self._answer(question))

    def drop(self, name: str) -> None:
        """Nothing is wanted in this slot any more (it is not on the screen)."""
        self._slot(name).wanted = None

    def set_refresh(self, refresh_s: float) -> None:
        """Live answers come so often from now on."""
        self._refresh_s = refresh_s

    @property
    def busy(self) -> bool:
        """Some question on the screen is being asked."""
        return any(slot.asking is not None and slot.wanted is not None for slot in self._slots.values())

    def touch(self, *names: str) -> None:
        """The data behind these slots changed: ask again at the next tick, if it is on the screen."""
        for name in names:
            self._slot(name).dirty = True
        if names:
            self._schedule()

    def touch_all(self) -> None:
        """Everything on the screen may be old: after a reconnection, or when the user asks for it."""
        self.touch(*self._slots)

    def ask_all(self) -> None:
        """Ask every question that is on the screen now, paused or not."""
        for slot in self._slots.values():
            slot.not_before = float("-inf")
            if slot.wanted is not None and slot.asking is None:
                self._ask(slot)

    def pause(self, paused: bool) -> None:
        """While paused the screen keeps still; what changed meanwhile is asked for on going on."""
        self.paused = paused
        self._schedule()

    def follow(self) -> None:
        """Read the event stream until `close`; the source reconnects by itself."""
        self._start(self._follow())

    async def _follow(self) -> None:
        try:
            async for event in self._source.events():
                self._post(Happened(event))
        except OgError as error:
            self._post(Link(False, error.message, final=True))

    def listen(self, stream: Stream | None) -> None:
        """Read one more stream beside the events; another one ends the one before, None ends it."""
        if stream == self._stream:
            return
        self._stream = stream
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        if stream is not None and not self._ended:
            self._listening = self._start(self._listen(stream))

    async def _listen(self, stream: Stream) -> None:
        try:
            async for line in stream.lines(self._source):
                self._post(Streamed(stream, line))
        except OgError as error:
            self._post(Streamed(stream, {"kind": "refused", "message": error.message, "hint": error.hint}))

    def _start(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._on_defect(defect)

    async def close(self) -> None:
        """End every request that is still under way."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _slot(self, name: str) -> _Slot:
        if name not in self._slots:
            self._slots[name] = _Slot(self._slow.get(name, 0.0))
        return self._slots[name]

    def _schedule(self) -> None:
        """Set the timer for the slot that is due first; none when all are clean."""
        waiting = [slot for slot in self._slots.values() if slot.dirty and slot.wanted and not slot.asking]
        if self._ended or self.paused or not waiting:
            return
        loop = asyncio.get_running_loop()
        due = min(slot.due_at(self.interval_s) for slot in waiting)
        if due >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = loop.call_at(max(due, loop.time()), self._tick)

    def _tick(self) -> None:
        """One round: every dirty slot whose time has come asks its question."""
        self._timer, self._timer_at = None, float("inf")
        now = asyncio.get_running_loop().time()
        for slot in self._slots.values():
            if slot.dirty and slot.wanted and not slot.asking and slot.due_at(self.interval_s) <= now + 0.005:
                self._ask(slot)
        self._schedule()

    def _ask(self, slot: _Slot) -> None:
        question = slot.wanted
        if question is None or self._ended:
            return
        slot.asking, slot.dirty = question, False
        slot.asked_at = asyncio.get_running_loop().time()
        self._start(self._exchange(slot, question))

    async def _exchange(self, slot: _Slot, question: Question) -> None:
        try:
            error = await self._answer(question)
            if isinstance(error, DaemonError):
                slot.dirty = True
                slot.not_before = asyncio.get_running_loop().time() + RETRY_S
        finally:
            slot.asking = None
        if slot.wanted is not None and slot.wanted != question:
            self._ask(slot)
        else:
            self._schedule()

    async def _answer(self, question: Question) -> OgError | None:
        """Ask and post what came of it; the error, if it was one."""
        try:
            self._post(Answer(question, await question.ask(self._source)))
        except OgError as error:
            self._post(Failure(question, error))
            return error
        return None
