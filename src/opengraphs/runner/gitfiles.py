"""Commit, branch and remote read straight from `.git`, in a fraction of a millisecond.

Starting `git` costs more than starting many a program, and may hang on a network
file system; whether the tree is dirty only git can say, and the capture asks it later.
"""

from __future__ import annotations

import os
import re

from opengraphs.sdk.facts import git_facts
from opengraphs.sdk.redact import redact_text

_SECTION = re.compile(r'\[\s*(\w+)(?:\s+"(.*)")?\s*\]')


def _read(*parts: str) -> str:
    try:
        with open(os.path.join(*parts), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def git_folders(cwd: str) -> tuple[str, str] | None:
    """(git folder of this work tree, folder shared by all its work trees); None outside a repository."""
    folder = os.path.abspath(cwd)
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    git = os.path.join(folder, ".git")
    if os.path.isfile(git):  # a linked work tree or a submodule
        git = os.path.join(folder, _read(git).partition("gitdir:")[2].strip())
    common = _read(git, "commondir").strip()
    return os.path.normpath(git), os.path.normpath(os.path.join(git, common)) if common else os.path.normpath(
        git
    )


def _remote(common: str) -> str:
    """The address of `origin`, else of the first remote; without any login in it."""
    addresses: dict[str, str] = {}
    section = ""
    for line in _read(common, "config").splitlines():
        match = _SECTION.match(line.strip())
        if match:
            section = match[2] or "" if match[1].lower() == "remote" else ""
            continue
        name, equals, value = line.partition("=")
        if section and equals and name.strip().lower() == "url":
            addresses.setdefault(section, value.strip())
    return redact_text(addresses.get("origin") or next(iter(addresses.values()), ""))


def quick_git(cwd: str) -> dict[str, str] | None:
    """`{"commit", "branch", "remote"}` as far as known; None outside a repository."""
    folders = git_folders(cwd)
    if folders is None:
        return None
    remote = _remote(folders[1])
    return {**(git_facts(cwd) or {}), **({"remote": remote} if remote else {})}
