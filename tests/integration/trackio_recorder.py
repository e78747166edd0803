"""A Trackio server for tests: it speaks the wire format, keeps what a real one keeps, and misbehaves on request."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple

VERSION = {"version": "0.43.0", "api_version": 1, "writes_paused": False, "api_transport": "http"}


class Answer(NamedTuple):
    """What a request gets instead of the usual; store: whether its rows are kept all the same."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    store: bool = False


class Asked(NamedTuple):
    path: str
    kwargs: dict[str, Any]
    token: str | None

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows = self.kwargs.get("logs", self.kwargs.get("alerts", []))
        assert isinstance(rows, list)
        return rows


class Recorder:
    """Listens on a loopback port. Rows are unique by their id, as in Trackio's database.

    Attributes:
        rows: endpoint → id → row; sent: how often each id came; asked: every request.
        misbehave: looks at a request and gives its answer, or None for the usual one.
        token: the one that may write; None takes everybody.
    """

    def __init__(self, *, token: str | None = None, port: int = 0) -> None:
        self.token = token
        self.rows: dict[str, dict[str, dict[str, Any]]] = {
            "bulk_log": {},
            "bulk_log_system": {},
            "bulk_alert": {},
        }
        self.configs: dict[str, dict[str, Any]] = {}
        self.sent: Counter[str] = Counter()
        self.asked: list[Asked] = []
        self.misbehave: Callable[[Asked], Answer | None] = lambda _asked: None
        self.lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                asked = Asked(self.path, {}, None)
                answer = recorder.misbehave(asked)
                self.reply(
                    answer or Answer(200, VERSION if self.path == "/version" else {"error": "unknown"})
                )

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked = Asked(self.path, body["kwargs"], self.headers.get("X-Trackio-Write-Token"))
                self.reply(recorder.answer(asked))

            def reply(self, answer: Answer) -> None:
                data = json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def answer(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            odd = self.misbehave(asked)
            if odd is not None:
                if odd.store:
                    self._keep(asked)
                return odd
            if self.token is not None and asked.token != self.token:
                return Answer(400, {"error": "A write_token is required to log metrics"})
            self._keep(asked)
            return Answer(200, {"data": None})

    def _keep(self, asked: Asked) -> None:
        kept = self.rows[asked.path.rpartition("/")[2]]
        for row in asked.rows:
            row_id = row.get("log_id") or row["alert_id"]
            self.sent[row_id] += 1
            kept.setdefault(row_id, row)
            if row.get("config"):
                self.configs[row["run_id"]] = row["config"]

    def curve(self, key: str, run_id: str | None = None) -> list[tuple[int, Any]]:
        """(step, value) of every stored row with this metric, by step."""
        with self.lock:
            rows = list(self.rows["bulk_log"].values())
        return sorted(
            (row["step"], row["metrics"][key])
            for row in rows
            if key in row["metrics"] and run_id in (None, row["run_id"])
        )

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
