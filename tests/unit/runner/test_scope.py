"""When a run must leave the login session, on hosts made of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.runner import scope

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"


class Host:
    """A root folder with systemd's files in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {"PATH": "", "XDG_RUNTIME_DIR": "/run/user/1000"}
        self.write("proc/self/cgroup", SESSION)
        (root / "run/systemd/system").mkdir(parents=True)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def kills(self) -> None:
        self.write("etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\n")

    def has_manager(self) -> str:
        self.write("run/user/1000/systemd/private", "")
        launcher = self.write("bin/systemd-run", "#!/bin/sh\n")
        launcher.chmod(0o755)
        self.env["PATH"] = str(launcher.parent)
        return str(launcher)

    def plan(self, user: str = "me") -> scope.Scope:
        return scope.plan("r1", self.env, user=user, root=str(self.root))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_nothing_is_done_where_nothing_is_killed(host: Host) -> None:
    host.write("etc/systemd/logind.conf", "[Login]\n#KillUserProcesses=no\n")
    assert host.plan() == scope.NOTHING


def test_scope_of_the_users_manager_when_it_lingers(host: Host) -> None:
    host.kills()
    launcher = host.has_manager()
    host.write("var/lib/systemd/linger/me", "")
    assert host.plan().prefix[:3] == [launcher, "--user", "--scope"]
    assert host.plan().prefix[-2:] == ["--unit=og-r1", "--"]
    assert host.plan().warning == ""


def test_scope_with_advice_when_the_user_does_not_linger(host: Host) -> None:
    host.kills()
    host.has_manager()
    assert host.plan().prefix
    assert "enable-linger" in host.plan().warning


def test_warning_when_no_scope_can_be_made(host: Host) -> None:
    host.kills()
    assert host.plan() == scope.Scope([], scope.KILLED)


def test_manager_without_its_launcher_is_no_help(host: Host) -> None:
    host.kills()
    host.has_manager()
    host.env["PATH"] = "/nowhere"
    assert host.plan() == scope.Scope([], scope.KILLED)


@pytest.mark.parametrize(
    "place",
    [
        "0::/system.slice/slurmd.service\n",
        "0::/docker/abc\n",
        "0::/user.slice/user-1000.slice/user@1000.service\n",
    ],
)
def test_services_jobs_and_containers_are_in_no_session(host: Host, place: str) -> None:
    host.kills()
    host.write("proc/self/cgroup", place)
    assert host.plan() == scope.NOTHING


def test_hosts_without_systemd(tmp_path: Path) -> None:
    assert scope.plan("r1", {}, user="me", root=str(tmp_path)) == scope.NOTHING


@pytest.mark.parametrize(
    ("conf", "user", "affected"),
    [
        ("KillUserProcesses=yes", "root", False),
        ("KillUserProcesses=yes\nKillExcludeUsers=", "root", True),
        ("KillUserProcesses=yes\nKillExcludeUsers=me you", "me", False),
        ("KillUserProcesses=yes\nKillOnlyUsers=you", "me", False),
        ("KillUserProcesses=yes\nKillOnlyUsers=me", "me", True),
        ("KillUserProcesses=1", "me", True),
        ("#KillUserProcesses=yes", "me", True),
        ("#KillUserProcesses=no\nKillUserProcesses=yes", "me", True),
    ],
)
def test_who_is_affected(host: Host, conf: str, user: str, affected: bool) -> None:
    host.write("etc/systemd/logind.conf", f"[Login]\n{conf}\n")
    assert bool(host.plan(user).warning) is affected


def test_later_files_win_and_comments_are_only_defaults(host: Host) -> None:
    host.write("usr/lib/systemd/logind.conf", "[Login]\n#KillUserProcesses=yes\n")
    host.write("etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\n")
    host.write("etc/systemd/logind.conf.d/10.conf", "[Login]\nKillUserProcesses=no\n")
    host.write("etc/systemd/logind.conf.d/20.conf", "[Login]\n#KillUserProcesses=yes\n")
    assert host.plan() == scope.NOTHING
