"""A thread for each server: it brings the runs that go there on, and waits when the server is away."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from opengraphs.daemon.forward.jobs import Forward, Job
from opengraphs.daemon.forward.transport import RefusedError, Transport, UnavailableError
from opengraphs.protocol.forwarding import Forwarding
from opengraphs.sdk import forwarding
from opengraphs.store.fdpool import FdPool

log = logging.getLogger("ogd.forward")
PATIENCE_S = 900.0
"""A server that was away for longer does not keep an idle daemon alive."""
_FILES = 64


class Pace(NamedTuple):
    """How often live runs are looked at, and how long is waited after a failure: doubled each time."""

    poll_s: float = 1.0
    first_retry_s: float = 1.0
    max_retry_s: float = 60.0
    timeout_s: float = 60.0


def retry_delay_s(failures: int, pace: Pace, *, asked_s: float | None, chance: float) -> float:
    """How long to wait after so many failures in a row.

    Args:
        failures: at least 1.
        asked_s: what the server asked for; it is never asked sooner.
        chance: 0 to 1, so that many daemons do not come back at one moment.
    """
    grown = min(pace.max_retry_s, pace.first_retry_s * 2.0 ** min(failures - 1, 30))
    return max(grown * (0.5 + 0.5 * chance), asked_s or 0.0)


class Lane:
    """All runs that go to one server.

    Args:
        clock: monotonic seconds; chance: 0 to 1, anew at each call.
    """

    def __init__(
        self,
        target: str,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.target = target
        self._pace = pace
        self._clock = clock
        self._chance = chance
        self._transport = Transport(target, timeout_s=pace.timeout_s)
        self._fds = FdPool(_FILES)
        self._wake = threading.Condition()
        self._jobs: dict[tuple[str, str], Job] = {}
        self._forwards: dict[tuple[str, str], Forward] = {}
        self._is_stopped = False
        self._is_noted = False
        self._failures = 0
        self._heard_at = clock()
        self._thread = threading.Thread(target=self._run, name="ogd-forward", daemon=True)

    # -- from other threads ----------------------------------------------------------------------

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take(self, jobs: Mapping[tuple[str, str], Job]) -> None:
        """These are all runs for this server now; what it does with them begins at once."""
        with self._wake:
            self._jobs = dict(jobs)
            self._is_noted = True
            self._wake.notify()

    def stop(self, timeout_s: float) -> None:
        """Leave after the request that is under way; one that takes longer is left behind."""
        with self._wake:
            self._is_stopped = True
            self._wake.notify()
        self._thread.join(timeout_s)

    def shown(self, key: tuple[str, str]) -> Forwarding | None:
        """What is told of one run; None when it is not ours."""
        forward = self._forwards.get(key)
        if forward is not None:
            return forward.shown
        return {"target": self.target, "state": "waiting"} if key in self._jobs else None

    @property
    def is_busy(self) -> bool:
        """Whether something waits for a server that has answered lately."""
        is_waiting = any(
            job.ended and not ((forward := self._forwards.get(key)) and forward.shown["state"] == "done")
            for key, job in list(self._jobs.items())
        )
        return is_waiting and self._clock() - self._heard_at < PATIENCE_S

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_stopped:
            try:
                wait_s = self._round()
            except Exception:  # the daemon's border: a defect in one round must not end forwarding
                log.exception("forwarding to %s", self.target)
                wait_s = self._pace.max_retry_s
            self._sleep(wait_s)
        self._transport.close()
        self._fds.close()

    def _sleep(self, wait_s: float | None) -> None:
        """Until told, or for `wait_s`. While the server is away news does not shorten the wait."""
        with self._wake:
            if self._failures and wait_s:
                until = self._clock() + wait_s
                while not self._is_stopped and (left := until - self._clock()) > 0:
                    self._wake.wait(left)
            elif not self._is_noted and not self._is_stopped:
                self._wake.wait(wait_s)
            self._is_noted = False

    def _round(self) -> float | None:
        """Bring every run on by a batch; how long to wait then, None for until told."""
        self._admit()
        has_moved = False
        try:
            for forward in list(self._forwards.values()):
                has_moved = self._bring_on(forward) or has_moved
        except UnavailableError as error:
            return self._failed(error)
        if self._failures:
            log.info("%s takes records again", self.target)
            self._failures = 0
        if has_moved:
            return 0.0
        is_live = any(not forward.job.ended for forward in self._forwards.values())
        is_held = any(forward.retry_at for forward in self._forwards.values())
        return self._pace.poll_s if is_live or is_held else None

    def _admit(self) -> None:
        with self._wake:
            jobs = self._jobs
        for key in [key for key in self._forwards if key not in jobs]:
            gone = self._forwards.pop(key)
            if not gone.job.folder.exists():
                gone.forget()
        for key, job in jobs.items():
            known = self._forwards.get(key)
            if known is None:
                self._forwards[key] = Forward(job, self._post, self._fds)
                self._forwards[key].show()
            else:
                known.job = job

    def _bring_on(self, forward: Forward) -> bool:
        if self._is_stopped or self._clock() < forward.retry_at:
            return False
        try:
            has_moved = forward.step()
            forward.retry_at = 0.0
            forward.note_error("")
        except UnavailableError as error:
            forward.note_error(str(error))
            raise
        except (RefusedError, OSError) as error:
            forward.note_error(str(error))
            forward.retry_at = self._clock() + self._pace.max_retry_s
            has_moved = False
        finally:
            forward.show()
        return has_moved

    def _post(self, name: str, kwargs: dict[str, object]) -> None:
        allowed = forwarding.granted(self.target)
        if allowed is None:
            raise UnavailableError("nobody has allowed this server on this machine; see docs/forwarding.md")
        token = allowed.get("token")
        try:
            self._transport.post(name, kwargs, token=token if isinstance(token, str) else None)
        except RefusedError:
            self._heard_at = self._clock()
            raise
        self._heard_at = self._clock()

    def _failed(self, error: UnavailableError) -> float:
        self._failures += 1
        if self._failures == 1:
            log.warning("%s is not available: %s", self.target, error)
        for forward in self._forwards.values():
            if not forward.is_done:
                forward.note_error(str(error))
                forward.show()
        return retry_delay_s(self._failures, self._pace, asked_s=error.retry_after_s, chance=self._chance())
