"""Start a run: make its folder, spawn its runner, and say in the user's words why it could not be."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from opengraphs import client as clients
from opengraphs import ingesting, paths
from opengraphs.cli import alerting, forwarding, output, printed, restarts
from opengraphs.cli.border import DISK_FULL
from opengraphs.cli.command_line import Program
from opengraphs.errors import DiskFullError, NotFoundError, OgError, ProcessError, StoreError
from opengraphs.resuming.inherited import planned_run
from opengraphs.runner import environ
from opengraphs.runner import launch as runner

if TYPE_CHECKING:
    from opengraphs.protocol.resuming import ResumePlan

_KINDS: dict[str, type[OgError]] = {"not_found": NotFoundError, "folder": StoreError}
"""Reasons of a LaunchError that are not about the process itself."""


class Order(NamedTuple):
    """What the user chose about a run, apart from its command. None: og chooses."""

    store: str | None = None
    project: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    pty: bool = False
    hooks: bool = True
    ingest: bool = True
    patterns: tuple[str, ...] = ()
    stdout_metrics: bool = True
    mirror_to: str | None = None
    alerts: tuple[str, ...] = ()
    restarts: int = 0


class Started(NamedTuple):
    """A run that is going on. restarts: its runner goes on after a crash."""

    store: Path
    run_dir: str
    run_id: str
    name: str
    control_socket: str
    restarts: bool = False


def order(options: dict[str, Any]) -> Order:
    """The order among the options of `og run` and `og watch`."""
    return Order(
        store=options["store"],
        project=options["project"],
        name=options["name"],
        tags=options["tags"],
        pty=options["pty"],
        hooks=not options["no_hooks"],
        ingest=not options["no_ingest"],
        patterns=options["patterns"],
        stdout_metrics=not options["no_stdout_metrics"],
        mirror_to=options["mirror_to"],
        alerts=options["alerts"],
        restarts=options["restart_on_crash"],
    )


def start(program: Program, wanted: Order) -> Started:
    """Start `program` as a run; returns once it really runs.

    Raises:
        StoreError: the store cannot be written; DiskFullError when the disk is full.
        UsageError: an alert rule does not parse; nothing was started.
        NotFoundError, ProcessError: the program is not there, or cannot be executed.
    """
    target = forwarding.target(wanted.mirror_to)
    alerting.check(wanted.alerts, paths.store_path(wanted.store))
    restart = restarts.wanted(program.argv, wanted.restarts)
    spec = _create(program, wanted, target, restart)
    if wanted.ingest:
        spec["env"].update(ingesting.client_env(Path(spec["run_dir"]), spec["env"]))
    started = _launch(spec)
    if target:
        forwarding.begin(started.store, started.run_id)
    if alerting.is_asked_for(wanted.alerts, started.store):
        alerting.begin(started.store, started.run_id)
    if program.prompt:
        _tell_agent(started.store, started.run_id, program.prompt)
    return started


def start_planned(plan: ResumePlan, store: Path, *, restart: dict[str, Any] | None = None) -> Started:
    """Start the run that `plan` describes, in this shell; raises as `start`."""
    contract, env = environ.split({**environ.without_ingest(os.environ), **plan["bundle_env"], **plan["env"]})
    facts = plan["facts"]
    try:
        spec = planned_run(
            plan,
            store,
            env=env,
            contract={name: value for name, value in contract.items() if name in plan["env"]},
            restart=restart,
            window=_window(),
        )
    except OSError as error:
        raise _store_error(error, store) from error
    spec["env"].update(ingesting.client_env(Path(spec["run_dir"]), spec["env"]))
    started = _launch(spec)
    if facts.get("mirror_to"):
        forwarding.begin(store, started.run_id)
    if alerting.is_asked_for(facts.get("alert_rules") or (), store):
        alerting.begin(store, started.run_id)
    return started


def _launch(spec: runner.LaunchSpec) -> Started:
    try:
        launched = runner.launch(spec)
    except runner.LaunchError as error:
        kind = _KINDS.get(error.reason, ProcessError)
        raise kind(error.message, hint=error.hint, path=error.path) from error
    for warning in launched.warnings:
        output.say(f"og: {warning}")
    name = str(spec["facts"]["name"])
    return Started(
        Path(spec["store"]),
        launched.run_dir,
        launched.run_id,
        name,
        launched.control_socket,
        restarts=bool(spec["restart"]),
    )


def _tell_agent(store: Path, run_id: str, prompt: str) -> None:
    """The prompt is the first message of the run's conversation; the run goes on whatever comes of it."""
    try:
        with clients.connect(store=store) as client:
            client.post("/chat/send", {"run": run_id, "text": prompt, "origin": "run"})
    except OgError as error:
        output.say(f"og: the prompt is kept as the run's note; the agent does not have it ({error})")
        return
    output.say(f"og: the prompt went to the agent; og chat {run_id.rpartition('-')[2]} goes on with it")


def _create(
    program: Program, wanted: Order, target: str | None, restart: dict[str, Any] | None
) -> runner.LaunchSpec:
    looks = printed.is_wanted(switched_off=not wanted.stdout_metrics)
    patterns = printed.patterns(wanted.patterns) if looks else []
    try:
        return runner.create_run(
            program.argv,
            control_socket=paths.control_socket,
            store=wanted.store,
            project=wanted.project,
            name=wanted.name,
            tags=wanted.tags,
            notes=program.prompt or "",
            use_pty=wanted.pty,
            window=_window(),
            hooks=wanted.hooks,
            stdout_metrics=looks,
            patterns=patterns,
            mirror_to=target,
            alert_rules=wanted.alerts,
            restart=restart,
            env=forwarding.training_env(target),
        )
    except OSError as error:
        raise _store_error(error, paths.store_path(wanted.store)) from error


def _window() -> tuple[int, int] | None:
    """(columns, rows) of the terminal on stdout; None without one."""
    if not sys.stdout.isatty():
        return None
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    return columns, rows


def _store_error(error: OSError, store: Path) -> OgError:
    """Why no run folder could be made in `store`."""
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        message = "the store is not a folder"
    elif error.errno in DISK_FULL:
        return DiskFullError(
            "no space left on the disk", hint="free some space and try again", path=str(store)
        )
    else:
        message = f"the store cannot be written ({error.strerror})"
    return StoreError(message, hint="choose another: --store PATH or OG_STORE", path=str(store))
