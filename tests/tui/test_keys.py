"""The key table, the documentation made from it, and remapping."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.errors import UsageError
from opengraphs.tui import keys, settings

DOCS = Path(__file__).parents[2] / "docs"


def test_docs_list_every_key_as_it_is() -> None:
    assert (DOCS / "keys.md").read_text() == keys.as_markdown()


def test_docs_list_every_setting() -> None:
    text = (DOCS / "reference" / "settings.md").read_text()
    for setting in settings.SETTINGS:
        shown = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
        row = next(line for line in text.splitlines() if line.startswith(f"| `{setting.name}` "))
        assert f"`{shown}`" in row
        assert f"`{setting.env}`" in row
        assert all(f"`{choice}`" in row for choice in setting.choices)


def test_no_key_means_two_things_on_one_screen() -> None:
    for screen in keys.ALL:
        bound = [key for action in keys.actions_of(screen) for key in action.keys]
        assert len(bound) == len(set(bound))


def test_action_names_are_unique() -> None:
    names = [action.id for action in keys.ACTIONS]
    assert len(names) == len(set(names))


def test_a_remapped_action_takes_its_new_key_from_the_default() -> None:
    keymap = keys.Keymap({"graphs.pause": ("r",)})
    assert keymap.action("graphs", "r") == "graphs.pause"
    assert keymap.action("graphs", "p") is None
    assert keymap.action("runs", "r") == "rescan"
    assert keymap.keys_of("graphs", "rescan") == ()


def test_one_key_for_two_actions_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'z' is given to graphs.smooth and graphs.pause"):
        keys.Keymap({"graphs.pause": ("z",), "graphs.smooth": ("z",)})


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown action 'graphs.fly'"):
        keys.Keymap({"graphs.fly": ("z",)})


@pytest.mark.parametrize(
    ("key", "shown"),
    [("question_mark", "?"), ("shift+left", "shift+←"), ("ctrl+p", "ctrl+p"), ("a", "a"), ("plus", "+")],
)
def test_keys_are_shown_as_people_read_them(key: str, shown: str) -> None:
    assert keys.label(key) == shown


def test_ascii_terminals_get_ascii_names() -> None:
    assert keys.label("shift+left", ascii_only=True) == "shift+left"
