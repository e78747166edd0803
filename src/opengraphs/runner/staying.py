"""A runner that outlives its training: for orders, or to go on after a crash.

    keep      stay for so many seconds after the end, and wait for orders
    launch    start the run that goes on from this one; the runner leaves when it runs
    release   leave now; a restart that is due is not made

While it stays it holds neither the run's lock nor any file of it: the run has ended for everybody.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import restarting, succession
from .server import Later, failure
from .successor import Successor

if TYPE_CHECKING:
    from .loop import Timer
    from .supervise import Runner

MAX_KEEP_S = 24 * 3600.0
LINGER_S = 10.0
"""After a restart: whoever watches the run that crashed learns where it went on."""

_TEXTS = ("cwd", "name", "project", "group", "job_type", "notes", "mirror_to")
_LISTS = ("tags", "alert_rules")
_OBJECTS = ("parent", "config")


class Stay:
    """What a runner still does after the end of its training."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._timer: Timer | None = None
        self._launching = False
        self._restart: Timer | None = None
        self._next: dict[str, Any] | None = None
        self._asking: list[Later] = []

    @property
    def holds(self) -> bool:
        """Whether the runner has to stay."""
        return self._launching or _is_due(self._timer) or _is_due(self._restart)

    def keep(self, seconds: float) -> None:
        """Stay for so long from now on; a shorter time shortens it."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._runner.loop.later(max(0.0, min(seconds, MAX_KEEP_S)), _nothing)

    def release(self) -> bool:
        """Leave as soon as the training has ended. Returns whether a restart was called off."""
        if self._timer is not None:
            self._timer.cancel()
        return self.call_off()

    def call_off(self) -> bool:
        """Make no restart. Returns whether one was due."""
        if self._restart is None or not _is_due(self._restart):
            return False
        self._restart.cancel()
        self._tell_next(None)
        return True

    def launch(self, order: dict[str, Any]) -> Later | dict[str, Any]:
        """Launch on somebody's order, which takes the place of a restart that is due."""
        if self._launching:
            return failure("another launch is under way")
        self.call_off()
        reply = Later()
        self._begin(order, lambda answer: self._ordered(answer, reply))
        return reply

    def _ordered(self, answer: dict[str, Any], reply: Later) -> None:
        if answer.get("ok"):
            self.release()
        reply.tell(answer)

    def _begin(self, order: dict[str, Any], done: Any) -> None:
        runner = self._runner
        command = succession.restored(order["command"], runner.spec["command"])

        def ended(answer: dict[str, Any]) -> None:
            self._launching = False
            done(answer)

        self._launching = True
        try:
            Successor(runner.loop, runner.spec, hangup=runner.hangup).start(
                {**order, "command": command}, ended
            )
        except OSError as error:
            ended(failure(f"no process can be made ({error.strerror})"))

    # after a crash

    def restart_later(self) -> None:
        """Go on from the newest checkpoint, after a while."""
        restart = self._runner.spec["restart"]
        self._restart = self._runner.loop.later(restarting.wait_s(restart), self._go_on)

    def _go_on(self) -> None:
        runner = self._runner
        if not os.path.isdir(runner.run_dir):  # somebody removed the run
            self._tell_next(None)
            return
        self._begin(restarting.order(runner.spec, runner.run_file.facts), self._restarted)

    def _restarted(self, answer: dict[str, Any]) -> None:
        self._next = answer if answer.get("ok") else None
        self._tell_next(answer)
        if self._next is not None:
            self.keep(LINGER_S)

    def next(self) -> Later | dict[str, Any]:
        """The run that goes on from this one after its crash: at once, or when it runs."""
        is_open = not self._runner.told or self._launching or _is_due(self._restart)
        if self._next is not None or not is_open:
            return {"ok": True, "next": self._next}
        self._asking.append(Later())
        return self._asking[-1]

    def no_restart(self) -> None:
        """The training ended in another way than by a crash, or has no tries left."""
        self._tell_next(None)

    def _tell_next(self, answer: dict[str, Any] | None) -> None:
        asking, self._asking = self._asking, []
        for reply in asking:
            if answer is None or answer.get("ok"):
                reply.tell({"ok": True, "next": answer})
            else:
                reply.tell(answer)


def _is_due(timer: Timer | None) -> bool:
    return timer is not None and timer.call is not None


def _nothing() -> None:
    """The time is over; the loop looks again whether the runner may leave."""


def checked_order(request: dict[str, Any]) -> dict[str, Any]:
    """The order in a `launch` request.

    Raises:
        ValueError: a key is unknown, or a value of another kind than it must be.
    """
    order = {name: value for name, value in request.items() if name != "op"}
    known = {"command", "env", "restart", *_TEXTS, *_LISTS, *_OBJECTS}
    if not known.issuperset(order):
        raise ValueError(f"unknown: {', '.join(sorted(set(order) - known))}")
    if not order.get("command") or not _is_texts(order["command"]):
        raise ValueError("command must be a list of words")
    env = order.get("env", {})
    if not isinstance(env, dict) or not all(isinstance(text, str) for pair in env.items() for text in pair):
        raise ValueError("env must be an object of texts")
    if any("\0" in text for text in order["command"]) or any(
        "\0" in text for pair in env.items() for text in pair
    ):
        raise ValueError("a NUL byte can stand neither in a command nor in an environment")
    for names, is_right in ((_TEXTS, _is_text), (_LISTS, _is_texts), (_OBJECTS, _is_object)):
        for name in names:
            if order.get(name) is not None and not is_right(order[name]):
                raise ValueError(f"{name} is of the wrong kind")
    if not os.path.isabs(order.get("cwd") or "/"):
        raise ValueError("cwd must be absolute")
    return order


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
