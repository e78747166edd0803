"""Every key of an input line does what docs/keys.md says, on a text with a caret and a selection."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opengraphs.tui.clipboard import Clipboard, to_terminal
from opengraphs.tui.keys import TEXT_KEYS
from opengraphs.tui.widgets.line_edit import MAX_CHARACTERS, LineEdit

# title in TEXT_KEYS -> (before, after); `|` is the caret, `[` the other end of the selection
CASES: dict[str, tuple[str, str]] = {
    "A character left": ("one tw|o", "one t|wo"),
    "A character right": ("one t|wo", "one tw|o"),
    "A word left": ("one, tw|o", "one, |two"),
    "A word right": ("o|ne two", "one| two"),
    "To the start": ("one t|wo", "|one two"),
    "To the end": ("one t|wo", "one two|"),
    "Select to the left": ("one t|wo", "one |t[wo"),
    "Select to the right": ("one t|wo", "one t[w|o"),
    "Select word to the left": ("one two|", "one |two["),
    "Select word to the right": ("|one two", "[one| two"),
    "Select to the start": ("one t|wo", "|one t[wo"),
    "Select to the end": ("one t|wo", "one t[wo|"),
    "Select all": ("one t|wo", "[one two|"),
    "Delete to the left": ("one t|wo", "one |wo"),
    "Delete to the right": ("one t|wo", "one t|o"),
    "Delete word to the left": ("one two|, three", "one |, three"),
    "Delete word to the right": ("one| two three", "one| three"),
    "Delete to the start": ("one t|wo", "|wo"),
    "Delete to the end": ("one t|wo", "one t|"),
    "Paste the last copy or cut": ("one |two", "one COPIED|two"),
    "Copy selection, or all": ("one |two", "one |two"),
    "Cut selection, or all": ("one [two|", "one |"),
}


def editor(marked: str) -> LineEdit:
    edit = LineEdit(marked.replace("|", "").replace("[", ""))
    edit.clipboard.text = "COPIED"
    without_anchor, without_caret = marked.replace("[", ""), marked.replace("|", "")
    edit.caret = without_anchor.index("|")
    edit.anchor = without_caret.index("[") if "[" in marked else None
    return edit


def marked(edit: LineEdit) -> str:
    ends = [(edit.caret, "|")] + ([(edit.anchor, "[")] if edit.selection and edit.anchor is not None else [])
    text = edit.text
    for at, sign in sorted(ends, reverse=True):
        text = text[:at] + sign + text[at:]
    return text


def test_every_documented_text_key_has_a_case() -> None:
    assert {title for _, title in TEXT_KEYS} == set(CASES)


@pytest.mark.parametrize(
    ("key", "title"), [(key, title) for keys, title in TEXT_KEYS for key in keys], ids=lambda value: value
)
def test_text_key(key: str, title: str) -> None:
    before, after = CASES[title]
    edit = editor(before)
    assert edit.press(key, None)
    assert marked(edit) == after


def test_ctrl_w_takes_the_whole_word_and_alt_backspace_stops_at_punctuation() -> None:
    path = editor("load train/loss|")
    path.press("ctrl+w", None)
    assert marked(path) == "load |"
    path = editor("load train/loss|")
    path.press("alt+backspace", None)
    assert marked(path) == "load train/|"


def test_what_was_killed_can_be_put_back() -> None:
    edit = editor("one two|")
    edit.press("ctrl+u", None)
    edit.press("ctrl+y", None)
    assert marked(edit) == "one two|"


def test_copy_takes_the_selection_and_tells_the_clipboard() -> None:
    taken: list[str] = []
    edit = LineEdit("one two", clipboard=Clipboard(taken.append))
    edit.anchor, edit.caret = 4, 7
    edit.press("alt+c", None)
    edit.anchor = None
    edit.press("alt+c", None)
    assert taken == ["two", "one two"]


def test_inside_tmux_a_copy_goes_to_a_tmux_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "tmux"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/args\ncat > {tmp_path}/buffer\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told: list[str] = []
    sent: list[str] = []
    to_terminal(sent.append, told.append, {"TMUX": "/tmp/tmux-0/default,1,0"})("größe")
    assert (tmp_path / "buffer").read_text() == "größe"
    assert (tmp_path / "args").read_text() == "load-buffer -w -\n"
    assert (sent, told) == ([], ["copied 5 characters to a tmux buffer"])


def test_elsewhere_a_copy_goes_to_the_terminal_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    sent: list[str] = []
    to_terminal(sent.append, told.append, {})("abc")
    assert (sent, told) == (["abc"], ["copied 3 characters"])


def test_a_tmux_that_is_not_there_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sent: list[str] = []
    to_terminal(sent.append, lambda _: None, {"TMUX": "x"})("abc")
    assert sent == ["abc"]


def test_lines_share_what_was_copied() -> None:
    clipboard = Clipboard()
    first = LineEdit("one two", clipboard=clipboard)
    first.press("ctrl+w", None)
    second = LineEdit("three ", clipboard=clipboard)
    second.press("ctrl+v", None)
    assert second.text == "three two"


def test_ctrl_c_copies_only_while_something_is_selected() -> None:
    edit = editor("one [two|")
    assert edit.press("ctrl+c", "\x03")
    assert edit.clipboard.text == "two"
    edit.anchor = None
    assert not edit.press("ctrl+c", "\x03")


def test_typing_replaces_the_selection() -> None:
    edit = editor("one [two|")
    edit.press("x", "x")
    assert marked(edit) == "one x|"


def test_a_paste_of_several_lines_becomes_one_without_control_characters() -> None:
    edit = editor("say |")
    edit.insert("a\r\nb\tc\x1b[31m\x00d")
    assert edit.text == "say a b c[31md"


def test_text_never_grows_beyond_its_bound() -> None:
    edit = LineEdit()
    edit.insert("x" * (2 * MAX_CHARACTERS))
    assert len(edit.text) == MAX_CHARACTERS


@pytest.mark.parametrize("key", ["enter", "escape", "tab", "up", "f5", "ctrl+p"])
def test_keys_the_editor_has_no_use_for_are_left_to_others(key: str) -> None:
    assert not editor("one|").press(key, None)


def test_editing_at_the_ends_changes_nothing() -> None:
    edit = LineEdit("")
    for keys, _ in TEXT_KEYS:
        for key in keys:
            edit.press(key, None)
            assert 0 <= edit.caret <= len(edit.text)
    assert edit.text == ""
