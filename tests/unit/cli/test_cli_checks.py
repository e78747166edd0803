"""The doctor's checks of a machine, on machines made up for the test."""

from __future__ import annotations

import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from opengraphs.cli import checks
from opengraphs.cli.commands import doctor

Usage = namedtuple("Usage", "total used free")


def test_store_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    assert checks.check_store(tmp_path / "store")["status"] == "fail"


def test_store_that_does_not_exist_yet_is_well(tmp_path: Path) -> None:
    check = checks.check_store(tmp_path / "a" / "b")
    assert check["status"] == "ok"
    assert "made by the first run" in check["message"]


def test_store_that_cannot_be_written_is_a_warning_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    check = checks.check_store(tmp_path)
    assert check["status"] == "warn"
    assert "OG_STORE" in check["fix"]


@pytest.mark.parametrize(("free", "status"), [(10**12, "ok"), (10**9, "warn"), (10**6, "fail")])
def test_space_is_judged_by_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**13, 0, free))
    assert checks.check_space(tmp_path / "not" / "there")["status"] == status


def test_socket_folder_open_to_others_fails_with_the_way_to_close_it(og_home: Path) -> None:
    folder = og_home / "run" / "opengraphs"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    check = checks.check_runtime_dir()
    assert check["status"] == "fail"
    assert "chmod 700" in check["fix"]


def test_stale_socket_is_named_and_harmless(og_home: Path) -> None:
    folder = og_home / "run" / "opengraphs"
    folder.mkdir(mode=0o700)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "ogd.sock"))
    left.close()
    check = checks.check_runtime_dir()
    assert check["status"] == "ok"
    assert "stale" in check["message"]


def test_no_python_on_path_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks.check_python()["status"] == "warn"


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_python_that_cannot_see_og_is_a_warning_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "python", 'echo "No module named opengraphs" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    check = checks.check_python()
    assert check["status"] == "warn"
    assert "No module named opengraphs" in check["message"]


def login_machine(root: Path, kills: str) -> None:
    """A made-up root of a machine with systemd, seen from a login session."""
    for folder in ("run/systemd/system", "proc/self", "etc/systemd"):
        (root / folder).mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/user.slice/user-1000.slice/session-3.scope\n")
    (root / "etc/systemd/logind.conf").write_text(f"[Login]\nKillUserProcesses={kills}\nKillExcludeUsers=\n")


@pytest.mark.parametrize(("kills", "status"), [("no", "ok"), ("yes", "warn")])
def test_login_manager_that_ends_what_is_left_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: str, status: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    login_machine(tmp_path, kills)
    check = checks.check_login_manager(str(tmp_path))
    assert check["status"] == status
    assert ("enable-linger" in check["fix"]) is (status == "warn")


@pytest.mark.parametrize(("watches", "status"), [(65536, "ok"), (100, "warn")])
def test_few_file_watches_are_a_warning(tmp_path: Path, watches: int, status: str) -> None:
    (tmp_path / "max_user_watches").write_text(str(watches))
    (tmp_path / "max_user_instances").write_text("128")
    check = checks.check_inotify(tmp_path)
    assert check["status"] == status
    assert bool(check["fix"]) is (status == "warn")


def test_system_without_inotify_is_well(tmp_path: Path) -> None:
    assert checks.check_inotify(tmp_path / "none")["status"] == "ok"


def test_every_local_check_answers_here(og_home: Path) -> None:
    found = list(checks.local(og_home / "store"))
    assert [check["id"] for check in found] == [
        "terminal", "store", "space", "sockets", "python", "gpu", "limits", "login", "inotify", "agent"
    ]  # fmt: skip
    assert all(check["status"] in ("ok", "warn", "fail") for check in found)
    assert all(check["fix"] for check in found if check["status"] != "ok")


def test_verdict_counts_what_is_wrong() -> None:
    good, poor, bad = checks.ok("a", ""), checks.warn("b", "", "f"), checks.fail("c", "", "f")
    assert doctor.verdict([good]) == "all is well"
    assert doctor.verdict([good, poor]) == "works; warnings: 1"
    assert doctor.verdict([good, poor, bad]) == "failed: 1, warnings: 1"
