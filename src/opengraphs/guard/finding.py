"""What the guard has to say about a thing: one rule, how grave it is, one sentence."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["info", "ask", "refuse"]


class Finding(NamedTuple):
    """rule: its stable name; path: relative to the project, "" when it is about no file; line: from 1."""

    rule: str
    level: Level
    text: str
    path: str = ""
    line: int | None = None


class Refused(Exception):  # noqa: N818  # an answer, not a defect
    """The guard does not do it; `finding` says by which rule, and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def refused(rule: str, text: str, path: str = "") -> Refused:
    """A refusal to raise."""
    return Refused(Finding(rule, "refuse", text, path))
