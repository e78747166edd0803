"""What the control socket can ask of a runner."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import child as children
from .group import DEFAULT_GRACE_S
from .runfile import status_of
from .server import Later, failure
from .staying import checked_order

if TYPE_CHECKING:
    from .supervise import Runner


class Answers:
    """One method an operation; see `server` for the shapes."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any] | Later | None]] = {
            "status": self._status,
            "signal": self._signal,
            "stop": self._stop,
            "wait": self._wait,
            "resize": self._resize,
            "keep": self._keep,
            "launch": self._launch,
            "next": self._next,
            "release": self._release,
        }

    def __call__(self, request: dict[str, Any]) -> dict[str, Any] | Later | None:
        """The reply; None when the client waits for the end of the run, a later one for other things."""
        operation = self._operations.get(str(request.get("op")))
        if operation is None:
            return failure(f"unknown op {request.get('op')!r}; known are {', '.join(self._operations)}")
        try:
            return operation(request)
        except (TypeError, ValueError, KeyError) as error:
            return failure(f"bad request: {error!r}")

    def _status(self, _request: dict[str, Any]) -> dict[str, Any]:
        runner = self._runner
        return {
            "ok": True,
            "run_id": runner.run_file.facts["run_id"],
            "pid": runner.child.pid,
            "runner_pid": runner.run_file.facts["runner_pid"],
            "status": status_of(runner.record) if runner.record else "running",
            "stopping": runner.group.stopped and runner.record is None,
            "exit": runner.record,
        }

    def _signal(self, request: dict[str, Any]) -> dict[str, Any]:
        number = int(request["number"])
        if not 0 < number < 65:
            return failure(f"no signal has the number {number}")
        if self._runner.told:
            return self._called_off() or failure("the training has ended")
        self._runner.group.deliver(number, stop=bool(request.get("stop")))
        return {"ok": True}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._runner.told:
            return self._called_off() or failure("the training has ended")
        self._runner.group.stop(float(request.get("grace_s", DEFAULT_GRACE_S)))
        return {"ok": True, "stopping": True}

    def _wait(self, _request: dict[str, Any]) -> dict[str, Any] | None:
        return self.ended() if self._runner.told else None

    def ended(self) -> dict[str, Any]:
        """The reply to `wait`."""
        return {"ok": True, "exit": self._runner.record}

    def _resize(self, request: dict[str, Any]) -> dict[str, Any]:
        terminal = self._runner.terminal.fd
        if terminal is None:
            return failure("the training has no terminal: it was not started with --pty")
        children.resize(terminal, int(request["columns"]), int(request["rows"]))
        return {"ok": True}

    def _keep(self, request: dict[str, Any]) -> dict[str, Any]:
        self._runner.stay().keep(float(request["seconds"]))
        return {"ok": True}

    def _launch(self, request: dict[str, Any]) -> dict[str, Any] | Later:
        if not self._runner.told:
            return failure("the training still runs")
        return self._runner.stay().launch(checked_order(request))

    def _next(self, _request: dict[str, Any]) -> dict[str, Any] | Later:
        return self._runner.stay().next()

    def _release(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "called_off": self._runner.stay().release()}

    def _called_off(self) -> dict[str, Any] | None:
        """A training that ended by a crash is stopped by not going on with it."""
        return {"ok": True, "stopping": True} if self._runner.stay().call_off() else None
