"""The only code that opens the daemon's socket: transport, autostart, lifecycle.

    with connect(store=path) as client:      # starts ogd when nobody answers
        client.get("/runs", limit=5)

`sync` speaks http.client, `aio` asyncio with h11 (the TUI), `raw` a bare socket (the
first frame). All three raise the errors of `opengraphs.errors` and nothing else.
"""

from __future__ import annotations

from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from opengraphs.client.sync import Client

__all__ = ["connect"]


def connect(*, store: Path, autostart: bool = True, timeout_s: float = 10.0) -> Client:
    """A client whose requests are about `store`; the daemon is up and speaks our protocol.

    Raises:
        DaemonError: nobody answers, and ogd may not or cannot be started.
        VersionError: an ogd of another protocol runs and is busy.
    """
    from opengraphs.client.sync import Client

    client = Client(store=store, autostart=autostart, timeout_s=timeout_s)
    client.open()
    return client
