"""The runs whose numbers are at hand, within a memory budget, and the index behind them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from opengraphs.engine import digest as digests
from opengraphs.engine.chunkcache import ChunkCache
from opengraphs.engine.digest import Digest
from opengraphs.engine.index import FILE, Index, delete_files
from opengraphs.engine.rundata import RunData
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder

COMMIT_AFTER_S = 120.0
COMMIT_POINTS = 200_000
"""What a live run may have read and not committed: a restart reads it again in 0.05 s."""
_CACHE_SHARE = 4
REST_S = 60.0
"""An ended run that nobody asked about for so long is closed: each open one costs every scan some stats."""
DIGEST_S = 1.0
"""How old the digest of a run that grows may be."""


class _Made(NamedTuple):
    """A digest in memory: of which version of the run's data, and when."""

    version: int
    at_s: float
    digest: Digest


class OpenRuns:
    """Opens, keeps, commits and lets go of `RunData`.

    Raises IndexDoubtError from its methods when the index fails; `rebuild` then begins anew.

    Args:
        index_dir: None is a private temporary index.
    """

    def __init__(
        self, index_dir: Path | None, fds: FdPool, *, budget_bytes: int, reopen: bool = False
    ) -> None:
        self._index_dir = index_dir
        self._fds = fds
        self._budget_bytes = budget_bytes
        self._reopen = reopen
        self._open: dict[str, RunData] = {}
        self._digests: dict[str, _Made] = {}
        self._dirty_since: dict[str, float] = {}
        self.index = Index.open(index_dir) if index_dir is not None else Index.private("no cache folder")
        self._cache = ChunkCache(self.index, budget_bytes // _CACHE_SHARE)
        self._load_digests()

    def _load_digests(self) -> None:
        self._stored = self.index.digests()

    def close(self) -> None:
        """Let go of the index; what was not committed is read again next time."""
        self.index.close()

    def rebuild(self, *, full: bool) -> None:
        """Throw the index away and begin again: elsewhere when its disk is full."""
        was_kept = self.index.kept
        self.index.close()
        if was_kept and self._index_dir is not None:
            with contextlib.suppress(OSError):
                delete_files(str(self._index_dir / FILE))
        if full:
            self.index = Index.private("the disk of the index is full")
        else:
            self.index = Index.open(self._index_dir) if self._index_dir is not None else Index.private("")
        self._open.clear()
        self._digests.clear()
        self._dirty_since.clear()
        self._cache = ChunkCache(self.index, self._budget_bytes // _CACHE_SHARE)
        self._load_digests()

    # -- runs ------------------------------------------------------------------------------------

    def get(self, folder: RunFolder) -> RunData:
        """The data of a run, opened if need be; counts as asked about."""
        data = self.open(folder)
        data.asked()
        return data

    def open(self, folder: RunFolder) -> RunData:
        """The data of a run, opened if need be; does not count as a question."""
        data = self.find(folder.run_id)
        if data is None:
            data = RunData(folder, self.index, self._cache, self._fds, reopen=self._reopen)
            self._open[folder.run_id] = data
            self._digests.pop(
                folder.run_id, None
            )  # it was of another RunData, whose versions mean nothing here
        return data

    def find(self, run_id: str) -> RunData | None:
        """The data of a run if it is open; does not count as a question."""
        data = self._open.get(run_id)
        if data is not None and data.is_void:
            del self._open[run_id]
            return None
        return data

    def let_go(self, run_id: str) -> None:
        """Close an ended run that was read and committed, unless somebody asked about it: of ten
        thousand that are read in the background none need stay."""
        data = self._open.get(run_id)
        if data is not None and data.asked_s == 0.0 and not data.unsaved_points():
            del self._open[run_id]

    def items(self) -> list[tuple[str, RunData]]:
        return list(self._open.items())

    def drop_others(self, run_ids: set[str]) -> None:
        """Forget runs that left the store while nobody looked."""
        for run_id in self.index.runs() - run_ids:
            self.drop(run_id)

    def drop(self, run_id: str) -> None:
        """The run's folder is gone."""
        self._open.pop(run_id, None)
        self._digests.pop(run_id, None)
        self._stored.pop(run_id, None)
        with self.index.transaction():
            self.index.drop_run(run_id)

    # -- digests -----------------------------------------------------------------------------------

    def digest(self, run_id: str, folder: RunFolder, *, live: bool) -> Digest | None:
        """What a list shows of a run: fresh when it is open, else as it was stored.

        One of which the files changed since (they were trimmed after the end, or copied) is
        forgotten: nobody has read that run, and the backlog does.
        """
        data = self._open.get(run_id)
        if data is not None:
            return self._fresh_digest(run_id, data, live=live)
        found = self.stored_digest(run_id)
        if found is not None and not live and found.stamp != digests.stamp_of(folder):
            del self._stored[run_id]
            return None
        return found

    def _fresh_digest(self, run_id: str, data: RunData, *, live: bool) -> Digest:
        known, now = self._digests.get(run_id), time.monotonic()
        is_new = known is not None and known.version == data.version
        grows = live or data.pending() > 0.0
        is_recent = known is not None and grows and now - known.at_s < DIGEST_S
        if known is None or not (is_new or is_recent) or (not grows and not known.digest.stamp):
            known = _Made(data.version, now, digests.digest_of(data, ended=not live))
            self._digests[run_id] = known
        return known.digest

    def stored_digest(self, run_id: str) -> Digest | None:
        """The digest that the index has, whether or not the run's files changed since."""
        blob = self._stored.get(run_id)
        try:
            return digests.decode(blob) if blob is not None else None
        except msgspec.DecodeError:
            return None

    def known_digest(self, run_id: str, *, live: bool) -> Digest | None:
        """What is at hand without opening the run: fresh when it is open, else as it was stored."""
        data = self._open.get(run_id)
        if data is not None:
            with contextlib.suppress(OSError):
                return self._fresh_digest(run_id, data, live=live)
        return self.stored_digest(run_id)

    def digest_blob(self, run_id: str) -> bytes | None:
        """The stored digest as it lies there; another object once it was stored anew."""
        return self._stored.get(run_id)

    def has_digest(self, run_id: str) -> bool:
        return run_id in self._stored

    def put_digest(self, run_id: str, digest: Digest) -> None:
        """Keep a digest for the next time nobody has the run open."""
        blob = digests.encode(digest)
        if self._stored.get(run_id) != blob:
            with self.index.transaction():
                self.index.put_digest(run_id, blob)
            self._stored[run_id] = blob

    # -- keeping -----------------------------------------------------------------------------------

    def maintain(self, live: Iterable[str]) -> float:
        """Commit what has waited long enough, and evict; seconds until something is due again."""
        now, living = time.monotonic(), set(live)
        due = math.inf
        for run_id, data in self.items():
            waiting = data.unsaved_points()
            if not waiting:
                self._dirty_since.pop(run_id, None)
                if run_id not in living and now - data.asked_s > REST_S and _is_read(data):
                    del self._open[run_id]
                continue
            since = self._dirty_since.setdefault(run_id, now)
            is_old = now - since >= COMMIT_AFTER_S
            if run_id not in living or waiting >= COMMIT_POINTS or is_old:
                self._commit_quietly(run_id, live=run_id in living)
            else:
                due = min(due, since + COMMIT_AFTER_S - now)
        self.evict(living)
        return due

    def commit(self, run_id: str, *, live: bool, seal: bool = False) -> None:
        """Bring one run's points and digest into the index.

        A run of which that breaks off, now or before, is let go: it is read on from its last commit.

        Raises:
            OSError: it broke off now.
        """
        self._dirty_since.pop(run_id, None)
        data = self.find(run_id)
        if data is None:
            return
        try:
            data.commit(seal=seal)
        except OSError:
            del self._open[run_id]
            raise
        if _is_read(data):
            digest = self.digest(run_id, data.folder, live=live)
            if digest is not None:
                self.put_digest(run_id, digest)

    def commit_all(self, live: Iterable[str]) -> None:
        living = set(live)
        for run_id, data in self.items():
            if data.unsaved_points():
                self._commit_quietly(run_id, live=run_id in living)

    def _commit_quietly(self, run_id: str, *, live: bool, seal: bool = False) -> None:
        """The same among many: one run that cannot be committed keeps no other from it."""
        with contextlib.suppress(OSError):
            self.commit(run_id, live=live, seal=seal)

    def memory_bytes(self) -> int:
        return self._cache.memory_bytes() + sum(data.memory_bytes() for data in self._open.values())

    def is_over_budget(self) -> bool:
        """Whether `evict` has something to do."""
        return self.memory_bytes() > self._budget_bytes

    def evict(self, live: set[str]) -> None:
        """Let go of the runs asked least recently until the budget holds; live ones and the one
        asked last stay open, lean: what was put together for it would have to be begun again."""
        sizes = {run_id: data.memory_bytes() for run_id, data in self._open.items()}
        total = sum(sizes.values()) + self._cache.memory_bytes()
        if total <= self._budget_bytes:
            return
        wanted = max(self._open, key=lambda run_id: self._open[run_id].asked_s)
        for run_id in sorted(sizes, key=lambda run_id: self._open[run_id].asked_s):
            if total <= self._budget_bytes:
                return
            data = self._open[run_id]
            self._commit_quietly(run_id, live=run_id in live, seal=run_id in live)
            most = max(0, self._budget_bytes - (total - sizes[run_id]))
            stays = run_id in self._open and (run_id in live or run_id == wanted)
            if stays:
                data.release(most=most)
            if not stays or (run_id not in live and data.memory_bytes() > most and _is_read(data)):
                self._open.pop(run_id, None)
            left = data.memory_bytes() if run_id in self._open else 0
            total -= sizes[run_id] - left


def _is_read(data: RunData) -> bool:
    """Whether nothing is left to read; False where the disk does not tell."""
    try:
        return data.pending() == 0.0
    except OSError:
        return False
