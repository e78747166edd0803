"""Send alerts to sinks: in the background, again when a sink is not there, never in anybody's way.

alert events ─ what is loud enough ─ one bounded queue a sink ─ its thread of the pool ─ HTTP or a command
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.alerts.finding import LEVELS
from opengraphs.daemon.alerting.sinks import Sink, read_sinks, sinks_file
from opengraphs.errors import UsageError
from opengraphs.protocol.alerting import SinkTest
from opengraphs.sdk.redact import redact_text

log = logging.getLogger("ogd.alerts")
MOST_WAITING = 100
TIMEOUT_S = 10.0
COMMAND_S = 30.0
WAITS_S = (1.0, 5.0, 30.0, 120.0)
"""Before each further try; after the last one the alert is given up, which the log says."""
_NTFY = {"error": "5", "warn": "4", "info": "2"}


_TEST: dict[str, Any] = {
    "alert_id": "test", "detector": "test", "metric": None, "level": "info", "state": "firing", "step": None,
    "title": "a test alert: og can reach you here", "text": "", "evidence": {},
}  # fmt: skip


class Page(NamedTuple):
    """One alert on its way. run: `run_id`, `name`, `project`."""

    run: Mapping[str, Any]
    alert: Mapping[str, Any]

    @property
    def line(self) -> str:
        """What a person reads."""
        alert, ended = self.alert, self.alert.get("state") == "resolved"
        step = f" (step {alert['step']})" if alert.get("step") is not None else ""
        mark = "resolved" if ended else str(alert.get("level"))
        return redact_text(f"[{mark}] {self.run.get('name')}: {alert.get('title')}{step}")

    def body(self) -> dict[str, Any]:
        """What a program reads."""
        return {"schema": 1, "run": dict(self.run), "alert": dict(self.alert), "text": self.line}


class Sending:
    """The sinks of this user; loop thread only.

    Args:
        wait: seconds before try n + 1; for tests.
    """

    def __init__(self, *, waits_s: Sequence[float] = WAITS_S, path: Path | None = None) -> None:
        self._waits_s = waits_s
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._sinks: tuple[Sink, ...] = ()
        self._queues: dict[Sink, asyncio.Queue[Page]] = {}
        self._tasks: dict[Sink, asyncio.Task[None]] = {}
        self._sent: set[tuple[str, str]] = set()
        self.trouble = ""
        """Why the file of sinks cannot be used; "" when it can."""

    def tell(self, run: Mapping[str, Any], alerts: Sequence[Mapping[str, Any]]) -> None:
        """Send what is loud enough, to each sink."""
        self._read()
        facts = {key: run.get(key) for key in ("run_id", "name", "project")}
        for alert in alerts:
            name = (str(run.get("run_id")), str(alert.get("alert_id")))
            if alert.get("state") == "firing" and alert.get("page", alert.get("level") == "info"):
                self._sent.add(name)
            elif alert.get("state") != "resolved" or name not in self._sent:
                continue
            for sink in self._sinks:
                if _is_for(sink, alert):
                    self._put(sink, Page(facts, alert))

    def _read(self) -> None:
        """The file again, when it is another one."""
        path = self._path or sinks_file()
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = (0, 0)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._sinks, self.trouble = read_sinks(path), ""
        except UsageError as error:
            self._sinks, self.trouble = (), f"{error.message}: {error.path}"
            log.warning("alerts go to no sink: %s", self.trouble)

    def _put(self, sink: Sink, page: Page) -> None:
        queue = self._queues.setdefault(sink, asyncio.Queue(MOST_WAITING))
        if sink not in self._tasks or self._tasks[sink].done():
            self._tasks[sink] = asyncio.get_running_loop().create_task(self._work(sink, queue))
        try:
            queue.put_nowait(page)
        except asyncio.QueueFull:
            log.warning("%r: too much is waiting, an alert is not sent: %s", sink, page.line)

    async def _work(self, sink: Sink, queue: asyncio.Queue[Page]) -> None:
        while True:
            page = await queue.get()
            await self._deliver(sink, page)
            queue.task_done()

    async def _deliver(self, sink: Sink, page: Page) -> None:
        for wait_s in (*self._waits_s, None):
            try:
                await asyncio.to_thread(_WAYS[sink.kind], sink, page)
            except (OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
                if wait_s is None or not _is_worth_another(error):
                    log.warning("%r: an alert could not be sent (%s): %s", sink, _reason(error), page.line)
                    return
                await asyncio.sleep(wait_s)
            else:
                return

    def sinks(self) -> tuple[Sink, ...]:
        """Those that count now."""
        self._read()
        return self._sinks

    async def test(self) -> list[SinkTest]:
        """One alert to each sink, at once and once."""
        page = Page({"run_id": "test", "name": "test", "project": None}, _TEST)
        return list(await asyncio.gather(*(_tried(sink, page) for sink in self.sinks())))

    @property
    def is_busy(self) -> bool:
        """Something is still to be sent."""
        return any(not queue.empty() for queue in self._queues.values())

    async def close(self) -> None:
        """Give up what was not sent."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


async def _tried(sink: Sink, page: Page) -> SinkTest:
    error = ""
    try:
        await asyncio.to_thread(_WAYS[sink.kind], sink, page)
    except (OSError, http.client.HTTPException, subprocess.SubprocessError) as failure:
        error = _reason(failure)
    return {"name": sink.name, "kind": sink.kind, "ok": not error, "error": error}


def _is_for(sink: Sink, alert: Mapping[str, Any]) -> bool:
    if alert.get("state") == "resolved" and not sink.resolved:
        return False
    level = alert.get("level")
    return level in LEVELS and LEVELS.index(level) >= LEVELS.index(sink.level)


def _is_worth_another(error: Exception) -> bool:
    """A server that says the request is wrong says so again."""
    return not (isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500 and error.code != 429)


def _reason(error: Exception) -> str:
    """Without the address, which is a secret."""
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return type(error).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """A webhook that moved is told of, and not followed: what is sent is for one address."""


def _post(sink: Sink, body: bytes, headers: Mapping[str, str]) -> None:
    request = urllib.request.Request(sink.target, body, dict(headers), method="POST")  # http(s) only
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        answer.read(1024)


def _post_json(sink: Sink, value: Mapping[str, Any]) -> None:
    body = json.dumps(value, default=str).encode()
    _post(sink, body, {"Content-Type": "application/json", "User-Agent": "opengraphs"})


def _slack(sink: Sink, page: Page) -> None:
    text = page.line if not page.alert.get("text") else f"{page.line}\n{redact_text(str(page.alert['text']))}"
    _post_json(sink, {"text": text})


def _discord(sink: Sink, page: Page) -> None:
    _post_json(sink, {"content": page.line[:1900], "allowed_mentions": {"parse": []}})


def _ntfy(sink: Sink, page: Page) -> None:
    title = f"og: {page.run.get('name')}".encode("ascii", "replace").decode()
    headers = {
        "Title": title,
        "Priority": _NTFY.get(str(page.alert.get("level")), "3"),
        "Tags": "chart_with_downwards_trend",
    }
    _post(sink, page.line.encode(), headers)


def _webhook(sink: Sink, page: Page) -> None:
    _post_json(sink, page.body())


def _run_command(sink: Sink, page: Page) -> None:
    """The command gets the alert as JSON on its input and the most of it as variables."""
    alert = page.alert
    told = {
        "OG_ALERT_TEXT": page.line,
        "OG_ALERT_LEVEL": alert.get("level"),
        "OG_ALERT_STATE": alert.get("state"),
        "OG_ALERT_DETECTOR": alert.get("detector"),
        "OG_ALERT_METRIC": alert.get("metric") or "",
        "OG_ALERT_ID": alert.get("alert_id"),
        "OG_ALERT_RUN": page.run.get("run_id"),
    }
    env = {**os.environ, **{name: str(value).replace("\0", "") for name, value in told.items()}}
    child = subprocess.Popen(
        sink.command,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        child.communicate(json.dumps(page.body(), default=str).encode(), timeout=COMMAND_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, sink.command[0])


_WAYS: dict[str, Callable[[Sink, Page], None]] = {
    "slack": _slack,
    "discord": _discord,
    "ntfy": _ntfy,
    "webhook": _webhook,
    "command": _run_command,
}
