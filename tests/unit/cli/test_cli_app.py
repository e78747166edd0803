"""The click program: every command loads, explains itself, and complains in og's words."""

from __future__ import annotations

import click
import pytest

from opengraphs.cli import catalog
from opengraphs.cli.app import dispatch, og
from opengraphs.errors import UsageError


def command(name: str) -> click.Command:
    found = og.get_command(click.Context(og), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", catalog.COMMANDS)
def test_every_command_loads_and_explains_every_option(name: str) -> None:
    loaded = command(name)
    assert loaded.name == name
    assert loaded.help
    options = [param for param in loaded.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", catalog.COMMANDS)
def test_help_shows_examples_before_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: og {name}")
    assert "Examples:\n  og" in text or 'Examples:\n  eval "$(og' in text
    assert text.index("Examples:") < text.index("Options:")


def test_short_forms_are_the_commands_they_stand_for() -> None:
    assert command("-r") is command("run")
    assert command("-t") is command("tail")


def test_help_text_lists_every_command_in_order() -> None:
    lines = [line.split()[0] for line in catalog.top_help().splitlines() if line.startswith("  ")]
    assert [line for line in lines if line in catalog.COMMANDS] == list(catalog.COMMANDS)
    assert catalog.top_help().index("Examples:") < catalog.top_help().index("Usage:")


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["list", "--jsn"], "no option --jsn for og list", "did you mean --json?"),
        (
            ["list", "--limit", "x"],
            "'--limit': 'x' is no whole number",
            "og list --help shows how it is used",
        ),
        (["list", "--limit", "0"], "'--limit': 0 is not within 1 and 10000", "og list --help shows how"),
        (["stop", "k7f3", "--grace", "x"], "'--grace': 'x' is no number", "og stop --help shows how"),
        (["show"], "missing argument 'RUN'", "og show --help shows how it is used"),
        (["list", "--status", "gone"], "invalid value for '--status'", "og list --help shows how it is used"),
        (["daemon", "strat"], "no such command 'strat'", "og daemon --help shows how it is used"),
        (["export"], "missing argument 'RUN…'", "og export --help shows how it is used"),
    ],
)
def test_complaints_are_usage_errors_with_a_way_on(args: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        dispatch(args)
    assert message in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["completion", shell]) == 0
    captured = capsys.readouterr()
    assert "_OG_COMPLETE" in captured.out
    assert "load it with" in captured.err
