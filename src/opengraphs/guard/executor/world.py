"""What an action needs of the world around it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

from opengraphs.guard.executor.order import Order

Verdict = Literal["waiting", "improved", "regressed", "no_evidence"]


class Seen(NamedTuple):
    """How the child does against its parent. harm: a sentence when it is to be ended early, "" otherwise.

    ended: it runs no more.
    """

    verdict: Verdict
    harm: str = ""
    text: str = ""
    effect: dict[str, Any] | None = None
    ended: bool = False


class Uncertain(Exception):  # noqa: N818  # an answer, not a defect
    """Whether a launch took place is not known; `find_launched` may tell later."""


class World(Protocol):
    """Every call but `launch` may be made again. What fails raises OgError."""

    def now(self) -> float:
        """Unix seconds."""

    def stopped_by(self) -> str:
        """What the kill switch says; "" lets the action go on."""

    def publish(self, record: dict[str, Any]) -> None:
        """Tell of a record of the journal; may be told again after a restart."""

    async def pin(self, order: Order) -> None:
        """Keep the checkpoint; raises when it is gone or not whole."""

    async def stop(self, run_id: str) -> None:
        """End a run and keep its runner; one that has ended is left as it is."""

    async def smoke(self, order: Order) -> str:
        """Try the changed script for a few steps; why it does not run, "" when it does."""

    async def launch(self, order: Order, token: str, *, original: bool) -> str:
        """Start a run from the checkpoint, marked with `token`; its id.

        Raises:
            Uncertain: it may have started.
            OgError: it has not.
        """

    async def find_launched(self, token: str) -> str | None:
        """The run that was started with this mark."""

    async def look(self, order: Order, child: str) -> Seen:
        """The evidence so far."""
