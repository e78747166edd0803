"""From what a model says to a plan, or to a sentence on why it is none.

A plan comes by two tools, `report_diagnosis` and `propose_action`, or as text in sections for models without
tools. Every value is checked for its type and size; edits are only ever what stands in the assistant's own text,
never an argument, and never a line that a tool brought.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Mapping
from typing import Any, cast, get_args

from opengraphs.agent.providers.messages import ToolSpec
from opengraphs.protocol.chat import Action, ActionKind, Evidence, Plan

MAX_SENTENCES = 4000
MAX_SHORT = 300
MAX_ITEMS = 20
MAX_EDITS = 100_000
MAX_OVERRIDES = 20
DIAGNOSIS, ACTION = "report_diagnosis", "propose_action"
KINDS: tuple[ActionKind, ...] = get_args(ActionKind)
_NAME = re.compile(r"[A-Za-z_][\w.\-]{0,99}")
_EDITS = re.compile(r"^<{5,9} ?SEARCH|^\*\*\* Begin Patch|^```diff|^--- (?:a/)?\S+\n\+\+\+ ", re.MULTILINE)
_HEAD = re.compile(
    r"^[ \t#*_>\-]{0,6}(DIAGNOSIS|ACTION|CODE[_ ]CHANGES)[ \t*_]{0,4}(?::|$)[ \t*_]{0,4}(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_SETTING = re.compile(r"^[ \t\-*]{0,4}([A-Za-z_][\w.\-]{0,99})\s*[:=]\s*(\S.{0,200}?)\s*$", re.MULTILINE)
_WORDS: dict[str, ActionKind] = {
    "explain": "explain",
    "none": "explain",
    "nothing": "explain",
    "restart": "restart",
    "resume": "restart",
    "override": "override",
    "overrides": "override",
    "patch": "patch",
    "edit": "patch",
    "code": "patch",
}

_STRINGS = {"type": "array", "items": {"type": "string"}}
SPECS = (
    ToolSpec(
        DIAGNOSIS,
        "Say what is wrong, once you know. Ends your answer unless propose_action comes with it.",
        {
            "type": "object",
            "properties": {
                "summary": {"type": "string"},
                "confidence": {"type": "number", "description": "0 to 1"},
                "evidence": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "metric": {"type": "string"},
                            "step": {"type": "integer"},
                            "line": {"type": "integer"},
                            "text": {"type": "string"},
                        },
                    },
                },
                "hypotheses": _STRINGS,
                "checks": {**_STRINGS, "description": "what would show whether you are right"},
            },
            "required": ["summary", "confidence"],
        },
    ),
    ToolSpec(
        ACTION,
        "Propose at most one action, the least invasive that helps. For kind patch write the edits into the text of"
        " this same answer as SEARCH/REPLACE blocks, not into the arguments.",
        {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": list(KINDS)},
                "rationale": {"type": "string"},
                "checkpoint": {
                    "type": "string",
                    "description": "latest, best, a step or an id; leave out if unsure",
                },
                "overrides": {"type": "object", "description": "settings by name, for kind override"},
                "metric": {"type": "string", "description": "what is to get better"},
                "direction": {"type": "string", "enum": ["min", "max"]},
                "by_step": {"type": "integer"},
            },
            "required": ["kind", "rationale", "metric", "direction"],
        },
    ),
)
TERMINAL = frozenset(spec.name for spec in SPECS)


class NotAPlanError(ValueError):
    """What the model said cannot be a plan; the message tells the model why."""


def plan_from_calls(calls: Mapping[str, Mapping[str, Any]], said: str, *, run_id: str) -> Plan:
    """A plan of the two tools' arguments.

    Args:
        calls: arguments by tool; one of the two may be missing.
        said: the text of the answer in which they were called, for the edits.

    Raises:
        NotAPlanError: an argument is not what it must be.
    """
    told, asked = calls.get(DIAGNOSIS, {}), calls.get(ACTION)
    plan: Plan = {
        "plan_id": f"p-{secrets.token_hex(4)}",
        "run_id": run_id,
        "alert_id": None,
        "diagnosis": _text(told, "summary", MAX_SENTENCES),
        "confidence": _confidence(told.get("confidence", 0.0)),
        "evidence": _evidence(told.get("evidence"), run_id),
        "checks": [*_texts(told, "checks"), *_texts(told, "hypotheses")],
    }
    if asked is not None:
        plan["action"] = _action(asked, said)
        plan["diagnosis"] = plan["diagnosis"] or plan["action"]["rationale"]
    return plan


def plan_from_text(said: str, *, run_id: str) -> Plan | None:
    """A plan of an answer in sections; None where there are none.

    Raises:
        NotAPlanError: there are sections, and what stands in them cannot be.
    """
    sections = _sections(said)
    if "DIAGNOSIS" not in sections or len(sections) < 2:
        return None
    calls: dict[str, dict[str, Any]] = {
        DIAGNOSIS: {"summary": sections["DIAGNOSIS"][:MAX_SENTENCES], "confidence": 0.5}
    }
    asked = sections.get("ACTION", "")
    changes = sections.get("CODE_CHANGES", "")
    word = re.search(r"[A-Za-z]+", asked)
    kind = _WORDS.get(word[0].lower()) if word else None
    if kind is None and asked.strip():
        raise NotAPlanError(f"ACTION begins with one of {', '.join(KINDS)}")
    if kind not in (None, "explain"):
        calls[ACTION] = {"kind": kind, "rationale": asked[:MAX_SENTENCES], **_settings(asked)}
    return plan_from_calls(calls, changes if kind == "patch" else "", run_id=run_id)


def has_edits(said: str) -> bool:
    """Whether a text has blocks of edits in it."""
    return bool(_EDITS.search(said))


def _sections(said: str) -> dict[str, str]:
    """By name in capitals; of one that comes twice the last counts."""
    heads = list(_HEAD.finditer(said[: 4 * MAX_EDITS]))
    found: dict[str, str] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=False):
        end = following.start() if following else len(said)
        name = head[1].upper().replace(" ", "_")
        found[name] = f"{head[2]}{said[head.end() : end]}".strip()
        if name == "CODE_CHANGES":  # what looks like a head further on is part of a file
            found[name] = f"{head[2]}{said[head.end() :]}".strip()
            break
    return found


def _settings(asked: str) -> dict[str, Any]:
    """What `name: value` lines below ACTION say; what is no word of ours is a setting to restart with."""
    found: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    for name, raw in _SETTING.findall(asked):
        value = _json(raw)
        if name.lower() == "overrides" and isinstance(value, dict):
            overrides |= value
        elif name.lower() in ("checkpoint", "metric", "direction"):
            found[name.lower()] = raw.strip("`\"'")
        elif name.lower() == "by_step":
            found["by_step"] = value
        elif "=" in asked and isinstance(value, (int, float, str, bool)):
            overrides[name] = value
    return {**found, "overrides": overrides} if overrides else found


def _json(raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.strip("`\"'")


def _action(asked: Mapping[str, Any], said: str) -> Action:
    kind = asked.get("kind", asked.get("level"))
    if kind not in KINDS:
        raise NotAPlanError(f"kind is one of {', '.join(KINDS)}, not {str(kind)[:40]!r}")
    action: Action = {"kind": cast("ActionKind", kind), "rationale": _text(asked, "rationale", MAX_SENTENCES)}
    if kind == "explain":
        return action
    action["checkpoint"] = _checkpoint(asked.get("checkpoint"))
    action["metric"] = _text(asked, "metric", MAX_SHORT)
    action["direction"] = _direction(asked.get("direction", "min"))
    by_step = asked.get("by_step")
    action["by_step"] = _step(by_step, "by_step") if by_step is not None else None
    if kind == "override":
        action["overrides"] = _overrides(asked.get("overrides"))
    if kind == "patch":
        action["edits"] = _edits(said)
    return action


def _edits(said: str) -> str:
    if not has_edits(said):
        raise NotAPlanError("a patch needs SEARCH/REPLACE blocks in the text of the same answer")
    if len(said) > MAX_EDITS:
        raise NotAPlanError(f"the edits are longer than {MAX_EDITS} characters")
    return said


def _overrides(found: object) -> dict[str, Any]:
    if not isinstance(found, dict) or not 1 <= len(found) <= MAX_OVERRIDES:
        raise NotAPlanError(f"overrides are 1 to {MAX_OVERRIDES} settings by name")
    for name, value in found.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise NotAPlanError(f"{str(name)[:60]!r} is no name of a setting")
        if isinstance(value, float) and not math.isfinite(value):
            raise NotAPlanError(f"{name} is not finite")
        if not (value is None or isinstance(value, (bool, int, float, str))) or len(str(value)) > MAX_SHORT:
            raise NotAPlanError(f"{name} is a number, a text, true or false")
    return found


def _checkpoint(found: object) -> str | None:
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if found is None or found == "":
        return None
    if not isinstance(found, str) or not re.fullmatch(r"[\w.\-:]{1,120}", found):
        raise NotAPlanError("checkpoint is latest, best, a step or an id")
    return found


def _direction(found: object) -> Any:
    if found not in ("min", "max"):
        raise NotAPlanError("direction is min or max")
    return found


def _step(found: object, name: str) -> int:
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 1 << 53:
        raise NotAPlanError(f"{name} is a whole number of 0 or more")
    return found


def _confidence(found: object) -> float:
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found <= 1:
        raise NotAPlanError("confidence is a number from 0 to 1")
    return float(found)


def _evidence(found: object, run_id: str) -> list[Evidence]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise NotAPlanError("evidence is a list")
    return [_piece(one, run_id) for one in found[:MAX_ITEMS]]


def _piece(found: object, run_id: str) -> Evidence:
    if isinstance(found, str):
        return {"run": run_id, "text": found[:MAX_SHORT]}
    if not isinstance(found, dict):
        raise NotAPlanError("a piece of evidence is {metric, step, line, text}")
    piece: Evidence = {"run": run_id, "text": _text(found, "text", MAX_SHORT)}
    if found.get("metric") is not None:
        piece["metric"] = _text(found, "metric", MAX_SHORT)
    if found.get("step") is not None:
        piece["step"] = _step(found["step"], "step")
    if found.get("line") is not None:
        piece["line"] = _step(found["line"], "line")
    return piece


def _texts(found: Mapping[str, Any], name: str) -> list[str]:
    texts = found.get(name) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise NotAPlanError(f"{name} is a list of texts")
    return [text[:MAX_SHORT] for text in texts[:MAX_ITEMS]]


def _text(found: Mapping[str, Any], name: str, most: int) -> str:
    value = found.get(name, "")
    if not isinstance(value, str):
        raise NotAPlanError(f"{name} is a text")
    return value[:most]
