"""`og export`: a run's metrics for other tools."""

from __future__ import annotations

import fnmatch
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, exporting, output, targets
from opengraphs.cli.border import from_os_error
from opengraphs.cli.nearest import did_you_mean
from opengraphs.cli.options import no_color, og_command, store
from opengraphs.client.sync import Client
from opengraphs.errors import DaemonError, NotFoundError, StoreError
from opengraphs.protocol.runs import RunReply

PAGE_POINTS = 10_000
FORMATS = ("csv", "json")
_LIVE_SLACK = 0.001
_STALLED_S = 60.0
_LOOK_S = 0.05


@og_command(
    "export",
    examples=(
        "og export k7f3 > k7f3.csv",
        "og export k7f3 --format json --metric 'train/*' -o k7f3.json",
        "og export k7f3 --ranks",
    ),
)
@click.argument("run", shell_complete=completing.runs)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: what FILE ends in, else csv.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="KEY", help="Only these (globs work); repeatable."
)
@click.option("--ranks", is_flag=True, help="Every rank's own points instead of the merged ones.")
@click.option("-o", "--output", "file", metavar="FILE", help="Write here instead of stdout.")
@store
@no_color
def command(
    run: str, format_: str | None, metrics: tuple[str, ...], ranks: bool, file: str | None, store: str | None
) -> None:
    """Write the metrics of a run as CSV (a row a point) or JSON (arrays by metric).

    RUN is any unique part of its id, its name, or its folder.
    """
    target = targets.one_run(run, store=store)
    kind = format_ or _kind_of(file)
    with clients.connect(store=target.store) as client:
        facts = wait_read(client, target.ref)
        run_id = facts["run_id"]
        keys = choose([metric["key"] for metric in facts["metrics"]], metrics)
        with opened(file) as out:
            if kind == "json":
                exporting.write_json(out, run_id, keys, _pages(client, run_id, ranks), ranks=ranks)
            else:
                exporting.write_csv(out, run_id, keys, _pages(client, run_id, ranks))
    if file not in (None, "-"):
        output.say(f"{run_id}: {len(keys)} metrics written to {file}")


def _kind_of(file: str | None) -> str:
    suffix = Path(file or "").suffix.lstrip(".")
    return suffix if suffix in FORMATS else "csv"


def wait_read(client: Client, ref: str) -> RunReply:
    """The run once the daemon has read its journals, so that no metric is missing.

    A live run is read when all but its newest moment is.

    Raises:
        DaemonError: the daemon makes no progress.
    """
    least, moved_at = 1.0, time.monotonic()
    while True:
        facts = client.run(ref)
        pending = facts["ingest"]["pending"]
        if pending <= (_LIVE_SLACK if facts["status"] == "running" else 0):
            return facts
        if pending < least:
            least, moved_at = pending, time.monotonic()
        elif time.monotonic() - moved_at > _STALLED_S:
            raise DaemonError(f"ogd does not get on with reading {facts['run_id']}", hint="og daemon logs")
        time.sleep(_LOOK_S)


def choose(keys: list[str], wanted: tuple[str, ...]) -> list[str]:
    """The metrics to write, in the run's order.

    Raises:
        NotFoundError: one of `wanted` matches nothing.
    """
    if not wanted:
        return keys
    for pattern in wanted:
        if not any(fnmatch.fnmatchcase(key, pattern) for key in keys):
            near = did_you_mean(pattern, keys) or f"it has {', '.join(keys[:8]) or 'none'}"
            raise NotFoundError(f'the run has no metric "{pattern}"', hint=near)
    return [key for key in keys if any(fnmatch.fnmatchcase(key, pattern) for pattern in wanted)]


def _pages(client: Client, run_id: str, ranks: bool) -> exporting.Pages:
    def pages(key: str) -> Iterator[dict[str, Any]]:
        for page in client.points(run_id, key, limit=PAGE_POINTS, ranks=ranks):
            yield cast("dict[str, Any]", page)

    return pages


@contextmanager
def opened(file: str | None) -> Iterator[IO[str]]:
    """Stdout, or FILE, which appears only when it is complete.

    Raises:
        StoreError: FILE cannot be written; DiskFullError when the disk is full.
    """
    if file in (None, "-"):
        yield sys.stdout
        return
    path = Path(file).expanduser()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(path)
    except FileNotFoundError as error:
        raise StoreError("no such folder", path=str(path.parent)) from error
    except OSError as error:
        raise from_os_error(error) from error
    finally:
        part.unlink(missing_ok=True)
