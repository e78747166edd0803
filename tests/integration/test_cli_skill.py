"""SKILL.md says only what og does."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from og_user import OgUser

from opengraphs.cli.app import og
from opengraphs.cli.commands.skill import PLACES, skill_text

LINES = re.findall(r"^ {4,}(og .*)$", skill_text(), re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_every_command_in_it_is_one(line: str) -> None:
    """Parsed by the command itself, without being run."""
    found: click.Command | None = og
    words = shlex.split(line)[1:]
    while isinstance(found, click.Group):
        context = click.Context(found)
        found.parse_args(context, words)  # `og checkpoints RUN` is `og checkpoints list RUN`
        _, found, words = found.resolve_command(context, [*context._protected_args, *context.args])
    assert found is not None, line
    found.make_context(found.name, words)


def test_it_is_written_where_agents_look_and_over_nothing_else(user: OgUser) -> None:
    assert user.og("skill").stdout.strip() == skill_text().strip()
    for place, folder in PLACES.items():
        path = user.work / folder / "SKILL.md"
        assert user.og("skill", "--install", place).returncode == 0
        assert path.read_text() == skill_text()
        assert user.og("skill", "--install", place).returncode == 0, "the same text again is no quarrel"
        path.write_text("mine")
        refused = user.og("skill", "--install", place)
        assert refused.returncode == 4
        assert path.read_text() == "mine"
        assert user.og("skill", "--install", place, "--force").returncode == 0
        assert path.read_text() == skill_text()
