"""`og doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import click

from opengraphs import client as clients
from opengraphs import paths
from opengraphs.cli import checks, command_line, output, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, reading
from opengraphs.errors import NotFoundError, OgError, ProcessError
from opengraphs.protocol.runs import Check
from opengraphs.protocol.version import SCHEMA

PROBLEMS = 1
REMOVE_S = 10.0
_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("fail", "red")}


@click.group(
    "doctor",
    cls=OgGroup,
    invoke_without_command=True,
    context_settings=SETTINGS,
    examples=(
        "og doctor",
        "og doctor --json | jq '.checks[] | select(.status != \"ok\")'",
        "og doctor resume -- python train.py",
    ),
)
@reading
@click.pass_context
def command(context: click.Context, store: str | None, as_json: bool) -> int:
    """Check the terminal, the store, Python, GPUs, limits and the daemon.

    Changes nothing. Exit code 1 when a check fails; warnings alone are 0.
    """
    if context.invoked_subcommand is not None:
        return 0
    return _report(collect(paths.store_path(store)), as_json=as_json)


def _report(found: Iterator[Check], *, as_json: bool) -> int:
    if as_json:
        everything = list(found)
        output.put_json({"schema": SCHEMA, "checks": everything})
    else:
        everything = [_shown(check) for check in found]
        output.say(verdict(everything))
    return PROBLEMS if any(check["status"] == "fail" for check in everything) else 0


@command.command(
    "resume",
    cls=OgCommand,
    context_settings={**SETTINGS, "allow_interspersed_args": False},
    examples=(
        "og doctor resume -- python train.py --output_dir /tmp/trial",
        "og doctor resume --steps 40 train.py",
        "og doctor resume k7f3",
    ),
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    help="Tell the script to end after N steps: OG_SMOKE_STEPS.",
)
@click.option(
    "--after",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    metavar="N",
    help="Logged points behind the checkpoint that are compared.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(1, 86400),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for a checkpoint, and for what comes behind it.",
)
@click.option("--keep", is_flag=True, help="Keep the two runs of the trial, and say where they are.")
@reading
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND...|FILE.py [ARGS]...|RUN")
def resume(
    words: tuple[str, ...],
    steps: int | None,
    after: int,
    timeout_s: float,
    keep: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Prove that a training goes on from its checkpoint: start it, stop it, go on, compare.

    In a store of its own; what the script itself writes, it writes where it always does.
    Exit code 1 when a check fails.
    """
    from opengraphs.cli import proving

    argv, cwd, env = _what(list(words), store)
    trial = proving.Trial(argv, cwd, env, steps, after, timeout_s)
    folder = Path(tempfile.mkdtemp(prefix="og-trial-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the trial's runs must not go on without us
    try:
        with clients.connect(store=folder) as client:
            found = ({**one._asdict()} for one in proving.prove(trial, client, folder))
            return _report(cast("Iterator[Check]", found), as_json=as_json)
    finally:
        if keep:
            output.say(f"og: the runs of the trial: og list --store {folder}")
        else:
            _remove(folder)


def _remove(folder: Path) -> None:
    """The trial's store; a runner and ogd may still be writing how its runs ended."""
    deadline = time.monotonic() + REMOVE_S
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def _what(words: list[str], store: str | None) -> tuple[list[str], str, dict[str, str]]:
    """(command, folder, variables) of a command line, or of a run."""
    try:
        return command_line.parse(words).argv, str(Path.cwd()), {}
    except NotFoundError:
        if len(words) != 1 or words[0].endswith(".py"):
            raise
    target = targets.one_run(words[0], store=store)
    with clients.connect(store=target.store) as client:
        plan = client.resume(target.ref, {"checkpoint": "none", "dry_run": True})["plan"]
    missing = [name for name in plan["missing"] if name not in os.environ]
    if missing:
        raise ProcessError(f"only the shell that started the run had {', '.join(missing)}")
    return plan["command"], plan["cwd"], plan["bundle_env"]


def collect(store: Path) -> Iterator[Check]:
    """The checks of this machine, then those of the daemon."""
    yield from checks.local(store)
    yield from _daemon(store)


def _daemon(store: Path) -> Iterable[Check]:
    try:
        with clients.connect(store=store) as client:
            yield from client.get("/doctor", below=str(Path.cwd()))["checks"]
    except OgError as error:
        yield checks.fail("daemon", str(error), error.hint)


def _shown(check: Check) -> Check:
    """Print one check as it comes in; a slow one must not hold back the others."""
    ink = output.ink()
    word, colour = _MARKS[check["status"]]
    output.put_flushed(
        f"{ink(word, colour)}  {ink(check['id'].ljust(16), 'bold')}  {fmt.clean(check['message'])}"
    )
    if check["fix"]:
        output.put_flushed(f"{' ' * 24}{ink(fmt.clean(check['fix']), 'dim')}")
    return check


def verdict(found: list[Check]) -> str:
    """The last line: how much is wrong."""
    bad = sum(check["status"] == "fail" for check in found)
    poor = sum(check["status"] == "warn" for check in found)
    if bad:
        return f"failed: {bad}, warnings: {poor}"
    return f"works; warnings: {poor}" if poor else "all is well"
