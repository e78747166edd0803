"""Commit, branch, what is changed and by how much; git itself is asked, within a time limit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from opengraphs.runner.gitfiles import git_folders, quick_git
from opengraphs.sdk.redact import redact_text

_STATUS_LIMIT_S = 20.0
_DIFF_LIMIT_S = 20.0
MAX_DIFF_BYTES = 4 << 20
_MAX_UNTRACKED = 1000

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.pager=cat", "-c", "color.ui=false")
"""A repository's own settings may name programs; none of them is run for a look."""


class Status(NamedTuple):
    """`git status`. `commit` and `branch` empty when there is none yet, or HEAD is detached."""

    commit: str
    branch: str
    dirty: bool
    untracked: list[str]


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """Never ask for a password, never take a lock that the user's own git might want."""
    return {**env, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def parse_status(text: str) -> Status:
    """`git status --porcelain=v2 --branch -z`."""
    head: dict[str, str] = {}
    untracked: list[str] = []
    dirty = False
    entries = iter(text.split("\0"))
    for entry in entries:
        if entry.startswith("# branch."):
            name, _, value = entry[len("# branch.") :].partition(" ")
            head[name] = value
        elif entry.startswith("? "):
            untracked.append(entry[2:])
        elif entry[:2] in ("1 ", "2 ", "u "):
            dirty = True
            if entry.startswith("2 "):
                next(entries, None)  # a rename's old name is an entry of its own
    commit, branch = head.get("oid", ""), head.get("head", "")
    return Status(
        "" if commit == "(initial)" else commit, "" if branch == "(detached)" else branch, dirty, untracked
    )


def capture(cwd: str, env: Mapping[str, str], patch_path: str) -> dict[str, Any]:
    """bundle/git.json and bundle/diff.patch of the work tree around `cwd`.

    Returns:
        `commit, branch, remote` as far as known; with git's help `dirty`, `untracked`,
        `diff_bytes`, `diff_truncated`; `error` when git could not say. Empty outside a
        repository.

    Raises:
        OSError: the patch cannot be written.
    """
    facts: dict[str, Any] = dict(quick_git(cwd) or {})
    if git_folders(cwd) is None:
        return {}
    environment = _environment(env)
    try:
        done = subprocess.run(
            ["git", *_SAFE, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"],
            cwd=cwd, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=_STATUS_LIMIT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return {**facts, "error": _why(error)}
    status = parse_status(done.stdout.decode("utf-8", "replace"))
    facts |= {name: value for name, value in (("commit", status.commit), ("branch", status.branch)) if value}
    facts |= {"dirty": status.dirty, "untracked": status.untracked[:_MAX_UNTRACKED]}
    if status.dirty and status.commit:
        facts |= _write_diff(cwd, environment, patch_path)
    return facts


def _why(error: Exception) -> str:
    said = getattr(error, "stderr", None)
    text = said.decode("utf-8", "replace").strip() if isinstance(said, bytes) else ""
    return redact_text(text or str(error))[:500]


def _write_diff(cwd: str, env: Mapping[str, str], patch_path: str) -> dict[str, Any]:
    data, error = _diff(cwd, env)
    truncated = len(data) > MAX_DIFF_BYTES
    text = data[:MAX_DIFF_BYTES].decode("utf-8", "surrogateescape")
    kept = redact_text(text)
    with open(patch_path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(kept)
    facts: dict[str, Any] = {"diff_bytes": os.path.getsize(patch_path), "diff_truncated": truncated}
    if kept != text:
        facts["diff_redacted"] = True
    return {**facts, "error": error} if error else facts


def _diff(cwd: str, env: Mapping[str, str]) -> tuple[bytes, str]:
    """(the changes against HEAD, up to one byte more than the limit; what went wrong, or nothing)."""
    argv = [
        "git",
        *_SAFE,
        "diff",
        "HEAD",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--submodule=short",
    ]
    with subprocess.Popen(
        argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        killer = _Killer(process)
        with killer:
            assert process.stdout is not None
            data = process.stdout.read(MAX_DIFF_BYTES + 1)
            if len(data) > MAX_DIFF_BYTES:
                process.kill()
    return data, f"git diff took more than {_DIFF_LIMIT_S:.0f} s" if killer.fired else ""


class _Killer:
    """Ends a process that takes too long to print."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        import threading

        self.fired = False
        self._process = process
        self._timer = threading.Timer(_DIFF_LIMIT_S, self._fire)

    def _fire(self) -> None:
        self.fired = True
        self._process.kill()

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
