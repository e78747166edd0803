"""Runs as an aligned table. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.nearest import nearest
from opengraphs.cli.output import STATUS_STYLES, Ink
from opengraphs.cli.table import Column, natural_width, render
from opengraphs.errors import UsageError
from opengraphs.records import RunFacts

COLUMNS = (
    Column("RUN"),
    Column("NAME", weight=1, elastic=True),
    Column("PROJECT", weight=4, elastic=True),
    Column("STATUS"),
    Column("STEP", weight=2, right=True),
    Column("METRIC", weight=3, elastic=True, keeps_end=True),
    Column("STARTED", weight=2),
    Column("TOOK", weight=5, right=True),
)
_STATUS = 3
_AS_IN_FILTERS = {
    "id": "run_id", "job": "job_type", "tag": "tags",
    "created": "created_at", "started": "started_at", "ended": "ended_at", "heartbeat": "heartbeat_at",
}  # fmt: skip
"""Fields that the filter language calls by another name than run.json."""
_INSIDE = ("config", "summary", "last", "git", "ranks", "job", "progress", "parent")


def lines(
    runs: list[dict[str, Any]], *, now: float, limit: int | None, ink: Ink, chosen: Sequence[str] = ()
) -> list[str]:
    """The table of `runs`, one line each under a header.

    Args:
        now: epoch seconds that ages are counted to.
        limit: columns of the terminal; None writes everything out.
        chosen: keys (`config.lr`, `summary.loss`, `duration`) to show behind id, name and
            status instead of the usual columns.
    """
    if chosen:
        return _chosen_lines(runs, chosen, now=now, limit=limit, ink=ink)
    rows = [_row(run, now, short=False) for run in runs]
    if limit is not None and natural_width(COLUMNS, rows) > limit:
        rows = [_row(run, now, short=True) for run in runs]
    styles: dict[tuple[int, int], tuple[str, ...]] = {}
    for at, run in enumerate(runs):
        styles[at, _STATUS] = (STATUS_STYLES.get(str(run.get("status")), ""),)
        styles.update({(at, column): ("dim",) for column in (0, 2, 6, 7)})
    return render(COLUMNS, rows, limit=limit, ink=ink, styles=styles)


def _row(run: dict[str, Any], now: float, *, short: bool) -> list[str]:
    run_id = str(run.get("run_id", ""))
    return [
        run_id.rpartition("-")[2] if short else run_id,
        fmt.clean(str(run.get("name") or "")),
        fmt.clean(str(run.get("project") or "")),
        str(run.get("status", "")),
        fmt.progress(run),
        fmt.shown_metric(run),
        fmt.age(run.get("started_at") or run.get("created_at"), now=now),
        fmt.duration(fmt.took(run, now=now)),
    ]


def _chosen_lines(
    runs: list[dict[str, Any]], chosen: Sequence[str], *, now: float, limit: int | None, ink: Ink
) -> list[str]:
    columns = [
        *(COLUMNS[0], COLUMNS[1]._replace(weight=2), COLUMNS[_STATUS]._replace(weight=1)),
        *(Column(key, right=_is_figure(runs, key), elastic=True) for key in chosen),
    ]
    rows = []
    for run in runs:
        usual = _row(run, now, short=limit is not None)
        values = [_shown(value_at(run, key), key, run, now) for key in chosen]
        rows.append([usual[0], usual[1], usual[_STATUS], *values])
    if limit is not None and natural_width(columns, rows) > limit:
        columns[3:] = [
            column._replace(title=title)
            for column, title in zip(columns[3:], _short_titles(chosen), strict=True)
        ]
    styles: dict[tuple[int, int], tuple[str, ...]] = {}
    for at, run in enumerate(runs):
        styles[at, 0] = ("dim",)
        styles[at, 2] = (STATUS_STYLES.get(str(run.get("status")), ""),)
    return render(columns, rows, limit=limit, ink=ink, styles=styles)


def _short_titles(keys: Sequence[str]) -> list[str]:
    """`…width` for `config.model.width`, where no other key ends so."""
    ends = [key.rpartition(".")[2] for key in keys]
    return [
        f"…{end}" if end and end != key and ends.count(end) == 1 else key
        for key, end in zip(keys, ends, strict=True)
    ]


def value_at(run: dict[str, Any], key: str) -> Any:
    """What a run has at `config.a.b`, `summary.train/loss`, `tag.lr` or a plain key; None where it has nothing."""
    key = _AS_IN_FILTERS.get(key, key)
    if key.startswith("tag."):
        begin = f"{key.removeprefix('tag.')}="
        return ", ".join(tag[len(begin) :] for tag in run.get("tags") or () if tag.startswith(begin)) or None
    head, _, path = key.partition(".")
    values = run.get(head)
    return _inside(values, path) if path and isinstance(values, dict) else run.get(key)


def _inside(values: dict[str, Any], path: str) -> Any:
    if path in values:
        return values[path]
    for at in (place for place, char in enumerate(path) if char == "."):
        inner = values.get(path[:at])
        if isinstance(inner, dict) and (found := _inside(inner, path[at + 1 :])) is not None:
            return found
    return values.get(path.replace(".", "/"))


def unknown_columns(runs: Sequence[dict[str, Any]], chosen: Sequence[str]) -> list[str]:
    """A sentence for each key inside objects (`config.lr`, `tag.lr`) that none of `runs` has.

    Raises:
        UsageError: there is no such column at all.
    """
    lacking = [key for key in chosen if runs and all(value_at(run, key) is None for run in runs)]
    if not lacking:
        return []
    shown = [name for run in runs for name in run]
    facts = dict.fromkeys([*RunFacts.__annotations__, *shown, *_AS_IN_FILTERS, "duration"])
    inside = dict.fromkeys(path for run in runs for path in _paths(run))
    sentences = []
    for key in lacking:
        if key in facts:
            continue
        head, _, path = key.partition(".")
        is_inside = bool(path) and head in (*_INSIDE, "tag")
        ends = [name for name in inside if name.partition(".")[2] == key]
        near = ends or nearest(key, [*inside, *(() if is_inside else facts)], limit=1)
        guess = f"did you mean {near[0]}?" if near else ""
        if not is_inside:
            known = f"known: {', '.join([*sorted(facts), *(f'{name}.…' for name in _INSIDE), 'tag.…'])}"
            raise UsageError(f"no column {key!r}", hint=f"{guess}\n{known}".strip())
        sentences.append(f"no run shown has {key}" + (f"; {guess}" if guess else ""))
    return sentences


def _paths(run: dict[str, Any]) -> Iterator[str]:
    for head in _INSIDE:
        yield from _below(run.get(head), head)
    for tag in run.get("tags") or ():
        key, equals, _ = tag.partition("=")
        if equals and key:
            yield f"tag.{key}"


def _below(values: Any, path: str) -> Iterator[str]:
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        yield f"{path}.{key}"
        yield from _below(value, f"{path}.{key}")


def _is_figure(runs: list[dict[str, Any]], key: str) -> bool:
    values = [value for run in runs if (value := value_at(run, key)) is not None]
    return key == "duration" or all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )


def _shown(value: Any, key: str, run: dict[str, Any], now: float) -> str:
    key = _AS_IN_FILTERS.get(key, key)
    if key == "duration":
        return fmt.duration(fmt.took(run, now=now))
    if key.endswith("_at") and isinstance(value, str):
        return fmt.age(value, now=now)
    if isinstance(value, bool) or value is None:
        return "-" if value is None else str(value).lower()
    if isinstance(value, (int, float)):
        return str(value) if isinstance(value, int) else fmt.number(value)
    if isinstance(value, list):
        return fmt.clean(", ".join(map(str, value)))
    if isinstance(value, dict):
        return fmt.clean(json.dumps(value, ensure_ascii=False, default=str))
    return fmt.clean(str(value))


def footer(shown: int, total: int) -> str:
    """What the table leaves out; empty when it leaves out nothing."""
    return f"{shown} of {total} runs; --all shows all" if shown < total else ""
