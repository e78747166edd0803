"""A daemon that lives in a dict, an app under Pilot, bounded waits: what TUI tests stand on."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from opengraphs.engine.alertlist import AlertList, AlertQuery, alert_of
from opengraphs.engine.runsamples import shortened
from opengraphs.engine.samplelook import SampleLook, SampleQuery, prompt_of
from opengraphs.errors import ConflictError, NotFoundError, UnreachableError, UsageError
from opengraphs.tui.model import Desk
from opengraphs.tui.painters.table import epoch
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

    # routes

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        return await self._answer(path, query)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._answer(path, body)

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._answer(path, {**body, "put": True})

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((path, body))
        run = self._find(path.split("/")[2])
        tags = body.get("tags", {})
        kept = [tag for tag in run["tags"] if tag not in tags.get("remove", ())]
        changes = {**body, "tags": [*kept, *tags.get("add", ())]}
        run.update(changes)
        self.emit("run", run=run["run_id"], facts={"run_id": run["run_id"], **changes})
        return {"schema": 1, "run_id": run["run_id"], "changed": list(body), "run": dict(run)}

    async def delete(self, path: str) -> dict[str, Any]:
        raise NotFoundError(f"nothing to remove at {path}")

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
        if path in ("/compare", "/group", "/diff", "/runs/fields"):
            return getattr(self, "_" + path.rpartition("/")[2])(query)
        if path == "/host":
            return self._host(query)
        if path == "/alerts":
            return self._alerts(query)
        if path.startswith("/alerts/"):
            return self._acknowledge(unquote(path.split("/")[2]))
        if path == "/views":
            return self._views(query)
        if path == "/metrics/keys":
            return self._keys(query)
        _, _, ref, *rest = path.split("/")
        run = self._find(ref)
        if rest == ["events"] and "kind" in query:
            return self._note(run, query)
        handlers = {
            "events": self._events_of,
            "log": self._log,
            "samples": self._samples,
            "system": self._system,
            "stop": self._stop,
        }
        return handlers[rest[0]](run, query) if rest else self._run(run)

    def add_alert(self, run_id: str, name: str, *, age_s: float = 60.0, **facts: Any) -> None:
        event = {"time": NOW - age_s, "state": "fired", "level": "warn", **facts}
        run = self._find(run_id)
        self.alerts.insert(0, alert_of(event, name=name, fired_at=NOW - age_s, run=run))
        self.emit("events", run=run_id)

    def _alerts(self, query: dict[str, Any]) -> dict[str, Any]:
        listed = AlertList()
        listed.look([("r", Path("/nowhere"))], lambda _: list(self.alerts), live=())
        asked = AlertQuery(None, query["status"] or "", "", query["filter"] or "", query["sort"])
        return {"schema": 1, **listed.page(asked, query["from"], query["limit"]), "unread": 0}

    def _acknowledge(self, alert_id: str) -> dict[str, Any]:
        alert = next(one for one in self.alerts if one["id"] == alert_id)
        self.alerts[self.alerts.index(alert)] = told = {**alert, "status": "acknowledged"}
        self.emit("events", run=alert["run_id"])
        return {"schema": 1, "alert": told}

    def add_samples(self, run_id: str, rows: list[dict[str, Any]], *, step: int = 0) -> None:
        """Samples with these columns; a column `step` is the step."""
        kept = self.samples.setdefault(run_id, [])
        for columns in rows:
            n = len(kept)
            record = {"time": 100.0 + n, "step": columns.get("step", step), "name": "samples"}
            shown = {name: value for name, value in columns.items() if name != "step"}
            kept.append({**record, "columns": shown, "id": f"a0-r0/0.{n}", "n": n})

    def _samples(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        rows, cut = self.samples.get(run["run_id"], []), query.get("cut", 0)
        if query.get("id"):
            return {"sample": shortened(next(row for row in rows if row["id"] == query["id"]), cut)}
        prompt = None
        if query.get("like"):
            told = next(row for row in self.samples[query["like_run"]] if row["id"] == query["like"])
            prompt = json.dumps(prompt_of(told), sort_keys=True)
        look = SampleLook(SampleQuery(query.get("filter") or "", query.get("sort") or "time", prompt))
        look.read([(row["time"], row["n"]) for row in rows], lambda place: rows[place[1]])
        places = [place[1] for place in look.places()]
        start = query.get("from", 0)
        first = max(0, len(places) + start) if start < 0 else start
        chosen = [shortened(rows[n], cut) for n in places[first : first + query["limit"]]]
        return {
            "samples": chosen,
            "from": first,
            "total": len(places),
            "all": len(rows),
            "unread": 0,
            "next": None,
        }

    def _views(self, query: dict[str, Any]) -> dict[str, Any]:
        if query.get("version", self.views_version) != self.views_version:
            raise ConflictError("the saved views have changed since they were read")
        if query.get("put"):
            merged = {**self.views, **query.get("views", {})}
            self.views = {name: view for name, view in merged.items() if view is not None}
            self.default_view = query.get("default", self.default_view)
            self.views_version += "+"
        default = self.default_view if self.default_view in self.views else None
        version = self.views_version
        return {"project": query["project"], "version": version, "default": default, "views": self.views}

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
            and not run.get("archived")
        ]
        sort = query["sort"]
        key = sort.lstrip("-")
        rows.sort(key=lambda run: (run.get(key) is None, run.get(key)), reverse=sort.startswith("-"))
        if query.get("tree"):
            rows = self._tree(rows, (query.get("folded") or "").split(","))
        for run in rows if query.get("values") else ():
            run["values"] = {name: self._figure(run, name) for name in query["values"].split(",")}
        start = int((query.get("cursor") or "0").partition(":")[0])
        page = rows[start : start + query["limit"]]
        after = start + len(page)
        return {
            "schema": 1,
            "runs": [dict(r) for r in page],
            "total": len(rows),
            "next": str(after) if after < len(rows) else None,
        }

    def _tree(self, rows: list[dict[str, Any]], folded: list[str]) -> list[dict[str, Any]]:
        """Roots and, below each, its children; the fake knows families of two generations."""
        found = []
        ids = {run["run_id"] for run in rows}
        for run in rows:
            if (run.get("parent") or {}).get("run_id") in ids:
                continue
            below = [one for one in rows if (one.get("parent") or {}).get("run_id") == run["run_id"]]
            hidden = bool(below) and run["run_id"] in folded
            found.append({**run, "place": {"depth": 0, "below": len(below), "folded": hidden}})
            if not hidden:
                found += [{**one, "place": {"depth": 1, "below": 0, "folded": False}} for one in below]
        return found

    def _figure(self, run: dict[str, Any], name: str) -> float | None:
        end, _, key = name.partition(".")
        numbers = [value for _, value in self.metrics[run["run_id"]].get(key, [])]
        return ({"min": min, "max": max}.get(end, min))(numbers, default=None)

    def _fields(self, query: dict[str, Any]) -> dict[str, Any]:
        typed = (query.get("q") or "").partition(":")[0]
        found: dict[str, dict[str, int]] = {"status": {}, "tag": {}}
        for run in self.runs:
            values = {"status": [run["status"]], "tag": run["tags"]}
            values |= {f"config.{key}": [str(value)] for key, value in run["config"].items()}
            for field, ones in values.items():
                for one in ones:
                    counts = found.setdefault(field, {})
                    counts[one] = counts.get(one, 0) + 1
        fields = [
            {
                "field": field,
                "runs": sum(counts.values()),
                "kind": "number" if field.startswith("config.") else "text",
                "values": [{"value": value, "runs": runs} for value, runs in counts.items()],
                "more": False,
            }
            for field, counts in found.items()
            if field.startswith(typed) or field.partition(".")[2].startswith(typed)
        ]
        return {"schema": 1, "fields": fields, "total": len(fields)}

    def _keys(self, query: dict[str, Any]) -> dict[str, Any]:
        names = dict.fromkeys(key for found in self.metrics.values() for key in found)
        return {"keys": [{"key": key} for key in names if (query.get("q") or "") in key]}

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

    def _events_of(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        return {"events": list(self.noted.get(run["run_id"], ())), "next": None}

    def _note(self, run: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        event = {"time": NOW, **body}
        self.noted.setdefault(run["run_id"], []).append(event)
        return {"schema": 1, "run_id": run["run_id"], "event": event}

    def _log(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        lines = self.logs[run["run_id"]]
        if query.get("at_step") is not None:
            at = min(query["at_step"], len(lines) - 1)
            return {"line": at if at >= 0 else None, "text": lines[at] if lines else ""}
        if query.get("at_time") is not None:  # a line a second, from the start on
            at = int(query["at_time"] - self._started(run))
            return {"line": at, "text": ""} if 0 <= at < len(lines) else {"line": None, "why": "too early"}
        numbered = [{"n": n, "text": text} for n, text in enumerate(lines)]
        start = query["from"]
        following = None
        if query.get("matches"):
            wanted = re.compile(query["grep"])
            fitting = [line for line in numbered[start:] if wanted.search(line["text"])]
            found = fitting[: query["matches"]]
            following = found[-1]["n"] + 1 if len(fitting) > len(found) else None
        elif query.get("grep"):
            wanted = re.compile(query["grep"])
            order = numbered[start:] if query["direction"] == "forward" else numbered[: start + 1][::-1]
            found = [line for line in order if wanted.search(line["text"])][:1]
        else:
            start = max(0, len(lines) + start) if start < 0 else start
            found = numbered[start : start + query["lines"]]
        return {
            "lines": found,
            "total_lines": len(lines),
            "size_bytes": sum(map(len, lines)),
            "next": following,
        }

    def _started(self, run: dict[str, Any]) -> float:
        return epoch(run["started_at"]) or 0.0

    def add_figures(
        self, *, gpus: int = 0, hosts: tuple[str, ...] = ("box",), cores: int = 0, n: int = 300
    ) -> None:
        """Figures of a run, one every two seconds up to now; GPU number N is busy for N + 1 parts of the time."""
        for host in hosts:
            figures = self.figures.setdefault(host, {})
            times = [NOW - 2.0 * (n - 1 - at) for at in range(n)]

            def put(
                key: str, value: Callable[[int], float], times: list[float] = times, figures: Any = figures
            ) -> None:
                figures[key] = [(time, value(at)) for at, time in enumerate(times)]

            for gpu in range(gpus):
                busy = (gpu + 1) / gpus
                put(f"gpu.{gpu}.util_percent", lambda at, busy=busy: 96.0 if at % 60 < 60 * busy else 3.0)
                put(f"gpu.{gpu}.mem_used_bytes", lambda at, gpu=gpu: (20.0 + gpu) * 2**30)
                put(f"gpu.{gpu}.mem_total_bytes", lambda at: 80.0 * 2**30)
                put(f"gpu.{gpu}.power_watts", lambda at, busy=busy: 100 + 500 * busy)
                put(f"gpu.{gpu}.power_limit_watts", lambda at: 700.0)
                put(f"gpu.{gpu}.temp_c", lambda at, gpu=gpu: 40.0 + gpu)
            for core in range(cores):
                put(f"cpu.{core}.percent", lambda at, core=core: (at * 7 + core * 20) % 100)
            put("cpu.percent", lambda at: 41 + 10 * math.sin(at / 9))
            put("cpu.count", lambda at: 8.0)
            put("load.1m", lambda at: 3.2)
            put("ram.used_bytes", lambda at: 6e9 + at * 1e7)
            put("ram.total_bytes", lambda at: 16e9)
            put("disk.read_bytes_per_s", lambda at: 4e6)
            put("disk.write_bytes_per_s", lambda at: 1e6)
            put("net.rx_bytes_per_s", lambda at: 2e6)
            put("net.tx_bytes_per_s", lambda at: 5e5)

    def _figures(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        prefixes = tuple((query.get("keys") or "").split(","))
        low, high = query.get("from") or -math.inf, query.get("to") or math.inf
        series = [
            {
                "run": run["run_id"], "metric": key, "derived": None, "rank": None, "host": host,
                "x": [x for x, _ in points if low <= x <= high], "y": [y for x, y in points if low <= x <= high],
                "last": {"step": 0, "time": points[-1][0], "value": points[-1][1]},
            }
            for host, figures in self.figures.items()
            if query.get("host") in (None, host)
            for key, points in figures.items()
            if key.startswith(prefixes)
        ]  # fmt: skip
        return {
            "hosts": list(self.figures),
            "series": series,
            "columns": query["columns"],
            "total": len(series),
        }

    def _host(self, query: dict[str, Any]) -> dict[str, Any]:
        """This machine: its clock goes on a second with each question."""
        self.host_asked += 1
        words = (query.get("filter") or "").lower().split()
        key = {"cpu": "cpu_percent", "memory": "rss_bytes"}[query["sort"]]
        found = [
            one for one in self.processes if all(word in f"{one['pid']} {one['command']}" for word in words)
        ]
        found.sort(key=lambda one: -one[key])
        metrics = self.host_metrics or {"cpu.percent": 41.0, "ram.used_bytes": 6e9, "ram.total_bytes": 16e9}
        return {
            "schema": 1, "time": NOW + self.host_asked * self.host_step_s, "host": "box", "metrics": metrics,
            "load": [0.42, 0.51, 0.6], "uptime_s": 86_400.0, "processes": found[: query["processes"]],
            "matching": len(found), "total": len(self.processes),
        }  # fmt: skip

    def _system(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        if self.figures:
            return self._figures(run, query)
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

    # several runs at once

    def _compare(self, request: dict[str, Any]) -> dict[str, Any]:
        metric, x = request["metric_key"], request["align_by"]
        question = {"x": "time" if x == "wall" else x, "smooth": [s for s in [request["smoothing"]] if s]}
        rows = []
        for run_id in request["run_ids"]:
            run, points = self._find(run_id), self.metrics[run_id].get(metric)
            curves = self._curves(run_id, metric, points, question) if points else [None]
            row = {"run": run_id, "name": run["name"], "status": run["status"], "missing": not points}
            rows.append({**row, "series": curves[0], "smoothed": curves[1] if len(curves) > 1 else None})
        return {"schema": 1, "metric_key": metric, "align_by": x, "runs": rows, "pending": {}}

    def _group(self, request: dict[str, Any]) -> dict[str, Any]:
        section, _, key = request["by"].partition(".")
        if section != "config":
            raise UsageError(f"runs cannot be grouped by {request['by']!r}", hint="known: config.…")
        groups: dict[Any, list[str]] = {}
        run_ids = request.get("run_ids") or list(self.metrics)
        for run_id in run_ids:
            value = self._find(run_id)["config"].get(key)
            if value is not None and self.metrics[run_id].get(request["metric_key"]):
                groups.setdefault(value, []).append(run_id)
        out = []
        for value, runs in sorted(groups.items()):
            own = [dict(self.metrics[run_id][request["metric_key"]]) for run_id in runs]
            steps = sorted({step for points in own for step in points})
            at = [sorted(points[step] for points in own if step in points) for step in steps]
            out.append(
                {
                    "value": value,
                    "runs": runs,
                    "x": [float(step) for step in steps],
                    "mean": [sum(values) / len(values) for values in at],
                    "p50": [values[len(values) // 2] for values in at],
                    "p95": [values[-1] for values in at],
                    "n": [len(values) for values in at],
                }
            )
        grouped = {run_id for group in out for run_id in group["runs"]}
        left = [run_id for run_id in run_ids if run_id not in grouped]
        about = {"schema": 1, "metric_key": request["metric_key"], "by": request["by"]}
        return {**about, "groups": out, "ungrouped": left, "pending": {}}

    def _diff(self, request: dict[str, Any]) -> dict[str, Any]:
        runs = [self._find(run_id) for run_id in request["run_ids"]]
        rows, ignored = [], []
        for key in sorted({key for run in runs for key in run["config"]}):
            values = [run["config"].get(key) for run in runs]
            if any(value != values[0] for value in values):
                hidden = request["ignore"] is None and key.endswith("_dir")
                ignored += [f"config.{key}"] if hidden else []
                missing = [n for n, run in enumerate(runs) if key not in run["config"]]
                rows += [] if hidden else [{"key": key, "values": values, "missing": missing}]
        keys = dict.fromkeys(key for run in runs for key in self.metrics[run["run_id"]])
        return {
            "schema": 1,
            "runs": [{"run": run["run_id"], "name": run["name"], "status": run["status"]} for run in runs],
            "config": rows,
            **{section: [] for section in ("args", "env", "git", "files")},
            "packages": [{"key": "torch", "values": [f"2.{n}.0" for n in range(len(runs))], "missing": []}],
            "metrics": [self._diff_metric(key, [run["run_id"] for run in runs]) for key in keys],
            "same": {"config": 3, "packages": 80},
            "ignored": ignored,
            "unknown": {},
            "left_out": {},
            "pending": {},
        }

    def _diff_metric(self, key: str, run_ids: list[str]) -> dict[str, Any]:
        """One metric at the last step that all runs with it have."""
        found = [dict(self.metrics[run_id].get(key, [])) for run_id in run_ids]
        there = [points for points in found if points]
        common = set(there[0]).intersection(*there)
        step = max(common, default=None)
        values = [points.get(step) for points in found]
        better = "min" if "loss" in key else "max" if "acc" in key else None
        deltas = [None, *(v - values[0] if None not in (v, values[0]) else None for v in values[1:])]
        verdicts = [
            "unknown"
            if not delta or better is None
            else "better"
            if (delta < 0) == (better == "min")
            else "worse"
            for delta in deltas
        ]
        last = [max(points, default=None) for points in found]
        ends = {"values": [p.get(s) for p, s in zip(found, last, strict=True)], "steps": last}
        return {
            "key": key,
            "values": values,
            "missing": [n for n, points in enumerate(found) if not points],
            "deltas": deltas,
            "better": better,
            "verdicts": verdicts,
            "step": step,
            "steps": [None if value is None else step for value in values],
            "last": ends,
        }


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
