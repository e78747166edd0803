"""What the guard has to say of a change."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["info", "ask", "refuse"]
Risk = Literal["none", "low", "medium", "high"]


class Finding(NamedTuple):
    """rule: its stable name. line: in the new file, from 1; None where it is about the file, or about what is gone."""

    rule: str
    level: Level
    text: str
    path: str = ""
    line: int | None = None


class Classified(NamedTuple):
    risk: Risk
    findings: list[Finding]
