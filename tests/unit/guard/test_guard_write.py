"""A write exchanges one file whole, or leaves it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guard_kit import SCRIPT, Project, rule_of

from opengraphs.guard import write
from opengraphs.guard.paths import open_target
from opengraphs.guard.policy import Refused
from opengraphs.guard.write import replace, sweep

AFTER = SCRIPT.replace("0.1", "0.01")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def left_over(project: Project) -> list[str]:
    return sorted(path.name for path in project.root.iterdir() if path.name not in ("train.py", "sub"))


def test_a_write_changes_the_text_and_nothing_else(project: Project) -> None:
    project.script.chmod(0o751)
    target = replace(project.policy, open_target(project.policy, "train.py"), AFTER)
    facts = project.script.stat()
    assert project.script.read_text() == target.text == AFTER
    assert (facts.st_mode & 0o7777, facts.st_uid, facts.st_nlink) == (0o751, os.geteuid(), 1)
    assert (target.inode, target.mode) == (facts.st_ino, 0o751)
    assert left_over(project) == []


def test_the_result_of_a_write_is_the_base_of_the_next(project: Project) -> None:
    first = open_target(project.policy, "train.py")
    second = replace(project.policy, first, AFTER)
    assert rule_of(lambda: replace(project.policy, first, "x = 1\n")) == "changed"
    assert replace(project.policy, second, SCRIPT).text == SCRIPT


@pytest.mark.parametrize("text", ["", "a\r\nb\r\n", "\ufeffx\n", "no newline", "日本\n"])
def test_a_text_is_written_letter_for_letter(project: Project, text: str) -> None:
    replace(project.policy, open_target(project.policy, "train.py"), text)
    assert project.script.read_bytes() == text.encode()


def _saved_in_place(script: Path) -> None:
    script.write_text("mine\n")


def _saved_by_rename(script: Path) -> None:
    script.with_name("new").write_text("mine\n")
    os.replace(script.with_name("new"), script)


def _same_text_in_another_file(script: Path) -> None:
    script.with_name("new").write_text(SCRIPT)
    os.replace(script.with_name("new"), script)


def _mode(script: Path) -> None:
    script.chmod(0o600)


def _gone(script: Path) -> None:
    script.unlink()


def _linked(script: Path) -> None:
    script.rename(script.with_name("kept"))
    script.symlink_to("kept")


def _second_name(script: Path) -> None:
    os.link(script, script.with_name("kept"))


def _folder(script: Path) -> None:
    script.unlink()
    script.mkdir()


MEANWHILE: list[tuple[Callable[[Path], None], str]] = [
    (_saved_in_place, "changed"),
    (_saved_by_rename, "changed"),
    (_same_text_in_another_file, "changed"),
    (_mode, "changed"),
    (_gone, "changed"),
    (_linked, "symlink"),
    (_second_name, "hard_link"),
    (_folder, "not_regular"),
]


@pytest.mark.parametrize(
    ("change", "rule"), MEANWHILE, ids=[change.__name__.strip("_") for change, _ in MEANWHILE]
)
@pytest.mark.parametrize("when", ["before", "while the new text is written"])
def test_a_file_that_changed_meanwhile_is_left(
    project: Project,
    change: Callable[[Path], None],
    rule: str,
    when: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = open_target(project.policy, "train.py")
    if when == "before":
        change(project.script)
    else:
        once(monkeypatch, write, "_write_new", after=lambda: change(project.script))
    assert rule_of(lambda: replace(project.policy, target, AFTER)) == rule
    assert AFTER not in [path.read_text() for path in project.root.iterdir() if path.is_file()]
    assert not [name for name in left_over(project) if name.endswith(".tmp")]


def once(patch: pytest.MonkeyPatch, place: Any, name: str, *, after: Callable[[], object]) -> None:
    """Do something right after a function was called for the first time."""
    real, todo = getattr(place, name), [after]

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        if todo:
            todo.pop()()
        return result

    patch.setattr(place, name, wrapped)


@pytest.mark.parametrize("how", ["link", "folder"])
def test_a_folder_exchanged_meanwhile_receives_nothing(
    project: Project, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is moved out of the project and something else takes its name, after all checks but the last."""
    target = open_target(project.policy, "sub/model.py")
    away = project.outside / "moved"

    def exchange() -> None:
        os.rename(project.root / "sub", away)
        if how == "link":
            (project.root / "sub").symlink_to(project.outside)
        else:
            (project.root / "sub").mkdir()
            (project.root / "sub" / "model.py").write_text(SCRIPT)

    once(monkeypatch, write, "_write_new", after=exchange)
    rule = rule_of(lambda: replace(project.policy, target, AFTER))
    assert rule == {"link": "symlink", "folder": "changed"}[how]
    assert sorted(path.name for path in away.iterdir()) == ["model.py"]
    assert (away / "model.py").read_text() == (project.outside / "train.py").read_text() == SCRIPT


def test_a_save_between_the_last_look_and_the_exchange_is_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = open_target(project.policy, "train.py")
    once(monkeypatch, write, "_same_folder", after=lambda: project.script.write_text("mine\n"))
    assert rule_of(lambda: replace(project.policy, target, AFTER)) == "changed"
    assert project.script.read_text() == "mine\n"
    assert left_over(project) == []


def test_a_change_right_after_the_write_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    target = open_target(project.policy, "train.py")
    once(monkeypatch, write, "_sync", after=lambda: project.script.write_text("mine\n"))
    assert rule_of(lambda: replace(project.policy, target, AFTER)) == "changed"
    assert project.script.read_text() == "mine\n"


@pytest.mark.parametrize(
    ("text", "rule"),
    [("\ud800", "not_utf8"), ("a\0b", "binary"), ("#" * ((1 << 20) + 1), "too_big")],
    ids=["surrogate", "nul", "large"],
)
def test_a_text_that_is_none_is_not_written(project: Project, text: str, rule: str) -> None:
    target = open_target(project.policy, "train.py")
    assert rule_of(lambda: replace(project.policy, target, text)) == rule
    assert project.script.read_text() == SCRIPT


def test_a_target_of_another_policy_is_judged_again(project: Project) -> None:
    target = open_target(project.policy, "train.py")
    assert rule_of(lambda: replace(project.policy._replace(allowed=()), target, AFTER)) == "not_allowed"


FAULTS = [
    ("open", errno.ENOSPC, "disk_full"),
    ("open", errno.EROFS, "read_only"),
    ("open", errno.EACCES, "read_only"),
    ("write", errno.ENOSPC, "disk_full"),
    ("write", errno.EDQUOT, "disk_full"),
    ("write", errno.EIO, "write_failed"),
    ("fchmod", errno.EPERM, "read_only"),
    ("fsync", errno.EIO, "write_failed"),
    ("fsync", errno.ENOSPC, "disk_full"),
    ("replace", errno.EIO, "write_failed"),
    ("replace", errno.EROFS, "read_only"),
]


@pytest.mark.parametrize(("call", "number", "rule"), FAULTS)
def test_trouble_with_the_disk_leaves_the_file(
    project: Project, call: str, number: int, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, real_open = open_target(project.policy, "train.py"), os.open

    def fails(*args: Any, **kwargs: Any) -> Any:
        if call == "open" and not args[1] & os.O_CREAT:
            return real_open(*args, **kwargs)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails)
        assert rule_of(lambda: replace(project.policy, target, AFTER)) == rule
    assert project.script.read_text() == SCRIPT
    assert left_over(project) == []


@pytest.mark.parametrize(("number", "after"), [(errno.EIO, SCRIPT), (errno.EINVAL, AFTER)])
def test_a_folder_that_cannot_be_synced(
    project: Project, number: int, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO: the old text is put back. EINVAL: this file system syncs no folders."""
    real, calls = os.fsync, []

    def fails(fd: int) -> None:
        calls.append(fd)
        if len(calls) == 2:
            raise OSError(number, os.strerror(number))
        real(fd)

    target = open_target(project.policy, "train.py")
    monkeypatch.setattr(os, "fsync", fails)
    assert rule_of(lambda: replace(project.policy, target, AFTER)) == (
        "" if after == AFTER else "write_failed"
    )
    assert project.script.read_text() == after
    assert left_over(project) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_write_permission(project: Project) -> None:
    target = open_target(project.policy, "train.py")
    project.root.chmod(0o500)
    try:
        assert rule_of(lambda: replace(project.policy, target, AFTER)) == "read_only"
    finally:
        project.root.chmod(0o700)


def test_a_sweep_takes_only_what_writes_of_this_file_left(project: Project) -> None:
    ours = ".train.py.og-0123456789ab.tmp"
    others = [
        ".train.py.og-0123456789ab",
        ".other.py.og-0123456789ab.tmp",
        ".train.py.og-xyz.tmp",
        "train.py~",
    ]
    for name in (ours, *others):
        (project.root / name).write_text("")
    (project.root / ".train.py.og-ba9876543210.tmp").symlink_to(project.outside / "secrets.txt")
    sweep(project.policy, "train.py")
    assert left_over(project) == sorted([*others, ".train.py.og-ba9876543210.tmp"])


def test_a_sweep_is_under_the_policy(project: Project) -> None:
    with pytest.raises(Refused):
        sweep(project.policy, "../outside/train.py")
