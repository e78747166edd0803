"""Every key of an input line does what docs/keys.md says, on a text with a caret and a selection."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opengraphs.tui.clipboard import Clipboard, to_terminal
from opengraphs.tui.keys import TEXT_KEYS
from opengraphs.tui.widgets.line_edit import MAX_CHARACTERS, LineEdit
from opengraphs.tui.widgets.line_history import MAX_STEPS, MAX_TEXTS, Histories, History

# title in TEXT_KEYS -> (before, after); `|` is the caret, `[` the other end of the selection
CASES: dict[str, tuple[str, str]] = {
    "Swap the two characters at the caret": ("one t|wo", "one wt|o"),
    "Undo": ("one two|", "one two|"),
    "Redo": ("one two|", "one |"),
    "What was entered before": ("now|", "newest|"),
    "What was entered after it": ("now|", "now|"),
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


# what is pressed between `before` and the key itself
FIRST: dict[str, tuple[str, ...]] = {
    "Undo": ("ctrl+w",),
    "Redo": ("ctrl+w", "ctrl+underscore"),
    "What was entered after it": ("up",),
}


def editor(marked: str, *, entered: list[str] | None = None) -> LineEdit:
    history = History(entered) if entered is not None else None
    edit = LineEdit(marked.replace("|", "").replace("[", ""), history=history)
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
    edit = editor(before, entered=["older", "newest"])
    for first in FIRST.get(title, ()):
        assert edit.press(first, None)
    at_first = marked(edit)
    assert edit.press(key, None)
    assert marked(edit) == after
    assert at_first != after or title == "Copy selection, or all"


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


def type_in(edit: LineEdit, text: str) -> None:
    for char in text:
        edit.press("space" if char == " " else char, char)


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
CLUSTERS = {
    "a mark of its own": "e\u0301",
    "two marks": "o\u0302\u0323",
    "family": FAMILY,
    "skin tone": "\U0001f44d\U0001f3fd",
    "heart in red": "\u2764\ufe0f",
    "flag": "\U0001f1e9\U0001f1ea",
    "Hangul letters": "\u1112\u1161\u11ab",
    "keycap": "1\ufe0f\u20e3",
    "wide": "\u4e2d",
}


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS)
def test_a_character_goes_whole(cluster: str) -> None:
    for key, before, after in (
        ("backspace", f"a{cluster}|b", "a|b"),
        ("delete", f"a|{cluster}b", "a|b"),
        ("left", f"a{cluster}|b", f"a|{cluster}b"),
        ("right", f"a|{cluster}b", f"a{cluster}|b"),
        ("shift+left", f"a{cluster}|b", f"a|{cluster}[b"),
        ("ctrl+t", f"a{cluster}|", f"{cluster}a|"),
    ):
        edit = editor(before)
        assert edit.press(key, None)
        assert marked(edit) == after, key


@pytest.mark.parametrize("cluster", [*CLUSTERS.values()], ids=[*CLUSTERS])
def test_a_character_arrives_whole_by_paste_and_by_typing(cluster: str) -> None:
    pasted, typed = LineEdit("x"), LineEdit("x")
    pasted.insert(cluster)
    type_in(typed, cluster)
    for edit in (pasted, typed):
        assert edit.text == f"x{cluster}"
        edit.press("backspace", None)
        assert edit.text == "x"


def test_flags_in_a_row_are_taken_one_by_one() -> None:
    edit = LineEdit("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7")
    edit.press("backspace", None)
    assert edit.text == "\U0001f1e9\U0001f1ea"


def test_the_caret_never_stands_inside_a_character() -> None:
    edit = editor("\U0001f468|\U0001f469")
    edit.insert("\u200d")
    assert marked(edit) == "\U0001f468\u200d\U0001f469|"
    edit.move_to(1)
    assert edit.caret == 0


def test_words_keep_their_marks() -> None:
    edit = editor("|cafe\u0301 noir")
    edit.press("alt+d", None)
    assert marked(edit) == "| noir"
    edit = editor("un cafe\u0301|")
    edit.press("alt+backspace", None)
    assert marked(edit) == "un |"


def test_swapping_at_the_ends() -> None:
    for before, after in (("ab|", "ba|"), ("|ab", "|ab"), ("a|", "a|"), ("|", "|")):
        edit = editor(before)
        assert edit.press("ctrl+t", None)
        assert marked(edit) == after


def test_undo_takes_words_as_they_were_typed() -> None:
    edit = LineEdit()
    type_in(edit, "lr>0.1 tag:new")
    seen = []
    while edit.text:
        edit.press("ctrl+underscore", None)
        seen.append(edit.text)
    assert seen == ["lr>0.1 ", ""]
    edit.press("alt+shift+z", None)
    edit.press("alt+shift+z", None)
    assert marked(edit) == "lr>0.1 tag:new|"


def test_undo_takes_back_a_paste_a_completion_and_deletions_each_whole() -> None:
    edit = editor("one |two")
    edit.insert("a b c ")
    edit.replace(0, 3, "1")
    for _ in range(3):
        edit.press("backspace", None)
    seen = [edit.text]
    for _ in range(3):
        edit.press("ctrl+underscore", None)
        seen.append(edit.text)
    assert seen == [" a b c two", "1 a b c two", "one a b c two", "one two"]


def test_undo_gives_back_what_a_letter_replaced() -> None:
    edit = editor("one [two|")
    type_in(edit, "xy")
    edit.press("ctrl+underscore", None)
    assert marked(edit) == "one two|"


def test_a_move_ends_the_step_that_undo_takes() -> None:
    edit = LineEdit()
    type_in(edit, "ab")
    edit.press("left", None)
    type_in(edit, "c")
    edit.press("ctrl+underscore", None)
    assert edit.text == "ab"


def test_a_change_after_undo_leaves_nothing_to_redo() -> None:
    edit = editor("one two|")
    edit.press("ctrl+w", None)
    edit.press("ctrl+underscore", None)
    type_in(edit, "!")
    edit.press("alt+shift+z", None)
    assert edit.text == "one two!"


def test_undo_remembers_so_many_steps_and_no_more() -> None:
    edit = LineEdit()
    for _ in range(2 * MAX_STEPS):
        edit.insert("x")
    for _ in range(2 * MAX_STEPS):
        edit.press("ctrl+underscore", None)
    assert edit.text == "x" * MAX_STEPS


def test_up_and_down_go_through_what_was_entered_and_back_to_what_was_typed() -> None:
    edit = editor("now|", entered=["first", "second", "third"])
    seen = []
    for key in ("up", "up", "up", "up", "down", "down", "down", "down"):
        assert edit.press(key, None)
        seen.append(edit.text)
    assert seen == ["third", "second", "first", "first", "second", "third", "now", "now"]


def test_what_the_line_shows_already_is_passed_over() -> None:
    edit = editor("third|", entered=["second", "third"])
    edit.press("up", None)
    assert edit.text == "second"


def test_a_recalled_text_that_is_changed_becomes_the_newest_place() -> None:
    edit = editor("|", entered=["first", "second"])
    edit.press("up", None)
    assert edit.recalling
    type_in(edit, "!")
    assert not edit.recalling
    edit.press("up", None)
    edit.press("down", None)
    assert edit.text == "second!"


def test_recalling_can_be_undone() -> None:
    edit = editor("now|", entered=["first"])
    edit.press("up", None)
    edit.press("ctrl+underscore", None)
    assert edit.text == "now"


def test_a_text_entered_again_stands_once_and_newest() -> None:
    history = History()
    for text in ("a", "b", "a", "a", " ", ""):
        LineEdit(text, history=history).accept()
    assert history.texts == ["b", "a"]


def test_a_history_is_bounded() -> None:
    history = History()
    for n in range(2 * MAX_TEXTS):
        history.add(str(n))
    assert history.texts == [str(n) for n in range(MAX_TEXTS, 2 * MAX_TEXTS)]


def test_what_lasts_has_no_prose_and_no_secret() -> None:
    histories = Histories()
    for kind in ("runs.filter", "runs.note", "runs.name", "graphs.ask", "logs.find"):
        histories.of(kind).add("lr>0.1")
    histories.of("logs.find").add("hf_" + "a" * 24)
    histories.of("logs.find").add("x" * 5000)
    histories.of("runs.filter").add('tag:new config.api_key="hunter2"')
    histories.of("runs.filter").add("config.max_tokens:512 config.tokens=5")
    assert histories.lasting() == {
        "runs.filter": ["lr>0.1", "config.max_tokens:512 config.tokens=5"],
        "logs.find": ["lr>0.1"],
    }


def test_histories_come_back_whatever_the_file_says() -> None:
    histories = Histories()
    histories.restore({"runs.filter": ["a", 3, "b"], "logs.find": "text", "x": None})
    assert histories.of("runs.filter").texts == ["a", "b"]
    assert histories.lasting() == {"runs.filter": ["a", "b"]}


@pytest.mark.parametrize(
    ("pasted", "text"),
    [
        ("one\ntwo\r\nthree\rfour\tfive", "one two three four five"),
        ("one line\n", "one line"),
        ("a\u00a0b\u3000c\u2028d", "a b c d"),
        ("a\x1b[31m\x07\x7f\x9b\u202eb\ufeff", "a[31mb"),
    ],
)
def test_a_paste_is_one_clean_line(pasted: str, text: str) -> None:
    edit = LineEdit()
    edit.insert(pasted)
    assert edit.text == text


def test_the_bound_cuts_no_character_in_two() -> None:
    edit = LineEdit("x" * (MAX_CHARACTERS - 3))
    edit.insert(FAMILY)
    assert edit.text == "x" * (MAX_CHARACTERS - 3)
