"""A snapshot does and undoes an action, once or twice, and never over somebody's own edits."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guard_kit import AFTER, SCRIPT, Taken, rule_of

from opengraphs.errors import DiskFullError, StoreError
from opengraphs.guard.snapshot import apply, load, restore, state


@pytest.fixture
def project(tmp_path: Path) -> Taken:
    return Taken(tmp_path)


def test_a_snapshot_can_be_read_without_og(project: Taken) -> None:
    folder = project.agent / "patches" / "a1"
    assert (folder / "before" / "sub" / "model.py").read_text() == SCRIPT
    assert (folder / "after" / "train.py").read_text() == AFTER
    assert (folder / "change.diff").read_text() == "--- a\n+++ b\n"
    assert folder.stat().st_mode & 0o077 == 0
    assert load(project.agent, "a1") == project.snapshot
    assert project.snapshot.text("train.py", "after") == AFTER


def test_there_and_back_again_and_again(project: Taken) -> None:
    (project.root / "train.py").chmod(0o755)
    assert state(project.policy, project.snapshot) == "before"
    for _ in range(2):
        apply(project.policy, project.snapshot)
        assert (project.texts(), state(project.policy, project.snapshot)) == ([AFTER, AFTER], "after")
    for _ in range(2):
        restore(project.policy, project.snapshot)
        assert (project.texts(), state(project.policy, project.snapshot)) == ([SCRIPT, SCRIPT], "before")
    assert (project.root / "train.py").stat().st_mode & 0o777 == 0o755


def test_what_is_done_already_is_not_written(project: Taken) -> None:
    inode = project.script.stat().st_ino
    restore(project.policy, project.snapshot)
    assert project.script.stat().st_ino == inode


@pytest.mark.parametrize("side", ["apply", "restore"])
def test_half_of_it_is_finished(project: Taken, side: str) -> None:
    (project.root / "train.py").write_text(AFTER)
    assert state(project.policy, project.snapshot) == "between"
    {"apply": apply, "restore": restore}[side](project.policy, project.snapshot)
    assert project.texts() == [{"apply": AFTER, "restore": SCRIPT}[side]] * 2


def _edited(file: Path) -> None:
    file.write_text(AFTER + "# mine\n")


def _removed(file: Path) -> None:
    file.unlink()


def _linked(file: Path) -> None:
    file.rename(file.with_name("kept.py"))
    file.symlink_to("kept.py")


def _second_name(file: Path) -> None:
    os.link(file, file.with_name("kept.py"))


@pytest.mark.parametrize("edit", [_edited, _removed, _linked, _second_name], ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("call", [apply, restore], ids=lambda call: call.__name__)
def test_edits_of_others_stay_and_the_other_file_too(
    project: Taken, edit: Callable[[Path], None], call: Callable[..., Any]
) -> None:
    if call is restore:
        apply(project.policy, project.snapshot)
    edit(project.root / "sub" / "model.py")
    before = {path: path.read_text() for path in project.root.rglob("*.py")}
    assert rule_of(lambda: call(project.policy, project.snapshot)) == "edited_since"
    assert state(project.policy, project.snapshot) == "edited"
    assert {path: path.read_text() for path in project.root.rglob("*.py")} == before


def test_a_file_that_is_allowed_no_more_is_restored_and_not_patched(project: Taken) -> None:
    apply(project.policy, project.snapshot)
    narrow = project.policy._replace(allowed=())
    restore(narrow, project.snapshot)
    assert project.texts() == [SCRIPT, SCRIPT]
    assert rule_of(lambda: apply(narrow, project.snapshot)) == "not_allowed"


def test_a_file_that_is_denied_is_not_even_restored(project: Taken) -> None:
    apply(project.policy, project.snapshot)
    assert rule_of(lambda: restore(project.policy._replace(denied=("sub",)), project.snapshot)) == "denied"
    assert project.texts() == [AFTER, AFTER]


def test_taken_twice_it_is_one(project: Taken) -> None:
    assert project.take("a1") == project.snapshot
    with pytest.raises(StoreError, match="another snapshot"):
        project.take("a1", "other\n")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a\0b", "x" * 200, "a\n"])
def test_a_name_that_is_none(project: Taken, name: str) -> None:
    with pytest.raises(StoreError):
        project.take(name)
    with pytest.raises(StoreError):
        load(project.agent, name)


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_damaged_copy_restores_nothing(project: Taken, damage: str) -> None:
    apply(project.policy, project.snapshot)
    copy = project.snapshot.folder / "before" / "sub" / "model.py"
    copy.unlink() if damage == "gone" else copy.write_text("evil\n")
    with pytest.raises(StoreError):
        restore(project.policy, project.snapshot)
    assert project.texts() == [AFTER, AFTER]


@pytest.mark.parametrize("meta", ["", "[]", "{}", '{"files": [{}]}', '{"files": 3}'])
def test_a_damaged_snapshot_is_none(project: Taken, meta: str) -> None:
    (project.snapshot.folder / "meta.json").write_text(meta)
    with pytest.raises(StoreError):
        load(project.agent, "a1")


def test_a_snapshot_that_names_a_file_elsewhere_is_none(project: Taken) -> None:
    meta = project.snapshot.folder / "meta.json"
    meta.write_text(meta.read_text().replace("sub/model.py", "../outside/train.py"))
    with pytest.raises(StoreError):
        load(project.agent, "a1")


def test_without_space_there_is_no_half_of_one(project: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError):
            project.take("a2")
    assert not (project.agent / "patches" / "a2").exists()
    assert project.take("a2").files
