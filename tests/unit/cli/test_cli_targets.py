"""PATH and RUN on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.cli import targets
from opengraphs.cli.targets import Target
from opengraphs.errors import NotARunError, NotFoundError, StoreError


@pytest.fixture
def project(og_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a store and one run in it; the working folder is elsewhere."""
    folder = og_home / "project"
    run = folder / ".opengraphs" / "runs" / "20270115-075900-k7f3"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (folder / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(og_home)
    return folder


def test_no_word_means_the_store_in_force(project: Path, og_home: Path) -> None:
    assert targets.resolve(None, store=None) == Target(og_home / "store", None)


def test_word_without_a_slash_is_a_run(project: Path, og_home: Path) -> None:
    assert targets.resolve("k7f3", store=None) == Target(og_home / "store", "k7f3")


@pytest.mark.parametrize("path", ["project", "./project", "project/.opengraphs", "project/src/deep"])
def test_store_and_project_folders_lead_to_the_store(project: Path, path: str) -> None:
    assert targets.resolve(path, store=None) == Target(project / ".opengraphs", None)


def test_run_folder_is_that_run(project: Path) -> None:
    path = "project/.opengraphs/runs/20270115-075900-k7f3"
    assert targets.resolve(path, store=None) == Target(project / ".opengraphs", "20270115-075900-k7f3")
    assert targets.one_run(path, store=None).ref == "20270115-075900-k7f3"


def test_folder_that_is_no_run_says_so(project: Path, og_home: Path) -> None:
    (og_home / "elsewhere").mkdir()
    with pytest.raises(NotARunError) as raised:
        targets.resolve("elsewhere", store=None)
    assert raised.value.exit_code == 4


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("logs/a b.csv", "og attach --source 'logs/a b.csv' makes a run of it"),
        ("logs", "og list logs shows what other programs left there"),
    ],
)
def test_what_another_program_left_is_no_run_but_there_is_a_way(
    og_home: Path, project: Path, path: str, hint: str
) -> None:
    (og_home / "logs").mkdir()
    (og_home / "logs" / "a b.csv").write_text("step,loss\n1,2\n")
    with pytest.raises(NotARunError) as raised:
        targets.one_run(path, store=None)
    assert hint in raised.value.hint


def test_run_folder_without_run_json_is_no_run(project: Path) -> None:
    (project / ".opengraphs" / "runs" / "20270115-075900-k7f3" / "run.json").unlink()
    with pytest.raises(NotARunError, match="not a run folder"):
        targets.resolve("project/.opengraphs/runs/20270115-075900-k7f3", store=None)


def test_copied_run_folder_outside_a_store_says_what_to_do(project: Path, og_home: Path) -> None:
    (project / ".opengraphs" / "runs" / "20270115-075900-k7f3").rename(og_home / "copy")
    with pytest.raises(NotARunError) as raised:
        targets.resolve("./copy", store=None)
    assert "runs/" in raised.value.hint


def test_path_that_leads_nowhere_is_not_found(project: Path) -> None:
    with pytest.raises(NotFoundError):
        targets.resolve("no/where", store=None)


def test_file_is_no_run(project: Path, og_home: Path) -> None:
    (og_home / "x.log").touch()
    with pytest.raises(NotARunError, match="file"):
        targets.resolve("./x.log", store=None)


def test_store_that_does_not_exist_is_an_error_only_when_it_was_named(project: Path, og_home: Path) -> None:
    with pytest.raises(StoreError, match="no such store"):
        targets.store_of(str(og_home / "nowhere"))
    (og_home / "file").touch()
    with pytest.raises(StoreError, match="is a file"):
        targets.store_of(str(og_home / "file"))
    (og_home / "store").rmdir()
    assert targets.store_of(None) == og_home / "store"


def test_command_about_one_run_takes_no_store(project: Path) -> None:
    with pytest.raises(NotARunError, match="a store, not a run"):
        targets.one_run("./project", store=None)
