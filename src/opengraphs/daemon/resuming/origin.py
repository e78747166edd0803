"""What is known of the run that another shall go on from: its facts, its family, its bundle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from opengraphs.daemon import checkpoints
from opengraphs.errors import NotFoundError, OgError, ProcessError
from opengraphs.runner import environ
from opengraphs.sdk.ranks import JOB_VARIABLES
from opengraphs.sdk.redact import REDACTED
from opengraphs.store import bundle as bundles
from opengraphs.store.folder import RunFolder

if TYPE_CHECKING:
    from opengraphs.daemon.openstore import OpenStore
    from opengraphs.engine import EngineStore
    from opengraphs.protocol.resuming import CheckpointOut

MAX_ANCESTORS = 100

_OF_ONE_SHELL = frozenset(
    (
        "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "TERM", "TMPDIR", "NO_COLOR", "FORCE_COLOR",
        "OG_RUN_DIR", "OG_RUN_ID", "OG_STORE", "OG_PROJECT", "OG_RUNNER_PID", "OG_INGEST_URL", "OG_INGEST_DIR",
        "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE", "NODE_RANK",
        "CROSS_RANK", "MASTER_ADDR", "MASTER_PORT", "PMIX_RANK", "MPI_LOCALRANKID", "JOB_ID",
        *environ.CONTRACT,
        *JOB_VARIABLES,
    )
)  # fmt: skip
_OF_ONE_JOB = ("SLURM_", "OGD_", "OMPI_COMM_WORLD_", "PMI_", "MV2_COMM_", "TORCHELASTIC_")
"""Variables that belong to the shell, job or run of then; the others make the training what it was."""


class Origin(NamedTuple):
    """One run, as far as another can go on from it.

    path: ids from the root of its family to it. names: of everybody in the family.
    branches: its ancestors, and the step up to which each is its past. recorded: settings that argparse read. root_command: of the family's first run, None when that is gone.
    """

    facts: dict[str, Any]
    path: list[str]
    names: set[str]
    branches: list[tuple[str, int]]
    recorded: set[str]
    bundle: bundles.Bundle
    root_command: list[str] | None

    @property
    def run_id(self) -> str:
        return str(self.facts["run_id"])

    @property
    def cwd(self) -> str:
        """Where it ran."""
        return str((self.bundle.command or {}).get("cwd") or self.facts.get("cwd") or "")

    @property
    def command(self) -> list[str]:
        """The command as it was recorded, secrets hidden.

        Raises:
            ProcessError: nobody recorded one.
        """
        found = _words((self.bundle.command or {}).get("argv")) or _words(self.facts.get("command"))
        if not found or not self.cwd:
            raise ProcessError(
                f"nobody recorded how {self.facts.get('name') or self.run_id} was started",
                hint="og run records it; runs of other programs, and those without a runner, have no such record",
                path=str(self.facts.get("path", "")),
            )
        return found

    def environment(self) -> tuple[dict[str, str], list[str]]:
        """(variables that made the training what it was, names of those whose value was hidden)."""
        kept = {
            name: str(value)
            for name, value in (self.bundle.environment or {}).items()
            if name not in _OF_ONE_SHELL and not name.startswith(_OF_ONE_JOB)
        }
        hidden = sorted(name for name, value in kept.items() if REDACTED in value)
        return {name: value for name, value in kept.items() if name not in hidden}, hidden


def _words(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else []


def ask(engine: EngineStore, ref: str) -> Origin:
    """Everything but the bundle's files, which `with_bundle` reads elsewhere. In the engine's thread."""
    facts = engine.run(ref)
    lineage = engine.lineage(facts["run_id"])
    path = [str(one) for one in lineage["path"]]
    nothing = bundles.Bundle(None, None, None, None, None, None, None, None)
    return Origin(
        facts,
        path,
        {str(node.get("name")) for node in lineage["nodes"]},
        _branches(engine, facts, path),
        _recorded(engine, facts["run_id"]),
        nothing,
        _words((_facts(engine, path[0]) or {}).get("command")) or None,
    )


def with_bundle(origin: Origin) -> Origin:
    """With what the run's folder tells of how it was started."""
    return origin._replace(bundle=bundles.read_bundle(RunFolder(Path(origin.facts["path"]))))


def _facts(engine: EngineStore, run_id: str) -> dict[str, Any] | None:
    try:
        return engine.run(run_id)
    except OgError:
        return None


async def family_checkpoints(store: OpenStore, known: Origin) -> list[CheckpointOut]:
    """The run's own checkpoints, and those of its ancestors up to where it branched off; as they stand now."""
    found = await checkpoints.checkpoints(store, known.run_id)
    for ancestor, limit in known.branches:
        own = await checkpoints.checkpoints(store, ancestor)
        found += [one for one in own if one["step"] is not None and one["step"] <= limit]
    return found


def _branches(engine: EngineStore, facts: Mapping[str, Any], path: list[str]) -> list[tuple[str, int]]:
    """Ancestors, nearest first, each with the step up to which it is a past of this run."""
    found: list[tuple[str, int]] = []
    limit = _step(facts)
    for ancestor in path[-2::-1][:MAX_ANCESTORS]:
        known = _facts(engine, ancestor)
        if known is None or limit is None:
            break
        found.append((ancestor, limit))
        above = _step(known)
        limit = None if above is None else min(limit, above)
    return found


def _step(facts: Mapping[str, Any]) -> int | None:
    """The step a run went on from."""
    step = (facts.get("parent") or {}).get("step")
    return step if isinstance(step, int) else None


def _recorded(engine: EngineStore, run_id: str) -> set[str]:
    """Names of settings that came from argparse."""
    try:
        events = engine.events(run_id, since=None, limit=500)["events"]
    except NotFoundError:
        return set()
    return {
        str(name)
        for event in events
        if event.get("kind") == "config" and "given" in event
        for name in event.get("config") or {}
    }


def is_here(facts: Mapping[str, Any]) -> bool:
    """Whether the run was one of this machine."""
    return facts.get("host") in (None, "", os.uname().nodename)
