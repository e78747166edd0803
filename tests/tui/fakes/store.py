"""A store that lives in a dict: runs, their points and lines, and the events about them."""

from __future__ import annotations

import asyncio
import math
import re
from typing import Any

from opengraphs.errors import NotFoundError

NOW = 1_795_341_600.0
"""The fake clock: 2026-11-22 10:00:00 UTC."""


def iso(age_s: float) -> str:
    from opengraphs.sdk.layout import utc_iso

    return utc_iso(NOW - age_s)


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


class FakeStore:
    """What is there to be asked for. `asked` keeps every request."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.metrics: dict[str, dict[str, list[tuple[int, float]]]] = {}
        self.logs: dict[str, list[str]] = {}
        self.system: dict[str, float] = {}
        self.figures: dict[str, dict[str, list[tuple[float, float]]]] = {}
        """host → system metric → (epoch seconds, value); see `add_figures`."""
        self.host_metrics: dict[str, float] = {}
        self.host_asked = 0
        self.host_step_s = 1.0
        self.processes: list[dict[str, Any]] = [
            {"pid": 100 + n, "user": "ada", "cpu_percent": 90.0 - n, "rss_bytes": (n + 1) * 2**20, "cpu_s": 61.0,
             "command": f"python job{n}.py", "run": RUN if n == 2 else None, "run_name": "train-gpt" if n == 2 else None}
            for n in range(60)
        ]  # fmt: skip
        self.ranks: dict[str, list[dict[str, Any]]] = {}
        """run → its `ranks_seen`; the curve of rank N lies N above that of rank 0."""
        self.noted: dict[str, list[dict[str, Any]]] = {}
        """run → its events."""
        self.pending: dict[str, float] = {}
        self.unread: dict[str, tuple[float, float]] = {}
        self.alerts: list[dict[str, Any]] = []
        """Newest first; see `add_alert`."""
        self.samples: dict[str, list[dict[str, Any]]] = {}
        """run → its samples; see `add_samples`."""
        self.views: dict[str, dict[str, Any]] = {}
        self.default_view = ""
        self.views_version = "v"
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.down = False
        self.closed = False
        self.hold: asyncio.Event | None = None
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._seq = 0

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
            "best": min((value for _, value in next(iter(found.values()), [])), default=None),
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

    def _find(self, ref: str) -> dict[str, Any]:
        for run in self.runs:
            if ref in (run["run_id"], run["name"]) or run["run_id"].endswith(ref):
                return run
        raise NotFoundError(f"no run {ref!r}", hint="nearest: " + ", ".join(r["name"] for r in self.runs[:2]))

    def _curves(
        self, run_id: str, metric: str, points: list[tuple[int, float]], request: dict[str, Any]
    ) -> list[dict[str, Any]]:
        start = NOW - 600
        places = {"step": lambda s: float(s), "time": lambda s: start + s, "relative": lambda s: float(s)}
        if request["x"].startswith("metric:"):
            other = dict(self.metrics[run_id].get(request["x"].removeprefix("metric:"), ()))
            places[request["x"]] = lambda s: other[s]
            points = sorted((p for p in points if p[0] in other), key=lambda p: other[p[0]])
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
