"""What `og run` was asked to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.cli.command_line import Program, parse
from opengraphs.errors import NotFoundError, ProcessError, UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a script, and a PATH with `python` and `prog` on it."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("python", "prog"):
        (tools / name).touch(mode=0o755)
    here = tmp_path / "work"
    here.mkdir()
    (here / "train.py").touch()
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", str(tools))
    return here


def test_python_file_runs_under_the_users_python(folder: Path) -> None:
    assert parse(["train.py", "--lr", "1e-3"]) == Program(
        ["python", "train.py", "--lr", "1e-3"], "train.py", None
    )


def test_python3_stands_in_where_python_is_missing(folder: Path) -> None:
    (folder.parent / "bin" / "python").rename(folder.parent / "bin" / "python3")
    assert parse(["train.py"]).argv[0] == "python3"


def test_no_python_at_all_is_said(folder: Path) -> None:
    (folder.parent / "bin" / "python").unlink()
    with pytest.raises(NotFoundError, match="no python"):
        parse(["train.py"])


def test_last_argument_with_spaces_straight_after_the_file_is_a_prompt(folder: Path) -> None:
    assert parse(["train.py", "keep the loss low"]) == Program(
        ["python", "train.py"], "train.py", "keep the loss low"
    )


@pytest.mark.parametrize(
    "words",
    [["train.py", "oneword"], ["train.py", "--text", "two words"], ["train.py", "two words", "more"]],
)
def test_everything_else_goes_to_the_script(folder: Path, words: list[str]) -> None:
    program = parse(words)
    assert program.argv == ["python", *words]
    assert program.prompt is None


def test_prompt_by_flag_leaves_every_argument_to_the_script(folder: Path) -> None:
    assert parse(["train.py", "two words"], prompt="watch it").argv == ["python", "train.py", "two words"]


def test_any_command_is_started_as_it_stands(folder: Path) -> None:
    assert parse(["prog", "--x", "a b"]) == Program(["prog", "--x", "a b"], None, None)


def test_script_is_found_behind_python_and_its_flags(folder: Path) -> None:
    assert parse(["python", "-u", "train.py", "two words"]).script == "train.py"
    assert parse(["python", "-m", "train"]).script is None
    assert parse(["python", "-c", "pass"]).script is None
    assert parse(["python"]).script is None


@pytest.mark.parametrize("words", [["trian.py"], ["python", "trian.py"], ["python", "-u", "trian.py"]])
def test_missing_script_names_the_nearest_file(folder: Path, words: list[str]) -> None:
    with pytest.raises(NotFoundError) as raised:
        parse(words)
    assert raised.value.hint == "did you mean train.py?"
    assert raised.value.path == "trian.py"


def test_missing_script_with_no_near_name_lists_what_is_there(folder: Path) -> None:
    with pytest.raises(NotFoundError) as raised:
        parse(["evaluate.py"])
    assert raised.value.hint == "here: train.py"


def test_missing_program_names_the_nearest(folder: Path) -> None:
    with pytest.raises(NotFoundError) as raised:
        parse(["prgo"])
    assert raised.value.hint == "did you mean prog?"


def test_braces_that_the_shell_expanded_are_guessed(folder: Path) -> None:
    with pytest.raises(NotFoundError) as raised:
        parse(["loss", "train.py"], behind_graphs=True)
    assert "quote the braces" in raised.value.hint


def test_file_that_is_not_executable_is_a_process_error(folder: Path) -> None:
    (folder / "train.sh").touch(mode=0o644)
    for word in ("train.sh", "./train.sh"):
        with pytest.raises(ProcessError) as raised:
            parse([word])
        assert raised.value.exit_code == 6
        assert "chmod +x" in raised.value.hint


def test_executable_in_this_folder_runs_without_a_slash(folder: Path) -> None:
    (folder / "train.sh").touch(mode=0o755)
    assert parse(["train.sh", "x"]).argv == ["./train.sh", "x"]


def test_folder_is_no_program_unless_python_can_run_it(folder: Path) -> None:
    (folder / "pkg").mkdir()
    for words in (["./pkg"], ["pkg"], ["python", "pkg"]):
        with pytest.raises(ProcessError):
            parse(words)
    (folder / "pkg" / "__main__.py").touch()
    assert parse(["python", "pkg"]).script == "pkg"


def test_nothing_to_run_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        parse([])
