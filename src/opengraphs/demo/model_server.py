"""A model that says what it was told to, on loopback, in the real wire formats of OpenAI and Anthropic.

`og demo --auto` without a key, and og's own tests, talk to it instead of a real model: Chat Completions
(`POST /v1/chat/completions`) and Messages (`POST /v1/messages`), whole or streamed, with tool calls, usage,
and everything that goes wrong with real ones. Stdlib only.

    with ModelServer([Answer("hello"), Answer(calls=[Call("log_tail", {})]), Fault(status=429, retry_after=1)]) as model:
        … model.url …
    model.asked         # the bodies that came, in order
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

MODEL = "scripted"
_CHAT, _MESSAGES = "/v1/chat/completions", "/v1/messages"
_PIECE = 12
"""Characters of text in one piece of a stream."""


class Call(NamedTuple):
    """A call of a tool."""

    name: str
    arguments: dict[str, Any]


class Answer(NamedTuple):
    """What the model says. stop: "" is what fits: `end`, or `tools` where there are calls; else `length`.

    cut: the stream ends after so many pieces, without a word. whole_calls: each call in one piece, and without
    ids, as some servers do. usage: False leaves it out. pause_s: before each piece. bad_piece: one is no JSON.
    """

    text: str = ""
    calls: Sequence[Call] = ()
    stop: str = ""
    cut: int | None = None
    whole_calls: bool = False
    usage: bool = True
    pause_s: float = 0.0
    bad_piece: bool = False


class Fault(NamedTuple):
    """What goes wrong instead. status 0 hangs up without an answer. in_stream: told inside a stream that began well."""

    status: int = 500
    code: str = ""
    message: str = "scripted fault"
    retry_after: float | None = None
    in_stream: bool = False


Step = Answer | Fault
Script = Sequence[Step] | Callable[[dict[str, Any]], Step]
"""Steps in order, the last one again and again; or a function of the request's body."""


class ModelServer:
    """Serves until it is closed. `asked`: (path, body, headers) of every request."""

    def __init__(self, script: Script, *, host: str = "127.0.0.1") -> None:
        self._script = script
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End; answers that are still on their way are cut."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`: what Anthropic's SDK calls the base URL."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def url(self) -> str:
        """With `/v1`: what OpenAI's SDK calls the base URL."""
        return f"{self.origin}/v1"

    def next_step(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> Step:
        """Take note of a request, and say what answers it."""
        with self._lock:
            self.asked.append((path, body, headers))
            if callable(self._script):
                return self._script(body)
            return self._script[min(len(self.asked), len(self._script)) - 1]

    def wait(self, seconds: float) -> None:
        """Pause, unless the server ends."""
        if seconds:
            self._over.wait(seconds)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(_Handler):
            owner = server

        return Handler


class _Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self.path not in (_CHAT, _MESSAGES):
            self._json(404, _error(self.path, "not_found", "no such path"))
            return
        step = self.owner.next_step(self.path, body, {k.lower(): v for k, v in self.headers.items()})
        speaks: type[_Chat | _Messages] = _Chat if self.path == _CHAT else _Messages
        if isinstance(step, Fault) and not step.in_stream:
            self._fail(step)
        elif body.get("stream"):
            self._stream(step, speaks(str(body.get("model", MODEL)), body))
        elif isinstance(step, Answer):
            self.owner.wait(step.pause_s)
            self._json(200, speaks(str(body.get("model", MODEL)), body).whole(step))

    def _fail(self, fault: Fault) -> None:
        if not fault.status:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        extra = {"retry-after": f"{fault.retry_after:g}"} if fault.retry_after is not None else {}
        self._json(fault.status, _error(self.path, fault.code, fault.message), extra)

    def _stream(self, step: Step, speaks: _Chat | _Messages) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for number, piece in enumerate(_pieces(step, speaks)):
                if isinstance(step, Answer):
                    self.owner.wait(step.pause_s)
                    if step.cut is not None and number >= step.cut:
                        self.close_connection = True
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                self._chunk(piece.encode())
            self._chunk(b"")
        except OSError:  # the client has heard enough
            self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _json(self, status: int, body: dict[str, Any], extra: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silent: whoever wants to know reads `asked`."""


def _error(path: str, code: str, message: str) -> dict[str, Any]:
    if path == _MESSAGES:
        return {"type": "error", "error": {"type": code or "api_error", "message": message}}
    return {
        "error": {"message": message, "type": code or "server_error", "param": None, "code": code or None}
    }


def _pieces(step: Step, speaks: _Chat | _Messages) -> Iterator[str]:
    if isinstance(step, Fault):
        yield from speaks.opening()
        yield speaks.failure(step)
        return
    yield from speaks.opening()
    if step.bad_piece:
        yield speaks.line("text_delta", "{no json")
    for start in range(0, len(step.text), _PIECE):
        yield from speaks.text(step.text[start : start + _PIECE])
    for number, call in enumerate(step.calls):
        yield from speaks.call(number, call, whole=step.whole_calls)
    yield from speaks.closing(step)


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


class _Chat:
    """Chat Completions."""

    def __init__(self, model: str, body: dict[str, Any]) -> None:
        self._head = {"id": "chatcmpl-1", "created": int(time.time()), "model": model}
        self._wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._asked = json.dumps(body.get("messages", []))

    def whole(self, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
        if answer.calls:
            message["tool_calls"] = [_function(n, call) for n, call in enumerate(answer.calls)]
        choice = {"index": 0, "message": message, "finish_reason": self._finish(answer)}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage(answer)}

    def opening(self) -> Iterator[str]:
        yield self._piece({"role": "assistant", "content": None})

    def text(self, text: str) -> Iterator[str]:
        yield self._piece({"content": text})

    def call(self, number: int, call: Call, *, whole: bool) -> Iterator[str]:
        made = {"index": number, **_function(number, call)}
        if whole:
            yield self._piece({"tool_calls": [{**made, "id": None}]})
            return
        written = made["function"]["arguments"]
        yield self._piece({"tool_calls": [{**made, "function": {"name": call.name, "arguments": ""}}]})
        for start in range(0, len(written), _PIECE):
            part = {"index": number, "function": {"arguments": written[start : start + _PIECE]}}
            yield self._piece({"tool_calls": [part]})

    def closing(self, answer: Answer) -> Iterator[str]:
        yield self._piece({}, finish=self._finish(answer))
        if self._wants_usage and answer.usage:
            yield self.line("", json.dumps({**self._chunk(), "choices": [], "usage": self._usage(answer)}))
        yield self.line("", "[DONE]")

    def failure(self, fault: Fault) -> str:
        return self.line("", json.dumps(_error(_CHAT, fault.code, fault.message)))

    def line(self, _event: str, data: str) -> str:
        return f"data: {data}\n\n"

    def _piece(self, delta: dict[str, Any], *, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self.line("", json.dumps({**self._chunk(), "choices": [choice]}))

    def _chunk(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk"}

    def _finish(self, answer: Answer) -> str:
        return answer.stop or ("tool_calls" if answer.calls else "stop")

    def _usage(self, answer: Answer) -> dict[str, Any]:
        asked, said = _tokens(self._asked), _tokens(answer.text + str(answer.calls))
        details = {"cached_tokens": asked // 2}
        return {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
            "prompt_tokens_details": details,
        }


def _function(number: int, call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": f"call_{number}", "type": "function", "function": function}


class _Messages:
    """Anthropic's Messages."""

    def __init__(self, model: str, body: dict[str, Any]) -> None:
        self._model = model
        self._asked = _tokens(json.dumps(body.get("messages", [])))
        self._open: int | None = None
        self._next = 0

    def whole(self, answer: Answer) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
        content += [_use(n, call) for n, call in enumerate(answer.calls)]
        usage = {"input_tokens": self._asked, "output_tokens": _tokens(answer.text + str(answer.calls))}
        return {**self._message(), "content": content, "stop_reason": self._stop(answer), "usage": usage}

    def opening(self) -> Iterator[str]:
        usage = {"input_tokens": self._asked, "cache_read_input_tokens": self._asked // 2, "output_tokens": 1}
        yield self._event("message_start", message={**self._message(), "usage": usage})
        yield self._event("ping")

    def text(self, text: str) -> Iterator[str]:
        if self._open is None:
            yield self._begin({"type": "text", "text": ""})
        yield self._event("content_block_delta", index=self._open, delta={"type": "text_delta", "text": text})

    def call(self, number: int, call: Call, *, whole: bool) -> Iterator[str]:
        yield from self._end()
        yield self._begin({**_use(number, call), "input": {}})
        written = json.dumps(call.arguments)
        size = len(written) if whole else _PIECE
        for start in range(0, len(written), size):
            delta = {"type": "input_json_delta", "partial_json": written[start : start + size]}
            yield self._event("content_block_delta", index=self._open, delta=delta)
        yield from self._end()

    def closing(self, answer: Answer) -> Iterator[str]:
        yield from self._end()
        said = _tokens(answer.text + str(answer.calls)) if answer.usage else 0
        delta = {"stop_reason": self._stop(answer), "stop_sequence": None}
        yield self._event("message_delta", delta=delta, usage={"output_tokens": said})
        yield self._event("message_stop")

    def failure(self, fault: Fault) -> str:
        return self.line("error", json.dumps(_error(_MESSAGES, fault.code, fault.message)))

    def line(self, event: str, data: str) -> str:
        return f"event: {'content_block_delta' if event == 'text_delta' else event}\ndata: {data}\n\n"

    def _begin(self, block: dict[str, Any]) -> str:
        self._open, self._next = self._next, self._next + 1
        return self._event("content_block_start", index=self._open, content_block=block)

    def _end(self) -> Iterator[str]:
        if self._open is not None:
            yield self._event("content_block_stop", index=self._open)
            self._open = None

    def _event(self, kind: str, **fields: Any) -> str:
        return self.line(kind, json.dumps({"type": kind, **fields}))

    def _message(self) -> dict[str, Any]:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _stop(self, answer: Answer) -> str:
        if answer.stop == "length":
            return "max_tokens"
        return answer.stop or ("tool_use" if answer.calls else "end_turn")


def _use(number: int, call: Call) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": call.name, "input": call.arguments}
