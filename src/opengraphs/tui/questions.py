"""What the screens ask the daemon: each question an immutable value that knows its route.

Equal questions are the same question, so "is this answer still wanted" is `==`.
Every question is bounded by the screen: rows of a page, lines of a window, columns of a chart.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, NamedTuple, Protocol

from opengraphs.client.wire import run_path
from opengraphs.errors import DaemonError, OgError
from opengraphs.protocol.events import Event


class Source(Protocol):
    """The daemon as the UI sees it: `client.aio.AsyncClient`, or a fake in tests."""

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]: ...

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]: ...

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]: ...

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]: ...

    async def delete(self, path: str) -> dict[str, Any]: ...

    def events(self) -> AsyncIterator[Event]: ...

    def stream(self, path: str, **query: Any) -> AsyncGenerator[dict[str, Any], None]: ...

    async def close(self) -> None: ...


class Question(Protocol):
    """Something to ask; `slot` is the place on the screen it is for."""

    @property
    def slot(self) -> str: ...

    async def ask(self, source: Source) -> dict[str, Any]: ...


class Stream(Protocol):
    """Something to listen to beside the events, for as long as a screen wants it; it reconnects by itself."""

    @property
    def slot(self) -> str: ...

    def lines(self, source: Source) -> AsyncIterator[dict[str, Any]]: ...


class RunsQuestion(NamedTuple):
    """A page of the run table, or the recent runs of the cards (`slot` tells them apart)."""

    slot: str
    filter: str
    sort: str
    offset: int
    limit: int
    values: tuple[str, ...] = ()
    tree: bool = False
    folded: tuple[str, ...] = ()

    async def ask(self, source: Source) -> dict[str, Any]:
        # A cursor is "row:run"; without a run it begins at the row, wherever that is by now.
        cursor = f"{self.offset}:" if self.offset else None
        return await source.get(
            "/runs",
            filter=self.filter or None,
            sort=self.sort,
            cursor=cursor,
            limit=self.limit,
            values=",".join(self.values) or None,
            tree=1 if self.tree else None,
            folded=",".join(self.folded) or None,
        )


class FieldsQuestion(NamedTuple):
    """What filters and columns may name, of that what begins with `typed`; the most frequent first."""

    typed: str
    limit: int
    slot: str = "runs-fields"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/runs/fields", q=self.typed or None, limit=self.limit)


class KeysQuestion(NamedTuple):
    """Metrics of the store that fit what was typed."""

    typed: str
    limit: int
    slot: str = "runs-metrics"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/metrics/keys", q=self.typed or None, limit=self.limit)


class EditRequest(NamedTuple):
    """The same change to some runs, one after the other; what one of them refuses is said of the first.

    said: what is told when it is done. note: `body` is something to be noted, not fields to be changed.
    """

    runs: tuple[str, ...]
    body: dict[str, Any]
    said: str
    note: bool = False
    slot: str = "runs-edit"

    async def ask(self, source: Source) -> dict[str, Any]:
        done: list[dict[str, Any]] = []
        refused: list[str] = []
        for run in self.runs:
            try:
                if self.note:
                    await source.post(run_path(run, "events"), self.body)
                    done.append({"run_id": run})
                else:
                    done.append((await source.patch(run_path(run), self.body)).get("run", {}))
            except DaemonError:
                raise
            except OgError as error:
                refused.append(error.message)
        return {"done": done, "refused": refused}


class RunQuestion(NamedTuple):
    """One run: facts, metric summaries, log size."""

    run: str
    slot: str = "run"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(run_path(self.run))


class SeriesQuestion(NamedTuple):
    """Every chart in view, at its width, in one request. ranks: `band`, or the ranks that are wanted.

    lineage: with the family of each run.
    """

    runs: tuple[str, ...]
    metrics: tuple[str, ...]
    x: str
    range: tuple[float, float] | None
    columns: int
    smooth: tuple[str, ...]
    ranks: str | tuple[int, ...] = "band"
    slot: str = "series"
    lineage: bool = False

    async def ask(self, source: Source) -> dict[str, Any]:
        if not self.metrics:
            return {"series": [], "pending": {}, "unread": {}, "progress": {}}
        body = {
            "runs": list(self.runs),
            "metrics": list(self.metrics),
            "x": self.x,
            "range": list(self.range) if self.range else None,
            "columns": self.columns,
            "smooth": list(self.smooth),
            "ranks": self.ranks if isinstance(self.ranks, str) else list(self.ranks),
            **({"lineage": True} if self.lineage else {}),
        }
        return await source.post("/series", body)


class SystemQuestion(NamedTuple):
    run: str
    columns: int
    slot: str = "system"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(run_path(self.run, "system"), columns=self.columns)


class MachineQuestion(NamedTuple):
    """System figures of a run for the System screen: those in view, or one column of all, to know which there are."""

    run: str
    columns: int
    keys: tuple[str, ...] = ()
    host: str = ""
    range: tuple[float, float] | None = None
    slot: str = "machine"

    async def ask(self, source: Source) -> dict[str, Any]:
        low, high = self.range or (None, None)
        query = {"columns": self.columns, "keys": ",".join(self.keys) or None, "host": self.host or None}
        return await source.get(run_path(self.run, "system"), **query, **{"from": low, "to": high})


class HostQuestion(NamedTuple):
    """The machine now, and its busiest processes."""

    processes: int
    sort: str
    filter: str
    slot: str = "host"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/host", processes=self.processes, sort=self.sort, filter=self.filter or None)


class LogQuestion(NamedTuple):
    """A window of log lines; `start` below 0 counts from the end."""

    run: str
    start: int
    lines: int
    slot: str = "log"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(run_path(self.run, "log"), **{"from": self.start, "lines": self.lines})


class FindQuestion(NamedTuple):
    """The next line that matches, from `start` on; `serial` makes asking again a new question."""

    run: str
    pattern: str
    start: int
    direction: str
    serial: int
    slot: str = "find"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(
            run_path(self.run, "log"),
            **{"from": self.start, "lines": 1, "grep": self.pattern, "direction": self.direction},
        )


class LogAtQuestion(NamedTuple):
    """The log line of a step, or of a moment (epoch seconds) where `step` is None."""

    run: str
    step: int | None
    time: float | None
    slot: str = "logat"

    async def ask(self, source: Source) -> dict[str, Any]:
        if self.step is not None:
            return await source.get(run_path(self.run, "log"), at_step=self.step)
        return await source.get(run_path(self.run, "log"), at_time=self.time)


class StopRequest(NamedTuple):
    """Ask for the end of a run: TERM, then KILL after the grace time."""

    run: str
    grace_s: float = 10.0
    slot: str = "stop"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.post(run_path(self.run, "stop"), {"grace_s": self.grace_s})


class EventsQuestion(NamedTuple):
    """What happened in a run: checkpoints, alerts, notes; the newest `limit`."""

    run: str
    limit: int
    slot: str = "events"

    async def ask(self, source: Source) -> dict[str, Any]:
        events: list[dict[str, Any]] = []
        since: object = None
        for _ in range(EVENT_PAGES):
            page = await source.get(run_path(self.run, "events"), since=since, limit=EVENT_PAGE)
            events += page.get("events", [])
            since = page.get("next")
            if since is None:
                break
        return {"events": events[-self.limit :]}


EVENT_PAGE, EVENT_PAGES = 500, 8


class BandsQuestion(NamedTuple):
    """Every chart in view as groups of runs. runs: these, or with () all that fit `filter`."""

    metrics: tuple[str, ...]
    by: str
    runs: tuple[str, ...]
    filter: str
    align: str
    range: tuple[float, float] | None
    columns: int
    smoothing: str | None
    slot: str = "bands"

    async def ask(self, source: Source) -> dict[str, Any]:
        import asyncio  # not wanted where there is no screen

        replies = await asyncio.gather(
            *(source.post("/group", self._body(metric)) for metric in self.metrics)
        )
        return {"metrics": dict(zip(self.metrics, replies, strict=True))}

    def _body(self, metric: str) -> dict[str, Any]:
        chosen: dict[str, Any] = (
            {"run_ids": list(self.runs)} if self.runs else {"filter": self.filter or None}
        )
        return {
            "metric_key": metric,
            "by": self.by,
            "align_by": self.align,
            "range": list(self.range) if self.range else None,
            "columns": self.columns,
            "smoothing": self.smoothing,
            **chosen,
        }


class EventRequest(NamedTuple):
    """Write down what a person has to say about a run; `fields` as `POST /runs/{ref}/events` takes them."""

    run: str
    fields: tuple[tuple[str, Any], ...]
    slot: str = "write"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.post(run_path(self.run, "events"), dict(self.fields))


class ViewsQuestion(NamedTuple):
    """The saved views of a project."""

    project: str
    slot: str = "views"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/views", project=self.project)


class ViewsChange(NamedTuple):
    """Save, remove or choose views of a project; the reply is how they are then. change: see `PUT /views`."""

    project: str
    change: dict[str, Any]
    slot: str = "views"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.put("/views", {"project": self.project, **self.change})
