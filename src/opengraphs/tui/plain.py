"""`og watch --plain`, and any place that is no terminal: one plain line for each step that arrives.

step 120  train/loss 0.4120  lr 3.00e-4
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from opengraphs import client as clients
from opengraphs.client.sync import Client
from opengraphs.errors import UnreachableError
from opengraphs.protocol.runs import RunReply
from opengraphs.protocol.series import SeriesOut
from opengraphs.records import ENDED
from opengraphs.tui import looks
from opengraphs.tui.painters import numbers, text

COLUMNS = 4000
"""Most dot columns `/series` takes: of a longer stretch the lowest and highest points are printed."""


def follow(
    out: TextIO,
    *,
    store: Path,
    run: str,
    metric_filter: str | None = None,
) -> None:
    """Write a line for each step, from the run's first one on, until the run ends.

    Raises:
        NotFoundError, AmbiguousError: `run` fits no run, or several.
        UsageError: `metric_filter` is no regular expression.
        DaemonError: ogd can be neither reached nor started.
    """
    looks.check_metric_filter(metric_filter)
    with clients.connect(store=store) as client:
        facts = client.run(run)
        printer = Printer(out, client, facts["run_id"], re.compile(metric_filter or ""))
        printer.catch_up(_last_steps(facts))
        while facts.get("status") not in ENDED:
            try:
                _until_something_ends(client, printer)
            except UnreachableError:
                client.open()
            facts = client.run(run)
            printer.catch_up(_last_steps(facts))


def _last_steps(facts: RunReply) -> dict[str, int]:
    found = {metric["key"]: metric["last_step"] for metric in facts.get("metrics", [])}
    return {key: step for key, step in found.items() if step is not None}


def _until_something_ends(client: Client, printer: Printer) -> None:
    """Print what the event stream announces; returns when the run has ended or all has to be asked again."""
    for event in client.stream("/events", run=printer.run_id):
        kind = event.get("kind")
        if kind == "metrics":
            printer.catch_up(event.get("keys", {}))
        elif kind == "resync" or (kind == "run" and event.get("facts", {}).get("status") in ENDED):
            return


class Printer:
    """Knows up to which step each metric has been written."""

    def __init__(self, out: TextIO, client: Client, run_id: str, wanted: re.Pattern[str]) -> None:
        self.run_id = run_id
        self._out = out
        self._client = client
        self._wanted = wanted
        self._written: dict[str, float] = {}

    def catch_up(self, last_steps: Mapping[str, int]) -> None:
        """Write what has come up to these steps (by metric) and has not been written yet, in order of step."""
        metrics = [
            key
            for key, step in last_steps.items()
            if self._wanted.search(key) and step > self._written.get(key, -1)
        ]
        if not metrics:
            return
        after = min(self._written.get(key, -1) for key in metrics)
        upto = max(last_steps[key] for key in metrics)
        reply = self._client.series(
            {
                "runs": [self.run_id],
                "metrics": metrics,
                "x": "step",
                "range": [after + 1, upto] if after >= 0 else None,
                "columns": COLUMNS,
            }
        )
        for step, values in sorted(self._new_points(reply["series"]).items()):
            self._out.write(line(step, values) + "\n")
        self._out.flush()

    def _new_points(self, found: Iterable[SeriesOut]) -> dict[float, dict[str, Any]]:
        by_step: dict[float, dict[str, Any]] = {}
        for series in found:
            key = series["metric"]
            written = self._written.get(key, -1)
            for x, y in zip(series["x"], series["y"], strict=True):
                if x > written:
                    by_step.setdefault(x, {})[key] = y
                    self._written[key] = x
        return by_step


def line(step: float, values: dict[str, Any]) -> str:
    """One step as a line; metric names are made safe for a terminal."""
    shown = [f"{text.clean(key)} {numbers.value(value)}" for key, value in values.items()]
    return "  ".join([f"step {step:g}", *shown])
