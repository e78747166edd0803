"""Alert rules that come with a run: checked before it starts, watched by ogd while it lives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opengraphs import paths
from opengraphs.cli import output
from opengraphs.client.sync import Client
from opengraphs.errors import OgError

RULES = "alerts.toml"


def check(rules: Sequence[str]) -> None:
    """That each `--alert` is a rule.

    Raises:
        UsageError: with the place in it.
    """
    if rules:
        from opengraphs.alerts.rules import parse_rule  # some ms that no other command pays

        for rule in rules:
            parse_rule(rule, origin="--alert")


def is_asked_for(rules: Sequence[str], store: Path) -> bool:
    """Whether somebody wants to be told of this run also where nobody looks at it."""
    return bool(rules) or any(
        path.is_file() for path in (store / RULES, paths.config_file().with_name(RULES))
    )


def begin(store: Path, run_id: str) -> None:
    """Have ogd open the store: it watches what lives there."""
    try:
        with Client(store=store) as client:
            client.run(run_id)
    except OgError as error:
        output.say(f"og: alerts begin once ogd runs ({error})")
