"""The daemon's main loop, from the first connection to the last commit."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

from opengraphs.daemon.app import make_app
from opengraphs.daemon.core import Core
from opengraphs.daemon.routes import ROUTES
from opengraphs.daemon.server import QuietServer
from opengraphs.daemon.startup import Claim, release

log = logging.getLogger("ogd")


def serve(claimed: Claim, *, log_trouble: str, ready: Callable[[], None]) -> None:
    """Serve until told to leave, then commit and close everything.

    Args:
        ready: called once requests are answered.
    """
    asyncio.run(_serve(claimed, log_trouble, ready))


async def _serve(claimed: Claim, log_trouble: str, ready: Callable[[], None]) -> None:
    core = Core(claimed, log_trouble=log_trouble)
    server = QuietServer(make_app(core, ROUTES), on_connections=core.note_connections)
    core.on_leave = lambda why: _leave(core, server, why)
    _on_signals(core)
    serving = asyncio.create_task(server.serve_on(claimed.listener))
    log.info("listening on %s", claimed.path)
    ready()
    await core.start()
    await serving
    await core.close()
    log.info("left")


def _leave(core: Core, server: QuietServer, why: str) -> None:
    """Stop listening, so that the next command starts a new daemon; streams end now."""
    log.info("leaving: %s", why)
    release(core.claim)
    core.hub.close()
    server.stop()


def _on_signals(core: Core) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, core.leave, f"signal {number.name}")
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # the terminal may go, we stay
