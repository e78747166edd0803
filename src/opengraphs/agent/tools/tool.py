"""What a tool is: a name, what it says of itself, and a question to the daemon. All of them read, none changes anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from opengraphs.client.wire import run_path
from opengraphs.errors import UsageError

__all__ = ["Asks", "Tool", "integer", "run_path", "schema", "text"]


class Asks(Protocol):
    """As much of a client as tools need."""

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]: ...

    async def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]: ...


class Tool(NamedTuple):
    """schema: JSON schema of the arguments. call: raises OgError when the question is wrong or nobody answers."""

    name: str
    description: str
    schema: dict[str, Any]
    call: Callable[[Asks, Mapping[str, Any]], Awaitable[dict[str, Any]]]


def schema(*required: str, **properties: tuple[str, str]) -> dict[str, Any]:
    """A schema of named arguments: name → (type, description)."""
    known = {name: {"type": kind, "description": text} for name, (kind, text) in properties.items()}
    return {"type": "object", "properties": known, "required": list(required), "additionalProperties": False}


def text(arguments: Mapping[str, Any], name: str, default: str | None = None, *, most: int = 500) -> str:
    """An argument that is a text."""
    value = arguments.get(name, default)
    if not isinstance(value, str) or len(value) > most or (default is None and not value):
        raise UsageError(f"the argument {name!r} is a text of at most {most} characters")
    return value


def integer(arguments: Mapping[str, Any], name: str, default: int, *, low: int, high: int) -> int:
    """An argument that is a whole number, brought within its bounds."""
    value = arguments.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"the argument {name!r} is a whole number")
    return max(low, min(high, value))
