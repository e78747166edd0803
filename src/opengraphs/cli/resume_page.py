"""What `og resume` shows before it starts anything."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from opengraphs.cli import format as fmt
from opengraphs.cli import output, several
from opengraphs.errors import UsageError

if TYPE_CHECKING:
    from opengraphs.protocol.resuming import ResumePlan

_CONTRACTS = {
    "og": "asks og where to go on",
    "arguments": "goes on by arguments",
    "framework": "goes on by og's hook in its framework",
    "none": "gets og's variables; nothing else is known of it",
}


def put(plan: ResumePlan) -> None:
    """The plan on stdout."""
    ink = output.ink()
    for line in _lines(plan, ink):
        output.put(line)


def say(plan: ResumePlan) -> None:
    """The plan as talk."""
    ink = output.ink(sys.stderr)
    for line in _lines(plan, ink):
        output.say(line)


def _lines(plan: ResumePlan, ink: output.Ink) -> list[str]:
    rows = [("run", f"{plan['name']}, from {plan['parent']['run_id']}"), ("checkpoint", _checkpoint(plan))]
    rows += [("folder", plan["cwd"])]
    rows += [("script", _CONTRACTS[plan["contract"]])]
    rows += [("settings", ", ".join(f"{name}={value}" for name, value in plan["overrides"].items()))]
    rows += [("guessed", f"{shlex.join(plan['guessed'])}" if plan["guessed"] else "")]
    rows += [("missing", ", ".join(missing(plan)))]
    rows += [("note", warning) for warning in plan["warnings"]]
    shown = [(name, fmt.clean(text)) for name, text in rows if text]
    shown.insert(2, ("command", _changed(plan["before"], plan["command"], ink)))
    return [f"{ink(name.ljust(10), 'bold')}  {text}" for name, text in shown]


def _checkpoint(plan: ResumePlan) -> str:
    found = plan["checkpoint"]
    if found is None:
        return "none; it begins anew"
    step = found.get("step")
    return f"{'step ' + str(step) if step is not None else 'of an unknown step'}, {found['path']}"


def _changed(before: list[str], after: list[str], ink: output.Ink) -> str:
    """The new command, with what is new in it marked: by colour, or by brackets without any."""
    mark = _marker(ink)
    words: list[str] = []
    for kind, _, _, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        part = [shlex.quote(fmt.clean(word)) for word in after[start:end]]
        words += part if kind == "equal" else [mark(word) for word in part]
    return " ".join(words)


def _marker(ink: output.Ink) -> Callable[[str], str]:
    return (lambda word: ink(word, "green", "bold")) if ink.on else (lambda word: f"[{word}]")


def missing(plan: ResumePlan) -> list[str]:
    """What neither the bundle nor this shell has."""
    return [name for name in plan["missing"] if name not in os.environ]


def confirm(plan: ResumePlan, *, yes: bool) -> None:
    """Ask where something was guessed, or is not as it was.

    Raises:
        UsageError: there is nobody to ask about arguments that were guessed.
        UserInterruptError: the answer is no.
    """
    if yes or not (plan["needs_confirmation"] or plan["warnings"]):
        return
    if several.can_ask():
        several.confirm(f"start {plan['name']}", yes=False, needed=True)
    elif plan["needs_confirmation"]:
        raise UsageError(
            f"nobody has accepted these arguments yet: {shlex.join(plan['guessed'])}",
            hint="--yes accepts them; og.toml can say them: [resume] args",
        )
