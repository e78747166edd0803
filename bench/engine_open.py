"""Opening a run: from nothing, with the index there, with the daemon up; beside the peers.

A client asks for the first curve of a run and draws it at a screen's width. What is cold
is checked and not hoped for: the index is not there and the journals are not in the page
cache when the clock starts, and the answer must hold the newest point with its value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.engine_home import Home, Memory, cached_share, cpu_ms, forget_pages, wait_quiet
from bench.engine_peers import PEERS
from bench.engine_points import Shape, column, journal_bytes, run_id, write_run
from bench.engine_rows import MIN_REPEATS, Row, Spread, timed_ms

COLUMNS = 200
LEAST_DRAWN = 8
COLD_SHARE = 0.05
"""More of the journals than this in the page cache, and a look is not cold."""


def curve_request(run: str, *metrics: str, **more: Any) -> dict[str, Any]:
    return {"runs": [run], "metrics": list(metrics), "columns": COLUMNS, **more}


def opening(home: Home, name: str, shape: Shape, budgets: dict[str, float]) -> list[Row]:
    """Rows of one run's opening; leaves the daemon down and the index there."""
    store, run = home.store(name), run_id(0, "open")
    folder = store / "runs" / run if (store / "runs").exists() else write_run(store, run, shape)
    truth = column(shape, 0)
    checks = _Checks(run, shape, float(truth[-1]), float(truth.min()), float(truth.max()))
    cold, whole_ms, pending, used, drawn = _cold(home, store, folder, checks)
    peers = _peers(home, name, shape)
    size = f"{shape.points / 1e6:g} M points, {journal_bytes(folder) / 1e6:,.0f} MB of journals"
    seen = f"{size}; the first answer holds {100 * (1 - pending):.0f} % of it in {drawn} points"
    if checks.without_newest:
        seen += f"; {checks.without_newest} of {MIN_REPEATS} first answers lacked the newest point and were asked again"
    rows = [
        Row("first curve: ogd up, no index, nothing in the page cache", "ms", cold, used, budgets.get("cold"), note=seen),
        Row("  the same until all of the run is read", "ms", whole_ms, peers=_of(peers, "whole_ms"),
            note="Trackio: all points of one metric, out of a database that is its index"),
    ]  # fmt: skip
    from_nothing = _after_stop(home, store, checks, keep_index=False, folder=folder)
    rows.append(
        Row("first curve: no ogd, no index; its start counts", "ms", from_nothing, peers=_of(peers, "cold_ms"),
            note="peers: from the start of their process, nothing in the page cache; Trackio: 3 000 points, evenly taken")
    )  # fmt: skip
    home.stop_daemon()
    home.forget_index()
    with home.client(store) as client:
        home.read_all(client, run)
    rows.append(
        Row("first curve: no ogd, index there; its start counts", "ms",
            _after_stop(home, store, checks, keep_index=True, folder=folder))
    )  # fmt: skip
    opened, cpu = _index_there(home, store, checks)
    rows.append(Row("first curve: ogd up, index there, run not open", "ms", opened, cpu, budgets.get("warm")))
    warm, cpu = _warm(home, store, checks)
    rows.append(
        Row("first curve: ogd up, run open, a new client", "ms", warm, cpu, budgets.get("warm"),
            peers=_of(peers, "warm_ms"), note="peers: asked again in the process that has it all in memory")
    )  # fmt: skip
    with home.client(store):
        memory = Memory(home.start_daemon())
    rows.append(
        Row("  memory then, PSS", "MB", Spread((memory.pss,)), peers=_of(peers, "rss_mb"), note=f"ogd's peak {memory.peak:.0f} MB resident")
    )  # fmt: skip
    home.stop_daemon()
    return rows


class _Checks:
    """What an answer must hold to count as one."""

    def __init__(self, run: str, shape: Shape, last: float, low: float, high: float) -> None:
        self.run, self.key, self.records = run, shape.keys[0], shape.records
        self._last, self._low, self._high = last, low, high
        self.without_newest = 0
        """First answers that lacked the newest point."""
        self.drawn = 0
        """Points of the curve that was checked last."""

    def ask(self, client: Any, *, narrower: int = 0) -> dict[str, Any]:
        request = curve_request(self.run, self.key, columns=COLUMNS - narrower)
        reply: dict[str, Any] = client.post("/series", request)
        return reply

    def ask_newest(self, client: Any) -> dict[str, Any]:
        """Ask until the answer holds the newest point, as it should at once."""
        reply = self.ask(client)
        if not self._has_newest(reply):
            self.without_newest += 1
        while not self._has_newest(reply):
            reply = self.ask(client)
        return reply

    def _has_newest(self, reply: dict[str, Any]) -> bool:
        return bool(reply["series"] and reply["series"][0]["last_step"] == self.records - 1)

    def newest(self, reply: dict[str, Any]) -> None:
        """The newest point with its value, and a curve before it, however short."""
        (curve,) = reply["series"]
        last, self.drawn = curve["last"], len(curve["x"])
        if (last["step"], last["value"], curve["x"][-1]) != (self.records - 1, self._last, self.records - 1):
            raise RuntimeError(f"not the newest point: {last}, drawn to {curve['x'][-1:]}")
        if self.drawn < LEAST_DRAWN:
            raise RuntimeError(f"no curve: {self.drawn} points")

    def whole(self, reply: dict[str, Any]) -> None:
        self.newest(reply)
        (curve,) = reply["series"]
        found = (curve["points"], curve["min"], curve["max"])
        if found != (self.records, self._low, self._high) or not {self._low, self._high} <= set(curve["y"]):
            raise RuntimeError(f"not the whole curve: {found}")


def _cold(home: Home, store: Path, folder: Path, checks: _Checks) -> tuple[Spread, Spread, float, float, int]:
    """First curve and whole run without an index: times, the part still unread, CPU of the first, points drawn."""
    pending, drawn = 1.0, 0
    first: list[float] = []
    whole: list[float] = []
    used: list[float] = []
    for _ in range(MIN_REPEATS):
        home.stop_daemon()
        home.forget_index()
        _forget(folder)
        pid = _start_warm(home)
        if home.has_index(store):
            raise RuntimeError("an index is there before anybody asked")
        with home.client(store) as client:
            before = cpu_ms(pid)
            took, reply = timed_ms(lambda: checks.ask_newest(client))
            used.append(cpu_ms(pid) - before)
            checks.newest(reply)
            pending, drawn = reply["pending"][checks.run], checks.drawn
            first.append(took)
            if len(whole) < 2:
                whole.append(took + home.read_all(client, checks.run) * 1e3)
                checks.whole(checks.ask(client))
    return Spread.of(first), Spread.of(whole), pending, Spread.of(used).median, drawn


def _after_stop(home: Home, store: Path, checks: _Checks, *, keep_index: bool, folder: Path) -> Spread:
    """From the start of `ogd` to the first curve."""
    taken = []
    for _ in range(MIN_REPEATS):
        home.stop_daemon()
        if not keep_index:
            home.forget_index()
            _forget(folder)
        elif not home.has_index(store):
            raise RuntimeError("the index went away")
        taken.append(_started(home, store, checks.newest, checks.ask_newest))
    return Spread.of(taken)


def _started(
    home: Home, store: Path, check: Callable[[dict[str, Any]], None], ask: Callable[[Any], dict[str, Any]]
) -> float:
    def begin() -> dict[str, Any]:
        with home.client(store) as client:
            return ask(client)

    took, reply = timed_ms(begin)
    check(reply)
    return took


def _index_there(home: Home, store: Path, checks: _Checks) -> tuple[Spread, float]:
    """The daemon is up and warm, and opens this store for the first time."""
    taken, used = [], []
    for _ in range(MIN_REPEATS):
        home.stop_daemon()
        pid = _start_warm(home)
        with home.client(store) as client:
            before = cpu_ms(pid)
            took, reply = timed_ms(lambda: checks.ask(client))
            used.append(cpu_ms(pid) - before)
            checks.whole(reply)
            taken.append(took)
    return Spread.of(taken), Spread.of(used).median


def _start_warm(home: Home) -> int:
    """A daemon that has answered about another store: what it imports for that is there."""
    pid = home.start_daemon()
    with home.client(home.store("none")) as other:
        other.get("/runs")
    return pid


def _warm(home: Home, store: Path, checks: _Checks) -> tuple[Spread, float]:
    """Another client of the daemon that has the run open; its connection counts."""
    taken = []
    pid = home.start_daemon()
    with home.client(store) as client:
        checks.whole(checks.ask(client))
        wait_quiet(pid)
    before = cpu_ms(pid)
    for number in range(4 * MIN_REPEATS):  # each at another width, so that no answer was kept
        with home.client(store) as client:
            client.close()
            took, reply = timed_ms(partial(checks.ask, client, narrower=number))
            checks.whole(reply)
            taken.append(took)
    return Spread.of(taken), (cpu_ms(pid) - before) / len(taken)


def _forget(folder: Path) -> None:
    forget_pages(folder)
    if (share := cached_share(folder)) > COLD_SHARE:
        raise RuntimeError(f"{share:.0%} of the journals stay in the page cache: no look is cold here")


def _peers(home: Home, name: str, shape: Shape) -> dict[str, dict[str, float] | str]:
    found: dict[str, dict[str, float] | str] = {}
    for label, peer in PEERS.items():
        folder = home.root / "peers" / name / label.replace(" ", "-")
        if why := peer.why_not():
            found[label] = why
        elif shape.points > peer.most_points:
            found[label] = f"not at {shape.points / 1e6:g} M"
        else:
            try:
                peer.write(folder, shape)
                found[label] = peer.open(folder, shape)
            except (RuntimeError, OSError, ValueError, StopIteration) as error:
                found[label] = "failed"
                print(f"bench: {label}: {error}")
    return found


def _of(peers: dict[str, dict[str, float] | str], figure: str) -> dict[str, float | str]:
    return {
        label: found if isinstance(found, str) else found.get(figure, "–") for label, found in peers.items()
    }
