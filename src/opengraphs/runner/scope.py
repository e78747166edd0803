"""Where the login manager kills what a session leaves behind, a run must not belong to the session.

systemd's logind with `KillUserProcesses=yes` ends every process of a login session at
logout, sessions of `setsid` included. A scope of the user's own service manager is
outside of it, and lives on after the last logout if the user lingers. Nothing here runs
unless systemd booted this machine and this process is in a login session.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from typing import NamedTuple

_CONF_GLOBS = (
    "usr/lib/systemd/logind.conf",
    "etc/systemd/logind.conf",
    "usr/lib/systemd/logind.conf.d/*.conf",
    "run/systemd/logind.conf.d/*.conf",
    "etc/systemd/logind.conf.d/*.conf",
)
"""In the order in which later ones win."""


class Scope(NamedTuple):
    """How to start a runner here. `prefix` goes before its command line; `warning` is for the user, or empty."""

    prefix: list[str]
    warning: str


NOTHING = Scope([], "")


def plan(run_id: str, env: Mapping[str, str], *, user: str, root: str = "/") -> Scope:
    """What is needed so that a run outlives the login session it is started from.

    Args:
        root: where `/etc`, `/run` and `/proc` are found; a test's own tree.
    """
    if not os.path.isdir(os.path.join(root, "run/systemd/system")) or not _in_session(root):
        return NOTHING
    if not _kills(_logind(root), user):
        return NOTHING
    lingers = os.path.exists(os.path.join(root, "var/lib/systemd/linger", user))
    launcher = _which("systemd-run", env)
    manager = os.path.join(root, env.get("XDG_RUNTIME_DIR", "").lstrip("/"), "systemd/private")
    if launcher and env.get("XDG_RUNTIME_DIR") and os.path.exists(manager):
        prefix = [launcher, "--user", "--scope", "--quiet", "--collect", f"--unit=og-{run_id}", "--"]
        return Scope(prefix, "" if lingers else _LINGER)
    return Scope([], KILLED)


_LINGER = (
    "this login manager ends your processes when you log out for the last time;"
    " let them live on with: loginctl enable-linger"
)
KILLED = (
    "this login manager ends every process of a session at logout (KillUserProcesses=yes) and no user scope"
    " can be made here: this run ends with the session"
)


def _in_session(root: str) -> bool:
    """Whether this process belongs to a login session rather than to a service, a job or a container."""
    try:
        with open(os.path.join(root, "proc/self/cgroup"), encoding="utf-8") as file:
            return any("/session-" in line and ".scope" in line for line in file)
    except OSError:
        return False


def _logind(root: str) -> dict[str, str]:
    """logind's settings; a commented-out line is the default that the distribution built in."""
    settings: dict[str, str] = {}
    for pattern in _CONF_GLOBS:
        for path in sorted(glob.glob(os.path.join(root, pattern))):
            settings.update(_settings(path, defaults=settings))
    return settings


def _settings(path: str, *, defaults: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return found
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if not equals:
            continue
        if not name.startswith("#"):
            found[name.strip()] = value.strip()
        elif name[1:].strip() not in defaults:
            found.setdefault(name[1:].strip(), value.strip())
    return found


def _kills(settings: Mapping[str, str], user: str) -> bool:
    if settings.get("KillUserProcesses", "no").lower() not in ("yes", "true", "on", "1"):
        return False
    only = settings.get("KillOnlyUsers", "").split()
    excluded = settings.get("KillExcludeUsers", "root").split()
    return user not in excluded and (not only or user in only)


def _which(program: str, env: Mapping[str, str]) -> str:
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK):
            return path
    return ""
