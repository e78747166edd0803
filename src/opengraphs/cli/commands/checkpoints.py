"""`og checkpoints`: what a run saved, whether it is there and whole, and which of it og keeps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, targets
from opengraphs.cli import format as fmt
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, reading
from opengraphs.cli.output import Ink
from opengraphs.cli.table import Column, render
from opengraphs.client.wire import run_path

_COLUMNS = (
    Column("STEP", right=True),
    Column("CHECKPOINT", elastic=True),
    Column("STATE"),
    Column("FORMAT", weight=2),
    Column("SIZE", weight=1, right=True),
    Column("SAVED", weight=3, right=True),
    Column("BY", weight=4),
    Column("PATH", weight=5, elastic=True, keeps_end=True),
)
_STYLES = {"gone": "dim", "not whole": "yellow", "kept": "cyan", "best": "green"}


class _RunGroup(OgGroup):
    """`og checkpoints RUN` is `og checkpoints list RUN`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The first word that is no option is a command, or a run to list."""
        if args and not {"-h", "--help"}.intersection(args[:1]) and args[0] not in self.commands:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(
    "checkpoints",
    cls=_RunGroup,
    context_settings=SETTINGS,
    examples=(
        "og checkpoints k7f3",
        "og checkpoints pin k7f3 best",
        "og checkpoints unpin k7f3 found-200-1f3c9a",
        "og checkpoints k7f3 --json | jq '.checkpoints[] | select(.best).path'",
    ),
)
def command() -> None:
    """List the checkpoints of RUN: which step, whether it is there and whole, which is best.

    CHECKPOINT is an id or a unique part of one, a step, a path, latest or best. RUN is any unique part of
    its id, its name, or its folder.
    """


@command.command("list", cls=OgCommand, examples=("og checkpoints list k7f3",))
@click.argument("run", shell_complete=completing.runs)
@reading
def list_(run: str, store: str | None, as_json: bool) -> None:
    """List the checkpoints of RUN, as `og checkpoints RUN` does."""
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        reply = client.get(run_path(target.ref, "checkpoints"))
    if as_json:
        output.put_json(reply)
    elif reply["checkpoints"]:
        output.put("\n".join(_table(reply["checkpoints"], output.width(), output.ink())))
    else:
        output.say("no checkpoints")


@command.command("pin", cls=OgCommand, examples=("og checkpoints pin k7f3 best",))
@click.argument("run", shell_complete=completing.runs)
@click.argument("checkpoint")
@reading
def pin(run: str, checkpoint: str, store: str | None, as_json: bool) -> None:
    """Keep CHECKPOINT of RUN, so that the training's own rotation cannot delete it."""
    _keep(run, checkpoint, store, pinned=True, as_json=as_json)


@command.command("unpin", cls=OgCommand, examples=("og checkpoints unpin k7f3 best",))
@click.argument("run", shell_complete=completing.runs)
@click.argument("checkpoint")
@reading
def unpin(run: str, checkpoint: str, store: str | None, as_json: bool) -> None:
    """Give up what og keeps of CHECKPOINT; the training's own file is left alone."""
    _keep(run, checkpoint, store, pinned=False, as_json=as_json)


def _keep(run: str, checkpoint: str, store: str | None, *, pinned: bool, as_json: bool) -> None:
    target = targets.one_run(run, store=store)
    body = {"checkpoint": checkpoint, "pinned": pinned}
    with clients.connect(store=target.store) as client:
        reply = client.post(run_path(target.ref, "checkpoints"), body)
    if as_json:
        output.put_json(reply)
        return
    for point in reply["checkpoints"]:
        name = f"{fmt.clean(point['checkpoint_id'])} (step {_step(point)})"
        output.say(
            f"kept: {name} in {fmt.clean(point['pinned'])}" if pinned else f"not kept any more: {name}"
        )


def _table(points: Sequence[dict[str, Any]], width: int | None, ink: Ink) -> list[str]:
    now = time.time()
    rows = [
        [
            _step(point),
            fmt.clean(str(point["checkpoint_id"])),
            _state(point),
            fmt.clean(str(point["format"])) or "-",
            fmt.size(point["bytes"]),
            fmt.ago(max(0.0, now - point["time"])) if point["time"] else "-",
            str(point["origin"]),
            fmt.clean(str(point["path"])),
        ]
        for point in points
    ]
    styles = {
        (at, 2): tuple(style for word, style in _STYLES.items() if word in row[2])
        for at, row in enumerate(rows)
    }
    return render(_COLUMNS, rows, limit=width, ink=ink, styles=styles)


def _step(point: dict[str, Any]) -> str:
    return "-" if point.get("step") is None else str(point["step"])


def _state(point: dict[str, Any]) -> str:
    state = "gone" if not point["exists"] else "whole" if point["complete"] else "not whole"
    marks = [mark for mark, is_so in (("kept", point["pinned"]), ("best", point["best"])) if is_so]
    return ", ".join([state, *marks])
