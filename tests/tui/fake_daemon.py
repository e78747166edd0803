"""A daemon that answers from a table, on a real Unix socket."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Answer = Callable[[str, dict[str, Any]], Any]


class FakeDaemon:
    """`answers`: path prefix → function of (target, body); the longest prefix wins. Used as a context."""

    def __init__(self, folder: Path, answers: dict[str, Answer]) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)
        self.path = str(folder / "ogd.sock")
        self.asked: list[str] = []
        self._server = _Server(self.path, _handler(answers, self.asked))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> FakeDaemon:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[Any, Any]:
        return super().get_request()[0], ("local", 0)


def _handler(answers: dict[str, Answer], asked: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _answer(self, body: dict[str, Any]) -> None:
            asked.append(self.path)
            path = unquote(urlsplit(self.path).path)
            prefix = max((one for one in answers if path.startswith(one)), key=len, default=None)
            reply = answers[prefix](self.path, body) if prefix else None
            data = json.dumps(reply if reply is not None else {"error": {"code": "not_found"}}).encode()
            self.send_response(200 if reply is not None else 404)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
