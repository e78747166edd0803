"""Forwarding as the daemon sees it: which runs ask, which lanes there are, what is told about them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from opengraphs.daemon.forward.jobs import Job
from opengraphs.daemon.forward.lane import Lane, Pace
from opengraphs.protocol.forwarding import Forwarding
from opengraphs.sdk import forwarding

MAX_LANES = 16
"""Servers at a time; runs for others wait until the daemon starts anew."""
STOP_S = 2.0


class Forwarder:
    """All lanes; loop thread only."""

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._lanes: dict[str, Lane] = {}
        self._jobs: dict[str, dict[tuple[str, str], Job]] = {}

    def take(self, store: str, jobs: Iterable[Job]) -> None:
        """These are all runs of `store` that ask for it, as they are now."""
        mine = {job.key: job for job in jobs if _is_ours(job)}
        if mine == self._jobs.get(store, {}):
            return
        before = self._jobs.get(store, {})
        self._jobs[store] = mine
        for target in {job.target for job in (*before.values(), *mine.values())}:
            self._tell(target)

    def shown(self, store: str, run_id: str) -> Forwarding | None:
        """What is told of one run; None when it does not ask."""
        job = self._jobs.get(store, {}).get((store, run_id))
        if job is None:
            return None
        lane = self._lanes.get(job.target)
        return (
            lane.shown(job.key)
            if lane
            else {"target": job.target, "state": "blocked", "last_error": _TOO_MANY}
        )

    def stuck(self, store: str) -> list[tuple[str, Forwarding]]:
        """Runs of a store that cannot be delivered now, or of which rows were refused."""
        told = [(job.run_id, self.shown(store, job.run_id)) for job in self._jobs.get(store, {}).values()]
        return [
            (run_id, one) for run_id, one in told if one and (one.get("last_error") or one.get("skipped"))
        ]

    @property
    def is_busy(self) -> bool:
        """Whether the daemon should stay for what is still to be delivered."""
        return any(lane.is_busy for lane in self._lanes.values())

    async def close(self) -> None:
        """End the threads, each after the request that is under way."""
        lanes, self._lanes = list(self._lanes.values()), {}
        await asyncio.gather(*(asyncio.to_thread(lane.stop, STOP_S) for lane in lanes))

    def _tell(self, target: str) -> None:
        jobs = {key: job for mine in self._jobs.values() for key, job in mine.items() if job.target == target}
        if target not in self._lanes:
            if not jobs or len(self._lanes) >= MAX_LANES:
                return
            self._lanes[target] = Lane(target, self._pace)
            self._lanes[target].start()
        self._lanes[target].take(jobs)


_TOO_MANY = f"more than {MAX_LANES} servers at a time"


def _is_ours(job: Job) -> bool:
    """Another user's run in a shared store is for that user's ogd; an address must be one as `og` writes it."""
    try:
        return job.folder.stat().st_uid == os.getuid() and forwarding.parse(job.target) == (job.target, None)
    except (OSError, ValueError):
        return False
