"""`og import`: runs of other programs, copied into the store for good."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from opengraphs import paths
from opengraphs.cli import completing, foreign, output
from opengraphs.cli import format as fmt
from opengraphs.cli.options import og_command, project, reading
from opengraphs.cli.table import Column, render
from opengraphs.errors import NotFoundError, StoreError

MAX_ROWS = 50
_STATES = {"imported": "green", "updated": "green", "unchanged": "dim", "removed": "dim"}


@og_command(
    "import",
    examples=(
        "og import wandb/",
        "og import ~/old/mlruns --dry-run",
        "og import runs/exp1/progress.csv --project llm",
    ),
)
@click.argument("source", metavar="SOURCE", shell_complete=completing.files)
@project
@click.option("--format", "format_", metavar="NAME", help="What wrote it, where og does not see that itself.")
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and write nothing.")
@reading
def command(
    source: str, project: str | None, format_: str | None, dry_run: bool, store: str | None, as_json: bool
) -> int:
    """Copy the runs of another program into the store, as far as they are there now.

    SOURCE is a file or folder (TensorBoard, W&B, Trackio, MLflow, CSV, JSON Lines, logs). Imported
    again it adds only what is new; names, tags and notes that you gave stay, and so does its absence
    where you removed a run.
    """
    place, path = paths.store_path(store), Path(source).expanduser().absolute()
    reply = foreign.import_all(place, path, format_=format_, project=project, dry_run=dry_run)
    if reply["message"]:
        raise StoreError(
            "the import broke off", hint="what was read is kept; import again", path=reply["message"]
        )
    if not reply["sources"]:
        looked = "\n".join(f"  {row['title']}: {row['looks_for']}" for row in reply["formats"])
        raise NotFoundError("no foreign runs here", hint=f"looked for the runs of\n{looked}", path=str(path))
    if as_json:
        output.put_json({key: value for key, value in reply.items() if key != "formats"})
    else:
        _print(reply)
    return 0


def _print(reply: dict[str, Any]) -> None:
    rows = sorted(reply["runs"], key=lambda row: list(_STATES).index(row["state"]))
    if rows:
        output.put("\n".join(_table(rows[:MAX_ROWS])))
    if len(rows) > MAX_ROWS:
        output.say(f"and {len(rows) - MAX_ROWS} more runs")
    counts = Counter(row["state"] for row in rows)
    said = ", ".join(f"{counts[state]} {state}" for state in _STATES if counts[state])
    would = "nothing was written; it would be: " if reply["dry_run"] else ""
    output.say(f"{would}{said or 'no runs'}")
    foreign.say([fmt.clean(f"{row['path']}: {row['message']}") for row in reply["sources"] if row["message"]])


def _table(rows: list[dict[str, Any]]) -> list[str]:
    columns = (
        Column("RUN"),
        Column("STATE"),
        Column("POINTS", right=True),
        Column("FORMAT"),
        Column("FROM", weight=1, elastic=True, keeps_end=True),
    )
    cells = [
        [
            row["run_id"] or "-",
            row["state"],
            str(row["points"]),
            row["format"],
            fmt.clean(f"{row['path']} {row['key']}".strip()),
        ]
        for row in rows
    ]
    styles: dict[tuple[int, int], tuple[str, ...]] = {
        (at, 1): (_STATES[row["state"]],) for at, row in enumerate(rows)
    }
    return render(columns, cells, limit=output.width(), ink=output.ink(), styles=styles)
