"""Windows of a run's log, search in it, and following it."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.app import Answer, Lines
from opengraphs.daemon.encode import encode, encode_line
from opengraphs.daemon.hub import Stream
from opengraphs.daemon.idle import leaving
from opengraphs.errors import UsageError
from opengraphs.protocol.runs import LogReply
from opengraphs.records import LogLine

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.daemon.hub import EventHub
    from opengraphs.daemon.openstore import OpenStore

MAX_LINES = 2000
FAR = 1 << 53
SEARCH_S = 5.0
"""A search goes on for so long, in slices that let other questions through."""
_NEWS = frozenset(("log", "run", "gone"))


async def log(call: Call) -> Answer:
    """`GET /runs/{ref}/log`: a window; with `grep` the next match; with `follow` a stream; with
    `at_step` or `at_time` the line of that moment."""
    params = call.params
    if params.text("at_step") is not None or params.text("at_time") is not None:
        return await _at(call)
    lines = params.integer("lines", 200, low=1, high=MAX_LINES)
    start = params.integer("from", -lines, low=-FAR, high=FAR)
    raw, follow, pattern = params.flag("raw"), params.flag("follow"), params.text("grep")
    if follow and pattern:
        raise UsageError("follow and grep do not go together", hint="ask for one of them")
    if pattern:
        matches = params.integer("matches", 1, low=1, high=MAX_LINES)
        return await (_matches(call, pattern, matches) if matches > 1 else _search(call, pattern))
    store = await call.store()
    if follow:
        run = await store.resolve(call.ref)
        return Lines(_follow(store, call.core.hub, run, start, raw))
    return await store.ask(
        lambda engine: encode(engine.log(call.ref, start=start, lines=lines, raw=raw)), runs=(call.ref,)
    )


async def _at(call: Call) -> Answer:
    params = call.params
    step = params.number_or_none("at_step")
    time_s = _moment(params.text("at_time")) if params.text("at_time") is not None else None
    if step is not None and time_s is not None:
        raise UsageError("at_step and at_time do not go together", hint="ask for one of them")
    store = await call.store()
    return await store.ask(
        lambda engine: encode(engine.log_at(call.ref, step=step, time_s=time_s)), runs=(call.ref,)
    )


def _moment(text: str | None) -> float:
    try:
        moment = float(text or "")
    except ValueError:
        moment = math.nan
    if not math.isfinite(moment):
        raise UsageError(f"at_time is a number of epoch seconds, not {text!r}")
    return moment


async def _search(call: Call, pattern: str) -> LogReply:
    """The next match as a page of one line; none, and `next` set, when the time was up first."""
    store = await call.store()
    forward = call.params.choice("direction", ("forward", "back"), default="forward") == "forward"
    start = call.params.integer("from", 0 if forward else -1, low=-FAR, high=FAR)
    deadline = time.monotonic() + SEARCH_S
    while True:
        found = await store.ask(
            lambda engine, start=start: engine.log_search(call.ref, pattern, start=start, forward=forward),  # type: ignore[misc]
            runs=(call.ref,),
        )
        if found["line"] is not None or found["next"] is None or time.monotonic() > deadline:
            return {
                "lines": [found["line"]] if found["line"] is not None else [],
                "total_lines": found["total_lines"],
                "size_bytes": found["size_bytes"],
                "next": found["next"],
            }
        start = found["next"]


async def _matches(call: Call, pattern: str, most: int) -> Answer:
    """Matching lines from `from` on, as many as fit in a moment; `next` set: go on there."""
    store = await call.store()
    start = call.params.integer("from", 0, low=0, high=FAR)
    if call.params.text("direction") == "back":
        raise UsageError("matches go forward", hint="leave `direction` out, or `matches`")
    return await store.ask(
        lambda engine: encode(engine.log_matches(call.ref, pattern, start=start, limit=most)),
        runs=(call.ref,),
    )


async def _follow(
    store: OpenStore, hub: EventHub, run: str, start: int, raw: bool
) -> AsyncGenerator[bytes, None]:
    """Log lines from `start` on, each once it is complete, until the run has ended."""
    news = Stream(hub, store=store.name, run=run, kinds=_NEWS)
    with store.listen(run):
        while True:
            page = await store.ask(
                lambda engine, start=start: engine.log(run, start=start, lines=MAX_LINES, raw=raw),  # type: ignore[misc]
                runs=(run,),
            )
            if not page["counted"]:
                continue  # numbers are estimates until a huge log has been counted
            lines = _complete(page)
            if lines:
                yield b"".join(map(encode_line, lines))
            if page["next"] is None:
                return
            start = page["next"] - len(page["lines"]) + len(lines)
            if not lines and not await news.next():
                raise leaving()


def _complete(page: Mapping[str, Any]) -> list[LogLine]:
    """The page's lines, without a last one that is still being written."""
    lines: list[LogLine] = page["lines"]
    still_written = page["open_end"] and page["next"] is not None and page["next"] >= page["total_lines"]
    return lines[:-1] if still_written else lines
