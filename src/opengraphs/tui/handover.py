"""What passes between a command and the UI it opens: the run it owns, and how the user left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

ScreenName = Literal["runs", "graphs", "compare", "logs", "system", "samples", "alerts", "chat"]


class OwnedRun(NamedTuple):
    """The run this command started: leaving asks whether to detach from it or to stop it.

    stop: a second way to ask for its end, used when the daemon cannot be reached;
    called in a thread, must not print.
    """

    run_id: str
    name: str
    stop: Callable[[], object] | None = None


class ExitChoice(NamedTuple):
    """How the user left.

    kind: `detach` the owned run goes on; `stop` its end was asked for (the caller still
    waits for it); `quit` nothing live was owned; `signal` TERM, HUP or the end of the
    terminal ended the screen.
    exit_code: the run's own code where it is known (128 + N for a signal), else None.
    run_id: the run that was in view, for the line that says how to attach again.
    """

    kind: Literal["detach", "stop", "quit", "signal"]
    exit_code: int | None
    run_id: str | None
