"""What run.json says about a process that has no runner. No program is started for it."""

from __future__ import annotations

import os
import sys

from . import layout, ranks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from .ranks import Place

REDACTED = "[redacted]"
_SECRET_WORDS = (
    "token",
    "secret",
    "password",
    "passwd",
    "credential",
    "apikey",
    "api-key",
    "api_key",
    "auth-key",
)
_SECRET_STARTS = ("hf_", "sk-", "ghp_", "github_pat_", "glpat-", "xoxb-", "AKIA")


def run_facts(run_id: str, place: Place, *, project: str, name: Optional[str], mode: str) -> Dict[str, Any]:
    """run.json at the start of a run that this process owns; times are now."""
    now = layout.utc_iso()
    script = script_path()
    return {
        "schema": layout.SCHEMA,
        "run_id": run_id,
        "project": project,
        "name": name or default_name(script, project, run_id),
        "group": None,
        "job_type": None,
        "status": "running",
        "created_at": now,
        "started_at": now,
        "ended_at": None,
        "heartbeat_at": now,
        "exit_code": None,
        "signal": None,
        "host": layout.host_name(),
        "user": user_name(),
        "pid": os.getpid(),
        "runner_pid": None,
        "command": command(),
        "cwd": os.getcwd(),
        "script": script,
        "git": git_facts(os.getcwd()),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "ranks": {"world_size": place.world_size},
        "job": ranks.job_facts(),
        "source": "sdk",
        "config": {},
        "summary": {},
        "tags": [],
        "notes": "",
        "progress": None,
        "parent": None,
        "journal": mode,
    }


def default_name(script: Optional[str], project: str, run_id: str) -> str:
    """The script's name and the random end of the id: `train-k7f3`."""
    stem = os.path.splitext(os.path.basename(script))[0] if script else ""
    return "%s-%s" % (stem or project, run_id.rpartition("-")[2])


def script_path() -> Optional[str]:
    """The script this process runs, absolute; None for `-c`, a notebook or a prompt."""
    given = sys.argv[0] if sys.argv else ""
    return os.path.abspath(given) if given and os.path.isfile(given) else None


def command() -> List[str]:
    """How this process was started, values that are secrets left out."""
    words = list(getattr(sys, "orig_argv", None) or [sys.executable or "python", *sys.argv])
    shown: List[str] = []
    is_secret = False
    for word in words:
        flag, equals, _value = word.partition("=")
        if is_secret or word.startswith(_SECRET_STARTS):
            shown.append(REDACTED)
        else:
            shown.append(flag + "=" + REDACTED if equals and _names_secret(flag) else word)
        is_secret = word.startswith("-") and not equals and _names_secret(word)
    return shown


def _names_secret(flag: str) -> bool:
    return any(word in flag.lower() for word in _SECRET_WORDS)


def user_name() -> str:
    """Who runs this; the number where the system has no name for it."""
    for name in ("LOGNAME", "USER", "USERNAME"):
        if os.environ.get(name):
            return os.environ[name]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, AttributeError):
        return str(getattr(os, "getuid", int)())


def git_facts(cwd: str) -> Optional[Dict[str, str]]:
    """`{"commit", "branch"}` read from `.git`, as far as known; None outside a repository."""
    folder = cwd
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    git = os.path.join(folder, ".git")
    if os.path.isfile(git):  # a linked work tree, or a submodule
        git = os.path.join(folder, _read(git).partition("gitdir:")[2].strip())
    head = _read(git, "HEAD").strip()
    if not head.startswith("ref: "):
        return {"commit": head} if head else {}
    ref = head[5:]
    branch = ref[len("refs/heads/") :] if ref.startswith("refs/heads/") else ref
    commit = _resolve(git, ref)
    return {"commit": commit, "branch": branch} if commit else {"branch": branch}


def _resolve(git: str, ref: str) -> str:
    common = os.path.join(git, _read(git, "commondir").strip() or ".")
    for folder in (git, common):
        commit = _read(folder, ref).strip()
        if commit:
            return commit
    for line in _read(common, "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""


def _read(*parts: str) -> str:
    try:
        with open(os.path.join(*parts), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
