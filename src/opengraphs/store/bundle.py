"""What a run's bundle/ says of how it was started: read so that damage costs as little as it can.

The runner's capture writes it (`runner/capture`); a run without a runner has none.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.sdk import layout
from opengraphs.store.folder import RunFolder
from opengraphs.store.jsonl import parse_object
from opengraphs.store.plainfile import open_plain

COMMAND = "command.json"
ENVIRONMENT = "environment.json"
GIT = "git.json"
PYTHON = "python.json"
MACHINE = "machine.json"
PACKAGES = "packages.txt"
PATCH = "diff.patch"
FILES = "files"
MAX_BYTES = 8 << 20
"""No file of a bundle that og wrote is longer; of a longer one nothing is believed."""
_MAX_FILES = 200
_PATCHED = re.compile(rb"^diff --git a/.* b/(.*)$", re.MULTILINE)


class Patch(NamedTuple):
    """What changed against the commit: lines, files, and a digest that tells two patches apart."""

    added: int
    removed: int
    files: list[str]
    sha256: str


class Bundle(NamedTuple):
    """Each part None where the run has no record of it, or one that does not parse.

    files: name → sha256 of the copies of scripts and settings that the command named.
    """

    command: dict[str, Any] | None
    environment: dict[str, Any] | None
    git: dict[str, Any] | None
    python: dict[str, Any] | None
    machine: dict[str, Any] | None
    packages: dict[str, str] | None
    patch: Patch | None
    files: dict[str, str] | None


def read_bundle(run: RunFolder) -> Bundle:
    """Read a run's bundle; never raises, what is missing or damaged is None."""
    folder = run.path / layout.BUNDLE
    return Bundle(
        _object(folder / COMMAND),
        _object(folder / ENVIRONMENT),
        _object(folder / GIT),
        _object(folder / PYTHON),
        _object(folder / MACHINE),
        _packages(_bytes(folder / PACKAGES)),
        _patch(_bytes(folder / PATCH)),
        _files(folder / FILES),
    )


def read_text(run: RunFolder, name: str) -> str | None:
    """One text of the bundle, by its name in it; None where it is missing, no plain file, or too long."""
    data = _bytes(run.path / layout.BUNDLE / name)
    return None if data is None else data.decode("utf-8", "replace")


def read_environment(run: RunFolder) -> dict[str, Any] | None:
    """The environment alone."""
    return _object(run.path / layout.BUNDLE / ENVIRONMENT)


def _bytes(path: Path) -> bytes | None:
    try:
        if any(
            at.name in (layout.BUNDLE, FILES) and at.is_symlink() for at in (path.parent, path.parent.parent)
        ):
            return None  # a bundle from elsewhere is no way to other files of this machine
        with os.fdopen(open_plain(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= MAX_BYTES else None


def _object(path: Path) -> dict[str, Any] | None:
    data = _bytes(path)
    return None if data is None else parse_object(data)


def _packages(data: bytes | None) -> dict[str, str] | None:
    """`name==version` lines, names in lower case."""
    if data is None:
        return None
    pairs = (line.strip().partition("==") for line in data.decode("utf-8", "replace").splitlines())
    return {name.lower(): version for name, equals, version in pairs if equals and name}


def _patch(data: bytes | None) -> Patch | None:
    if data is None:
        return None
    text = b"\n" + data
    return Patch(
        text.count(b"\n+") - text.count(b"\n+++ "),
        text.count(b"\n-") - text.count(b"\n--- "),
        [name.decode("utf-8", "replace") for name in _PATCHED.findall(data)],
        hashlib.sha256(data).hexdigest(),
    )


def _files(folder: Path) -> dict[str, str] | None:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError:
        return None
    found: dict[str, str] = {}
    for name in names[:_MAX_FILES]:
        data = _bytes(folder / name)
        if data is not None:
            found[name] = hashlib.sha256(data).hexdigest()
    return found
