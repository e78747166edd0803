"""What the guard has to say of a change."""

from __future__ import annotations

from typing import Literal, NamedTuple

from opengraphs.guard.finding import Finding, Level

__all__ = ["Classified", "Finding", "Level", "Risk"]

Risk = Literal["none", "low", "medium", "high"]


class Classified(NamedTuple):
    risk: Risk
    findings: list[Finding]
