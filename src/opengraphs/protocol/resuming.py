"""Going on from a checkpoint: what is asked, and what the daemon says would be run."""

from __future__ import annotations

from typing import Any, TypedDict


class CheckpointOut(TypedDict, total=False):
    """One checkpoint of a run, as it was registered or found, and how it stands now.

    origin: script, framework or found. exists, complete: as of this look. pinned: where og keeps a second name
    of it, "" when it does not. best: it has the best value of the run's main metric.
    """

    checkpoint_id: str
    path: str
    step: int | None
    format: str
    complete: bool
    exists: bool
    bytes: int
    time: float
    origin: str
    metrics: dict[str, Any]
    pinned: str
    best: bool


class CheckpointsReply(TypedDict):
    schema: int
    run_id: str
    checkpoints: list[CheckpointOut]


class PinRequest(TypedDict, total=False):
    """`POST /runs/{ref}/checkpoints`.

    checkpoint: an id, a unique part of one, a step, a path, latest or best. pinned: True (the default) keeps
    it, False gives it up.
    """

    checkpoint: str
    pinned: bool


class ResumeRequest(TypedDict, total=False):
    """`POST /runs/{ref}/resume`.

    checkpoint: latest (default), best, a step, an id or a path; "none" begins anew. overrides: settings by name.
    dry_run: only say what would be run. launch: False: the caller launches it itself, in its own shell.
    reason: user, crash, auto or rollback. confirmed: the guessed arguments were shown and accepted.
    env: variables of the new training, over all others; such as a secret that no file has.
    """

    checkpoint: str
    overrides: dict[str, Any]
    dry_run: bool
    launch: bool
    reason: str
    confirmed: bool
    name: str
    env: dict[str, str]


class ResumePlan(TypedDict, total=False):
    """What would be run. env: what og sets, over the environment that the bundle has or the shell gives.

    missing: what the bundle could not keep, such as secrets, by name; empty while the run's own runner, which has
    them, is there. guessed: arguments that og added because the script does not say that it knows og's contract;
    needs_confirmation: they were never shown before. contract: how the script learns where to go on: `og` (it asks
    og), `arguments`, `framework` (og's hook in its framework goes on), `none` (nothing is known of it; og's variables are all it gets). before: the run's own command.
    overrides: those of this request over those of the run; arguments: which of them the command has.
    facts: what the new run inherits: tags, group, job_type, notes, mirror_to, alert_rules, launch.
    """

    parent: dict[str, Any]
    checkpoint: CheckpointOut | None
    command: list[str]
    cwd: str
    env: dict[str, str]
    bundle_env: dict[str, str]
    missing: list[str]
    guessed: list[str]
    contract: str
    needs_confirmation: bool
    warnings: list[str]
    project: str
    name: str
    before: list[str]
    overrides: dict[str, Any]
    arguments: list[str]
    facts: dict[str, Any]


class ResumeReply(TypedDict):
    """run_id: of the new run, None for a dry run."""

    schema: int
    plan: ResumePlan
    run_id: str | None
