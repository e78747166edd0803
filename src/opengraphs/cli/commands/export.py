"""`og export`: the metrics of runs for other tools."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, exporting, foreign, output, parquet, targets
from opengraphs.cli.border import from_os_error
from opengraphs.cli.nearest import no_metric
from opengraphs.cli.options import no_color, og_command, store
from opengraphs.cli.waiting import ProgressLine, wait_read
from opengraphs.client.sync import Client
from opengraphs.errors import StoreError, UsageError
from opengraphs.protocol.runs import RunReply

PAGE_POINTS = 10_000
FORMATS = ("csv", "json", "parquet")

Found = tuple[Client, RunReply]


@og_command(
    "export",
    examples=(
        "og export k7f3 > k7f3.csv",
        "og export k7f3 b2cd --metric 'train/*' -o both.parquet",
        "og export k7f3 --format json --ranks",
    ),
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN…", shell_complete=completing.runs)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: what FILE ends in, else csv.")
@click.option(
    "--metric",
    "--metrics",
    "metrics",
    multiple=True,
    metavar="KEY",
    help="Only these (globs work); repeatable.",
    shell_complete=completing.metrics,
)
@click.option("--ranks", is_flag=True, help="Every rank's own points instead of the merged ones.")
@click.option("-o", "--output", "file", metavar="FILE", help="Write here instead of stdout.")
@store
@no_color
def command(
    runs: tuple[str, ...],
    format_: str | None,
    metrics: tuple[str, ...],
    ranks: bool,
    file: str | None,
    store: str | None,
) -> None:
    """Write the metrics of runs as CSV or Parquet (a row a point) or JSON (arrays by metric).

    RUN is any unique part of its id, its name, or its folder.
    """
    kind = format_ or _kind_of(file)
    arrow = _parquet_library(file) if kind == "parquet" else None
    wanted = [foreign.one_run(run, store=store) for run in runs]
    with ExitStack() as held, ProgressLine() as line:
        found = _found(wanted, held, line)
        chosen = choose([[metric["key"] for metric in facts["metrics"]] for _, facts in found], metrics)
        told = _Told(line, found, chosen, to_screen=file in (None, "-") and sys.stdout.isatty())
        points = [
            exporting.RunPoints(facts["run_id"], keys, _pages(client, facts["run_id"], ranks, told))
            for (client, facts), keys in zip(found, chosen, strict=True)
        ]
        with opened(file, binary=kind == "parquet") as out:
            if kind == "json":
                exporting.write_json(out, points, ranks=ranks)
            elif kind == "parquet":
                parquet.write_parquet(cast("IO[bytes]", out), points, arrow)
            else:
                exporting.write_csv(out, points)
    if file not in (None, "-"):
        names = ", ".join(run.run_id for run in points)
        output.say(f"{names}: {sum(map(len, chosen))} metrics written to {file}")


def _kind_of(file: str | None) -> str:
    suffix = Path(file or "").suffix.lstrip(".")
    return suffix if suffix in FORMATS else "csv"


def _parquet_library(file: str | None) -> Any:
    """pyarrow, once it is clear that its bytes have somewhere to go."""
    if file in (None, "-") and sys.stdout.isatty():
        raise UsageError("Parquet is no text for a terminal", hint="-o FILE.parquet, or into a pipe")
    return parquet.library()


def _found(wanted: Sequence[targets.RunTarget], held: ExitStack, line: ProgressLine) -> list[Found]:
    """Every run once its journals are read; one that is named twice counts once."""
    by_store: dict[Path, Client] = {}
    found: dict[tuple[Path, str], Found] = {}
    for target in wanted:
        if target.store not in by_store:
            by_store[target.store] = held.enter_context(clients.connect(store=target.store))
        client = by_store[target.store]
        found.setdefault((target.store, client.run(target.ref)["run_id"]), (client, {}))
    return [(client, wait_read(client, run_id, line)) for (_, run_id), (client, _) in found.items()]


def choose(by_run: Sequence[list[str]], wanted: Sequence[str]) -> list[list[str]]:
    """The metrics to write of each run, in the run's order.

    Raises:
        NotFoundError: one of `wanted` matches no metric of any run.
    """
    if not wanted:
        return list(by_run)
    known = list(dict.fromkeys(key for keys in by_run for key in keys))
    for pattern in wanted:
        if not any(fnmatch.fnmatchcase(key, pattern) for key in known):
            raise no_metric(pattern, known)
    return [
        [key for key in keys if any(fnmatch.fnmatchcase(key, pattern) for pattern in wanted)]
        for keys in by_run
    ]


class _Told:
    """How much has been written, told on the progress line, unless the rows themselves go to the screen."""

    def __init__(
        self, line: ProgressLine, found: Sequence[Found], chosen: Sequence[list[str]], *, to_screen: bool
    ) -> None:
        self._line = line
        self._quiet = to_screen
        self._written = 0
        self._total = sum(
            metric["points"]
            for (_, facts), keys in zip(found, map(set, chosen), strict=True)
            for metric in facts["metrics"]
            if metric["key"] in keys
        )
        if to_screen:
            line.clear()

    def page(self, key: str, count: int) -> None:
        self._written += count
        if not self._quiet and self._total:
            self._line.show(f"writing {min(1.0, self._written / self._total):.0%}  {key}")


def _pages(client: Client, run_id: str, ranks: bool, told: _Told) -> exporting.Pages:
    def pages(key: str) -> Iterator[dict[str, Any]]:
        for page in client.points(run_id, key, limit=PAGE_POINTS, ranks=ranks):
            yield cast("dict[str, Any]", page)
            told.page(key, len(page["step"]))

    return pages


@contextmanager
def opened(file: str | None, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Stdout, or FILE, which appears only when it is complete.

    Raises:
        StoreError: FILE cannot be written; DiskFullError when the disk is full.
    """
    if file in (None, "-"):
        yield sys.stdout.buffer if binary else sys.stdout
        return
    path = Path(file).expanduser()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") if binary else part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(path)
    except FileNotFoundError as error:
        raise StoreError("no such folder", path=str(path.parent)) from error
    except OSError as error:
        raise from_os_error(error) from error
    finally:
        part.unlink(missing_ok=True)
