"""run.json while the run lives: one owner, replaced whole, never in the way of the training."""

from __future__ import annotations

import os

from opengraphs.sdk import layout
from opengraphs.sdk.jsonfile import replace_file

from .plainjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RESERVE_BYTES = 64 << 10


class Reserve:
    """A little disk space held back, so that the end of a run can be written onto a full disk.

    An unnamed file: nobody sees it, and the kernel takes it back when the runner dies.
    Where the file system has none of those (network mounts), there is no reserve.
    """

    def __init__(self, folder: str) -> None:
        self._fd = -1
        if not hasattr(os, "O_TMPFILE"):
            return
        try:
            self._fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            os.posix_fallocate(self._fd, 0, RESERVE_BYTES)
        except OSError:
            self.release()

    def release(self) -> None:
        """Give the space back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class RunFile:
    """The facts of one run and the file that holds them."""

    def __init__(self, run_dir: str, facts: dict[str, Any]) -> None:
        self.facts = facts
        self._path = os.path.join(run_dir, layout.RUN_JSON)

    def update(self, **changes: Any) -> bool:
        """Change facts and write the file.

        Returns:
            False when it could not be written: a full disk, a lost folder. The facts stay,
            and the next update, at a heartbeat at the latest, writes them.
        """
        self.facts.update(changes)
        try:
            replace_file(self._path, dumps(self.facts, indent=1) + b"\n")
        except OSError:
            return False
        return True

    def beat(self) -> None:
        """The sign of life for readers that cannot see the lock: another host, a shared folder."""
        self.update(heartbeat_at=layout.utc_iso())


def write_exit(run_dir: str, record: dict[str, Any]) -> None:
    """exit.json, safe on the disk.

    Raises:
        FileNotFoundError: the run folder is gone.
        OSError: there is no room, or the folder cannot be written.
    """
    replace_file(os.path.join(run_dir, layout.EXIT_JSON), dumps(record, indent=1) + b"\n", durable=True)


def status_of(record: dict[str, Any]) -> str:
    """The status an exit record means (DESIGN: by the user stopped; code 0 finished; else failed)."""
    if record.get("stopped"):
        return "stopped"
    return "finished" if record.get("code") == 0 else "failed"
