"""What is sent to a model, whichever it is."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypedDict


class CallOut(TypedDict):
    """A call that the model made earlier in the conversation."""

    call_id: str
    name: str
    arguments: dict[str, Any]


class Message(TypedDict, total=False):
    """One message. tool_calls: of an assistant's; tool_call_id: of a tool's result, whose `text` it is."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool_calls: list[CallOut]
    tool_call_id: str


class ToolSpec(NamedTuple):
    """A tool that the model may call. schema: JSON schema of its arguments, an object."""

    name: str
    description: str
    schema: dict[str, Any]
