"""`og skill`: what a coding agent needs to know to work with og."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from opengraphs.cli import output
from opengraphs.cli.border import from_os_error
from opengraphs.cli.options import no_color, og_command
from opengraphs.errors import StoreError

PLACES = {"agents": Path(".agents/skills/og"), "claude": Path(".claude/skills/og")}
"""Where coding agents look for the skills of a project, below its top folder."""


@og_command("skill", examples=("og skill", "og skill --install agents", "og skill --install claude --force"))
@click.option(
    "--install",
    "place",
    type=click.Choice(tuple(PLACES)),
    help="Write it where coding agents look: .agents/skills/og or .claude/skills/og in the working folder.",
)
@click.option("--force", is_flag=True, help="Write over another SKILL.md that is there.")
@no_color
def command(place: str | None, force: bool) -> None:
    """Print SKILL.md: how a coding agent reads, compares and acts on runs with og."""
    text = skill_text()
    if place is None:
        output.put(text.rstrip("\n"))
        return
    path = PLACES[place] / "SKILL.md"
    _write(path, text, force=force)
    output.put(str(path))


def skill_text() -> str:
    """SKILL.md as it ships."""
    return (resources.files("opengraphs.cli") / "skill" / "SKILL.md").read_text(encoding="utf-8")


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        if path.exists() and path.read_text(encoding="utf-8", errors="replace") != text and not force:
            raise StoreError(
                "another SKILL.md is there",
                hint="og skill --install … --force writes over it",
                path=str(path),
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise from_os_error(error) from error
