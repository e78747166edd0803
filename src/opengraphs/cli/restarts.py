"""`--restart-on-crash`: what the runner is told before, and who follows the run that goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.cli import output, several
from opengraphs.errors import UsageError
from opengraphs.runner import foreground
from opengraphs.runner.control import Control

if TYPE_CHECKING:
    from opengraphs.cli.launching import Started

WAIT_VARIABLE = "OG_RESTART_WAIT_S"
_PATIENCE_S = 0.5


def wanted(command: Sequence[str], tries: int, *, cwd: str | None = None) -> dict[str, Any] | None:
    """What the runner is to do after a crash; None for nothing.

    Arguments that are only guessed count once they were accepted: here, or by `og resume`.

    Raises:
        UsageError: og.toml or OG_RESTART_WAIT_S cannot be read.
    """
    if tries <= 0:
        return None
    from opengraphs.resuming import accepted, scripts
    from opengraphs.runner import restarting

    script = scripts.look(command, cwd or str(Path.cwd()))
    args = script.args
    if script.is_guessed and not accepted.is_accepted(script.digest, args):
        args = args if _accepts(args) else []
        if args:
            accepted.accept(script.digest, args)
    elif not args and not script.knows_og and not script.framework:
        output.say("og: nothing tells how this script goes on: after a crash it gets OG_RESUME_FROM")
    return {**restarting.wanted(tries, args=args, wait_s=_first_wait_s(restarting.FIRST_WAIT_S))}


def _accepts(args: Sequence[str]) -> bool:
    shown = " ".join(args)
    if several.can_ask():
        return several.ask(f"after a crash the command gets: {shown}. Is that right")
    output.say(
        f"og: not used, since nobody has accepted it yet: {shown} after a crash;"
        " og.toml can say it: [resume] args"
    )
    return False


def _first_wait_s(usual: float) -> float:
    text = os.environ.get(WAIT_VARIABLE, "")
    if not text:
        return usual
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= 3600.0:
        raise UsageError(f"{WAIT_VARIABLE}={text!r} is not possible", hint="seconds from 0 to 3600")
    return seconds


def _is_crash(started: Started, record: dict[str, Any] | None) -> bool:
    return started.restarts and record is not None and record.get("code") != 0 and not record.get("stopped")


def is_due(started: Started, record: dict[str, Any] | None) -> bool:
    """Whether a run that has ended goes on after its crash, or has done so; nobody waits for it."""
    if not _is_crash(started, record):
        return False
    try:
        return Control(started.control_socket).ask({"op": "next"}, timeout_s=_PATIENCE_S)["next"] is not None
    except TimeoutError:
        return True
    except OSError:
        return False


def successor(started: Started, record: dict[str, Any] | None) -> Started | None:
    """The run that goes on from one that crashed, once it runs; None when there will be none.

    ctrl-c while it is waited for calls it off.
    """
    if not _is_crash(started, record):
        return None
    control = Control(started.control_socket)
    try:
        with foreground.forwarded_signals(control, started.run_dir):
            output.say(f"og: {started.name} crashed; its restart is waited for")
            found = control.ask({"op": "next"}, timeout_s=None)["next"]
    except OSError as error:
        output.say(f"og: it is not restarted ({error.strerror or error})")
        return None
    if found is None:
        output.say("og: it is not restarted")
        return None
    output.say(f"og: goes on as {found['name']} ({found['run_id']})")
    return started._replace(
        run_dir=found["run_dir"],
        run_id=found["run_id"],
        name=found["name"],
        control_socket=found["control_socket"],
    )
