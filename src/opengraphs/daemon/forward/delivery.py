"""Bring a batch to the server, whole or in pieces, until each row is stored or refused for good.

A server refuses a whole request for one row it does not understand. The batch is halved
until that row stands alone; it is skipped only if the server takes an empty request at
that moment, because a server that refuses everything (a wrong token, writes paused) says
nothing about a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opengraphs.daemon.forward.cursor import Skip
from opengraphs.daemon.forward.rows import ALERTS, CONFIG_PLACE, LIST_NAMES, METRICS, SYSTEM, Row
from opengraphs.daemon.forward.transport import RefusedError, UnavailableError

MAX_SKIPS_IN_A_ROW = 20
"""A server that refuses so many rows of a run, and takes none between, means all of them."""
FAULTS_BEFORE_SPLIT = 3
"""So often the same rows may be answered with status 500 before one of them is suspected."""


Post = Callable[[str, dict[str, object]], None]
"""`Transport.post` with the token in it."""


class Delivery:
    """Delivers the rows of one run and remembers how the server has been answering to them.

    Args:
        post: raises RefusedError or UnavailableError.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._refused_in_a_row = 0
        self._faults = 0

    def deliver(self, rows: Sequence[Row]) -> list[Skip]:
        """Send all rows; the ones the server refuses for good.

        Raises:
            UnavailableError: not all were sent, the server is not fit. Sending all of them again does no harm.
            RefusedError: not all were sent, the server refuses whatever this run has.
        """
        skips: list[Skip] = []
        for endpoint in (METRICS, SYSTEM, ALERTS):
            group = [row for row in rows if row.endpoint == endpoint]
            if group:
                self._send(endpoint, group, skips)
        self._faults = 0
        return skips

    def _send(self, endpoint: str, rows: Sequence[Row], skips: list[Skip]) -> None:
        try:
            self._offer(endpoint, rows)
        except RefusedError as error:
            reason = str(error)
        else:
            return
        self._divide(endpoint, rows, skips, reason)

    def _divide(self, endpoint: str, rows: Sequence[Row], skips: list[Skip], reason: str) -> None:
        if len(rows) == 1:
            self._give_up(endpoint, rows[0], skips, reason)
            return
        middle = len(rows) // 2
        self._send(endpoint, rows[:middle], skips)
        self._send(endpoint, rows[middle:], skips)

    def _offer(self, endpoint: str, rows: Sequence[Row]) -> None:
        try:
            self._post(endpoint, _body(endpoint, [row.entry for row in rows]))
        except UnavailableError as error:
            if error.status != 500:
                raise
            self._faults += 1
            if self._faults <= FAULTS_BEFORE_SPLIT:
                raise
            raise RefusedError(str(error)) from error
        self._refused_in_a_row = 0

    def _give_up(self, endpoint: str, row: Row, skips: list[Skip], reason: str) -> None:
        """Skip a row, if it is the row that is refused and not everything; its config first, if it has one."""
        try:
            self._post(endpoint, _body(endpoint, []))
        except RefusedError as error:
            raise UnavailableError(f"it refuses everything: {error}") from error
        if row.entry.get("config"):
            skips.append(Skip(CONFIG_PLACE, reason))
            self._send(endpoint, [row._replace(entry={**row.entry, "config": None})], skips)
            return
        if self._refused_in_a_row >= MAX_SKIPS_IN_A_ROW:
            self._refused_in_a_row = 0  # after a pause they may all be tried again
            raise RefusedError(f"it refuses every row of this run: {reason}")
        self._refused_in_a_row += 1
        skips.append(Skip(row.place, reason))


def _body(endpoint: str, entries: list[dict[str, object]]) -> dict[str, object]:
    return {LIST_NAMES[endpoint]: entries, "hf_token": None}
