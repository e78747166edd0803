"""When the daemon looks: often where somebody watches, never where nothing can happen."""

from __future__ import annotations

import math

from opengraphs.daemon import cadence
from opengraphs.daemon.cadence import Sight


def sight(
    *, watched: int = 0, live: int = 0, listeners: int = 0, by_events: bool = True, remote: bool = False
) -> Sight:
    return Sight(watched, live, listeners, by_events, remote)


def scan(s: Sight, *, wanted: bool = False, quiet: int = 0, took_s: float = 0.0) -> float:
    return cadence.scan_interval_s(s, wanted=wanted, quiet_scans=quiet, last_took_s=took_s)


def test_idle_store_has_no_clock_at_all() -> None:
    idle = sight()
    assert scan(idle) == cadence.poll_interval_s(idle) == cadence.sweep_interval_s(idle) == math.inf


def test_idle_store_without_file_events_is_looked_at_twice_a_minute() -> None:
    assert scan(sight(by_events=False)) == 30.0


def test_watched_run_is_looked_at_every_25_ms_and_remotely_every_250() -> None:
    assert cadence.poll_interval_s(sight(watched=1, live=1)) == 0.025
    assert cadence.poll_interval_s(sight(watched=1, live=1, remote=True)) == 0.25


def test_many_watched_runs_share_the_effort() -> None:
    assert cadence.poll_interval_s(sight(watched=50, live=50)) == 50 * cadence.WATCHED_PER_RUN_S


def test_live_runs_that_nobody_watches_are_swept_once_a_second_while_somebody_listens() -> None:
    unwatched = sight(live=3)
    assert cadence.poll_interval_s(unwatched) == math.inf
    assert cadence.sweep_interval_s(unwatched) == 5.0
    assert cadence.sweep_interval_s(sight(live=3, listeners=1)) == 1.0
    assert cadence.sweep_interval_s(sight(live=3, watched=1)) == 1.0


def test_crash_of_a_live_run_is_seen_within_two_seconds_while_somebody_listens() -> None:
    assert scan(sight(live=1, listeners=1)) == 2.0
    assert scan(sight(live=1)) == 5.0


def test_safety_net_grows_from_5_to_30_s_while_nothing_is_found() -> None:
    listening = sight(listeners=1)
    assert [scan(listening, quiet=quiet) for quiet in (0, 1, 2, 3, 100)] == [5, 10, 20, 30, 30]


def test_file_events_ask_for_a_scan_soon_but_not_in_a_burst() -> None:
    assert scan(sight(listeners=1), wanted=True) == 0.05
    assert scan(sight(), wanted=True) == 5.0


def test_slow_scan_is_not_repeated_at_once() -> None:
    assert scan(sight(listeners=1), wanted=True, took_s=0.5) == 10.0
