"""`og watch --plain`, and any place that is no terminal: one plain line for each new point."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO


def follow(
    out: TextIO,
    *,
    store: Path,
    run: str,
    metric_filter: str | None = None,
) -> None:
    """Write a line for each step that arrives, until the run ends."""
    raise NotImplementedError
