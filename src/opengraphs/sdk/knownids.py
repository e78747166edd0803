"""Ids that scripts make for their runs (`init(id=…, resume="allow")`), and which runs they became.

og's own ids tell the time and are made by og. A script's id is a small file below `.ids/`
in the store that holds the run's id, so that the same id finds the same run again.
"""

from __future__ import annotations

import os

from . import layout
from .jsonfile import replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

FOLDER = ".ids"


def find(store: str, project: str, given: str) -> Optional[str]:
    """The run that `given` names: its own id, or the one a script gave it; None when there is none."""
    if os.path.basename(given) == given and os.path.isdir(os.path.join(store, layout.RUNS, given)):
        return given
    try:
        with open(_path(store, project, given), encoding="ascii") as file:
            run_id = file.read(100).strip()
    except (OSError, ValueError):
        return None
    is_there = os.path.basename(run_id) == run_id and os.path.isdir(os.path.join(store, layout.RUNS, run_id))
    return run_id if run_id and is_there else None


def remember(store: str, project: str, given: str, run_id: str) -> None:
    """From now on `given` means this run.

    Raises:
        OSError: the store cannot be written.
    """
    path = _path(store, project, given)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    replace_file(path, run_id.encode("ascii"))


def _path(store: str, project: str, given: str) -> str:
    import hashlib

    name = ("%s\0%s" % (project, given)).encode("utf-8", "replace")
    return os.path.join(store, FOLDER, hashlib.sha256(name).hexdigest()[:32])
