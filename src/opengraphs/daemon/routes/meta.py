"""The daemon about itself and its machine: version, health, doctor, host, shutdown."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs import paths
from opengraphs.daemon.encode import plain
from opengraphs.daemon.hostsampler import Wanted, load, uptime_s
from opengraphs.daemon.ingest import quarantine
from opengraphs.daemon.params import body_flag
from opengraphs.errors import OgError
from opengraphs.protocol.control import HealthReply, HostReply, ShutdownReply
from opengraphs.protocol.runs import Check, DoctorReply, VersionReply
from opengraphs.protocol.version import PROTOCOL_VERSION, SCHEMA, VERSION

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call


MAX_NAMED = 10
MAX_PROCESSES = 500
DOCTOR_READ_S = 3.0
BELOW_S = 0.3
"""How long it looks for foreign runs below a folder."""
MAX_NAMED = 20
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
    limit = call.params.integer("processes", 0, low=0, high=MAX_PROCESSES)
    sort = call.params.choice("sort", ("cpu", "memory"), default="cpu")
    filter_ = call.params.text("filter") or ""
    wanted = Wanted(limit, sort, filter_, await _run_pids(call)) if limit else None
    metrics, processes = await call.core.host.look(wanted)
    return {
        "schema": SCHEMA,
        "time": time.time(),
        "host": os.uname().nodename,
        "metrics": plain(metrics),
        "load": load(),
        "uptime_s": uptime_s(),
        **processes,  # type: ignore[typeddict-item]
    }


async def _run_pids(call: Call) -> dict[int, tuple[str, str]]:
    """The processes of the live runs of this machine, in every open store."""
    here, found = os.uname().nodename, dict[int, tuple[str, str]]()
    if call.params.text("store"):
        with suppress(OgError):  # the machine can be looked at without a store
            await call.store()
    for store in call.core.stores.all():
        for run in await store.ask(lambda engine: engine.processes()):
            if run["host"] == here and run["pid"]:
                found[int(run["pid"])] = run["run_id"], run["name"] or run["run_id"]
    return found


async def doctor(call: Call) -> DoctorReply:
    """`GET /doctor`: the daemon's own checks, then the store's. Questions are answered meanwhile."""
    store = await call.store()
    await store.read_backlog(DOCTOR_READ_S)
    found, folders = await store.ask(lambda engine: (engine.checks(), engine.run_folders()), scan=True)
    # Not before it answered: while one thread loads a package another must not begin with a part of it.
    from opengraphs.engine.doctor import check_seals_of

    seals = await asyncio.to_thread(check_seals_of, folders)
    own = [*_own_checks(call), _forwarding_check(call, store.name)]
    foreign = [_check_sources(await store.foreign.rows())]
    if below := call.params.text("below"):
        foreign.append(await asyncio.to_thread(_check_below, Path(below)))
    return {"schema": SCHEMA, "checks": [*own, *found, seals, *foreign]}  # type: ignore[list-item]


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
        _ingest_check(call),
    ]


def _ingest_check(call: Call) -> Check:
    """Whether Trackio's clients are listened to, and rows of theirs that make no sense."""
    rows, reason = quarantine.waiting()
    trouble = call.core.ingest.trouble
    if rows:
        what = "1 row" if rows == 1 else f"{rows} rows"
        trouble = trouble or f"{what} of Trackio clients could not be stored, the newest because: {reason}"
    is_on = call.core.ingest.is_listening
    return _check(
        "ingest",
        trouble,
        "Trackio clients are listened to" if is_on else "Trackio clients are not listened to (og ingest)",
        f"they are in {quarantine.path_in_force()}; remove that file when you have seen them"
        if rows
        else "og ingest --port 0 chooses a free port",
    )


def _forwarding_check(call: Call, store: str) -> Check:
    """Runs that cannot be forwarded now, and records that a server refused."""
    troubles = [
        f"{run_id} to {told['target']}: {told.get('last_error') or str(told.get('skipped')) + ' records refused'}"
        for run_id, told in call.core.forwarder.stuck(store)
    ]
    more = f"; and {len(troubles) - MAX_NAMED} more" if len(troubles) > MAX_NAMED else ""
    return _check(
        "forwarding",
        "; ".join(troubles[:MAX_NAMED]) + more,
        "nothing waits to be forwarded for longer than it should",
        "see `og show RUN` and docs/forwarding.md; what waits stays in the run folder",
    )


def _check_sources(rows: dict[str, Any]) -> Check:
    """What of the attached foreign runs cannot be read, file by file."""
    problems = [rows["trouble"]] if rows["trouble"] else []
    for source in rows["sources"]:
        if source["message"]:
            problems.append(f"{source['path']}: {source['message']}")
        for trouble in source["troubles"]:
            at = "" if trouble["offset"] is None else f" at {trouble['offset']}"
            problems.append(f"{trouble['path']}: {trouble['skipped']} skipped: {trouble['reason']}{at}")
    more = f"; and {len(problems) - MAX_NAMED} more" if len(problems) > MAX_NAMED else ""
    counts = Counter(source["title"] for source in rows["sources"])
    return _check(
        "sources",
        "; ".join(problems[:MAX_NAMED]) + more,
        f"attached foreign runs: {_counted(counts)}" if counts else "no foreign runs are attached",
        "what could be read is shown; og attach --detach PATH lets go of a place that is gone",
    )


def _check_below(folder: Path) -> Check:
    """Which formats' runs lie below a folder, as far as BELOW_S shows."""
    from opengraphs.sources.discover import Walk, looked_for
    from opengraphs.sources.formats import FORMATS

    walk = Walk(folder, FORMATS)
    counts = Counter(found.format.title for found in walk.advance(BELOW_S))
    more = "" if walk.is_done else ", and still looking when the time was up"
    if counts:
        said = f"below {folder}: {_counted(counts)}{more}; og view {folder} shows them"
    else:
        said = f"no foreign runs below {folder}{more}; og reads {looked_for(FORMATS)}"
    return _check("readers", "", said, "")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {title}" for title, count in counts.most_common())


def _check(name: str, trouble: str, fine: str, fix: str) -> Check:
    if trouble:
        return {"id": name, "status": "warn", "message": trouble, "fix": fix}
    return {"id": name, "status": "ok", "message": fine, "fix": ""}
