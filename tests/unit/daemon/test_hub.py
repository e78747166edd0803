"""The event ring: replay, resync, bounds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from opengraphs.daemon.hub import EventHub, Stream

STORE = "/store"


def publish(hub: EventHub, number: int, *, run: str = "a", store: str = STORE, kind: str = "log") -> None:
    for index in range(number):
        hub.publish(kind, store, run, {"size_bytes": index})


def drain(stream: Stream, batches: int = 1) -> list[dict[str, Any]]:
    """The events of the next batches; the hub must have them already."""

    async def read() -> list[dict[str, Any]]:
        lines = [line for _ in range(batches) for _, line in await asyncio.wait_for(stream.next(), 5)]
        return [json.loads(line) for line in lines]

    return asyncio.run(read())


def test_stream_begins_with_hello_at_the_present() -> None:
    hub = EventHub(first_seq=100)
    publish(hub, 3)
    stream = Stream(hub, store=STORE, run=None)
    (hello,) = drain(stream)
    assert (hello["kind"], hello["seq"], hello["store"]) == ("hello", 103, STORE)


def test_since_replays_what_came_after_in_order() -> None:
    hub = EventHub(first_seq=100)
    publish(hub, 5)
    hello, *events = drain(Stream(hub, store=STORE, run=None, since=102), batches=2)
    assert hello["seq"] == 102
    assert [event["seq"] for event in events] == [103, 104, 105]
    assert [event["size_bytes"] for event in events] == [2, 3, 4]


def test_other_stores_runs_and_kinds_are_left_out() -> None:
    hub = EventHub(first_seq=0)
    publish(hub, 1, run="a")
    publish(hub, 1, run="b")
    publish(hub, 1, run="a", store="/other")
    publish(hub, 1, run="a", kind="system")
    stream = Stream(hub, store=STORE, run="a", since=0, kinds=frozenset(("log",)))
    events = drain(stream, batches=2)
    assert [(event["kind"], event["seq"]) for event in events] == [("hello", 0), ("log", 1)]


def test_cursor_older_than_the_ring_gets_resync_and_goes_on_from_the_present() -> None:
    hub = EventHub(first_seq=0, max_events=4)
    publish(hub, 10)
    stream = Stream(hub, store=STORE, run=None, since=3)
    events = drain(stream, batches=2)
    assert [(event["kind"], event["seq"]) for event in events] == [("hello", 3), ("resync", 10)]
    publish(hub, 1)
    assert [event["seq"] for event in drain(stream)] == [11]


def test_cursor_of_the_oldest_kept_event_is_replayed_whole() -> None:
    hub = EventHub(first_seq=0, max_events=4)
    publish(hub, 10)
    assert hub.oldest == 6
    events = drain(Stream(hub, store=STORE, run=None, since=6), batches=2)
    assert [event["seq"] for event in events] == [6, 7, 8, 9, 10]


def test_cursor_from_the_future_gets_resync() -> None:
    hub = EventHub(first_seq=50)
    events = drain(Stream(hub, store=STORE, run=None, since=99), batches=2)
    assert [(event["kind"], event["seq"]) for event in events] == [("hello", 99), ("resync", 50)]


def test_later_daemon_starts_above_every_cursor_of_an_earlier_one() -> None:
    earlier = EventHub()
    publish(earlier, 1000)
    assert EventHub().oldest >= earlier.seq - 1000


def test_ring_is_bounded_in_events_and_bytes() -> None:
    hub = EventHub(first_seq=0, max_events=100, max_bytes=2000)
    for _ in range(500):
        hub.publish("run", STORE, "a", {"facts": {"config": "x" * 100}})
    assert hub.seq - hub.oldest <= 10
    hub.publish("run", STORE, "a", {"facts": {"config": "x" * 5000}})
    assert hub.seq - hub.oldest == 1


def test_slow_reader_falls_behind_alone() -> None:
    hub = EventHub(first_seq=0, max_events=8)
    slow = Stream(hub, store=STORE, run=None, since=0)
    quick = Stream(hub, store=STORE, run=None, since=0)
    drain(slow)
    drain(quick)
    seen: list[int] = []
    for _ in range(10):
        publish(hub, 5)
        seen += [event["seq"] for event in drain(quick)]
    assert seen == list(range(1, 51))
    assert drain(slow)[0]["kind"] == "resync"


def test_waiting_reader_wakes_at_the_next_event_of_its_own() -> None:
    async def scenario() -> list[int]:
        hub = EventHub(first_seq=0)
        stream = Stream(hub, store=STORE, run="a")
        await stream.next()
        waiting = asyncio.ensure_future(stream.next())
        await asyncio.sleep(0)
        publish(hub, 1, run="b")
        await asyncio.sleep(0)
        assert not waiting.done()
        publish(hub, 1, run="a")
        return [seq for seq, _ in await asyncio.wait_for(waiting, 5)]

    assert asyncio.run(scenario()) == [2]


def test_closing_ends_streams_that_wait_and_that_come_later() -> None:
    async def scenario() -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
        hub = EventHub(first_seq=0)
        stream = Stream(hub, store=STORE, run=None)
        await stream.next()
        waiting = asyncio.ensure_future(stream.next())
        await asyncio.sleep(0)
        hub.close()
        late = Stream(hub, store=STORE, run=None)
        await late.next()
        return await asyncio.wait_for(waiting, 5), await asyncio.wait_for(late.next(), 5)

    assert asyncio.run(scenario()) == ([], [])


def test_batch_is_bounded_in_bytes() -> None:
    hub = EventHub(first_seq=0, max_events=10_000, max_bytes=64 << 20)
    for _ in range(100):
        hub.publish("run", STORE, "a", {"facts": {"config": "x" * 10_000}})
    stream = Stream(hub, store=STORE, run=None, since=0)
    drain(stream)
    assert len(drain(stream)) == 7
