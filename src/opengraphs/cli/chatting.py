"""A message to the agent, and its answer as plain text while it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from opengraphs.cli import output
from opengraphs.cli.format import clean
from opengraphs.errors import AgentError, OgError

if TYPE_CHECKING:
    from opengraphs.client.sync import Client

ANSWER_S = 3600.0
"""The stream is silent while a model thinks; how long a turn may take is the daemon's to say."""
OVER = ("done", "failed", "interrupted")


def answer(client: Client, message: dict[str, Any]) -> list[dict[str, Any]]:
    """Send a message, print the answer as it comes; the records of its turn.

    An interrupt by the person ends the turn before it ends us.

    Raises:
        AgentError: the turn failed, or was interrupted elsewhere.
    """
    sent = client.post("/chat/send", message)
    try:
        return list(_printed(_turn(client, sent)))
    except KeyboardInterrupt:
        client.post("/chat/interrupt", {"session_id": sent["session_id"]})
        raise


def records(client: Client, message: dict[str, Any]) -> list[dict[str, Any]]:
    """Send a message and wait; the records of its turn, whatever came of it."""
    return [record for record in _turn(client, client.post("/chat/send", message)) if "seq" in record]


def _turn(client: Client, sent: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is streamed of one turn, to its end."""
    lines = client.stream("/chat/stream", session_id=sent["session_id"], since=sent["seq"] - 1, follow=1)
    for record in lines:
        if record.get("turn", sent["turn"]) != sent["turn"]:
            continue
        yield record
        if record["kind"] == "turn" and record["state"] in OVER:
            return


def _printed(turn: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each record, after what a person should see of it was printed."""
    printer = _Printer()
    for record in turn:
        printer.show(record)
        if "seq" in record:
            yield record
        if record["kind"] == "turn" and record["state"] in ("failed", "interrupted"):
            raise _failure(record)


def _failure(record: dict[str, Any]) -> OgError:
    error = record.get("error") or {}
    text = clean(str(error.get("message") or f"the answer was {record['state']}"))
    return AgentError(text, hint=clean(str(error.get("hint") or "")))


class _Printer:
    """Text on stdout as it grows; what the agent does, on stderr."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def show(self, record: dict[str, Any]) -> None:
        """Print what is new in a record."""
        kind = record["kind"]
        if kind == "delta":
            self._text(str(record["item"]), record["text"])
        elif kind == "assistant":
            item = str(record["item"])
            whole, shown = str(record["text"]), self._shown.get(item, "")
            rest = whole[len(shown) :] if whole.startswith(shown) else f"\n{whole}"
            self._text(item, rest if rest.endswith("\n") else f"{rest}\n")
        elif kind == "tool":
            output.say(output.ink()(f"· {clean(str(record['name']))} {_arguments(record)}", "dim"))
        elif kind == "notice":
            output.say(f"og: {clean(str(record['text']))}")
        elif kind == "plan":
            output.say(_plan(record.get("plan") or {}))

    def _text(self, item: str, text: str) -> None:
        import sys

        self._shown[item] = self._shown.get(item, "") + text
        sys.stdout.write("\n".join(clean(line) for line in text.split("\n")))
        sys.stdout.flush()


def _arguments(record: dict[str, Any]) -> str:
    told = record.get("arguments") or {}
    shown = ", ".join(f"{name}={value}" for name, value in told.items() if name != "run")
    return clean(shown)[:100]


def _plan(plan: dict[str, Any]) -> str:
    """A plan in two lines."""
    action = plan.get("action") or {}
    lines = [f"diagnosis ({float(plan.get('confidence') or 0):.0%} sure): {plan.get('diagnosis', '')}"]
    if action:
        lines.append(f"proposes: {action.get('kind')}: {action.get('rationale', '')}")
    return "\n".join(clean(line) for line in lines)
