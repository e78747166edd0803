"""Every command, option and error code stands in the reference, and nothing there is made up."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from opengraphs import errors
from opengraphs.cli import catalog
from opengraphs.cli.app import og

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLI = (DOCS / "reference" / "cli.md").read_text()
VIEW_OPTIONS = "view options | See [Views](#views)"


def command(name: str) -> click.Command:
    found = og.get_command(click.Context(og), name)
    assert found is not None
    return found


def section(title: str) -> str:
    """The text below `## title`, with what it refers to."""
    match = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)
    assert match is not None, title
    text = match[1]
    return text + section("Views") if VIEW_OPTIONS in text else text


def options(of: click.Command) -> list[str]:
    return [name for param in of.params if isinstance(param, click.Option) for name in param.opts]


@pytest.mark.parametrize("name", catalog.COMMANDS)
def test_every_option_of_a_command_is_in_its_section(name: str) -> None:
    text = section(f"og {name}")
    found = command(name)
    nested = found.commands.values() if isinstance(found, click.Group) else ()
    names = options(found) + [name for below in nested for name in options(below)]
    assert [name for name in names if not re.search(rf"`[^`]*{re.escape(name)}\b", text)] == []


@pytest.mark.parametrize("name", ["daemon", "config"])
def test_every_command_below_a_command_is_documented(name: str) -> None:
    group = command(name)
    assert isinstance(group, click.Group)
    text = section(f"og {name}")
    assert [below for below in group.commands if f"`og {name} {below}`" not in text] == []


def test_no_section_is_about_a_command_that_does_not_exist() -> None:
    titles = re.findall(r"^## og (\w+)$", CLI, re.MULTILINE)
    assert sorted(titles) == sorted(catalog.COMMANDS)


def test_no_option_in_a_section_is_made_up() -> None:
    for name in catalog.COMMANDS:
        found = command(name)
        nested = list(found.commands.values()) if isinstance(found, click.Group) else []
        known = {option for of in (found, *nested) for option in options(of)} | {"--nproc-per-node"}
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", section(f"og {name}")))
        assert named - known - ({"--detach"} if name == "watch" else set()) == set(), name


def kinds(kind: type[errors.OgError]) -> list[type[errors.OgError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in kinds(child))]


@pytest.mark.parametrize("kind", kinds(errors.OgError), ids=lambda kind: kind.code)
def test_every_error_is_documented_with_its_exit_code(kind: type[errors.OgError]) -> None:
    page = (DOCS / "reference" / "errors.md").read_text()
    assert re.search(rf"^\| {kind.exit_code} \| `{kind.code}` \|", page, re.MULTILINE)


def test_quickstart_uses_commands_that_exist() -> None:
    page = (DOCS / "quickstart.md").read_text()
    used = set(re.findall(r"^    og (\w+)", page, re.MULTILINE))
    assert used
    assert used - set(catalog.COMMANDS) == set()
