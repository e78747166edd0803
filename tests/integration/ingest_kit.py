"""A Trackio client as bytes on a socket, and what og made of it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ogd_kit import Ogd

from opengraphs.sdk import layout


class Reply(NamedTuple):
    status: int
    data: Any


class Ingest:
    """The ingest of a private daemon; `post` and `get` are one connection each."""

    def __init__(self, ogd: Ogd, **wish: Any) -> None:
        self.ogd = ogd
        with ogd.client() as client:
            self.settings = client.post("/ingest", {"port": 0, **wish})
        address = urlsplit(self.settings["url"])
        self.host, self.port = str(address.hostname), int(address.port or 0)
        self.token = str(self.settings["token"])

    def status(self) -> dict[str, Any]:
        with self.ogd.client() as client:
            return client.get("/ingest")

    def post(
        self, path: str, body: Any, *, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """POST JSON, or bytes as they are. `token` "": none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        own = self.token if token is None else token
        sent = {"Content-Type": "application/json", **({"x-trackio-write-token": own} if own else {})}
        return self._ask("POST", path, data, {**sent, **(headers or {})})

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        return self._ask("GET", path, None, dict(headers or {}))

    def call(self, api: str, *args: Any, **kwargs: Any) -> Any:
        """What Trackio's Python client does; the data of a 200."""
        reply = self.post(f"/api/{api}", {"args": list(args), "kwargs": kwargs})
        assert reply.status == 200, reply
        return reply.data["data"]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        link = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            data = answer.read()
        finally:
            link.close()
        return Reply(answer.status, json.loads(data) if data else None)

    def raw(self, data: bytes) -> bytes:
        """Send bytes and read until the other side hangs up."""
        with socket.create_connection((self.host, self.port), timeout=30) as link:
            link.sendall(data)
            found = b""
            while piece := link.recv(65536):
                found += piece
        return found

    def runs(self) -> list[Path]:
        """Run folders of the store, by id."""
        folder = self.ogd.store / layout.RUNS
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def only_run(self) -> Path:
        (run,) = self.runs()
        return run


def row(step: int | None, *, run: str = "r", run_id: str | None = "id-1", **more: Any) -> dict[str, Any]:
    """One entry of `logs` as the Python client sends it."""
    return {
        "project": "p",
        "run": run,
        "run_id": run_id,
        "metrics": {"loss": 1.0 if step is None else step / 10},
        "step": step,
        "config": None,
        "log_id": uuid.uuid4().hex,
        **more,
    }


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of one journal file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def records(run: Path, kind: str = layout.METRICS) -> list[dict[str, Any]]:
    """The records of the ingest's journal of one kind."""
    return [record for path in sorted((run / kind).glob("ingest*.jsonl")) for record in lines(path)]


def points(run: Path) -> list[tuple[int, dict[str, Any]]]:
    return [(record["step"], record["metrics"]) for record in records(run)]


def multipart(files: Iterable[tuple[str, bytes]]) -> tuple[bytes, str]:
    """A body as httpx makes it, and its content type."""
    boundary = os.urandom(16).hex()
    body = b""
    for name, data in files:
        body += (
            (
                f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode()
            + data
            + b"\r\n"
        )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
