"""`og resume`: a run that goes on from a checkpoint of another, in this shell."""

from __future__ import annotations

from typing import Any

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, resume_page, targets, views, watching
from opengraphs.cli.launching import start_planned
from opengraphs.cli.options import og_command, store, view
from opengraphs.cli.restarts import wanted
from opengraphs.client.sync import Client
from opengraphs.errors import ProcessError
from opengraphs.protocol.resuming import ResumePlan, ResumeRequest
from opengraphs.protocol.version import SCHEMA
from opengraphs.resuming import overrides


@og_command(
    "resume",
    examples=(
        "og resume k7f3",
        "og resume k7f3 --checkpoint best --set lr=1e-4",
        "og resume k7f3 --checkpoint 4000 --dry-run",
    ),
)
@click.argument("run", shell_complete=completing.runs)
@click.option(
    "--checkpoint",
    default="latest",
    show_default=True,
    metavar="WHICH",
    help="latest, best, none, a step, an id or a path.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="K=V", help="Another value for a setting; repeatable."
)
@click.option("--name", metavar="NAME", help="Name of the new run.")
@click.option("--dry-run", is_flag=True, help="Say what would be run, and start nothing.")
@click.option(
    "--restart-on-crash",
    type=click.IntRange(0, 1000),
    default=0,
    metavar="N",
    help="Go on from the newest checkpoint when it crashes, N times at most.",
)
@click.option("--detach", is_flag=True, help="Print the new run's id and leave at once.")
@click.option("--plain", is_flag=True, help="Print the command's output instead of opening the screen.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--json", "as_json", is_flag=True, help="The plan and the new run's id as JSON; leaves at once."
)
@store
@view
def command(
    run: str,
    checkpoint: str,
    settings: tuple[str, ...],
    name: str | None,
    dry_run: bool,
    restart_on_crash: int,
    detach: bool,
    plain: bool,
    yes: bool,
    as_json: bool,
    store: str | None,
    **options: Any,
) -> int:
    """Start a run that goes on from a checkpoint of RUN, with its command and environment.

    What is not as it was is shown first. Secrets and what else no file has come from this
    shell. On a terminal the graphs open, as og run does it.
    """
    look = views.look(options)
    on_screen = watching.check_screen(look, detach=detach or as_json or dry_run, plain=plain)
    target = targets.one_run(run, store=store)
    request: ResumeRequest = {"checkpoint": checkpoint, "overrides": overrides.parse(settings)}
    if name is not None:
        request["name"] = name
    with clients.connect(store=target.store) as client:
        if dry_run:
            return _tell(client.resume(target.ref, {**request, "dry_run": True})["plan"], as_json=as_json)
        plan = _agreed(client, target.ref, request, yes=yes, is_silent=as_json)
    restart = wanted(plan["command"], restart_on_crash, cwd=plan["cwd"])
    started = start_planned(plan, target.store, restart=restart)
    if as_json:
        output.put_json({"schema": SCHEMA, "plan": plan, "run_id": started.run_id})
        return 0
    if detach:
        return watching.leave_running(started)
    return watching.show_screen(started, look) if on_screen else watching.print_output(started)


def _agreed(client: Client, ref: str, request: ResumeRequest, *, yes: bool, is_silent: bool) -> ResumePlan:
    """The plan, once it can be started here and nobody has anything against it."""
    plan = client.resume(ref, {**request, "dry_run": True})["plan"]
    parent = plan["parent"]["run_id"]
    _check(plan, str(client.run(parent)["status"]))
    if not is_silent:
        resume_page.say(plan)
    resume_page.confirm(plan, yes=yes)
    # What was shown is started: run and checkpoint by what they are, not by words that may mean others by now.
    exact: ResumeRequest = {**request, "checkpoint": _exactly(plan), "launch": False, "confirmed": True}
    return client.resume(parent, exact)["plan"]


def _exactly(plan: ResumePlan) -> str:
    checkpoint = plan["checkpoint"]
    return "none" if checkpoint is None else checkpoint["path"]


def _tell(plan: ResumePlan, *, as_json: bool) -> int:
    if as_json:
        output.put_json({"schema": SCHEMA, "plan": plan, "run_id": None})
    else:
        resume_page.put(plan)
    return 0


def _check(plan: ResumePlan, status: str) -> None:
    """Refuse what cannot be started here.

    Raises:
        ProcessError: the run still goes on, or something is missing that this shell does not have.
    """
    missing = resume_page.missing(plan)
    if missing:
        raise ProcessError(
            f"only the shell that started the run had {', '.join(missing)}",
            hint="set the variables here; an argument is given with --set NAME=VALUE",
        )
    if status == "running":
        raise ProcessError("the run is still going on", hint=f"og stop {plan['parent']['run_id']}")
