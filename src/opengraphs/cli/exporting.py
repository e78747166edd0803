"""Metrics as CSV or JSON, written page by page: memory stays small however long the run is.

A JSON object wants a metric's steps, then its times, then its values, while pages
bring all three together; so the later arrays wait in spooled files.
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, NamedTuple

Pages = Callable[[str], Iterator[dict[str, Any]]]
"""metric key → its points, page by page (PointsReply)."""

SPOOL_BYTES = 4 << 20
"""An array of a page-wise export stays in memory up to here, then goes to a temporary file."""

_COPY_CHARS = 1 << 13

HEADER = ("run_id", "metric", "rank", "step", "time", "value")
"""The columns of CSV and Parquet."""


class RunPoints(NamedTuple):
    """What is written of one run: its metrics in their order, and where their points come from."""

    run_id: str
    metrics: Iterable[str]
    pages: Pages


def write_csv(out: IO[str], runs: Iterable[RunPoints]) -> None:
    """One row a point. `rank` is empty where ranks are merged; NaN and infinities by name."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for run_id, metrics, pages in runs:
        for key in metrics:
            for page in pages(key):
                ranks = page.get("rank") or [""] * len(page["step"])
                columns = zip(ranks, page["step"], page["time"], page["value"], strict=True)
                writer.writerows((run_id, key, *point) for point in columns)


def write_json(out: IO[str], runs: Sequence[RunPoints], *, ranks: bool) -> None:
    """`{"schema","run_id","metrics":{key:{"step":[],"time":[],"value":[]}}}`, with `"rank":[]` on demand.

    Several runs are `{"schema","runs":[{"run_id","metrics"}, …]}`.
    """
    if len(runs) == 1:
        out.write('{"schema": 1, ')
        _write_run(out, runs[0], ranks=ranks)
        out.write("}\n")
        return
    out.write('{"schema": 1, "runs": [')
    separator = ""
    for run in runs:
        out.write(f"{separator}\n{{")
        _write_run(out, run, ranks=ranks)
        out.write("}")
        separator = ","
    out.write("]}\n")


def _write_run(out: IO[str], run: RunPoints, *, ranks: bool) -> None:
    out.write(f'"run_id": {json.dumps(run.run_id)}, "metrics": {{')
    separator = ""
    for key in run.metrics:
        out.write(f"{separator}\n{json.dumps(key, ensure_ascii=False)}: ")
        _write_columns(out, run.pages(key), ("step", "time", "value", *(("rank",) if ranks else ())))
        separator = ","
    out.write("}")


def _write_columns(out: IO[str], pages: Iterator[dict[str, Any]], names: tuple[str, ...]) -> None:
    with ExitStack() as open_spools:
        spools = [open_spools.enter_context(_spool()) for _ in names[1:]]
        out.write(f'{{"{names[0]}": [')
        separator = ""
        for page in pages:
            if not page["step"]:
                continue
            for name, sink in zip(names, [out, *spools], strict=True):
                sink.write(separator + json.dumps(page[name], allow_nan=False)[1:-1])
            separator = ", "
        for name, spool in zip(names[1:], spools, strict=True):
            out.write(f'], "{name}": [')
            spool.seek(0)
            shutil.copyfileobj(spool, out, _COPY_CHARS)
        out.write("]}")


def _spool() -> tempfile.SpooledTemporaryFile[str]:
    return tempfile.SpooledTemporaryFile(SPOOL_BYTES, mode="w+", encoding="utf-8")
