"""What it takes to run a run again: the steps, and what the record could not keep."""

from __future__ import annotations

from typing import Any, TypedDict


class BundleStep(TypedDict):
    """One thing to do. commands: lines for a shell; empty where a person has to act, as `note` says."""

    title: str
    commands: list[str]
    note: str


class MissingPart(TypedDict):
    """What the steps do not bring back.

    what: record, secret, untracked, submodule, seed, package, python, patch, file or cwd. text: which, and why.
    fix: what a person can do; "" where nothing is known.
    """

    what: str
    text: str
    fix: str


class PackageDiff(TypedDict):
    """A package that is another one on this machine. here: None when it is not installed."""

    name: str
    recorded: str
    here: str | None


class BundleReply(TypedDict, total=False):
    """`GET /runs/{ref}/bundle`. Secrets are hidden everywhere in it.

    exact: nothing is missing. env: name and value of variables that were kept; hidden_env: names of those whose
    value was a secret. packages: how many were recorded. differing: as far as the run's Python is on this machine;
    at most 200. files: copies of scripts and settings. contents: with `contents=1`, the texts an export holds, by name.
    hidden: how many secrets were hidden in them, by kind.
    """

    schema: int
    run_id: str
    name: str
    exact: bool
    steps: list[BundleStep]
    missing: list[MissingPart]
    command: list[str]
    cwd: str
    git: dict[str, Any]
    python: dict[str, Any]
    machine: dict[str, Any]
    env: dict[str, str]
    hidden_env: list[str]
    seeds: dict[str, Any]
    packages: int
    differing: list[PackageDiff]
    files: list[str]
    contents: dict[str, str]
    hidden: list[dict[str, Any]]
