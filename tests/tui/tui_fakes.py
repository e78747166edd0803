"""A daemon that lives in a dict, an app under Pilot, bounded waits: what TUI tests stand on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from fakes.chat import FakeChat
from fakes.compared import FakeCompared
from fakes.lists import FakeLists
from fakes.machine import FakeMachine
from fakes.runs import FakeRuns
from fakes.store import METRICS, NOW, OLD_RUN, RUN, curve, iso, rank_seen

from opengraphs.errors import NotFoundError, UnreachableError
from opengraphs.tui.model import Desk
from opengraphs.tui.painters.table import epoch
from opengraphs.tui.theme import THEMES
from opengraphs.tui.widgets.canvas import Palette

__all__ = [
    "METRICS",
    "NOW",
    "OLD_RUN",
    "RUN",
    "FakeSource",
    "Session",
    "curve",
    "iso",
    "rank_seen",
    "run_app_test",
    "until",
]

DEADLINE_S = 10.0


class FakeSource(FakeRuns, FakeMachine, FakeCompared, FakeLists, FakeChat):
    """Answers the routes the UI asks."""

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
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
        if path.startswith(("/chat/", "/agent", "/auto")):
            return self._chat(path, query)
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
        if request.get("lineage"):
            out = self._of_family(out, request)
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

    def _of_family(self, own: list[dict[str, Any]], request: dict[str, Any]) -> list[dict[str, Any]]:
        """The curves of runs with a parent: its part up to the step they went on from, and the rest of it."""
        out = [{**one, "family": {"of": one["run"], "role": "path"}} for one in own]
        for run_id in request["runs"]:
            told = self._find(run_id).get("parent") or {}
            for metric in request["metrics"] if told else ():
                points = self.metrics.get(told["run_id"], {}).get(metric, [])
                for role, part in (
                    ("path", [point for point in points if point[0] <= told["step"]]),
                    ("abandoned", [point for point in points if point[0] > told["step"]]),
                ):
                    curves = self._curves(told["run_id"], metric, part, request) if part else []
                    out += [{**one, "family": {"of": run_id, "role": role}} for one in curves]
        return out

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

    def _stop(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        run["status"] = "stopped"
        self.emit("run", run=run["run_id"], facts={**run, "exit_code": None, "signal": 15})
        return {"stopping": True}


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
                and self._heard()
                and (self.desk.runs.known or self.desk.graphs.ref is not None)
            ),
            what="a settled screen",
        )
        await self.pilot.pause()

    def _heard(self) -> bool:
        """Chat, where it is shown, knows all that has been said."""
        if self.desk.screen != "chat" or self.source.down:
            return True
        talked = self.app.view.conversation
        said = self.source.said.get(talked.session_id)
        return said is None or talked.seq == len(said)

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
