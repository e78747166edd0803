"""`POST /diff`: what is different about runs, and did it help.

Settings are compared section by section (engine.sides), metrics at the last step that all
runs have and at their best. Keys that say where and when a run ran, and not what it did,
are left out by patterns; the request may bring its own.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from opengraphs.engine import answer, asking, rules, seriesquery
from opengraphs.engine.better import Direction, direction, verdict
from opengraphs.engine.compare import common_step, difference, standing_of
from opengraphs.engine.sides import SECTIONS, PartlyKnown, Side, is_told, side_of
from opengraphs.engine.strip import Strip
from opengraphs.records import Point

__all__ = (
    "DEFAULT_IGNORED", "LEAST_RUNS", "DiffAsked", "Side", "choose_metrics", "metric_row", "parse_request", "reply",
    "side_of",
)  # fmt: skip

LEAST_RUNS = 2
MAX_RUNS = 16
MAX_METRICS = 200
MAX_ROWS = 1000
"""Differing keys of one section that are answered; `left_out` counts the others."""
MAX_TEXT = 2000
MAX_ITEMS = 100
"""Longer values are cut; they are compared whole."""
_MAX_DEPTH = 8
USUAL = "usual"
"""Stands for DEFAULT_IGNORED among the patterns of a request."""
FIELDS = ("run_ids", "ignore", "metrics")
DEFAULT_IGNORED = (
    "env.OG_*", "env.OGD_*", "env.PWD", "env.OLDPWD", "env.SHLVL", "env.TERM", "env.COLUMNS", "env.LINES",
    "env.HOSTNAME", "env.TMPDIR", "env.SLURM_TMPDIR", "env.JOB_ID", "env.*_JOB_ID", "env.*_JOBID", "env.*_STEP_ID",
    "env.*_STEPID", "env.*_PID", "env.*_PORT", "env.*_RUN_ID", "env.WANDB_*ID", "env.WANDB_DIR", "env.FORCE_COLOR",
    "env.NO_COLOR", "env.PYTHONPATH", "env.PYTHONUNBUFFERED",
    "pid", "*_pid", "port", "*_port", "timestamp", "*_timestamp", "run_id", "*_run_id", "run_name", "*_run_name",
    "output_dir", "*_output_dir", "output-dir", "out_dir", "log_dir", "logdir", "*_log_dir", "log-dir", "logging_dir",
    "save_dir", "*_save_dir", "save-dir", "checkpoint_dir", "*_checkpoint_dir", "ckpt_dir", "results_dir", "run_dir",
    "--output_dir", "--output-dir", "--out_dir", "--out-dir", "--log_dir", "--log-dir", "--logdir", "--logging_dir",
    "--save_dir", "--save-dir", "--checkpoint_dir", "--run_name", "--run-name", "--port", "--master_port",
    "--master-port",
)  # fmt: skip
"""Where and when, not what: folders of output, ids, pids, ports, moments. Seeds are not among them."""
_PARTS = re.compile(r"[./]")


class DiffAsked(NamedTuple):
    """A checked request. metrics None: all, as far as MAX_METRICS goes."""

    run_ids: list[str]
    ignore: tuple[str, ...]
    metrics: list[str] | None


class Chosen(NamedTuple):
    keys: list[str]
    left_out: int


def parse_request(request: Mapping[str, Any]) -> DiffAsked:
    """Check every field.

    Raises:
        UsageError: names the field and what it may be.
    """
    asking.check_fields(request, FIELDS)
    ignore = asking.names(request, "ignore")
    given = [USUAL] if ignore is None else ignore
    patterns = (DEFAULT_IGNORED if pattern == USUAL else (pattern,) for pattern in given)
    return DiffAsked(
        asking.run_references(request, least=LEAST_RUNS, most=MAX_RUNS),
        tuple(chain.from_iterable(patterns)),
        asking.names(request, "metrics"),
    )


def ignores(patterns: Sequence[str], section: str, key: str) -> bool:
    """Whether a glob fits the key, `section.key`, or the last part of the key. Case is ignored."""
    forms = {key.lower(), f"{section}.{key}".lower(), _PARTS.split(key.lower())[-1]}
    return any(fnmatch.fnmatchcase(form, pattern.lower()) for pattern in patterns for form in forms)


class Compared(NamedTuple):
    """One section of all runs. rows: differing keys; same: how many agree; ignored: differing keys
    that a pattern left out."""

    rows: list[dict[str, Any]]
    same: int
    ignored: list[str]


def compare_section(
    section: str, values: Sequence[Mapping[str, Any] | None], ignore: Sequence[str]
) -> Compared:
    """Keys on which the runs with a record differ, in order of their names.

    Args:
        values: one a run; None for a run that has no record of this section.
    """
    known = [own for own in values if own is not None]
    rows: list[dict[str, Any]] = []
    same, ignored = 0, []
    for key in sorted({key for own in known for key in own}, key=str):
        telling = [own for own in known if is_told(own, key)]
        if len(telling) < 2:
            continue
        if all(_agree(telling[0], own, key) for own in telling[1:]):
            same += 1
        elif ignores(ignore, section, key):
            ignored.append(f"{section}.{key}")
        else:
            rows.append(_row(key, values))
    return Compared(rows, same, ignored) if len(known) > 1 else Compared([], 0, [])


def _agree(one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
    if key not in one or key not in other:
        return key not in one and key not in other
    try:
        return is_same(one[key], other[key])
    except RecursionError:  # nobody nests a setting so deep; it is shown
        return False


def is_same(one: Any, other: Any) -> bool:
    """1 is 1.0 and NaN is NaN; true is no number."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124  (NaN)


def _row(key: str, values: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """`values` in the order of the runs; null both for null and for nothing, which `missing` tells apart."""
    return {
        "key": key,
        "values": [_shown(own.get(key)) if own is not None else None for own in values],
        "missing": [place for place, own in enumerate(values) if own is None or key not in own],
    }


def _shown(value: Any, depth: int = 0) -> Any:
    """As JSON can carry it, and no longer than a reader can use."""
    if isinstance(value, float):
        return answer.wire_number(value)
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "…"
    if isinstance(value, list | Mapping) and depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, list):
        cut = ["…"] if len(value) > MAX_ITEMS else []
        return [_shown(item, depth + 1) for item in value[:MAX_ITEMS]] + cut
    if isinstance(value, Mapping):
        return {str(key): _shown(item, depth + 1) for key, item in islice(value.items(), MAX_ITEMS)}
    return value


def choose_metrics(asked: DiffAsked, known: Sequence[Collection[str]], *, may_turn_up: bool) -> Chosen:
    """The metrics to compare: those asked for (globs work), else the main one and all others by name.

    Raises:
        NotFoundError: a metric that was asked for is in no run, and none may bring it yet.
    """
    names = sorted({key for keys in known for key in keys})
    if asked.metrics is not None:
        chosen: dict[str, None] = {}
        for pattern in asked.metrics:
            found = [key for key in names if key == pattern or fnmatch.fnmatchcase(key, pattern)]
            if not found and not may_turn_up:
                raise seriesquery.unknown_metric(pattern, names)
            chosen.update(dict.fromkeys(found))
        names = list(chosen)
    else:
        main = rules.main_metric(names)
        names.sort(key=lambda key: (key != main, not all(key in keys for keys in known)))
    return Chosen(names[:MAX_METRICS], max(0, len(names) - MAX_METRICS))


def metric_row(metric: str, strips: Sequence[Strip | None]) -> dict[str, Any]:
    """One metric of all runs: at the last step that those with it share, at its best, and at its end.

    `delta` is the second run's value minus the first's where there are two, else null; `deltas`
    are against the first run. Runs without the metric have null and stand in `missing`.
    """
    better = direction(metric)
    standings = [standing_of(strip, better) if strip is not None else None for strip in strips]
    common = common_step([strip for strip in strips if strip is not None])
    shared = iter(common.points)
    equal = [next(shared) if strip is not None else None for strip in strips]
    deltas = _deltas(equal)
    return {
        "key": metric,
        "values": [_value(point) for point in equal],
        "missing": [place for place, strip in enumerate(strips) if strip is None],
        "delta": deltas[1] if len(strips) == LEAST_RUNS else None,
        "deltas": deltas,
        "better": better,
        "verdicts": [verdict(better, delta) for delta in deltas],
        "step": common.step,
        "steps": [point.step if point is not None else None for point in equal],
        "best": _at([standing.best if standing is not None else None for standing in standings], better),
        "last": _at([standing.last if standing is not None else None for standing in standings], better),
    }


def _at(points: Sequence[Point | None], better: Direction | None) -> dict[str, Any]:
    deltas = _deltas(points)
    return {
        "values": [_value(point) for point in points],
        "steps": [point.step if point is not None else None for point in points],
        "delta": deltas[1] if len(points) == LEAST_RUNS else None,
        "deltas": deltas,
        "verdicts": [verdict(better, delta) for delta in deltas],
    }


def _value(point: Point | None) -> float | str | None:
    return answer.wire_number(point.value) if point is not None else None


def _deltas(points: Sequence[Point | None]) -> list[float | None]:
    """Against the first run, which has none itself."""
    return [None, *(difference(point, points[0]) for point in points[1:])]


def reply(
    asked: DiffAsked, sides: Sequence[Side], metrics: Sequence[dict[str, Any]], *, left_out: int
) -> dict[str, Any]:
    """Protocol `DiffReply` without schema and pending."""
    compared = {
        section: compare_section(section, [side.sections[section] for side in sides], asked.ignore)
        for section in SECTIONS
    }
    unknown = {
        section: [
            side.identity["run"] for side in sides if isinstance(side.sections[section], PartlyKnown | None)
        ]
        for section in SECTIONS
    }
    cut = {section: len(found.rows) - MAX_ROWS for section, found in compared.items()}
    return {
        "runs": [side.identity for side in sides],
        **{section: found.rows[:MAX_ROWS] for section, found in compared.items()},
        "metrics": list(metrics),
        "same": {section: found.same for section, found in compared.items()},
        "ignored": [key for found in compared.values() for key in found.ignored],
        "unknown": {section: runs for section, runs in unknown.items() if runs},
        "left_out": {section: count for section, count in {**cut, "metrics": left_out}.items() if count > 0},
    }
