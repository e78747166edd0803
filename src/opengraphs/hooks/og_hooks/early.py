"""Events of a process that may never log: written at once, without the SDK's journals.

A launcher that parses its command line and starts the training must not claim the journal
that the training itself will want. So what is known early goes to a file of its own,
`events/<name>.jsonl`, line by line.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping


def tell(writer: str, kind: str, payload: Mapping[str, Any]) -> None:
    """Append an event to `events/<writer>-f<pid>.jsonl`.

    Raises:
        OSError: the run folder cannot be written.
    """
    from opengraphs.sdk import encode
    from opengraphs.sdk.plain import plain

    line = encode.line({"time": time.time(), "kind": kind, **plain(dict(payload))})
    name = "%s-f%d.jsonl" % (writer, os.getpid())
    fd = os.open(
        os.path.join(os.environ["OG_RUN_DIR"], "events", name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
    )
    try:
        os.write(fd, line + b"\n")
    finally:
        os.close(fd)


def is_child() -> bool:
    """Whether multiprocessing started this process, also while it still imports its parent's script."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    return process.parent_process() is not None or hasattr(process.current_process(), "_inheriting")
