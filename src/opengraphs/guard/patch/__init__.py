"""Edits in a model's answer: read, matched exactly once, and applied in memory or not at all."""

from __future__ import annotations

from opengraphs.guard.patch.apply import Applied, apply_edits
from opengraphs.guard.patch.blocks import Block, EditError, Problem
from opengraphs.guard.patch.parse import parse_edits

__all__ = ["Applied", "Block", "EditError", "Problem", "apply_edits", "parse_edits"]
