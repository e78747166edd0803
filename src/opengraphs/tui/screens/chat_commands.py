"""What can be typed into Chat beside messages: `/` commands, and og commands that only read. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from opengraphs.protocol.chat import MODES, Attachment

COMMANDS: dict[str, str] = {
    "/new": "a new conversation",
    "/fork": "go on in a copy of this one",
    "/resume": "another conversation: its id, or choose one",
    "/sessions": "the conversations of this run",
    "/mode": f"what the agent may do: {', '.join(MODES)}",
    "/stop": "kill switch: the agent acts no more",
    "/attach": "take along: metric NAME, file PATH, log FIRST-LAST, run ID, alert ID, text WORDS",
    "/help": "this list",
}
OG = "!og"
KINDS = ("metric", "file", "log", "run", "alert", "text")

READS: dict[str, frozenset[str]] = {
    "list": frozenset(),
    "show": frozenset(),
    "tail": frozenset(),
    "compare": frozenset(),
    "diff": frozenset(),
    "search": frozenset(),
    "lineage": frozenset(),
    "alerts": frozenset({"list", "rules", "replay"}),
    "audit": frozenset({"show", "verify"}),
}
"""og commands that may be run from here; of those with commands of their own, which."""
_REFUSED = ("--output", "--follow", "--export")
"""Options that write, or never end; `-o` and `-f` are the short ones."""


class RefusedError(ValueError):
    """It is not run; the text says why."""


def completions(text: str, *, sessions: Iterable[str] = (), metrics: Iterable[str] = ()) -> list[str]:
    """Whole lines that the typed one may become."""
    word, space, rest = text.partition(" ")
    if not space:
        offered = [*COMMANDS, OG] if word.startswith(("/", "!")) else []
        return [one for one in offered if one.startswith(word) and one != word]
    if word == "/mode":
        return _begin(word, MODES, rest)
    if word == "/resume":
        return _begin(word, sessions, rest)
    if word == OG:
        return _begin(word, READS, rest)
    if word == "/attach":
        if rest.startswith("metric "):
            return _begin("/attach metric", metrics, rest.removeprefix("metric "))
        return _begin(word, KINDS, rest)
    return []


def _begin(lead: str, offered: Iterable[str], typed: str) -> list[str]:
    return [f"{lead} {one}" for one in offered if one.startswith(typed) and one != typed]


def og_words(text: str) -> tuple[str, ...]:
    """The words of `!og list --json`, without `!og`.

    Raises:
        RefusedError: no such command is run from here.
    """
    try:
        words = shlex.split(text.removeprefix(OG))
    except ValueError as error:
        raise RefusedError(f"that cannot be read: {error}") from None
    if not words or words[0] not in READS:
        raise RefusedError(f"from here og only reads: {', '.join(READS)}")
    own = READS[words[0]]
    command = next((word for word in words[1:] if own and not word.startswith("-")), "")
    wrong = [word for word in words[1:] if _writes(word)]
    wrong += [command] if command and command not in own else []
    if wrong:
        raise RefusedError(f"from here og only reads: not with {wrong[0]}")
    return tuple(words)


def _writes(word: str) -> bool:
    if word.startswith("--"):
        return word.partition("=")[0] in _REFUSED
    return word.startswith("-") and bool(set("of") & set(word[1:]))


def attachment(text: str, *, run: str) -> Attachment:
    """What `/attach` names.

    Raises:
        RefusedError: it names nothing.
    """
    kind, _, ref = text.strip().partition(" ")
    if kind not in KINDS or not ref.strip():
        raise RefusedError(f"attach what? {COMMANDS['/attach'].partition(': ')[2]}")
    if kind == "text":
        return {"kind": "text", "ref": ref.strip()[:20], "text": ref.strip()}
    return {"kind": kind, "ref": ref.strip(), "run": run}


def help_text() -> str:
    """What `/help` shows."""
    lines = [f"{name:<10} {says}" for name, says in COMMANDS.items()]
    return "\n".join([*lines, f"{OG:<10} an og command that only reads: {', '.join(READS)}"])
