"""A daemon that lives in a dict, an app under Pilot, bounded waits: what TUI tests stand on."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from opengraphs.errors import NotFoundError, UnreachableError, UsageError
from opengraphs.tui.model import Desk
from opengraphs.tui.theme import THEMES
from opengraphs.tui.widgets.canvas import Palette

NOW = 1_795_341_600.0
"""The fake clock: 2026-11-22 10:00:00 UTC."""

DEADLINE_S = 10.0


def iso(age_s: float) -> str:
    from opengraphs.sdk.layout import utc_iso

    return utc_iso(NOW - age_s)


class FakeSource:
    """Answers the routes the UI asks, from plain Python values. `asked` keeps every request."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.metrics: dict[str, dict[str, list[tuple[int, float]]]] = {}
        self.logs: dict[str, list[str]] = {}
        self.system: dict[str, float] = {}
        self.ranks: dict[str, list[dict[str, Any]]] = {}
        """run → its `ranks_seen`; the curve of rank N lies N above that of rank 0."""
        self.pending: dict[str, float] = {}
        self.unread: dict[str, tuple[float, float]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.down = False
        self.closed = False
        self.hold: asyncio.Event | None = None
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._seq = 0

    # building a store

    def add_run(
        self,
        run_id: str,
        *,
        name: str = "",
        status: str = "running",
        age_s: float = 60.0,
        metrics: dict[str, list[tuple[int, float]]] | None = None,
        **facts: Any,
    ) -> dict[str, Any]:
        found = metrics or {}
        steps = max((points[-1][0] for points in found.values() if points), default=None)
        run = {
            "schema": 1,
            "run_id": run_id,
            "name": name or run_id[-4:],
            "project": "digits",
            "status": status,
            "created_at": iso(age_s),
            "started_at": iso(age_s),
            "ended_at": None if status == "running" else iso(age_s / 2),
            "config": {},
            "summary": {},
            "tags": [],
            "progress": {"step": steps, "total": 1000, "unit": "step"} if steps is not None else None,
            "points": sum(map(len, found.values())),
            "last_step": steps,
            "main_metric": next(iter(found), None),
            "spark": [value for _, value in next(iter(found.values()), [])][-32:],
            "last": {key: points[-1][1] for key, points in found.items() if points},
            **facts,
        }
        self.runs.append(run)
        self.metrics[run_id] = found
        self.logs.setdefault(run_id, [])
        return run

    def emit(self, kind: str, **fields: Any) -> None:
        """Put an event on the stream."""
        self._seq += 1
        self._events.put_nowait({"seq": self._seq, "time": NOW, "kind": kind, "store": "/store", **fields})

    def log(self, run_id: str, step: int, **values: float) -> None:
        """What a training run does: new points, then the event about them."""
        for key, value in values.items():
            key = key.replace("__", "/")
            self.metrics[run_id].setdefault(key, []).append((step, value))
        self.emit(
            "metrics", run=run_id, keys={k.replace("__", "/"): step for k in values}, points=len(values)
        )

    # routes

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        return await self._answer(path, query)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._answer(path, body)

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        yield {"seq": 0, "time": NOW, "kind": "hello", "store": "/store"}
        while True:
            yield await self._events.get()

    async def close(self) -> None:
        self.closed = True

    async def _answer(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((path, query))
        if self.hold is not None:
            await self.hold.wait()
        if self.down:
            raise UnreachableError("no ogd there")
        if path == "/runs":
            return self._runs(query)
        if path == "/series":
            return self._series(query)
        _, _, ref, *rest = path.split("/")
        run = self._find(ref)
        handlers = {"log": self._log, "system": self._system, "stop": self._stop}
        return handlers[rest[0]](run, query) if rest else self._run(run)

    def _find(self, ref: str) -> dict[str, Any]:
        for run in self.runs:
            if ref in (run["run_id"], run["name"]) or run["run_id"].endswith(ref):
                return run
        raise NotFoundError(f"no run {ref!r}", hint="nearest: " + ", ".join(r["name"] for r in self.runs[:2]))

    def _runs(self, query: dict[str, Any]) -> dict[str, Any]:
        words = (query.get("filter") or "").split()
        if "(" in words:
            raise UsageError("filter breaks at column 1", hint="close the parenthesis")
        rows = [
            run
            for run in self.runs
            if all(word in f"{run['name']} {run['run_id']} status:{run['status']}" for word in words)
        ]
        sort = query["sort"]
        key = sort.lstrip("-")
        rows.sort(key=lambda run: (run.get(key) is None, run.get(key)), reverse=sort.startswith("-"))
        start = int((query.get("cursor") or "0").partition(":")[0])
        page = rows[start : start + query["limit"]]
        after = start + len(page)
        return {
            "schema": 1,
            "runs": [dict(r) for r in page],
            "total": len(rows),
            "next": str(after) if after < len(rows) else None,
        }

    def _run(self, run: dict[str, Any]) -> dict[str, Any]:
        found = self.metrics[run["run_id"]]
        summaries = [
            {
                "key": key,
                "points": len(points),
                "last": points[-1][1],
                "min": min(v for _, v in points),
                "max": max(v for _, v in points),
                "first_step": points[0][0],
                "last_step": points[-1][0],
            }
            for key, points in found.items()
        ]
        return {
            **run,
            "metrics": summaries,
            "log": {"size_bytes": 0},
            "ingest": {"pending": self.pending.get(run["run_id"], 0.0), "bad_lines": 0},
            "ranks_seen": self.ranks.get(run["run_id"], []),
        }

    def _series(self, request: dict[str, Any]) -> dict[str, Any]:
        out = []
        for run_id in request["runs"]:
            for metric in request["metrics"]:
                points = self.metrics.get(run_id, {}).get(metric)
                if points and isinstance(request.get("ranks"), list):
                    for rank in request["ranks"]:
                        own = [(step, value + rank) for step, value in points]
                        curves = self._curves(run_id, metric, own, request)
                        out += [{**curve, "rank": rank, "band": None} for curve in curves]
                elif points:
                    out += self._curves(run_id, metric, points, request)
        progress = {
            run_id: {
                "step": max((p[-1][0] for p in self.metrics[run_id].values() if p), default=0),
                "total": 1000,
                "eta_s": 252.0,
            }
            for run_id in request["runs"]
        }
        return {
            "schema": 1,
            "series": out,
            "pending": {run_id: self.pending.get(run_id, 0.0) for run_id in request["runs"]},
            "unread": {run_id: gap for run_id, gap in self.unread.items() if run_id in request["runs"]},
            "progress": progress,
        }

    def _curves(
        self, run_id: str, metric: str, points: list[tuple[int, float]], request: dict[str, Any]
    ) -> list[dict[str, Any]]:
        start = NOW - 600
        places = {"step": lambda s: float(s), "time": lambda s: start + s, "relative": lambda s: float(s)}
        low, high = request.get("range") or (-math.inf, math.inf)
        inside = [
            (places[request["x"]](s), s, v) for s, v in points if low <= places[request["x"]](s) <= high
        ]
        values = [v for _, _, v in inside]
        base = {
            "run": run_id,
            "metric": metric,
            "rank": None,
            "x": [x for x, _, _ in inside],
            "points": len(inside),
            "last": {"step": points[-1][0], "time": start + points[-1][0], "value": points[-1][1]},
            "min": min(values, default=None),
            "max": max(values, default=None),
            "mean": sum(values) / len(values) if values else None,
            "slope": 0.0,
            "first_step": points[0][0],
            "last_step": points[-1][0],
            "nonfinite": {"nan": 0, "inf": 0, "at": []},
        }
        top = max((seen["rank"] for seen in self.ranks.get(run_id, ())), default=0)
        band = {"x": base["x"], "low": values, "high": [value + top for value in values]} if top else None
        curves = [{**base, "derived": None, "y": values, "band": band}]
        for smooth in request.get("smooth", []):
            n = int(re.sub(r"\D", "", smooth))
            averaged = [
                sum(values[max(0, i - n + 1) : i + 1]) / len(values[max(0, i - n + 1) : i + 1])
                for i in range(len(values))
            ]
            curves.append({**base, "derived": smooth, "y": averaged})
        return curves

    def _log(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        lines = self.logs[run["run_id"]]
        numbered = [{"n": n, "text": text} for n, text in enumerate(lines)]
        start = query["from"]
        if query.get("grep"):
            wanted = re.compile(query["grep"])
            order = numbered[start:] if query["direction"] == "forward" else numbered[: start + 1][::-1]
            found = [line for line in order if wanted.search(line["text"])][:1]
        else:
            start = max(0, len(lines) + start) if start < 0 else start
            found = numbered[start : start + query["lines"]]
        return {"lines": found, "total_lines": len(lines), "size_bytes": sum(map(len, lines)), "next": None}

    def _system(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        series = [
            {
                "run": run["run_id"],
                "metric": key,
                "derived": None,
                "rank": None,
                "x": [NOW - 2, NOW],
                "y": [value, value],
            }
            for key, value in self.system.items()
        ]
        return {"hosts": ["box"], "series": series}

    def _stop(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        run["status"] = "stopped"
        self.emit("run", run=run["run_id"], facts={**run, "exit_code": None, "signal": 15})
        return {"stopping": True}


def curve(n: int, *, scale: float = 1.0, decay: float = 0.01) -> list[tuple[int, float]]:
    """A loss-like curve of `n` points, one a step, the same every time."""
    return [(step, scale * (math.exp(-decay * step) + 0.05 * math.sin(step * 0.7))) for step in range(n)]


def rank_seen(rank: int, state: str = "ok", **more: Any) -> dict[str, Any]:
    """One entry of `ranks_seen`."""
    seen = {"attempt": 0, "writer": f"a0-r{rank}", "last_step": 371, "last_time": NOW, "alive": True}
    return {"rank": rank, **seen, "lag_steps": 0, "silent_s": 0.1, "interval_s": 0.1, "state": state, **more}


METRICS = {
    "train/loss": curve(372, scale=2.0),
    "train/acc": [(s, 1 - math.exp(-0.01 * s)) for s in range(372)],
    "eval/loss": [(s, 2.1 * math.exp(-0.008 * s) + 0.1) for s in range(0, 372, 25)],
    "eval/acc": [(s, 0.9 - 0.9 * math.exp(-0.01 * s)) for s in range(0, 372, 25)],
    "lr": [(s, 3e-4 * (1 - s / 1000)) for s in range(372)],
    "grad_norm": curve(372, scale=5.0, decay=0.003),
    "samples_per_s": [(s, 12_000 + 300 * math.sin(s)) for s in range(372)],
}
RUN = "20261122-093012-k7f3"
OLD_RUN = "20261121-081500-b2xq"


async def until(condition: Callable[[], object], *, what: str = "") -> None:
    """Wait until `condition()` is true, letting the loop run; fails after DEADLINE_S."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE_S
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"never came: {what or condition}")
        await asyncio.sleep(0.002)


class Session:
    """One app under Pilot: presses keys, waits until what they cause has been painted."""

    def __init__(self, app: Any, pilot: Any, source: FakeSource) -> None:
        self.app = app
        self.desk = app.desk
        self.pilot = pilot
        self.source = source

    async def settle(self) -> None:
        """Until every question is answered and everything that changed is painted."""
        slots = self.app.live._slots
        await until(
            lambda: (
                self._sound()
                and self.app.frames
                and not self.app._queued
                and not self.app.view.behind
                and self.app._message_queue.empty()
                and not any(slot.asking for slot in slots.values())
                and (self.desk.runs.known or self.desk.graphs.ref is not None)
            ),
            what="a settled screen",
        )
        await self.pilot.pause()

    def _sound(self) -> bool:
        """A defect in the app ends the test at once."""
        if self.app.failure is not None:
            raise self.app.failure
        return True

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.settle()

    async def type(self, text: str) -> None:
        from textual.keys import _character_to_key

        await self.press(*[_character_to_key(char) for char in text])

    @property
    def text(self) -> str:
        return "\n".join(self.app.canvas.text())


def run_app_test(
    script: Callable[[Session], Awaitable[None]],
    source: FakeSource,
    desk: Desk,
    *,
    size: tuple[int, int] = (120, 40),
    palette: Palette | None = None,
    refresh_s: float = 0.01,
) -> Any:
    """Run `script` against an app on `source`; returns what the app returned."""
    from opengraphs.tui.app import OgApp

    async def main() -> Any:
        app = OgApp(source, desk, palette or Palette(THEMES["dark"], "truecolor"), refresh_s=refresh_s)
        app.live._slow = {}
        async with app.run_test(size=size) as pilot:
            session = Session(app, pilot, source)
            await session.settle()
            await script(session)
        return app.return_value

    return asyncio.run(main())
