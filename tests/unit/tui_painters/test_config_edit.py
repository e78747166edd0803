"""One setting of a file changed: the rest of the file stays as it was, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.errors import StoreError, UsageError
from opengraphs.tui import config_edit

FILE = """\
# mine
[ui]
theme = "dark"   # at night  # really
refresh_ms=500

[keys]
"runs.sort" = ["s"]  # as in mutt
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "config.toml"
    found.write_text(FILE)
    return found


def test_a_value_is_changed_and_its_comment_stays(path: Path) -> None:
    assert config_edit.put(path, "ui.theme", "light") == "light"
    assert path.read_text() == FILE.replace('"dark"', '"light"')


def test_a_text_becomes_a_value_of_its_type(path: Path) -> None:
    assert config_edit.put(path, "ui.refresh_ms", "1000") == 1000
    assert path.read_text() == FILE.replace("refresh_ms=500", "refresh_ms = 1000")
    config_edit.put(path, "run.patterns", ["a=(?P<a>.*)", "b # c"])
    assert path.read_text().endswith('\n[run]\npatterns = ["a=(?P<a>.*)", "b # c"]\n')


def test_a_new_value_comes_at_the_end_of_its_table(path: Path) -> None:
    config_edit.put(path, "ui.mouse", "no")
    assert path.read_text() == FILE.replace("refresh_ms=500\n", "refresh_ms=500\nmouse = false\n")


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    config_edit.put(path, "ui.glyphs", "ascii")
    assert path.read_text() == '[ui]\nglyphs = "ascii"\n'


def test_a_value_is_taken_out(path: Path) -> None:
    config_edit.drop(path, "ui.theme")
    assert path.read_text() == FILE.replace('theme = "dark"   # at night  # really\n', "")
    config_edit.drop(path, "run.mirror_to")
    assert "mirror" not in path.read_text()


def test_keys_are_given_and_taken_back(path: Path) -> None:
    config_edit.put_keys(path, "runs.sort", ["S", "f5"])
    config_edit.put_keys(path, "graphs.pause", ["P"])
    changed = FILE.replace('["s"]', '["S", "f5"]') + '"graphs.pause" = ["P"]\n'
    assert path.read_text() == changed
    config_edit.put_keys(path, "graphs.pause", None)
    config_edit.put_keys(path, "runs.sort", None)
    assert "runs.sort" not in path.read_text()
    assert path.read_text().endswith("[keys]\n")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ui.them", "dark", "unknown setting"),
        ("ui.theme", "nowhere", "no theme 'nowhere'"),
        ("ui.refresh_ms", "5", "cannot be '5'"),
        ("ui.mouse", "perhaps", "cannot be 'perhaps'"),
    ],
)
def test_what_cannot_be_is_not_written(path: Path, name: str, value: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        config_edit.put(path, name, value)
    assert path.read_text() == FILE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[ui\n", "cannot be read"),
        ('ui.theme = "dark"\n', "without spoiling"),
        ('[run]\npatterns = [\n  "a",\n]\n', "without spoiling"),
        ('note = """\n[run]\n"""\n', "without spoiling"),
    ],
)
def test_a_file_that_cannot_be_edited_line_by_line_is_left_alone(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=says) as error:
        config_edit.put(path, "ui.theme" if "ui" in text else "run.patterns", "dark")
    assert str(path) in str(error.value.path)
    assert path.read_text() == text


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        config_edit.put(tmp_path / "file" / "config.toml", "ui.theme", "dark")


def test_a_project_does_not_say_where_records_are_sent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="user's own"):
        config_edit.put(tmp_path / "og.toml", "run.mirror_to", "http://127.0.0.1:1")
