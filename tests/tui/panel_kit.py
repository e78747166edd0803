"""Distributions that bring panels, made of text in a folder on `sys.path`."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "plugins.md"


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str, panels: dict[str, str]
) -> None:
    """A module and its `.dist-info`. panels: entry-point name → `module:attribute`."""
    (folder / f"{module}.py").write_text(textwrap.dedent(source))
    name = module if module.startswith("og_") else f"og_{module}"
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
    lines = [f"{name} = {where}" for name, where in panels.items()]
    (info / "entry_points.txt").write_text("\n".join(["[opengraphs.panels]", *lines]) + "\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, module, raising=False)


def documented_example() -> tuple[str, dict[str, str], str]:
    """og_gap.py, its entry points, and the picture of it, as docs/plugins.md shows them."""
    text = PAGE.read_text().split("## Panels", 1)[1].split("### A worked example", 1)[1]
    source = text.split("```python\n", 1)[1].split("```", 1)[0]
    project = text.split("```toml\n", 1)[1].split("```", 1)[0]
    table = project.split('[project.entry-points."opengraphs.panels"]', 1)[1]
    picture = re.search(r"```\n(┌.*?)```", text, re.DOTALL)
    assert picture is not None
    return source, dict(re.findall(r'^(\w+) = "([^"]+)"', table, re.MULTILINE)), picture[1]
