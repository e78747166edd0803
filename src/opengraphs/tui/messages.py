"""What the data layer tells the desk. Immutable, and without asyncio, so that `--once` can use them."""

from __future__ import annotations

from typing import Any, NamedTuple

from opengraphs.errors import OgError
from opengraphs.protocol.events import Event
from opengraphs.tui.questions import Question, Stream


class Happened(NamedTuple):
    """One event of the daemon, as it came."""

    event: Event


class Answer(NamedTuple):
    """A reply and the question it is for."""

    question: Question
    reply: dict[str, Any]


class Failure(NamedTuple):
    """A question that was refused, or found no daemon."""

    question: Question
    error: OgError


class Streamed(NamedTuple):
    """One line of a stream that a screen listens to."""

    stream: Stream
    line: dict[str, Any]


class Link(NamedTuple):
    """Whether the daemon is there; `detail` says what is being done about it, or when `final` why nothing is."""

    alive: bool
    detail: str
    final: bool = False


LiveMessage = Happened | Answer | Failure | Link | Streamed
