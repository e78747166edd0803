"""The daemon's side of a runner's control socket: one request, one reply, nobody waits in the loop."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs import paths, sockets
from opengraphs.errors import DaemonError

log = logging.getLogger("ogd.runnerlink")

RUNNER_ANSWERS_S = 3.0
_MAX_REPLY_BYTES = 1 << 20


async def ask_runner(
    run_dir: Path,
    request: Mapping[str, Any],
    *,
    timeout_s: float = RUNNER_ANSWERS_S,
    silence: dict[str, Any] | None = None,
) -> dict[str, Any] | None:
    """What a run's runner says; None when there is none, `silence` when it takes the request and says nothing."""
    try:
        link = sockets.connect(paths.control_socket(run_dir), timeout_s=RUNNER_ANSWERS_S)
    except (OSError, DaemonError):
        return None
    link.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=link, limit=_MAX_REPLY_BYTES)
    try:
        writer.write(json.dumps(dict(request)).encode() + b"\n")
        await writer.drain()
        reply = json.loads(await asyncio.wait_for(reader.readline(), timeout_s))
        return reply if isinstance(reply, dict) else silence
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        log.warning("the runner of %s did not answer: %s", run_dir, error)
        return silence
    finally:
        writer.close()
