"""One run as a diff sees it: sections of flat keys and plain values.

    config     run.json's config, nested keys joined with dots
    args       the command's words: options with their values, the rest by place
    env        variables that the bundle kept; python.…, machine.…, cwd, user beside them
    git        commit, branch, dirty, remote, untracked, and the patch in figures
    packages   distributions of the training's Python and their versions
    files      sha256 of the copied scripts and settings

A section is None where the run has no record of it: then nothing is known, and a key that
another run has is no difference. The same holds for the parts of env that a PartlyKnown lacks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from opengraphs.engine.fields import flattened
from opengraphs.store.bundle import Bundle

SECTIONS = ("config", "args", "env", "git", "packages", "files")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_SHA_CHARS = 16
_ENV_PARTS = ("python", "machine")
Section = dict[str, Any]


class PartlyKnown(Section):
    """A section whose `lacking` parts were not recorded: "" for variables, else python or machine."""

    def __init__(self, found: Mapping[str, Any], lacking: Collection[str]) -> None:
        super().__init__(found)
        self.lacking = lacking


def is_told(section: Mapping[str, Any], key: str) -> bool:
    """Whether a section says what `key` is, or that the run has none."""
    if key in section or not isinstance(section, PartlyKnown):
        return True
    head = key.partition(".")[0]
    return (head if head in _ENV_PARTS else "") not in section.lacking


class Side(NamedTuple):
    """identity: run, name, status. sections: by SECTIONS, None where nothing was recorded."""

    identity: dict[str, Any]
    sections: dict[str, Section | None]


def side_of(identity: dict[str, Any], facts: Mapping[str, Any], bundle: Bundle) -> Side:
    """A run from run.json and its bundle."""
    command = _list(facts.get("command")) or _list((bundle.command or {}).get("argv"))
    return Side(
        identity,
        {
            "config": dict(flattened(_mapping(facts.get("config")))),
            "args": args_of(command) if command else None,
            "env": _env(facts, bundle),
            "git": _git(facts, bundle),
            "packages": dict(bundle.packages) if bundle.packages is not None else None,
            "files": {name: f"sha256:{digest[:_SHA_CHARS]}" for name, digest in bundle.files.items()}
            if bundle.files is not None
            else None,
        },
    )


def args_of(command: Sequence[str]) -> Section:
    """The words of a command as keys: `--lr 0.1`, `--lr=0.1` and `lr=0.1` have the key `--lr` or
    `lr`; a bare option is true, one that is repeated has a list; other words are `[place]`."""
    found: Section = {}
    places = 0
    at = 0
    while at < len(command):
        word = command[at]
        at += 1
        key, equals, value = word.partition("=")
        if word.startswith("-") and not _NUMBER.fullmatch(word) and word not in ("-", "--"):
            if not equals and at < len(command) and _is_value(command[at]):
                value, at = command[at], at + 1
                equals = "="
            _put(found, key, value if equals else True)
        elif equals and re.fullmatch(r"[+~]*[A-Za-z_][\w./@-]*", key):
            _put(found, key, value)
        else:
            found[f"[{places}]"] = word
            places += 1
    return found


def _is_value(word: str) -> bool:
    return not word.startswith("-") or _NUMBER.fullmatch(word) is not None or word == "-"


def _put(found: Section, key: str, value: Any) -> None:
    """Add a value to its key; a second one makes a list."""
    if key not in found:
        found[key] = value
        return
    before = found[key]
    found[key] = [*before, value] if isinstance(before, list) else [before, value]


def _env(facts: Mapping[str, Any], bundle: Bundle) -> Section | None:
    found: Section = dict(bundle.environment or {})
    python = dict(bundle.python or {})
    python.pop("guessed", None)
    if facts.get("python"):
        python["version"] = facts["python"]
    found.update({f"python.{key}": value for key, value in flattened(python)})
    machine = dict(bundle.machine or {})
    if facts.get("host"):
        machine["host"] = facts["host"]
    gpus = machine.pop("gpus", None)
    found.update({f"machine.{key}": value for key, value in flattened(machine)})
    if isinstance(gpus, list):
        found["machine.gpus"] = [_gpu(gpu) for gpu in gpus]
    found.update({name: facts[name] for name in ("cwd", "user") if facts.get(name)})
    parts = {"": bundle.environment, "python": bundle.python, "machine": bundle.machine}
    lacking = [part for part, record in parts.items() if record is None]
    if not found:
        return None
    return PartlyKnown(found, lacking) if lacking else found


def _gpu(gpu: Any) -> Any:
    """A card by its kind; which of several equal ones it was makes no difference."""
    return gpu.get("name", gpu) if isinstance(gpu, Mapping) else gpu


def _git(facts: Mapping[str, Any], bundle: Bundle) -> Section | None:
    found: Section = {**_mapping(facts.get("git")), **(bundle.git or {})}
    for name in ("diff_bytes", "diff_truncated", "diff_redacted", "error"):
        found.pop(name, None)
    if bundle.patch is not None:
        patch = bundle.patch
        found.update(
            {
                "diff.added": patch.added,
                "diff.removed": patch.removed,
                "diff.files": patch.files,
                "diff.sha256": patch.sha256[:_SHA_CHARS],
            }
        )
    return found or None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []
