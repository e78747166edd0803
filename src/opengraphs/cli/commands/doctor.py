"""`og doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from opengraphs import client as clients
from opengraphs import paths
from opengraphs.cli import checks, output
from opengraphs.cli import format as fmt
from opengraphs.cli.options import og_command, reading
from opengraphs.errors import OgError
from opengraphs.protocol.runs import Check
from opengraphs.protocol.version import SCHEMA

PROBLEMS = 1
_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("fail", "red")}


@og_command("doctor", examples=("og doctor", "og doctor --json | jq '.checks[] | select(.status != \"ok\")'"))
@reading
def command(store: str | None, as_json: bool) -> int:
    """Check the terminal, the store, Python, GPUs, limits and the daemon.

    Changes nothing. Exit code 1 when a check fails; warnings alone are 0.
    """
    folder = paths.store_path(store)
    found = collect(folder)
    if as_json:
        everything = list(found)
        output.put_json({"schema": SCHEMA, "checks": everything})
    else:
        everything = [_shown(check) for check in found]
        output.say(verdict(everything))
    return PROBLEMS if any(check["status"] == "fail" for check in everything) else 0


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
