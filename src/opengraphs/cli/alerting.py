"""Alert rules that come with a run: checked before it starts, watched by ogd while it lives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opengraphs import client as clients
from opengraphs import paths
from opengraphs.cli import output
from opengraphs.errors import DaemonError, OgError

RULES = "alerts.toml"


def check(rules: Sequence[str], store: Path) -> None:
    """That each `--alert` is a rule; ogd knows what one is.

    Raises:
        UsageError: with the place in it.
    """
    if not rules:
        return
    try:
        with clients.connect(store=store) as client:
            client.post("/alerts/check", {"rules": list(rules)})
    except DaemonError as error:
        output.say(f"og: alert rules are looked at once ogd runs ({error})")


def is_asked_for(rules: Sequence[str], store: Path) -> bool:
    """Whether somebody wants to be told of this run also where nobody looks at it."""
    return bool(rules) or any(
        path.is_file() for path in (store / RULES, paths.config_file().with_name(RULES))
    )


def begin(store: Path, run_id: str) -> None:
    """Have ogd open the store: it watches what lives there."""
    try:
        with clients.connect(store=store) as client:
            client.run(run_id)
    except OgError as error:
        output.say(f"og: alerts begin once ogd runs ({error})")
