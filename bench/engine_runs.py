"""Ten thousand runs: the first look at them, lists, filters, search over metric keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from bench.engine_home import Asker, Home, cpu_ms, forget_pages, wait_quiet
from bench.engine_points import BEGAN, run_id, write_facts, write_list
from bench.engine_rows import MIN_REPEATS, Row, Spread, timed_ms

REPEATS = 50
COLD_REPEATS = 3
KEYS = 10_000


def runs(home: Home, *, count: int) -> list[Row]:
    """Rows of a store of `count` finished runs."""
    store = home.store("list")
    write_list(store, count)
    rows = []
    for what, forget in (("nothing in the page cache", True), ("files in the page cache", False)):
        taken, used = [], []
        for _ in range(COLD_REPEATS):
            home.stop_daemon()
            home.forget_index()
            if forget:
                forget_pages(store)
            took, cpu = _first_list(home, store, count)
            taken.append(took)
            used.append(cpu)
        rows.append(
            Row(f"first GET /runs of {count:,} runs, {what}", "ms", Spread.of(taken), Spread.of(used).median)
        )
    with home.asker(store) as asker:
        wait_quiet(asker.pid)
        asker.ask("/runs")
    home.stop_daemon()  # writes the snapshot
    taken, used = [], []
    for _ in range(MIN_REPEATS):
        home.stop_daemon()
        took, cpu = _first_list(home, store, count)
        taken.append(took)
        used.append(cpu)
    rows.append(
        Row("  the same after a restart, from the snapshot", "ms", Spread.of(taken), Spread.of(used).median)
    )
    with home.asker(store) as asker:
        wait_quiet(asker.pid)
        rows += _lists(asker, count)
    home.stop_daemon()
    return rows


def _first_list(home: Home, store: Path, count: int) -> tuple[float, float]:
    """The daemon is up and has imported what it needs; it has never seen this store's runs."""
    pid = home.start_daemon()
    with home.client(home.store("none")) as other:
        other.get("/runs")
    with home.client(store) as client:
        before = cpu_ms(pid)
        took, reply = timed_ms(lambda: client.runs(limit=50))
        if reply["total"] != count:
            raise RuntimeError(f"{reply['total']} of {count} runs")
        return took, cpu_ms(pid) - before


def _lists(asker: Asker, count: int) -> list[Row]:
    swept = sum(number % 10 != 0 and number / count >= 0.5 for number in range(count))
    low = sum(number % 10 != 0 and (number * 7919) % 1009 / 100 < 5 for number in range(count))
    word = sum("77" in f"{number:05d}" or "77" in run_id(number, "") for number in range(count))
    after = run_id(count * 9 // 10, "")
    day = f"{after[:4]}-{after[4:6]}-{after[6:8]}"
    asked: list[tuple[str, float | None, int, dict[str, Any]]] = [
        (
            "filter on status, tag and config",
            50.0,
            swept,
            {"filter": "status:finished tag:sweep config.lr>=0.5"},
        ),
        (
            "filter on summary, sorted by it",
            50.0,
            low,
            {"filter": "tag:sweep summary.loss<5", "sort": "summary.loss"},
        ),
        ("a bare word", 50.0, word, {"filter": "77"}),
        ("filter on a date", 50.0, -1, {"filter": f"created>={day}"}),
        ("no filter, sorted by a config key", 50.0, count, {"sort": "config.lr"}),
    ]
    rows = []
    for what, budget, total, query in asked:
        taken, cpu, reply = asker.repeat(REPEATS, "/runs", limit=50, **query)
        if total >= 0 and reply["total"] != total:
            raise RuntimeError(f"{what}: {reply['total']} runs instead of {total}")
        rows.append(
            Row(
                f"{what}",
                "ms",
                taken,
                cpu,
                budget,
                note=f"{reply['total']:,} of {count:,} match, a page of {len(reply['runs'])}",
            )
        )
    return rows


def keys(home: Home) -> list[Row]:
    """Rows of searches over 10 000 metric keys: of one run, and of 50 runs with 200 each."""
    names = [f"layer.{n // 10}/block_{n % 10}/grad_norm" for n in range(KEYS)]
    wanted = sum("77" in name for name in names)
    rows = []
    for what, parts in (("one run", 1), ("50 runs", 50)):
        store, share = home.store(f"keys-{parts}"), KEYS // parts
        runs = [run_id(n, f"k{n:03d}") for n in range(parts)]
        for n, run in enumerate(runs):
            _write_keys(write_facts(store, run), names[n * share : (n + 1) * share])
        query: dict[str, Any] = {"run": runs[0]} if parts == 1 else {}
        with home.asker(store) as asker:
            for run in runs:
                home.read_all(asker.client, run)
            wait_quiet(asker.pid)
            taken, cpu, reply = asker.repeat(REPEATS, "/metrics/keys", q="grad 77", limit=1000, **query)
        home.stop_daemon()
        if len(reply["keys"]) != wanted:
            raise RuntimeError(f"{len(reply['keys'])} of {wanted} keys of {what} came back")
        rows.append(Row(f"search over {KEYS:,} keys of {what}", "ms", taken, cpu, note=f"{wanted} match"))
    return rows


def _write_keys(folder: Path, names: list[str]) -> None:
    """Four points of each metric."""
    lines = [{"step": n, "time": BEGAN + n, "metrics": dict.fromkeys(names, 0.5 + n)} for n in range(4)]
    (folder / "metrics" / "a0-r0.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
