"""Stop a run: ask its runner; without one, signal the process it is known to be."""

from __future__ import annotations

import asyncio
import calendar
import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.daemon.ownevents import append_event
from opengraphs.daemon.runnerlink import ask_runner
from opengraphs.errors import ProcessError

log = logging.getLogger("ogd.stopping")

START_SLACK_S = 5.0
"""A process that began later than this after its run did is somebody else with the same pid."""


async def stop_run(run: Mapping[str, Any], *, grace_s: float) -> None:
    """TERM now, KILL after the grace. Of a run that crashed and waits for its restart that is called off.

    Args:
        run: the answer of `GET /runs/{ref}`.

    Raises:
        ProcessError: it has ended, lives on another host, or no process can be found.
    """
    run_dir = Path(run["path"])
    if run.get("status") != "running" and not await _is_called_off(run_dir):
        raise _refused(f"the run {run['run_id']} has ended: {run.get('status')}", run)
    if run.get("status") != "running":
        return
    reply = await ask_runner(run_dir, {"op": "stop", "grace_s": grace_s})
    if reply is None:
        _signal(run, grace_s)
    elif not reply.get("ok"):
        raise _refused(f"the runner refuses: {reply.get('error')}", run)


async def _is_called_off(run_dir: Path) -> bool:
    """Whether a run that crashed was about to be restarted, and now is not."""
    reply = await ask_runner(run_dir, {"op": "stop"})
    return bool(reply and reply.get("ok"))


def _signal(run: Mapping[str, Any], grace_s: float) -> None:
    """TERM to the training process (its group, when it leads one), KILL later if it is still there."""
    pid = int(run.get("pid") or 0)
    if run.get("host") != os.uname().nodename:
        raise _refused(f"the run lives on {run.get('host')}, not on this host", run)
    born = _born(pid) if pid > 1 else None
    if born is None or born > _began(run) + START_SLACK_S:
        raise _refused("neither the runner nor the training process of this run can be found", run)
    _note_stopped(Path(run["path"]))
    _send(pid, signal.SIGTERM)
    asyncio.get_running_loop().call_later(grace_s, _kill_if_same, pid, born)


def _note_stopped(run_dir: Path) -> None:
    """Without a runner nobody else records that the end was asked for."""
    try:
        append_event(run_dir, "status", status="stopped")
    except OSError as error:
        log.warning("cannot note the stop of %s: %s", run_dir, error)


def _kill_if_same(pid: int, born: float) -> None:
    if _born(pid) == born:
        _send(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended by itself
    except OSError as error:
        raise ProcessError(f"cannot signal process {pid} ({error.strerror})") from error


def _born(pid: int) -> float | None:
    """Epoch seconds at which the process began; None when it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def _began(run: Mapping[str, Any]) -> float:
    """Epoch seconds at which the run began, as its facts have it."""
    stamp = str(run.get("started_at") or run.get("created_at") or "")
    try:
        return calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0.0


def _refused(message: str, run: Mapping[str, Any]) -> ProcessError:
    error = ProcessError(message, hint="`og list` shows what is running", path=str(run.get("path", "")))
    error.http_status = 409
    return error
