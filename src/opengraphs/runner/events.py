"""events/runner.jsonl: what the runner has to say about a run, beyond run.json."""

from __future__ import annotations

import os
import time

from opengraphs.sdk import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from opengraphs.sdk.journal import Journal

WRITER = "runner"


class RunnerEvents:
    """Opened with the first event; most runs have none. A full disk loses events, never the run."""

    def __init__(self, run_dir: str) -> None:
        self._folder = os.path.join(run_dir, layout.EVENTS)
        self._journal: Journal | None = None

    def status(self, reason: str, **facts: Any) -> None:
        """A `status` event. `facts` such as `dropped`, a count of what was lost."""
        if self._journal is None:
            from opengraphs.sdk.journal import Journal

            try:
                self._journal = Journal(self._folder, WRITER)
            except OSError:
                return
        self._journal.append({"time": time.time(), "kind": "status", **facts, "reason": reason})

    def close(self) -> None:
        """Sync and unlock."""
        if self._journal is not None:
            self._journal.close()
