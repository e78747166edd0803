"""The pictures of the docs: one of every screen, each shown, small, and without a path of whoever made them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opengraphs.tui.keys import ALL

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs/images").glob("*.svg"))
MOST_BYTES = 150_000


@pytest.mark.parametrize("screen", ALL)
def test_the_page_of_a_screen_shows_it(screen: str) -> None:
    page = (ROOT / f"docs/screens/{screen}.md").read_text()
    shown = re.findall(r"!\[.+\]\(\.\./images/(\w+)\.svg\)", page)
    assert shown
    words = "".join(ElementTree.parse(ROOT / f"docs/images/{shown[0]}.svg").getroot().itertext())
    assert screen in words


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_shown_somewhere_small_and_calm(picture: Path) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert any(f"images/{picture.name})" in page.read_text() for page in pages)
    assert picture.stat().st_size <= MOST_BYTES
    words = "".join(ElementTree.parse(picture).getroot().itertext())
    assert "/tmp" not in words
    assert "/bin/" not in words


def test_the_recipe_makes_every_picture() -> None:
    recipe = (ROOT / "docs/images/__main__.py").read_text()
    assert [path.stem for path in PICTURES if f'"{path.stem}": Picture' not in recipe] == []
