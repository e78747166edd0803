"""The asynchronous client, saying when it has lost its daemon and looks for it."""

from __future__ import annotations

from collections.abc import Callable

from opengraphs.client.aio import AsyncClient
from opengraphs.protocol.runs import VersionReply


class WatchedClient(AsyncClient):
    """`on_search` is called whenever no daemon answered and one has to be found or started."""

    on_search: Callable[[], object] = staticmethod(lambda: None)

    async def open(self) -> VersionReply:
        self.on_search()
        return await super().open()
