"""When to look at a store again. Pure arithmetic over times; the pump sleeps by it.

Stores into a mapping raise no file event, so a live journal is looked at by the clock:
often while somebody watches that run, once a second while anybody listens, and every few
seconds otherwise (a list that is asked for looks by itself). Run folders are scanned
when an event or a request says so, and now and then in case an event was lost. With
nothing live and nobody listening there is no clock at all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

WATCHED_S = 0.025
WATCHED_REMOTE_S = 0.25
"""Network and FUSE mounts, where a look costs a round trip."""
WATCHED_PER_RUN_S = 0.001
"""Many watched runs are looked at less often: a look that finds nothing costs some 0.03 ms a run, so
that looking stays below some 4 % of a core."""
SWEEP_S, UNHEARD_SWEEP_S = 1.0, 5.0
"""Looks at all live runs: with and without anybody listening or looking at one of them."""
SPACING_S = 0.015
"""Between two polls that file events ask for: a busy writer must not spin the daemon."""
PROBE_S = 2.0
"""Locks of live runs while somebody listens: a crash is named within seconds."""
SAFETY_S, LAST_SAFETY_S = 5.0, 30.0
SCAN_SHARE = 20
"""A scan that took t seconds is not repeated within 20 t, save for a question."""
SCAN_SPACING_S, UNHEARD_SCAN_SPACING_S = 0.05, 5.0
"""Between scans that file events ask for: with and without anybody listening. Every live
run rewrites its run.json now and then."""


class Sight(NamedTuple):
    """What the cadence depends on.

    watched: live runs that somebody looks at; live: all of them; listeners: open event
    streams; by_events: file events reach us; remote: a network or FUSE mount.
    """

    watched: int
    live: int
    listeners: int
    by_events: bool
    remote: bool


def poll_interval_s(sight: Sight) -> float:
    """Between looks at the watched runs; `inf` without any."""
    if not sight.watched:
        return math.inf
    base = WATCHED_REMOTE_S if sight.remote else WATCHED_S
    return max(base, WATCHED_PER_RUN_S * sight.watched)


def sweep_interval_s(sight: Sight) -> float:
    """Between looks at all live runs; `inf` without any."""
    base = SWEEP_S if sight.listeners or sight.watched else UNHEARD_SWEEP_S
    return max(base, WATCHED_PER_RUN_S * sight.live) if sight.live else math.inf


def scan_interval_s(sight: Sight, *, wanted: bool, quiet_scans: int, last_took_s: float) -> float:
    """From one scan of the run folders to the next; `inf`: none without a reason.

    Args:
        wanted: a file event asks for it.
        quiet_scans: scans in a row that found nothing new.
        last_took_s: what the last scan cost.
    """
    if wanted:
        base = SCAN_SPACING_S if sight.listeners else UNHEARD_SCAN_SPACING_S
    elif sight.live:
        base = PROBE_S if sight.listeners else SAFETY_S
    elif sight.listeners:
        base = min(LAST_SAFETY_S, SAFETY_S * 2 ** min(quiet_scans, 8))
    else:
        base = math.inf if sight.by_events else LAST_SAFETY_S
    return max(base, SCAN_SHARE * last_took_s)
