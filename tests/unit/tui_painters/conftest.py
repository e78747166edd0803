"""The comparison with golden frames; what the tests draw is in conftest_frames.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from conftest_frames import frame_text

from opengraphs.tui.painters.cells import Row

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, Sequence[Row]], None]:
    """Compare rows with golden/NAME.txt; `OG_UPDATE_GOLDEN=1` writes it instead."""

    def compare(name: str, rows: Sequence[Row]) -> None:
        path = GOLDEN / f"{name}.txt"
        text = frame_text(rows)
        if os.environ.get("OG_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"no golden frame {path.name}: run with OG_UPDATE_GOLDEN=1 and look at it"
        assert text == path.read_text(encoding="utf-8")

    return compare
