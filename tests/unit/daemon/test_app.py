"""Routing and the border: quoted names, and a handler with a defect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from opengraphs.daemon.app import Call, Endpoint, Lines, make_app


async def broken(call: Call) -> dict[str, Any]:
    raise ZeroDivisionError("a defect")


async def echo(call: Call) -> dict[str, Any]:
    return {"ref": call.ref, "q": call.params.text("q"), "body": dict(call.body)}


async def streamed(call: Call) -> Lines:
    async def lines() -> AsyncGenerator[bytes, None]:
        yield b"one\n"
        raise OSError(5, "input/output error")

    return Lines(lines())


ENDPOINTS = [
    Endpoint("GET", "/broken", broken),
    Endpoint("GET", "/stream", streamed),
    Endpoint("GET", "/runs/{ref}", echo, query=("q",)),
    Endpoint("GET", "/runs/{ref}/log", echo),
    Endpoint("POST", "/runs/{ref}", echo, body=("a",)),
]


def request_scope(method: str, path: str, query: str) -> Any:
    """What the server hands to the application."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
        "server": None,
        "scheme": "http",
        "root_path": "",
    }


def ask(method: str, target: str, body: bytes = b"") -> tuple[int, bytes, bool]:
    """Status, body, and whether the reply was complete."""
    path, _, query = target.partition("?")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def exchange() -> None:
        asked = [{"type": "http.request", "body": body, "more_body": False}]
        hung_up = asyncio.Event()

        async def receive() -> Any:
            if asked:
                return asked.pop()
            await hung_up.wait()
            return {"type": "http.disconnect"}

        scope = request_scope(method, path, query)
        await make_app(None, ENDPOINTS)(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(asyncio.wait_for(exchange(), 10))
    data = b"".join(message["body"] for message in sent[1:])
    return sent[0]["status"], data, not sent[-1].get("more_body", False)


def test_defect_in_a_handler_is_a_reply_and_a_log_entry(caplog: pytest.LogCaptureFixture) -> None:
    status, body, _ = ask("GET", "/broken")
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (500, "internal")
    assert "ZeroDivisionError: a defect" in error["message"]
    assert "og daemon logs" in error["hint"]
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("target", "ref"), [("/runs/a%2Flog", "a/log"), ("/runs/a%2Flog/log", "a/log"), ("/runs/%C3%A4", "ä")]
)
def test_quoted_slash_belongs_to_the_name(target: str, ref: str) -> None:
    status, body, _ = ask("GET", target)
    assert (status, json.loads(body)["ref"]) == (200, ref)


def test_method_and_body_reach_the_handler() -> None:
    status, body, _ = ask("POST", "/runs/x", b'{"a": 1}')
    assert (status, json.loads(body)) == (200, {"ref": "x", "q": None, "body": {"a": 1}})


@pytest.mark.parametrize(
    ("method", "target", "status", "words"),
    [
        ("GET", "/run/x", 404, "GET /runs/{ref}"),
        ("PUT", "/runs/x", 405, "GET, POST"),
        ("GET", "/runs/x?nope=1", 400, "known: q, store"),
    ],
)
def test_wrong_route_method_and_parameter_say_what_is_right(
    method: str, target: str, status: int, words: str
) -> None:
    got, body, _ = ask(method, target)
    assert got == status
    assert words in json.loads(body)["error"]["hint"]


def test_stream_whose_source_fails_is_cut_and_not_ended(caplog: pytest.LogCaptureFixture) -> None:
    status, body, complete = ask("GET", "/stream")
    assert (status, body, complete) == (200, b"one\n", False)
    assert "cut short" in caplog.text


async def endless(call: Call) -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


def test_request_cut_by_the_end_of_the_daemon_is_told_to_come_again() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def scenario() -> None:
        scope = request_scope("GET", "/endless", "")
        app = make_app(None, [Endpoint("GET", "/endless", endless)])  # type: ignore[arg-type]
        request = asyncio.ensure_future(app(scope, receive, send))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        request.cancel()
        await asyncio.wait([request])

    asyncio.run(scenario())
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["error"]["code"] == "daemon_unreachable"
