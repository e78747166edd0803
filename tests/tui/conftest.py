"""Fixtures of the TUI tests; the fakes themselves are in tui_fakes.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tui_fakes import METRICS, NOW, OLD_RUN, RUN, FakeSource, curve

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.keys import Keymap
from opengraphs.tui.model import Choices, Desk
from opengraphs.tui.screens.graphs_state import GraphsState


@pytest.fixture
def source() -> FakeSource:
    """A store with a live run of seven metrics and two ended ones."""
    fake = FakeSource()
    fake.add_run(
        RUN, name="train-gpt", age_s=1788, metrics={key: list(points) for key, points in METRICS.items()}
    )
    fake.add_run(
        OLD_RUN,
        name="baseline",
        status="finished",
        age_s=92_000,
        metrics={"train/loss": curve(500, scale=2.4)},
    )
    fake.add_run("20261120-070000-zz9a", name="tiny", status="failed", age_s=180_000, exit_code=1)
    fake.logs[RUN] = [f"step {n:5d} loss {2 / (n + 1):.4f}" for n in range(1000)]
    fake.system = {"cpu.percent": 41.0, "ram.used_bytes": 6e9, "ram.total_bytes": 16e9}
    return fake


@pytest.fixture
def make_desk() -> Callable[..., Desk]:
    """A desk with the fake clock."""

    def make(
        *,
        glyphs: str = "braille",
        bound: tuple[str, ...] = (),
        metric_filter: str | None = None,
        keys: dict[str, tuple[str, ...]] | None = None,
        minimal: bool = False,
        refresh_ms: int = 250,
        **more: Any,
    ) -> Desk:
        choices = Choices(GLYPHS[glyphs], Keymap(keys), refresh_ms, minimal, "/store")
        graphs = GraphsState(bound=bound, metric_filter=metric_filter)
        return Desk(choices, graphs=graphs, clock=lambda: NOW, **more)

    return make
