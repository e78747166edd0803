"""Trackio's questions, answered from the engine: what its command line asks a server.

Every run of the store answers, also those that no Trackio client wrote. A run's id is the
client's where it gave one, else og's; either finds it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opengraphs.daemon.ingest import landing, values
from opengraphs.errors import UsageError
from opengraphs.sources.trackio_values import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from opengraphs.daemon.openstore import OpenStore

MAX_RUNS = 2000
MAX_VALUES = 100_000
MAX_ROWS = 3000
MAX_BATCH = 64
SYSTEM_COLUMNS = 750
LEVELS = ("info", "warn", "error")


class Window(NamedTuple):
    """Which steps or times are asked for; None: not so."""

    step: int | None
    around: int | None
    at_s: float | None
    width: float | None

    def holds(self, step: int, time_s: float) -> bool:
        """Whether a point is asked for."""
        if self.step is not None:
            return step == self.step
        if self.around is not None and self.width is not None:
            return abs(step - self.around) <= self.width
        if self.at_s is not None and self.width is not None:
            return abs(time_s - self.at_s) <= self.width
        return True


class Reading:
    """Answers about one store; loop thread. Each method takes the call's arguments by name."""

    def __init__(self, store: OpenStore, last_step: Callable[[str], Awaitable[int | None]]) -> None:
        """Args:
        last_step: of a client's run, counting rows that hold files alone.
        """
        self._store = store
        self._last_step = last_step
        self._identities: dict[str, list[str] | None] = {}

    async def get_all_projects(self, asked: Mapping[str, Any]) -> list[str]:
        """Names, sorted."""
        return sorted({str(run["project"]) for run in await self._runs(None)})

    async def get_runs_for_project(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """id, name and created_at of a project's runs, oldest first."""
        return [
            {"id": self._id(run), "name": run["name"], "created_at": _trackio_time(run.get("created_at"))}
            for run in reversed(await self._runs(asked.get("project")))
        ]

    async def get_project_summary(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """How many runs, which, and the highest step of any."""
        records = await self.get_runs_for_project(asked)
        steps = [run["last_step"] for run in await self._runs(asked.get("project"))]
        last = max((step for step in steps if step is not None), default=None)
        return {
            "project": asked.get("project"),
            "num_runs": len(records),
            "runs": records,
            "last_activity": last,
        }

    async def get_run_configs(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Run id → config."""
        return {self._id(run): run.get("config", {}) for run in await self._runs(asked.get("project"))}

    async def get_run_summary(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What a client needs to go on with a run: its last step and its config."""
        reply: dict[str, Any] = {name: asked.get(name) for name in ("project", "run", "run_id")}
        run = await self._find(asked)
        if run is None:
            return {**reply, "num_logs": 0, "metrics": [], "config": None, "last_step": None}
        shown = await self._described(run)
        metrics = shown["metrics"]
        steps = [metric["last_step"] for metric in metrics] + [await self._last_step(run["run_id"])]
        return {
            "project": shown["project"],
            "run": shown["name"],
            "run_id": self._id(run),
            "num_logs": max((metric["points"] for metric in metrics), default=0),
            "metrics": [metric["key"] for metric in metrics],
            "config": shown.get("config", {}),
            "last_step": max((step for step in steps if step is not None), default=None),
        }

    async def get_metrics_for_run(self, asked: Mapping[str, Any]) -> list[str]:
        """Names of metrics."""
        return list((await self.get_run_summary(asked))["metrics"])

    async def get_metric_values(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Points of one metric as {timestamp, step, value}, the first 100 000 that fit."""
        run = await self._find(asked)
        metric = asked.get("metric_name")
        if run is None or metric not in {item["key"] for item in (await self._described(run))["metrics"]}:
            return []
        return await self._values(run["run_id"], str(metric), _window(asked), _limit(asked, MAX_VALUES))

    async def get_snapshot(self, asked: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """All metrics at a step, around one, or around a time."""
        asked = _straightened(asked)
        run, window = await self._find(asked), _window(asked)
        if run is None:
            return {}
        found = {
            metric["key"]: await self._values(run["run_id"], metric["key"], window, MAX_ROWS)
            for metric in (await self._described(run))["metrics"]
        }
        return {key: points for key, points in found.items() if points}

    async def get_logs(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of metrics by step, the first 3000."""
        run = await self._find(asked)
        if run is None:
            return []
        rows: dict[int, dict[str, Any]] = {}
        everything = Window(None, None, None, None)
        for metric in (await self._described(run))["metrics"]:
            for point in await self._values(run["run_id"], metric["key"], everything, MAX_ROWS):
                row = rows.setdefault(point["step"], {"timestamp": point["timestamp"], "step": point["step"]})
                row[metric["key"]] = point["value"]
        return [rows[step] for step in sorted(rows)][:MAX_ROWS]

    async def get_logs_batch(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of several runs."""
        return [
            {**item, "logs": await self.get_logs({**item, "project": asked.get("project")})}
            for item in _batch(asked)
        ]

    async def get_system_metrics_for_run(self, asked: Mapping[str, Any]) -> list[str]:
        """Names of the machine's figures, in og's words."""
        run = await self._find(asked)
        return [] if run is None else sorted({curve["metric"] for curve in await self._system(run)})

    async def get_system_logs(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Figures of the machine by time, thinned to about 3000 rows."""
        run = await self._find(asked)
        if run is None:
            return []
        rows: dict[float, dict[str, Any]] = {}
        for curve in await self._system(run):
            for at, value in zip(curve["x"], curve["y"], strict=True):
                row = rows.setdefault(at, {"timestamp": values.iso(at)})
                row[curve["metric"]] = _json_number(value)
        return [rows[at] for at in sorted(rows)][:MAX_ROWS]

    async def get_system_logs_batch(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The same of several runs."""
        return [
            {**item, "logs": await self.get_system_logs({**item, "project": asked.get("project")})}
            for item in _batch(asked)
        ]

    async def get_alerts(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Alerts of a run, or of a project's runs, newest first."""
        asked = _straightened_alerts(asked)
        level, since = asked.get("level"), values.moment(asked.get("since"))
        if asked.get("run") or asked.get("run_id"):
            run = await self._find(asked)
            runs = [] if run is None else [run]
        else:
            runs = (await self._runs(asked.get("project")))[:MAX_BATCH]
        found = []
        for run in runs:
            for alert in (await self._described(run))["alerts"]:
                time_s = float(alert.get("time") or 0.0)
                if level in (None, alert.get("level")) and (since is None or time_s > since):
                    found.append((time_s, run, alert))
        found.sort(key=lambda item: item[0], reverse=True)
        return [
            {
                "timestamp": values.iso(time_s),
                "run": run["name"],
                "run_id": self._id(run),
                **{name: alert.get(name) for name in ("title", "text", "level", "step")},
            }
            for time_s, run, alert in found
        ]

    # -- what they share -------------------------------------------------------------------------

    async def _runs(self, project: object) -> list[dict[str, Any]]:
        """Runs of a project, newest first; of all when it is None."""
        if project is None:
            return await self._listed(None)
        exact = await self._listed(str(project))
        wanted = canonical(str(project))
        return exact or [run for run in await self._listed(None) if canonical(str(run["project"])) == wanted]

    async def _listed(self, project: str | None) -> list[dict[str, Any]]:
        page = await self._store.ask(
            lambda engine: engine.runs(
                where="", project=project, status=None, sort="-created_at", limit=MAX_RUNS, cursor=None
            ),
            scan=True,
        )
        return list(page["runs"])

    async def _find(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """The run that project, name and id mean; of several of one name the newest."""
        runs = await self._runs(asked.get("project"))
        run_id, name = asked.get("run_id"), asked.get("run")
        if isinstance(run_id, str) and run_id:
            return next((run for run in runs if run_id in (self._id(run), run["run_id"])), None)
        return next((run for run in runs if name in (run["name"], run["run_id"])), None)

    def _id(self, run: Mapping[str, Any]) -> str:
        run_id = str(run["run_id"])
        if run.get("source") != landing.SOURCE:
            return run_id
        if run_id not in self._identities:
            self._identities[run_id] = landing.identity_of(self._folder(run_id))
        identity = self._identities[run_id]
        return identity[1] if identity is not None and identity[1] else run_id

    def _folder(self, run_id: str) -> Path:
        return self._store.path / "runs" / run_id

    async def _described(self, run: Mapping[str, Any]) -> dict[str, Any]:
        run_id = str(run["run_id"])
        await self._store.read_whole(run_id)
        return await self._store.ask(lambda engine: engine.run(run_id), runs=(run_id,))

    async def _system(self, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        run_id = str(run["run_id"])
        reply = await self._store.ask(
            lambda engine: engine.system(run_id, columns=SYSTEM_COLUMNS), runs=(run_id,)
        )
        return list(reply["series"])

    async def _values(self, run_id: str, metric: str, window: Window, limit: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: str | None = None if window.step is None else f"0:{window.step - 1}"
        while len(found) < limit:
            page = await self._store.ask(
                lambda engine, after=after: engine.points(run_id, metric, after=after, limit=10_000),  # type: ignore[misc]
                runs=(run_id,),
            )
            for step, time_s, value in zip(page["step"], page["time"], page["value"], strict=True):
                if window.holds(step, time_s):
                    found.append(
                        {"timestamp": values.iso(time_s), "step": step, "value": _json_number(value)}
                    )
            after = page["next"]
            is_past = window.step is not None and page["step"] and page["step"][-1] > window.step
            if after is None or is_past:
                break
        return found[:limit]


def _json_number(value: Any) -> Any:
    """Trackio's wire has null for what is not finite."""
    return (
        None if isinstance(value, str) or (isinstance(value, float) and not math.isfinite(value)) else value
    )


def _window(asked: Mapping[str, Any]) -> Window:
    width = asked.get("window")
    return Window(
        _whole(asked.get("step")),
        _whole(asked.get("around_step")),
        values.moment(asked.get("at_time")),
        float(width) if isinstance(width, (int, float)) else None,
    )


def _straightened(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Trackio's command line leaves out the run id's place: step, around, time, window moved up."""
    has_moved = (
        isinstance(asked.get("run_id"), int)
        or isinstance(asked.get("around_step"), str)
        or isinstance(asked.get("at_time"), (int, float))
    )
    if not has_moved:
        return asked
    names = ("run_id", "step", "around_step", "at_time")
    moved = dict(zip(("step", "around_step", "at_time", "window"), map(asked.get, names), strict=True))
    return {**asked, **moved, "run_id": None}


def _straightened_alerts(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """As `_straightened`: level and since moved up."""
    place, level = asked.get("run_id"), asked.get("level")
    if place in LEVELS or (place is None and level is not None and level not in LEVELS):
        return {**asked, "run_id": None, "level": place, "since": level}
    return asked


def _batch(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    runs = asked.get("runs")
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise UsageError("runs is a list of {run, run_id}")
    return [{name: run.get(name) for name in ("run", "run_id")} for run in runs[:MAX_BATCH]]


def _limit(asked: Mapping[str, Any], most: int) -> int:
    wanted = _whole(asked.get("max_points"))
    return most if wanted is None else max(1, min(most, wanted))


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _trackio_time(text: object) -> str | None:
    moment = values.moment(text)
    return None if moment is None else values.iso(moment)
