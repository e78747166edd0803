"""The names inside a store and a run folder, and how a store is found.

The only list of file names in og: the writer below, the runner, and `store` all
read it here. Stdlib only and Python 3.8-safe, because training processes import it.
"""

from __future__ import annotations

import os
import time

SCHEMA = 1

RUNS = "runs"
TRASH = "trash"
RUN_JSON = "run.json"
EXIT_JSON = "exit.json"
RUN_LOCK = "run.lock"
STDOUT_LOG = "stdout.log"
HOOKS_LOG = "hooks.log"
METRICS = "metrics"
SYSTEM = "system"
EVENTS = "events"
SAMPLES = "samples"
MEDIA = "media"
BUNDLE = "bundle"
CHECKPOINTS = "checkpoints"
AGENT = "agent"
JOURNAL_SUFFIX = ".jsonl"
DAEMON_WRITER = "ogd"
"""Name of the daemon's own events journal."""
RUN_FOLDERS = (METRICS, SYSTEM, EVENTS, SAMPLES, BUNDLE)

SEGMENT_BYTES = 64 << 20
"""A journal is cut into numbered segments at this size."""

_ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_run_id(now: float | None = None, *, seed: bytes | None = None) -> str:
    """A sortable id such as `20261122-093012-k7f3` (UTC, then four letters).

    Args:
        seed: at least 8 bytes that make the letters; they are random without.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(time.time() if now is None else now))
    number = int.from_bytes(os.urandom(8) if seed is None else seed[:8], "big")
    letters = ""
    for _ in range(4):
        number, index = divmod(number, len(_ID_ALPHABET))
        letters += _ID_ALPHABET[index]
    return "%s-%s" % (stamp, letters)


def host_name() -> str:
    """This machine's name as runs record it."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def utc_iso(epoch_s: float | None = None) -> str:
    """UTC ISO-8601 with microseconds: `2026-11-22T09:30:12.123456Z`."""
    t = time.time() if epoch_s is None else epoch_s
    whole = int(t // 1)
    micro = round((t - whole) * 1e6)
    if micro == 1000000:
        whole, micro = whole + 1, 0
    return "%s.%06dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)), micro)


def segment_name(writer: str, number: int) -> str:
    """`a0-r0.jsonl`, then `a0-r0.000001.jsonl`, …"""
    return writer + JOURNAL_SUFFIX if number == 0 else "%s.%06d%s" % (writer, number, JOURNAL_SUFFIX)


def split_segment(file_name: str) -> tuple[str, int] | None:
    """`a0-r0.000001.jsonl` → `("a0-r0", 1)`; None when it is no journal's name."""
    if not file_name.endswith(JOURNAL_SUFFIX):
        return None
    stem = file_name[: -len(JOURNAL_SUFFIX)]
    head, dot, tail = stem.rpartition(".")
    if dot and len(tail) == 6 and tail.isdigit():
        return head, int(tail)
    return stem, 0


def find_store(
    explicit: str | None = None, *, env: dict[str, str] | None = None, cwd: str | None = None
) -> str:
    """The store's folder, first match of DESIGN section 2; it need not exist yet.

    `--store PATH`, `OG_STORE`, the nearest `.opengraphs/` walking up from `cwd`,
    `$XDG_DATA_HOME/opengraphs`.
    """
    environ = os.environ if env is None else env
    given = explicit or environ.get("OG_STORE")
    if given:
        return os.path.abspath(os.path.expanduser(given))
    folder = os.path.abspath(cwd or os.getcwd())
    while True:
        candidate = os.path.join(folder, ".opengraphs")
        if os.path.isdir(candidate):
            return candidate
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    data = environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "opengraphs")


def find_project(
    explicit: str | None = None, *, env: dict[str, str] | None = None, cwd: str | None = None
) -> str:
    """`--project`, `OG_PROJECT`, the git top folder's name, the working folder's name."""
    environ = os.environ if env is None else env
    given = explicit or environ.get("OG_PROJECT")
    if given:
        return given
    start = os.path.abspath(cwd or os.getcwd())
    folder = start
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return os.path.basename(start) or "default"
        folder = parent
    return os.path.basename(folder) or "default"


def create_run_folder(store: str, run_id: str) -> str:
    """Make `<store>/runs/<run_id>` with its folders and return it.

    Raises:
        OSError: the store is not writable or the disk is full; nothing half-made stays.
    """
    run_dir = os.path.join(store, RUNS, run_id)
    os.makedirs(os.path.join(store, RUNS), exist_ok=True)
    os.mkdir(run_dir)
    try:
        for name in RUN_FOLDERS:
            os.makedirs(os.path.join(run_dir, name), exist_ok=True)  # another rank may be as far
    except OSError:
        for name in RUN_FOLDERS:
            try:
                os.rmdir(os.path.join(run_dir, name))
            except OSError:
                pass
        os.rmdir(run_dir)
        raise
    return run_dir
