"""`og tail`: the end of a run's log or metrics, or of any file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from opengraphs import client as clients
from opengraphs.cli import completing, following, metric_lines, output, run_tail, targets
from opengraphs.cli.options import og_command, reading
from opengraphs.errors import NotFoundError, StoreError


@og_command(
    "tail",
    examples=("og tail k7f3", "og tail k7f3 -f", "og tail k7f3 --metrics -n 5", "og tail -f train.log"),
)
@click.argument("run", metavar="RUN|FILE", shell_complete=completing.runs)
@click.option(
    "-n",
    "count",
    default=20,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Lines from the end.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends (a file: until ctrl-c).")
@click.option("--metrics", is_flag=True, help="Logged values, a line a step, instead of the log.")
@reading
def command(run: str, count: int, follow: bool, metrics: bool, store: str | None, as_json: bool) -> None:
    """Print the last lines of a run's log, or of a file.

    RUN is any unique part of a run's id, its name, or its folder.
    """
    if Path(run).is_file():
        _tail_file(Path(run), count, follow, _writer(metrics, as_json))
        return
    if os.sep in run and not Path(run).exists():
        raise NotFoundError("no such file", hint="og list shows the runs", path=run)
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        facts = client.run(target.ref)
        run_id = facts["run_id"]
        if metrics:
            run_tail.metrics(client, run_id, count, follow, _step_writer(as_json))
        elif not run_tail.log(client, run_id, count, follow, _line_writer(as_json)):
            kept = facts.get("runner_pid") is not None
            output.say(
                "it printed nothing" if kept else "nothing is kept of what it printed; og run keeps it"
            )


def _line_writer(as_json: bool) -> run_tail.LineSink:
    if as_json:
        return lambda line: output.put_flushed(json.dumps(line, ensure_ascii=False))
    ink = output.ink()
    return lambda line: output.put_flushed(ink.log_line(line["text"]))


def _step_writer(as_json: bool) -> run_tail.StepSink:
    if as_json:
        return lambda step, values: output.put_flushed(
            json.dumps(metric_lines.record(step, values), ensure_ascii=False)
        )
    return lambda step, values: output.put_flushed(metric_lines.line(step, values))


def _writer(metrics: bool, as_json: bool) -> Callable[[str], None]:
    """What becomes of a line of a local file."""
    ink = output.ink()
    if metrics:
        write = _step_writer(as_json)
        return lambda text: _metric_line(text, write)
    if as_json:
        return lambda text: output.put_flushed(json.dumps({"text": text}, ensure_ascii=False))
    return lambda text: output.put_flushed(ink.log_line(text))


def _metric_line(text: str, write: run_tail.StepSink) -> None:
    """A line of a metric journal; other lines (seals, damage) hold no values and are passed over."""
    try:
        record: Any = json.loads(text)
    except ValueError:
        return
    if isinstance(record, dict) and isinstance(record.get("metrics"), dict):
        write(int(record.get("step") or 0), record["metrics"])


def _tail_file(path: Path, count: int, follow: bool, write: Callable[[str], None]) -> None:
    try:
        file = path.open("rb")
    except OSError as error:
        raise StoreError(f"cannot be read ({error.strerror})", path=str(path)) from error
    with file:
        for line in following.last_lines(file, count):
            write(following.printable(line))
        if follow:
            following.follow_file(path, file, write)
