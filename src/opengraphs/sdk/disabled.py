"""A run that records nothing."""

from __future__ import annotations

import os

from .run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional


class DisabledRun(Run):
    """A run that records nothing: `OG_MODE=disabled`, or a store that cannot be written."""

    _own_dir: Optional[str] = None

    def _folder(self) -> str:
        """An empty folder: scripts put files into a run's folder without asking whether there is one."""
        if self._own_dir is None:
            import tempfile

            self._own_dir = tempfile.mkdtemp(prefix="og-disabled-")
        return self._own_dir

    dir = property(_folder, lambda _self, _none: None)

    def end(self, *, code: Optional[int], signal: Optional[int] = None, stopped: bool = False) -> None:
        """Nothing ends; the folder goes if nothing was put into it."""
        super().end(code=code, signal=signal, stopped=stopped)
        try:
            os.rmdir(self._own_dir or "")
        except OSError:
            pass

    def log(
        self, metrics: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None
    ) -> None:
        """Nothing."""
