"""All three transports against servers that misbehave: typed errors, never tracebacks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import ScriptedServer, http_reply

from opengraphs.client.aio import AsyncClient
from opengraphs.client.raw import raw_get, raw_post
from opengraphs.client.sync import Client
from opengraphs.errors import AmbiguousError, DaemonError, OgError, UnreachableError, VersionError
from opengraphs.protocol.version import VERSION

OURS = {"schema": 1, "version": VERSION, "protocol": 1, "pid": 1}
Ask = Callable[[Path], dict[str, Any]]


def ask_raw(path: Path) -> dict[str, Any]:
    return raw_get(path, "/thing", timeout_s=3)


def ask_sync(path: Path) -> dict[str, Any]:
    with Client(store=Path("/s"), socket_path=path, autostart=False, timeout_s=3) as client:
        return client.get("/thing")


def ask_aio(path: Path) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with AsyncClient(store=Path("/s"), socket_path=path, autostart=False, timeout_s=3) as client:
            return await client.get("/thing")

    return asyncio.run(ask())


TRANSPORTS = pytest.mark.parametrize("ask", [ask_raw, ask_sync, ask_aio])


def answering(reply: bytes | None) -> Callable[[str], bytes | None]:
    """Says it is ogd when asked, and `reply` to everything else."""
    return lambda line: http_reply(OURS) if "/version" in line else reply


CUT = b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":'
CUT_CHUNK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\n{"


@TRANSPORTS
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", DaemonError),
        (b"\x00\x01\x02\x03\r\n\r\n", DaemonError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", DaemonError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", DaemonError),
        (http_reply({"detail": "boom"}, "500 Oops"), DaemonError),
        (http_reply({"error": {"code": "ambiguous", "message": "m"}}, "409 No"), AmbiguousError),
        (http_reply({"error": {"code": "not yet known", "message": "m"}}, "400 No"), OgError),
        (None, UnreachableError),
        (b"HTTP/1.1 200 OK\r\n", UnreachableError),
        (CUT, UnreachableError),
        (CUT_CHUNK, UnreachableError),
    ],
    ids=[
        "other protocol", "binary", "html", "no object", "no error shape", "ambiguous", "unknown code",
        "hang-up", "cut head", "cut body", "cut chunk",
    ],
)  # fmt: skip
def test_bad_answers_are_typed_errors(
    og_home: Path, ask: Ask, reply: bytes | None, error: type[OgError]
) -> None:
    path = og_home / "run" / "og.sock"
    with ScriptedServer(path, answering(reply)), pytest.raises(error) as caught:
        ask(path)
    assert isinstance(caught.value, OgError)
    assert caught.value.message


@TRANSPORTS
def test_silence_ends_at_the_time_limit(og_home: Path, ask: Ask) -> None:
    path = og_home / "run" / "og.sock"

    def silent(line: str) -> bytes | None:
        if "/version" in line:
            return http_reply(OURS)
        given_up.wait(30)
        return None

    given_up = threading.Event()
    with ScriptedServer(path, silent):
        try:
            with pytest.raises(DaemonError, match=r"did not answer (in time|within 3 s)"):
                ask(path)
        finally:
            given_up.set()


@TRANSPORTS
def test_nobody_there_is_unreachable_and_says_what_to_do(og_home: Path, ask: Ask) -> None:
    with pytest.raises(UnreachableError) as caught:
        ask(og_home / "run" / "nobody.sock")
    assert "og daemon start" in caught.value.hint


@TRANSPORTS
def test_folder_open_to_others_is_refused(og_home: Path, ask: Ask) -> None:
    path = og_home / "run" / "og.sock"
    with ScriptedServer(path, answering(http_reply({}))):
        (og_home / "run").chmod(0o755)
        with pytest.raises(DaemonError, match="open to others"):
            ask(path)


@pytest.mark.parametrize("ask", [ask_sync, ask_aio])
def test_connection_cut_once_is_asked_again(og_home: Path, ask: Ask) -> None:
    path = og_home / "run" / "og.sock"
    replies = [CUT, http_reply({"fine": True})]
    with ScriptedServer(
        path, lambda line: answering(replies.pop(0))(line) if "/thing" in line else http_reply(OURS)
    ):
        assert ask(path) == {"fine": True}
    assert replies == []


def test_other_protocol_that_is_busy_is_named_with_the_command_to_run(og_home: Path) -> None:
    path = og_home / "run" / "og.sock"
    theirs = {**OURS, "version": "9.9.9", "protocol": 99, "pid": 4242}

    def answer(line: str) -> bytes:
        return http_reply({"stopping": False} if "/shutdown" in line else theirs)

    with ScriptedServer(path, answer) as server, pytest.raises(VersionError) as caught:
        Client(store=Path("/s"), socket_path=path, timeout_s=5).open()
    for word in ("9.9.9", "protocol 99", VERSION, "protocol 1", "4242"):
        assert word in caught.value.message
    assert "og daemon restart" in caught.value.hint
    assert any("/shutdown" in line for line in server.asked)


def test_other_protocol_is_never_started_over_without_autostart(og_home: Path) -> None:
    path = og_home / "run" / "og.sock"
    with ScriptedServer(path, lambda _: http_reply({**OURS, "protocol": 99})) as server:
        with pytest.raises(VersionError):
            Client(store=Path("/s"), socket_path=path, autostart=False, timeout_s=5).open()
        assert [line.split()[1] for line in server.asked] == ["/version"]


def test_busy_daemon_of_another_release_with_our_protocol_is_used(og_home: Path) -> None:
    path = og_home / "run" / "og.sock"
    theirs = {**OURS, "version": "0.0.9"}
    with ScriptedServer(
        path, lambda line: http_reply({"stopping": False} if "/shutdown" in line else theirs)
    ):
        assert Client(store=Path("/s"), socket_path=path, timeout_s=5).open()["version"] == "0.0.9"


@pytest.mark.parametrize("reply", [{}, {"version": 3, "protocol": 1}, {"version": "1", "protocol": "1"}])
def test_stranger_on_the_socket_is_named(og_home: Path, reply: dict[str, Any]) -> None:
    path = og_home / "run" / "og.sock"
    with (
        ScriptedServer(path, lambda _: http_reply(reply)),
        pytest.raises(DaemonError, match="something else"),
    ):
        Client(store=Path("/s"), socket_path=path, timeout_s=5).open()


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + body + (b"0\r\n\r\n" if end else b"")


def stream_sync(path: Path) -> list[dict[str, Any]]:
    client = Client(store=Path("/s"), socket_path=path, autostart=False, timeout_s=3)
    return list(client.stream("/lines"))


def stream_aio(path: Path) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        client = AsyncClient(store=Path("/s"), socket_path=path, autostart=False, timeout_s=3)
        return [line async for line in client.stream("/lines")]

    return asyncio.run(read())


STREAMS = pytest.mark.parametrize("read", [stream_sync, stream_aio])


@STREAMS
def test_stream_lines_come_whole_however_they_are_cut(
    og_home: Path, read: Callable[[Path], list[dict[str, Any]]]
) -> None:
    path = og_home / "run" / "og.sock"
    with ScriptedServer(path, answering(chunked(b'{"a":1}\n{"b"', b":2}", b'\n{"c":3}\n'))):
        assert read(path) == [{"a": 1}, {"b": 2}, {"c": 3}]


@STREAMS
@pytest.mark.parametrize("reply", [chunked(b'{"a":1}\n', end=False), chunked(b'{"a":1}\n{"b"', end=False)])
def test_cut_stream_is_no_end(
    og_home: Path, read: Callable[[Path], list[dict[str, Any]]], reply: bytes
) -> None:
    path = og_home / "run" / "og.sock"
    with ScriptedServer(path, answering(reply)), pytest.raises(UnreachableError):
        read(path)


@STREAMS
def test_garbage_in_a_stream_is_a_daemon_error(
    og_home: Path, read: Callable[[Path], list[dict[str, Any]]]
) -> None:
    path = og_home / "run" / "og.sock"
    with ScriptedServer(path, answering(chunked(b"<html>\n"))), pytest.raises(DaemonError):
        read(path)


@STREAMS
def test_refused_stream_raises_the_daemon_s_own_error(
    og_home: Path, read: Callable[[Path], list[dict[str, Any]]]
) -> None:
    path = og_home / "run" / "og.sock"
    refusal = http_reply({"error": {"code": "ambiguous", "message": "two fit"}}, "409 Conflict")
    with ScriptedServer(path, answering(refusal)), pytest.raises(AmbiguousError, match="two fit"):
        read(path)


def test_raw_post_sends_its_body(og_home: Path) -> None:
    path = og_home / "run" / "og.sock"
    with ScriptedServer(path, lambda _: http_reply({"ok": 1})) as server:
        assert raw_post(path, "/series?store=%2Fs", {"runs": ["a"]}) == {"ok": 1}
    assert server.asked == ["POST /series?store=%2Fs HTTP/1.1"]
