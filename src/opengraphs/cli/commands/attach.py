"""`og attach`: back to a run that is going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opengraphs import client as clients
from opengraphs import paths
from opengraphs.cli import completing, first_frame, foreign, output, targets, views
from opengraphs.cli.commands.list import print_runs
from opengraphs.cli.options import og_command, store, view
from opengraphs.errors import NotFoundError, UsageError


@og_command(
    "attach",
    examples=(
        "og attach",
        "og attach k7f3 --graphs loss,lr",
        "og attach --source ~/work/llm/wandb",
        "og attach --detach ~/work/llm/wandb",
    ),
)
@click.argument("run", required=False, shell_complete=completing.runs)
@click.option(
    "--source",
    metavar="PATH",
    help="A file or folder of another program's runs: into the store in force, live, from now on.",
    shell_complete=completing.files,
)
@click.option("--format", "format_", metavar="NAME", help="What wrote it, where og does not see that itself.")
@click.option("--project", metavar="NAME", help="Project of its runs, where it names none.")
@click.option("--detach", metavar="PATH", help="Let go of such a file or folder; its files stay.")
@click.option("--plain", is_flag=True, help="A line a step instead of the screen.")
@store
@view
def command(
    run: str | None,
    source: str | None,
    format_: str | None,
    project: str | None,
    detach: str | None,
    plain: bool,
    store: str | None,
    **options: Any,
) -> int:
    """Watch a run that is going on, the newest by default; ended runs open too.

    RUN is any unique part of a run's id, its name, or its folder.
    """
    if sum(given is not None for given in (run, source, detach)) > 1:
        raise UsageError("one of RUN, --source and --detach", hint="og attach --source PATH")
    chosen = views.look(options)
    if detach is not None:
        path = _whole(detach)
        foreign.forget(paths.store_path(store), str(path))
        output.say(f"let go of {path}; its files stay")
        return 0
    if source is not None:
        place = paths.store_path(store)
        return _watch_source(place, _whole(source), chosen, plain=plain, format_=format_, project=project)
    found = targets.one_run(run, store=store) if run else targets.Target(targets.store_of(store), None)
    run_id = views.run_id_of(found) or first_frame.live_run() or newest_live(found.store)
    if plain or not output.is_terminal():
        views.follow_lines(found.store, run_id, chosen)
        return 0
    return views.leave(views.open_screen(found.store, run_id, chosen))


def _whole(word: str) -> Path:
    return Path(word).expanduser().absolute()


def _watch_source(
    place: Path, path: Path, chosen: views.Look, *, plain: bool, format_: str | None, project: str | None
) -> int:
    """Attach a source and show its run, or its runs where there are several."""
    is_screen = output.is_terminal() and not plain
    found = foreign.attach(
        place, path, mode="attach", patient=not is_screen, format_=format_, project=project
    )
    if not found.run_ids:
        foreign.say(found.notes)
        foreign.forget(place, found.place_id)
        raise foreign.nothing_found(path, found)
    ref = found.run_ids[0] if len(found.run_ids) == 1 else None
    if is_screen:
        code = views.leave(views.open_screen(place, ref, chosen))
        foreign.say(found.notes)
        return code
    foreign.say(found.notes)
    if plain and ref is not None:
        views.follow_lines(place, ref, chosen)
    else:
        count = len(found.run_ids)
        output.say(f"{count} run{'' if count == 1 else 's'} attached to {place}")
        print_runs(place, filter=" OR ".join(f"id:{run_id}" for run_id in found.run_ids[:50]))
    return 0


def newest_live(store: Path) -> str:
    """The id of the run that started last and still runs.

    Raises:
        NotFoundError: none does; the hint says what can be opened instead.
    """
    with clients.connect(store=store) as client:
        running = client.runs(status="running", sort="-created_at", limit=1)["runs"]
        if running:
            return running[0]["run_id"]
        ended = client.runs(sort="-created_at", limit=1)["runs"]
    hint = "start one: og run train.py"
    if ended:
        hint = f"og attach {ended[0]['run_id'].rpartition('-')[2]} opens the last one, og list shows all"
    raise NotFoundError("no run is going on", hint=hint)
