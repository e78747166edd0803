"""What a run has beside numbers: its log, events and samples, followed while asked about."""

from __future__ import annotations

from typing import Any

from opengraphs.engine.logtotal import LogTotal
from opengraphs.engine.runevents import RunEvents
from opengraphs.engine.runsamples import RunSamples
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder
from opengraphs.store.logfile import LogFile
from opengraphs.store.logsearch import matching, search


class RunFiles:
    """Readers of one run's files. Cheap to make; each reads when it is first asked."""

    def __init__(self, folder: RunFolder, fds: FdPool, *, reopen: bool = False) -> None:
        self.log = LogFile(folder.stdout_log)
        self.total = LogTotal(folder.stdout_log)
        self.events = RunEvents(folder, fds, reopen=reopen)
        self.samples = RunSamples(folder, fds, reopen=reopen)
        self._log_bytes = 0

    def log_growth(self) -> int | None:
        """The log's size if it is another one than at the last call."""
        size = self.log.size_bytes()
        if size == self._log_bytes:
            return None
        self._log_bytes = size
        return size

    def verify(self) -> None:
        """Read again what is not the file it was."""
        self.events.verify()
        self.samples.verify()

    def search_log(self, pattern: str, start: int, *, forward: bool, budget_s: float) -> dict[str, Any]:
        """Protocol shape of `logsearch.search`; negative `start` counts from the end."""
        if start < 0:
            start = max(0, self.log.window(-1, 1).total_lines + start)
        return search(self.log, pattern, start=start, forward=forward, budget_s=budget_s)._asdict()

    def matching_log(self, pattern: str, start: int, *, limit: int, budget_s: float) -> dict[str, Any]:
        """Protocol shape of `logsearch.matching`."""
        return matching(self.log, pattern, start=start, limit=limit, budget_s=budget_s)._asdict()
