"""Stop a run: ask its runner; without one, signal the process it is known to be."""

from __future__ import annotations

import asyncio
import calendar
import json
import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs import paths, sockets
from opengraphs.daemon.ownevents import append_event
from opengraphs.errors import DaemonError, ProcessError

log = logging.getLogger("ogd.stopping")

RUNNER_ANSWERS_S = 3.0
START_SLACK_S = 5.0
"""A process that began later than this after its run did is somebody else with the same pid."""


async def stop_run(run: Mapping[str, Any], *, grace_s: float) -> None:
    """TERM now, KILL after the grace.

    Args:
        run: the answer of `GET /runs/{ref}`.

    Raises:
        ProcessError: it has ended, lives on another host, or no process can be found.
    """
    if run.get("status") != "running":
        raise _refused(f"the run {run['run_id']} has ended: {run.get('status')}", run)
    reply = await _ask_runner(Path(run["path"]), grace_s)
    if reply is None:
        _signal(run, grace_s)
    elif not reply.get("ok"):
        raise _refused(f"the runner refuses: {reply.get('error')}", run)


async def _ask_runner(run_dir: Path, grace_s: float) -> dict[str, Any] | None:
    """What the run's runner says to the order; None when there is none, or it is silent."""
    try:
        link = sockets.connect(paths.control_socket(run_dir), timeout_s=RUNNER_ANSWERS_S)
    except (OSError, DaemonError):
        return None
    link.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=link)
    try:
        writer.write(json.dumps({"op": "stop", "grace_s": grace_s}).encode() + b"\n")
        await writer.drain()
        reply = json.loads(await asyncio.wait_for(reader.readline(), RUNNER_ANSWERS_S))
        return reply if isinstance(reply, dict) else None
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        log.warning("the runner of %s did not answer: %s", run_dir, error)
        return None
    finally:
        writer.close()


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
