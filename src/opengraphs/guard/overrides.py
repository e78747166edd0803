"""Settings that a restart would change: names that the run knows, values that are plain and bounded."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from opengraphs.guard.finding import Finding
from opengraphs.sdk.redact import name_is_secret

Risk = Literal["low", "medium", "high"]
MOST = 16
LONGEST_NAME, LONGEST_TEXT = 120, 200
FAR = 100.0
"""A number that is so many times larger or smaller is asked for."""
_NAME = re.compile(r"[A-Za-z_][\w.\-/]*")
_FLAG = re.compile(r"--?([A-Za-z][\w.\-]*)(?:=.*)?", re.DOTALL)
_HYDRA = re.compile(r"\+{0,2}([A-Za-z_][\w./\-]*)=.*", re.DOTALL)
_JUDGES = re.compile(
    r"(?:^|[._/\-])(?:eval|evaluation|val|valid|validation|test|metric|metrics|reward|seed)(?:$|[._/\-])",
    re.IGNORECASE,
)


def check(
    overrides: Mapping[str, Any], *, config: Mapping[str, Any], command: Sequence[str]
) -> list[Finding]:
    """What is to be said about overrides; a `refuse` among it and none of them counts.

    Args:
        config: the run's settings; nested ones are known by their dotted names.
        command: the run's command line, whose flags are names too.
    """
    if not overrides:
        return [_no("override_empty", "no setting is named")]
    if len(overrides) > MOST:
        return [_no("override_many", f"{len(overrides)} settings at once are more than {MOST}")]
    known = dict(_flat(config))
    names = {_same(name): name for name in (*_flags(command), *known)}
    found = [_one(name, value, names, known) for name, value in overrides.items()]
    found += _twice(overrides)
    return [finding for finding in found if finding is not None]


def risk_of(findings: Sequence[Finding]) -> Risk:
    """How far overrides reach that were found so: `high` where they may change what the run is judged by."""
    rules = {finding.rule for finding in findings}
    if rules & {"override_judge", "override_text"}:
        return "high"
    return "medium" if "override_far" in rules else "low"


def _one(name: str, value: Any, names: Mapping[str, str], known: Mapping[str, Any]) -> Finding | None:
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        return _no("override_name", f"{ascii(name)[:60]} is no name of a setting")
    if name_is_secret(name):
        return _no("override_secret", f"{name} names a secret, which is not the agent's to set")
    if _same(name) not in names:
        return _no("override_unknown", f"the run has no setting {name}, in its config or on its command line")
    return _value(name, value) or _against(name, value, known.get(names[_same(name)]))


def _value(name: str, value: Any) -> Finding | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        finite = abs(value) < 1e18 if isinstance(value, int) else math.isfinite(value)
        return None if finite else _no("override_value", f"{name} is not given a finite number")
    if not isinstance(value, str):
        return _no("override_value", f"{name} is given no plain value: a number, a word, true or false")
    if len(value) > LONGEST_TEXT or any(unicodedata.category(letter)[0] == "C" for letter in value):
        return _no("override_value", f"{name} is given a text that is too long or cannot be seen")
    return None


def _against(name: str, value: Any, now: Any) -> Finding | None:
    """Compared with what the run had; None when that is not known."""
    if value == now and type(value) is type(now):
        return Finding("override_same", "info", f"{name} is {now!r} already")
    if {_is_number(now), _is_number(value)} == {True, False} and {type(now), type(value)} & {str}:
        return _no("override_type", f"{name} was {now!r}, and is given another kind of value")
    if isinstance(value, str):
        return Finding("override_text", "ask", f"{name} is given a text: {value!r}")
    if _JUDGES.search(name):
        return Finding("override_judge", "ask", f"{name} may change what the run is judged by")
    if _is_number(now) and _is_number(value) and _far(float(value), float(now)):
        return Finding("override_far", "ask", f"{name} would go from {now!r} to {value!r}")
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _far(value: float, now: float) -> bool:
    if now == 0 or value == 0:
        return False
    return value * now < 0 or not 1 / FAR <= value / now <= FAR


def _twice(overrides: Mapping[str, Any]) -> list[Finding]:
    seen: set[str] = set()
    found = []
    for name in map(str, overrides):
        if _same(name) in seen:
            found.append(_no("override_twice", f"{name} is named twice"))
        seen.add(_same(name))
    return found


def _same(name: str) -> str:
    """`learning-rate` and `learning_rate` are one setting."""
    return name.replace("-", "_")


def _flat(config: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and depth < 8:
            yield from _flat(value, f"{name}.", depth + 1)
        else:
            yield name, value


def _flags(command: Sequence[str]) -> Iterator[str]:
    for word in command[1:]:
        match = _FLAG.fullmatch(word) or _HYDRA.fullmatch(word)
        if match is not None:
            yield match[1]


def _no(rule: str, text: str) -> Finding:
    return Finding(rule, "refuse", text)
