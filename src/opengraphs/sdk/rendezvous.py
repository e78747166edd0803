"""How the ranks of one job, without a runner, come to write one run, and none waits.

Whoever comes first proposes a run by making a link `<store>/.ranks/<job>.<n>` that points
to the run's folder. Making a link is atomic and carries its content, so exactly one
proposal wins and the others read it. A link is never changed; a job that comes after
another of the same name makes the next number.
"""

from __future__ import annotations

import os
import time
import zlib

from . import layout, locks
from .jsonfile import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from .ranks import Place

FOLDER = ".ranks"
YOUNG_S = 60.0
"""A run whose folder has no run.json, or whose heartbeat is from elsewhere, counts this long."""


def agree(store: str, place: Place, new_run_id: Callable[[], str]) -> str:
    """The id of the run that the ranks of this job share; the folder may not exist yet.

    Raises:
        OSError: the store cannot be written, or has no links.
    """
    folder = os.path.join(store, FOLDER)
    os.makedirs(folder, exist_ok=True)
    stem = os.path.join(folder, _file_name(place.job))
    number = 0
    while True:
        claim = "%s.%d" % (stem, number)
        run_id = _claimed(claim)
        if run_id is None:
            try:
                run_id = new_run_id()
                os.symlink(os.path.join("..", layout.RUNS, run_id), claim)
            except FileExistsError:
                continue
            return run_id
        if place.is_unique or _is_ours(store, run_id, claim, place):
            return run_id
        number += 1


def _file_name(job: str) -> str:
    """A job's name as a file name, still different for different jobs."""
    safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in job)[:80]
    return "%s-%08x" % (safe, zlib.crc32(job.encode("utf-8", "replace")))


def _claimed(claim: str) -> Optional[str]:
    try:
        return os.path.basename(os.readlink(claim))
    except OSError:
        return None


def _is_ours(store: str, run_id: str, claim: str, place: Place) -> bool:
    """Whether a run claimed under a name that jobs reuse is the one of this job.

    It is when it lives, or began a moment ago and still lacks this rank. A restart by the
    launcher continues the newest.
    """
    run_dir = os.path.join(store, layout.RUNS, run_id)
    if place.attempt > 0:
        return not os.path.lexists("%s.%d" % (claim.rpartition(".")[0], int(claim.rpartition(".")[2]) + 1))
    metrics = os.path.join(run_dir, layout.METRICS)
    if os.path.exists(os.path.join(metrics, layout.segment_name("a0-r%d" % place.rank, 0))):
        return False
    age_s = time.time() - os.lstat(claim).st_mtime
    return age_s < YOUNG_S or is_live(run_dir)


def is_live(run_dir: str) -> bool:
    """Whether somebody owns a run now: its lock is held here, or its heart beats on another host."""
    if os.path.exists(os.path.join(run_dir, layout.EXIT_JSON)):
        return False
    try:
        fd = os.open(os.path.join(run_dir, layout.RUN_LOCK), os.O_RDWR)
    except OSError:
        return False
    is_free = locks.try_lock(fd)
    if is_free:
        locks.unlock_and_close(fd)
    else:
        locks.close(fd)
    return not is_free or _beats_elsewhere(run_dir)


def _beats_elsewhere(run_dir: str) -> bool:
    path = os.path.join(run_dir, layout.RUN_JSON)
    host = read_json(path).get("host", layout.host_name())
    return bool(host != layout.host_name() and time.time() - os.stat(path).st_mtime < YOUNG_S)
