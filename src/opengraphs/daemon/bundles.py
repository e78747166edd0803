"""How to run a run again exactly, from what its bundle kept, and what that does not bring back."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from opengraphs.protocol.version import SCHEMA
from opengraphs.redaction import Redactor, secret_values
from opengraphs.runner.capture.python import packages as installed
from opengraphs.runner.gitfiles import quick_git
from opengraphs.sdk.redact import REDACTED
from opengraphs.store import bundle as kept
from opengraphs.store.folder import RunFolder

if TYPE_CHECKING:
    from opengraphs.protocol.bundle import BundleReply, BundleStep, MissingPart, PackageDiff

MAX_SHOWN = 200
MAX_CONTENTS_BYTES = 12 << 20
_OF_THE_SHELL = frozenset(
    (
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "TMPDIR", "TERM", "LANG", "LANGUAGE", "TZ",
        "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "NO_COLOR", "FORCE_COLOR", "LD_PRELOAD",
    )
)  # fmt: skip
"""Variables that say who and where, and not how."""
_OF_OG = ("OG_", "OGD_")
_SETTINGS_KEPT = ("OG_PROJECT",)


class _Record(NamedTuple):
    """All that is known: run.json and its bundle."""

    facts: Mapping[str, Any]
    bundle: kept.Bundle
    patch: str
    texts: dict[str, str]


def describe(folder: Path, facts: Mapping[str, Any], *, contents: bool) -> BundleReply:
    """The answer of `GET /runs/{ref}/bundle`; works in a thread, reads files, starts nothing.

    Args:
        facts: the run's, as `GET /runs/{ref}` has them.
        contents: with the texts of patch, scripts and packages.
    """
    record = _read(folder, facts)
    redactor = Redactor(secret_values(os.environ, _mapping(facts.get("config"))))
    plain = _plain(record)
    texts = {name: redactor.text(text) for name, text in _contents(record).items()}
    plain["missing"] += _of_hiding(record, texts)
    reply: BundleReply = redactor.value(plain)
    reply["exact"] = not reply["missing"]
    if contents:
        reply["contents"] = texts
    reply["hidden"] = [hidden._asdict() for hidden in redactor.hidden]
    return reply


def _read(folder: Path, facts: Mapping[str, Any]) -> _Record:
    run = RunFolder(folder)
    bundle = kept.read_bundle(run)
    names = list(bundle.files or {})
    texts = {
        name: text for name in names if (text := kept.read_text(run, f"{kept.FILES}/{name}")) is not None
    }
    return _Record(facts, bundle, kept.read_text(run, kept.PATCH) or "", texts)


def _plain(record: _Record) -> BundleReply:
    """Everything but what was hidden."""
    facts, bundle = record.facts, record.bundle
    env = {name: str(value) for name, value in (bundle.environment or {}).items() if _matters(name)}
    hidden = sorted(name for name, value in env.items() if REDACTED in value)
    differing, python_known = _differing(bundle)
    return {
        "schema": SCHEMA,
        "run_id": str(facts["run_id"]),
        "name": str(facts.get("name") or ""),
        "exact": False,
        "steps": list(_steps(record, env)),
        "missing": list(_missing(record, hidden, differing, python_known=python_known)),
        "command": _argv(record),
        "cwd": _cwd(record),
        "git": _git(record),
        "python": dict(bundle.python or {}),
        "machine": dict(bundle.machine or {}),
        "env": {name: value for name, value in env.items() if name not in hidden},
        "hidden_env": hidden,
        "seeds": _seeds(record),
        "packages": len(bundle.packages or {}),
        "differing": differing[:MAX_SHOWN],
        "files": sorted(record.texts),
    }


def _matters(name: str) -> bool:
    return name in _SETTINGS_KEPT or (name not in _OF_THE_SHELL and not name.startswith(_OF_OG))


def _argv(record: _Record) -> list[str]:
    told = (record.bundle.command or {}).get("argv") or record.facts.get("command")
    return [str(word) for word in told] if isinstance(told, list) else []


def _cwd(record: _Record) -> str:
    return str((record.bundle.command or {}).get("cwd") or record.facts.get("cwd") or "")


def _git(record: _Record) -> dict[str, Any]:
    return {**_mapping(record.facts.get("git")), **(record.bundle.git or {})}


def _mapping(value: object) -> Mapping[str, Any]:
    """A run folder from elsewhere may hold anything."""
    return value if isinstance(value, Mapping) else {}


def _seeds(record: _Record) -> dict[str, Any]:
    """Seeds on the command line and in the config."""
    found = dict(_mapping((record.bundle.command or {}).get("seeds")))
    config = _mapping(record.facts.get("config"))
    found.update(
        {name: value for name, value in config.items() if "seed" in name.lower() and value is not None}
    )
    return found


# -- steps -----------------------------------------------------------------------------------------


def _steps(record: _Record, env: Mapping[str, str]) -> Iterator[BundleStep]:
    git, python = _git(record), record.bundle.python or {}
    if git.get("commit"):
        clone = [f"git clone {shlex.quote(str(git['remote']))} code", "cd code"] if git.get("remote") else []
        note = "" if clone else "the repository has no remote: take the work tree that the run was started in"
        yield _step("Get the code", *clone, f"git checkout {git['commit']}", note=note)
    if record.patch:
        changed = record.bundle.patch
        about = f"{len(changed.files)} files, +{changed.added} -{changed.removed}" if changed else ""
        yield _step("Apply what was not committed", "git apply diff.patch", note=about)
    if record.texts:
        names = ", ".join(sorted(record.texts)[:10])
        yield _step("Put scripts and settings in their places", note=f"copies are in files/: {names}")
    if python.get("version"):
        short = ".".join(str(python["version"]).split(".")[:2])
        packages = [".venv/bin/python -m pip install -r packages.txt"] if record.bundle.packages else []
        note = f"Python {python['version']}" + (
            ", guessed from the environment" if python.get("guessed") else ""
        )
        yield _step("Make the environment", f"python{short} -m venv .venv", *packages, note=note)
    if env:
        yield _step(
            "Set the variables", "set -a; . ./environment.sh; set +a", note=", ".join(sorted(env)[:30])
        )
    if _argv(record):
        yield _step(
            "Run it",
            f"og run -- {shlex.join(_argv(record))}",
            note=f"it ran in {_cwd(record) or 'an unknown folder'}",
        )


def _step(title: str, *commands: str, note: str = "") -> BundleStep:
    return {"title": title, "commands": list(commands), "note": note}


# -- what is missing -------------------------------------------------------------------------------


def _missing(
    record: _Record, hidden: Sequence[str], differing: Sequence[PackageDiff], *, python_known: bool
) -> Iterator[MissingPart]:
    bundle, git = record.bundle, _git(record)
    if bundle.command is None:
        yield _part(
            "record",
            "the run was not started by `og run`: environment, packages and scripts were not kept",
            "",
        )
    for name in hidden:
        yield _part(
            "secret",
            f"the value of {name} was a secret and was not kept",
            f"export {name}=… before the command",
        )
    if any(REDACTED in word for word in _argv(record)):
        yield _part(
            "secret",
            "a word of the command was a secret and was not kept",
            "put it back where it says [redacted]",
        )
    yield from _of_git(record, git)
    if not _seeds(record):
        yield _part(
            "seed",
            "no seed was seen on the command line or in the config",
            "numbers will differ from run to run",
        )
    if bundle.command is not None and bundle.packages is None:
        yield _part("package", "no list of packages was kept: the command names no Python", "")
    if bundle.packages is not None and not python_known:
        yield _part(
            "python",
            f"the run's Python is not on this machine: {(bundle.python or {}).get('executable', '')}",
            "",
        )
    if differing:
        names = ", ".join(
            f"{one['name']} {one['recorded']} → {one['here'] or 'not there'}" for one in differing[:8]
        )
        yield _part(
            "package",
            f"{len(differing)} packages are others on this machine: {names}",
            "install packages.txt anew",
        )
    if _cwd(record) and not Path(_cwd(record)).is_dir():
        yield _part("cwd", f"the folder it ran in is not on this machine: {_cwd(record)}", "")


def _of_git(record: _Record, git: Mapping[str, Any]) -> Iterator[MissingPart]:
    if not git.get("commit"):
        yield _part(
            "record",
            "the code was in no git repository, or had no commit",
            "the copies in files/ are all there is",
        )
    elif (now := quick_git(_cwd(record)) if Path(_cwd(record)).is_dir() else None) and now.get(
        "commit"
    ) not in (None, git["commit"]):
        yield _part(
            "file",
            f"the work tree is at commit {str(now['commit'])[:10]} now",
            f"git checkout {git['commit']}",
        )
    if git.get("error"):
        yield _part("patch", f"git could not say what was changed: {git['error']}", "")
    if git.get("diff_truncated"):
        yield _part("patch", "the changes were too long and were cut: the patch does not apply", "")
    elif git.get("dirty") and not record.patch:
        yield _part("patch", "there were changes that no patch has", "")
    if "-dirty" in record.patch and "\n+Subproject commit " in record.patch:
        yield _part(
            "submodule", "a submodule had changes of its own, which no patch has", "commit there first"
        )
    untracked = git.get("untracked")
    left = (
        [name for name in untracked if Path(str(name)).name not in record.texts]
        if isinstance(untracked, list)
        else []
    )
    if left:
        shown = ", ".join(map(str, left[:8])) + (", …" if len(left) > 8 else "")
        yield _part("untracked", f"{len(left)} files that git does not know were not copied: {shown}", "")


def _of_hiding(record: _Record, texts: Mapping[str, str]) -> list[MissingPart]:
    """Texts that hold a secret are exported without it."""
    changed = [name for name, text in _contents(record).items() if texts.get(name) != text]
    return [
        _part("secret", f"{name} holds secrets, which are hidden in the export", "put them back by hand")
        for name in changed
    ]


def _part(what: str, text: str, fix: str) -> MissingPart:
    return {"what": what, "text": text, "fix": fix}


def _differing(bundle: kept.Bundle) -> tuple[list[PackageDiff], bool]:
    """Packages that the run's own Python has in another version now; and whether that Python is here at all."""
    python = bundle.python or {}
    prefix, version = str(python.get("prefix") or ""), str(python.get("version") or "").split(".")
    if (
        not bundle.packages
        or not prefix
        or len(version) < 2
        or not Path(str(python.get("executable") or "")).exists()
    ):
        return [], not bundle.packages
    folders = [f"{prefix}/{lib}/python{version[0]}.{version[1]}/site-packages" for lib in ("lib", "lib64")]
    here = {name.lower(): found for name, found in installed(folders)}
    if not here:
        return [], True  # a system Python keeps them elsewhere: nothing can be said
    return [
        {"name": name, "recorded": recorded, "here": here.get(name)}
        for name, recorded in sorted(bundle.packages.items())
        if here.get(name) != recorded
    ], True


def _contents(record: _Record) -> dict[str, str]:
    """Name → text of everything that an export holds beside README.md, in order, as far as it fits."""
    env = {name: str(value) for name, value in (record.bundle.environment or {}).items() if _matters(name)}
    listed = "".join(f"{name}=={version}\n" for name, version in (record.bundle.packages or {}).items())
    found = {
        "command.sh": f"#!/bin/sh\nexec {shlex.join(_argv(record))}\n",
        "environment.sh": "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(env.items())),
        "packages.txt": listed,
        "diff.patch": record.patch,
        **{f"files/{name}": text for name, text in sorted(record.texts.items())},
    }
    room, fitting = MAX_CONTENTS_BYTES, {}
    for name, text in found.items():
        room -= len(text)
        if text and room > 0:
            fitting[name] = text
    return fitting
