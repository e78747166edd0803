"""The daemon about itself and its machine: version, health, doctor, host, shutdown."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from opengraphs import paths
from opengraphs.daemon.encode import plain
from opengraphs.daemon.params import body_flag
from opengraphs.protocol.control import HealthReply, HostReply, ShutdownReply
from opengraphs.protocol.runs import Check, DoctorReply, VersionReply
from opengraphs.protocol.version import PROTOCOL_VERSION, SCHEMA, VERSION

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call


DOCTOR_READ_S = 3.0
"""How long the doctor reads on in runs that nobody has read yet."""


async def version(call: Call) -> VersionReply:
    """`GET /version`: the handshake; answered before any store is open."""
    core = call.core
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "protocol": PROTOCOL_VERSION,
        "pid": os.getpid(),
        "started_at": core.started_at,
        "live_runs": core.live_runs,
        "clients": max(0, core.connections - 1),
        "stores": [store.name for store in core.stores.all()],
    }


async def health(call: Call) -> HealthReply:
    """`GET /health`."""
    return {"status": "ok"}


async def shutdown(call: Call) -> ShutdownReply:
    """`POST /shutdown`: the answer goes out first."""
    wanted = not body_flag(call.body, "when_idle") or call.core.is_idle
    if wanted:
        asyncio.get_running_loop().call_soon(call.core.leave, "told to")
    return {"stopping": wanted}


async def host(call: Call) -> HostReply:
    """`GET /host`: rates are since the last question, or over a fifth of a second."""
    metrics = await call.core.host.sample()
    return {"schema": SCHEMA, "time": time.time(), "host": os.uname().nodename, "metrics": plain(metrics)}


async def doctor(call: Call) -> DoctorReply:
    """`GET /doctor`: the daemon's own checks, then the store's. Questions are answered meanwhile."""
    store = await call.store()
    await store.read_backlog(DOCTOR_READ_S)
    found, folders = await store.ask(lambda engine: (engine.checks(), engine.run_folders()), scan=True)
    # Not before it answered: while one thread loads a package another must not begin with a part of it.
    from opengraphs.engine.doctor import check_seals_of

    seals = await asyncio.to_thread(check_seals_of, folders)
    return {"schema": SCHEMA, "checks": [*_own_checks(call), *found, seals]}  # type: ignore[list-item]


def _own_checks(call: Call) -> list[Check]:
    core = call.core
    return [
        _check("daemon", "", f"ogd {VERSION} runs, pid {os.getpid()}", ""),
        _check(
            "daemon-log",
            core.log_trouble,
            f"ogd writes its log to {paths.daemon_log()}",
            "make that folder writable, or set XDG_STATE_HOME",
        ),
        _check(
            "cache",
            core.cache_trouble,
            f"indexes are kept in {paths.cache_dir()}",
            "free space there or set XDG_CACHE_HOME; until then indexes live in memory alone",
        ),
        _check(
            "file-events",
            core.events.trouble,
            "file events reach ogd",
            "new runs are found by the clock meanwhile; raise fs.inotify.max_user_watches",
        ),
    ]


def _check(name: str, trouble: str, fine: str, fix: str) -> Check:
    if trouble:
        return {"id": name, "status": "warn", "message": trouble, "fix": fix}
    return {"id": name, "status": "ok", "message": fine, "fix": ""}
