"""One frame of a run as text, for scripts: `og view --once`. Imports no Textual."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO


def print_frame(
    out: TextIO,
    *,
    store: Path,
    run: str | None,
    width: int,
    height: int,
    screen: str = "graphs",
    graphs: Sequence[str] = (),
    metric_filter: str | None = None,
    theme: str | None = None,
    glyphs: str | None = None,
    ui: str | None = None,
    color: bool = True,
) -> None:
    """Ask ogd once, paint one frame of `width` x `height` cells, write it to `out`."""
    raise NotImplementedError
