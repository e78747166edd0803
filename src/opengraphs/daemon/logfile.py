"""The daemon's log: one small file, the one before it kept, never a terminal.

Descriptors 1 and 2 point into it as well, so that what the interpreter itself says on
its way down is found there.
"""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import os
import sys
from io import TextIOWrapper
from pathlib import Path

MAX_BYTES = 1 << 20


class _Handler(logging.handlers.RotatingFileHandler):
    """Rotates at 1 MiB and takes the standard streams along."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", errors="replace")
        self._redirect()

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return open(  # noqa: PTH123 - with a mode of its own, whatever the umask
            os.open(self.baseFilename, flags, 0o600), "a", encoding=self.encoding, errors=self.errors
        )

    def doRollover(self) -> None:  # noqa: N802 - the base class's name
        super().doRollover()
        self._redirect()

    def _redirect(self) -> None:
        if self.stream is not None:
            for descriptor in (1, 2):
                os.dup2(self.stream.fileno(), descriptor)


def open_log(path: Path) -> str:
    """Send everything the daemon says to `path`.

    Returns:
        Empty, or why it cannot be written (then nothing is logged and `og doctor` says so).
    """
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.raiseExceptions = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler: logging.Handler = _Handler(path)
    except OSError as error:
        root.addHandler(logging.NullHandler())
        return f"{error.strerror}: {path}"
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    faulthandler.enable(sys.__stderr__ or 2)
    return ""
