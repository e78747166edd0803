"""Conversations: messages, the stream of a session, and what the agent's own process asks and says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.app import Lines
from opengraphs.daemon.params import body_flag
from opengraphs.errors import UsageError
from opengraphs.protocol.chat import MODES
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.daemon.chat.session import OpenSession

MAX_TEXT = 100_000
MAX_ATTACHMENTS = 20
MAX_ATTACHED = 20_000
MAX_SESSIONS = 200
_ATTACHMENT = ("kind", "ref", "run", "text")


async def send(call: Call) -> Mapping[str, Any]:
    """`POST /chat/send`."""
    message = _message(call.body)
    session = await _addressed(call)
    return {"schema": SCHEMA, **await call.core.chat.send(session, message)}


async def stream(call: Call) -> Lines:
    """`GET /chat/stream`."""
    session = await _named(call, call.params.required("session_id"))
    since = call.params.integer("since", 0, low=0, high=1 << 53)
    return Lines(call.core.chat.follow(session, since, live=call.params.flag("follow")))


async def sessions(call: Call) -> Mapping[str, Any]:
    """`GET /chat/sessions`."""
    store, run = await call.store(), call.params.text("run")
    run_id = await store.resolve(run) if run is not None else None
    limit = call.params.integer("limit", 20, low=1, high=MAX_SESSIONS)
    found, total = await call.core.chat.listed(store.path, run_id, limit)
    return {"schema": SCHEMA, "sessions": found, "total": total}


async def interrupt(call: Call) -> Mapping[str, Any]:
    """`POST /chat/interrupt`."""
    session = await _named(call, _text(call.body, "session_id", 200))
    done = call.core.chat.interrupt(session)
    return {"schema": SCHEMA, "session_id": session.session_id, "interrupted": done}


async def fork(call: Call) -> Mapping[str, Any]:
    """`POST /chat/fork`."""
    at = call.body.get("at")
    if at is not None and type(at) is not int:
        raise UsageError("`at` is the number of a record")
    store = await call.store()
    session_id = await call.core.chat.fork(store.path, _text(call.body, "session_id", 200), at)
    return {"schema": SCHEMA, "session_id": session_id}


async def agent(call: Call) -> Mapping[str, Any]:
    """`GET /agent`."""
    import os

    from opengraphs.guard.killswitch import stopped_by

    process, busy = call.core.chat.agent, call.core.chat.is_busy
    store = await call.store()
    state = "busy" if busy and process.listens else "ready" if process.listens else "off"
    if not process.listens and process.pid is not None:
        state = "starting"
    elif process.trouble and not process.listens:
        state = "broken"
    stopped = await asyncio.to_thread(
        stopped_by, store=store.path, root=None, env=os.environ, run_switch=False
    )
    return {
        "schema": SCHEMA,
        "state": state,
        "pid": process.pid,
        "provider": process.provider,
        "model": process.model,
        "trouble": process.trouble,
        "hint": "og agent status; its log lies beside the daemon's" if process.trouble else "",
        "disabled": stopped,
    }


async def work(call: Call) -> Lines:
    """`GET /agent/work`: for the agent's process alone."""
    _check_token(call, call.params.required("token"))
    return Lines(call.core.chat.agent.work())


async def items(call: Call) -> Mapping[str, Any]:
    """`POST /agent/items`: from the agent's process alone."""
    _check_token(call, _text(call.body, "token", 200))
    said = call.body.get("items")
    if not isinstance(said, list) or not all(isinstance(item, dict) for item in said):
        raise UsageError("`items` is a list of objects")
    if not call.body.get("session_id"):
        for item in said:
            call.core.chat.agent.hear(item)
        return {"schema": SCHEMA, "seqs": [None] * len(said), "stop": False}
    turn = call.body.get("turn")
    if type(turn) is not int:
        raise UsageError("`turn` is a number")
    session = await _named(call, _text(call.body, "session_id", 200))
    return {"schema": SCHEMA, **call.core.chat.take(session, turn, said)}


async def preview(call: Call) -> Mapping[str, Any]:
    """`GET /agent/preview`."""
    store = await call.store()
    run_id = await store.resolve(call.params.required("run"))
    text = (call.params.text("text") or "")[:MAX_TEXT]
    found = await call.core.chat.agent.preview({"store": str(store.path), "run_id": run_id, "text": text})
    if found.get("error"):
        raise UsageError(str(found["error"])[:2000], hint="og agent status")
    return {"schema": SCHEMA, **{key: found.get(key) for key in ("messages", "tokens_estimate", "hidden")}}


def _message(body: Mapping[str, Any]) -> dict[str, Any]:
    mode = body.get("mode")
    if mode is not None and mode not in MODES:
        raise UsageError(f"mode = {mode!r} is none", hint=f"one of {', '.join(MODES)}")
    text = _text(body, "text", MAX_TEXT)
    if not text.strip():
        raise UsageError("`text` is empty")
    return {
        "text": text,
        "mode": mode,
        "attachments": [_attachment(one) for one in _attachments(body)],
        "origin": _text(body, "origin", 20, needed=False),
        "message_id": _text(body, "message_id", 100, needed=False),
    }


def _attachments(body: Mapping[str, Any]) -> list[Any]:
    found = body.get("attachments") or []
    if not isinstance(found, list) or len(found) > MAX_ATTACHMENTS:
        raise UsageError(f"`attachments` is a list of at most {MAX_ATTACHMENTS}")
    return found


def _attachment(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(found.get(key, ""), str) for key in _ATTACHMENT):
        raise UsageError("an attachment is {kind, ref, run, text}, all of them texts")
    return {key: found[key][:MAX_ATTACHED] for key in _ATTACHMENT if found.get(key)}


async def _addressed(call: Call) -> OpenSession:
    """The session a message is for: a named one, the newest of a run, or a new one of it."""
    store, chat = await call.store(), call.core.chat
    session_id = _text(call.body, "session_id", 200, needed=False)
    if session_id:
        return await _named(call, session_id)
    run_id = await store.resolve(_text(call.body, "run", 500))
    name = await chat.session_for(store.path, run_id, new=body_flag(call.body, "new"))
    return await chat.open(store.path, name)


async def _named(call: Call, session_id: str) -> OpenSession:
    store = await call.store()
    return await call.core.chat.open(store.path, session_id)


def _text(body: Mapping[str, Any], name: str, most: int, *, needed: bool = True) -> str:
    value = body.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or len(value) > most or (needed and not value):
        raise UsageError(f"`{name}` is a text of at most {most} characters")
    return value


def _check_token(call: Call, token: str) -> None:
    if not call.core.chat.agent.knows(token):
        error = UsageError("this is for the agent's own process", hint="POST /chat/send asks the agent")
        error.http_status = 403
        raise error
