"""The event stream: what changes arrives, in order, again after a break, and slow readers hurt nobody."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from ogd_kit import LiveRun, Ogd, make_run, wait_for

from opengraphs import sockets
from opengraphs.client.aio import AsyncClient
from opengraphs.client.wire import with_query
from opengraphs.errors import NotFoundError

Event = dict[str, Any]


def listen(ogd: Ogd, scenario: Callable[[Reader], Awaitable[None]], **query: Any) -> None:
    """Run a scenario over one event stream of the store."""

    async def run() -> None:
        client = AsyncClient(store=ogd.store)
        async with aclosing(client.events(**query)) as events:
            await asyncio.wait_for(scenario(Reader(events)), 30)

    asyncio.run(run())


class Reader:
    """One event stream; `seen` keeps what went by."""

    def __init__(self, events: AsyncIterator[Any]) -> None:
        self._events = events
        self.seen: list[Event] = []

    async def until(self, wanted: Callable[[Event], object]) -> Event:
        """The first event that fits, from here on."""
        while True:
            event: Event = await anext(self._events)
            self.seen.append(event)
            if wanted(event):
                return event


def of_kind(kind: str, run: str | None = None) -> Callable[[Event], bool]:
    return lambda event: event["kind"] == kind and run in (None, event.get("run"))


def grew(event: Event) -> bool:
    """New points; an event without keys only tells that old ones were read."""
    return event["kind"] == "metrics" and event["keys"] != {}


def test_new_run_points_and_end_arrive_in_order(ogd: Ogd) -> None:
    async def scenario(reader: Reader) -> None:
        hello = await reader.until(of_kind("hello"))
        with LiveRun(ogd.store, name="fresh") as live:
            born = await reader.until(of_kind("run", live.run_id))
            assert (born["facts"]["name"], born["facts"]["status"]) == ("fresh", "running")
            live.append({"loss": [3.0, 2.0], "acc": [0.1, 0.2]})
            points = await reader.until(grew)
            assert points["keys"] == {"loss": 1, "acc": 1}
            assert points["points"] == 4
            (live.folder / "stdout.log").write_text("hello\n")
            log = await reader.until(of_kind("log", live.run_id))
            assert log["size_bytes"] == 6
            (live.folder / "exit.json").write_text('{"code": 3, "signal": null, "ended_at": null}')
            live.release()
            ended = await reader.until(
                lambda event: of_kind("run", live.run_id)(event) and event["facts"]["status"] != "running"
            )
            assert (ended["facts"]["status"], ended["facts"]["exit_code"]) == ("failed", 3)
        seqs = [event["seq"] for event in reader.seen]
        assert seqs == sorted(set(seqs))
        assert seqs[0] == hello["seq"]
        assert {event["store"] for event in reader.seen} == {str(ogd.store.resolve())}

    ogd.start()
    listen(ogd, scenario)


def test_stream_of_one_run_hears_of_no_other(ogd: Ogd) -> None:
    with LiveRun(ogd.store, name="mine") as mine, LiveRun(ogd.store, name="other") as other:

        async def scenario(reader: Reader) -> None:
            await reader.until(of_kind("hello"))
            other.append({"loss": [1.0]})
            mine.append({"loss": [1.0]})
            await reader.until(grew)
            assert {event.get("run", mine.run_id) for event in reader.seen} == {mine.run_id}

        listen(ogd, scenario, run="mine")


def test_since_replays_what_was_missed(ogd: Ogd) -> None:
    with LiveRun(ogd.store) as live:
        marks: list[int] = []

        async def first(reader: Reader) -> None:
            await reader.until(of_kind("hello"))
            live.append({"loss": [1.0]})
            marks.append((await reader.until(grew))["seq"])

        async def second(reader: Reader) -> None:
            await reader.until(of_kind("hello"))
            live.append({"loss": [2.0]}, first_step=1)
            marks.append((await reader.until(grew))["seq"])

        async def again(reader: Reader) -> None:
            hello = await reader.until(of_kind("hello"))
            assert hello["seq"] == marks[0]
            replayed = await reader.until(lambda event: event["seq"] == marks[1])
            assert replayed["keys"] == {"loss": 1}
            assert [event["seq"] for event in reader.seen[1:]] == list(range(marks[0] + 1, marks[1] + 1))

        listen(ogd, first)
        listen(ogd, second)
        listen(ogd, again, since=marks[0])


def test_daemon_killed_under_a_stream_is_started_again_and_says_resync(ogd: Ogd) -> None:
    with LiveRun(ogd.store) as live:

        async def scenario(reader: Reader) -> None:
            await reader.until(of_kind("hello"))
            live.append({"loss": [1.0]})
            await reader.until(grew)
            await asyncio.to_thread(ogd.kill)
            await reader.until(of_kind("hello"))
            await reader.until(of_kind("resync"))
            live.append({"loss": [2.0]}, first_step=1)
            later = await reader.until(lambda event: event.get("keys", {}).get("loss") == 1)
            assert later["run"] == live.run_id

        listen(ogd, scenario)


def test_slow_reader_gets_resync_and_holds_nobody_up(ogd: Ogd) -> None:
    ogd.start()
    with sockets.connect(ogd.socket, timeout_s=20) as slow:
        target = with_query("/events", {"store": str(ogd.store)})
        slow.sendall(f"GET {target} HTTP/1.1\r\nhost: ogd\r\n\r\n".encode())
        assert b'"hello"' in read_until(slow, b'"hello"')
        count = 60

        async def quick(reader: Reader) -> None:
            await reader.until(of_kind("hello"))
            seen: set[str] = set()
            for number in range(count):
                make_run(ogd.store, name=f"big-{number}", config={"text": f"{number:05}" * 40_000})
                if number % 10 == 9:
                    while len(seen) <= number:
                        seen.add((await reader.until(of_kind("run")))["run"])
            assert not any(event["kind"] == "resync" for event in reader.seen)

        listen(ogd, quick)
        rest = read_until(slow, b'"resync"')
        assert rest.count(b'"facts"') < count


def read_until(link: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        piece = link.recv(1 << 16)
        assert piece, "the stream ended"
        data += piece
    return data


def test_idle_stream_is_silent(ogd: Ogd) -> None:
    make_run(ogd.store)
    ogd.start()
    with sockets.connect(ogd.socket, timeout_s=20.0) as link:
        target = with_query("/events", {"store": str(ogd.store)})
        link.sendall(f"GET {target} HTTP/1.1\r\nhost: ogd\r\n\r\n".encode())
        read_until(link, b'"hello"')
        link.settimeout(1.0)
        with pytest.raises(TimeoutError):
            read_until(link, b"anything more")


def test_server_sent_events_carry_ids_and_resume_by_last_event_id(ogd: Ogd) -> None:
    with LiveRun(ogd.store) as live:
        ogd.start()
        first, reply = open_sse(ogd)
        live.append({"loss": [1.0]})
        seq, event = next_sse(reply, grew)
        first.close()
        assert seq == event["seq"]
        live.append({"loss": [2.0]}, first_step=1)
        second, reply = open_sse(ogd, **{"Last-Event-ID": str(seq)})
        assert next_sse(reply, of_kind("hello"))[0] == seq
        later, event = next_sse(reply, grew)
        second.close()
        assert later > seq
        assert event["keys"] == {"loss": 1}


def open_sse(ogd: Ogd, **headers: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("ogd")
    connection.sock = sockets.connect(ogd.socket, timeout_s=20)
    connection.request(
        "GET",
        with_query("/events", {"store": str(ogd.store)}),
        headers={"Accept": "text/event-stream", **headers},
    )
    reply = connection.getresponse()
    assert reply.headers["content-type"] == "text/event-stream"
    return connection, reply


def next_sse(reply: http.client.HTTPResponse, wanted: Callable[[Event], object]) -> tuple[int, Event]:
    while True:
        number, data, blank = (reply.readline() for _ in range(3))
        assert (number[:4], data[:6], blank) == (b"id: ", b"data: ", b"\n")
        event: Event = json.loads(data[6:])
        if wanted(event):
            return int(number[4:]), event


def test_stream_of_an_unknown_run_is_refused(ogd: Ogd) -> None:
    async def scenario(reader: Reader) -> None:
        await reader.until(of_kind("hello"))

    with pytest.raises(NotFoundError, match="nobody"):
        listen(ogd, scenario, run="nobody")


def test_streams_end_when_the_daemon_is_told_to_leave(ogd: Ogd) -> None:
    child = ogd.start()
    with ogd.client() as client:
        stream = client.stream("/events")
        assert next(stream)["kind"] == "hello"
        client.post("/shutdown", {"when_idle": False})
        assert list(stream) == []
    assert child.wait(timeout=20) == 0


def test_connection_of_a_reader_that_hung_up_is_forgotten(ogd: Ogd) -> None:
    ogd.start()
    for _ in range(3):
        stream = ogd.client().stream("/events")
        next(stream)
        stream.close()
    wait_for(lambda: ogd.version()["clients"] == 0, what="the readers' going")


def test_crash_is_named_while_somebody_listens(ogd: Ogd) -> None:
    with LiveRun(ogd.store) as live:

        async def scenario(reader: Reader) -> None:
            await reader.until(of_kind("hello"))
            live.release()
            crashed = await reader.until(
                lambda event: of_kind("run", live.run_id)(event) and event["facts"]["status"] == "crashed"
            )
            assert crashed["facts"].get("exit_code") is None

        listen(ogd, scenario)


def test_removed_run_is_told_as_gone(ogd: Ogd) -> None:
    folder = make_run(ogd.store)

    async def scenario(reader: Reader) -> None:
        await reader.until(of_kind("hello"))
        os.rename(folder, ogd.home / "elsewhere")
        await reader.until(of_kind("gone", folder.name))

    listen(ogd, scenario)
