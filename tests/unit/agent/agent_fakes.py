"""A daemon, a model and a listener for turns, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from opengraphs.agent.providers import Delta, Done, Message, TextDelta, ToolCall, ToolSpec, Usage
from opengraphs.agent.speaking import StoppedError
from opengraphs.errors import UsageError

RUN = "20261122-093012-k7f3"


class Daemon:
    """Answers questions about one run; `asked` are the paths, `posted` what was posted besides questions."""

    def __init__(self, *, log: Sequence[str] = (), **run: Any) -> None:
        metrics = [{"key": "train/loss", "points": 3, "last": 4.0}]
        self.run = {"run_id": RUN, "name": "digits", "script": "train.py", "metrics": metrics, **run}
        self.log = list(log)
        self.file = "lr = 0.1\n"
        self.alerts: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        self.asked.append(f"GET {path}")
        if path.endswith("/log"):
            return {"lines": [{"text": line} for line in self.log], "total_lines": len(self.log)}
        if path.endswith("/file"):
            return {"path": query["path"], "lines": self.file.splitlines(), "total_lines": 1}
        if path == "/alerts":
            return {"alerts": self.alerts, "counts": {}}
        if path == f"/runs/{RUN}":
            return self.run
        raise UsageError(f"no such route: GET {path}")

    async def post(self, path: str, body: dict[str, Any] | None = None, **_: Any) -> dict[str, Any]:
        self.asked.append(f"POST {path}")
        if path == "/series":
            name = (body or {})["metrics"][0]
            return {
                "series": [
                    {"metric": name, "points": 3, "x": [0, 1, 2], "y": [1.0, 3.0, 4.0], "last_step": 2}
                ]
            }
        self.posted.append((path, body or {}))
        if path in self.answers:
            return self.answers[path](body or {})
        raise UsageError(f"no such route: POST {path}")


class Model:
    """Says one answer after the other, the last again and again; `asked` are the messages it got."""

    name, model = "fake", "scripted"

    def __init__(
        self, *answers: tuple[str, Sequence[tuple[str, Mapping[str, Any]]]] | str | Exception
    ) -> None:
        self._answers = answers
        self.asked: list[list[Message]] = []
        self.tools: list[list[str]] = []

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, max_tokens: int
    ) -> AsyncIterator[Delta]:
        self.asked.append(list(messages))
        self.tools.append([tool.name for tool in tools])
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            yield TextDelta("half an ")
            raise answer
        text, calls = (answer, ()) if isinstance(answer, str) else answer
        yield TextDelta(text)
        yield Usage(100, 0, 10, None, False)
        for number, (name, arguments) in enumerate(calls):
            yield ToolCall(f"c{len(self.asked)}-{number}", name, dict(arguments))
        yield Done("tools" if calls else "end")

    async def close(self) -> None:
        pass

    @property
    def told(self) -> str:
        return "\n".join(message.get("text", "") for messages in self.asked for message in messages)


class Listener:
    """A speaker that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.stop = False

    def text(self, item: str, text: str) -> None:
        self.said.append({"kind": "delta", "item": item, "text": text})

    async def say(self, *items: dict[str, Any]) -> None:
        self.said += items
        if self.stop:
            raise StoppedError

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.said if item["kind"] == kind]
