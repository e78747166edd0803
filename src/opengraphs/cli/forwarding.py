"""`og run --mirror-to URL`: allow the server, and have ogd begin."""

from __future__ import annotations

import os
from pathlib import Path

from opengraphs.cli import output
from opengraphs.client.sync import Client
from opengraphs.errors import OgError, UsageError
from opengraphs.sdk import forwarding


def target(given: str | None) -> str | None:
    """The server a new run is forwarded to: the option, `OG_MIRROR`, or the user's setting; None for none.

    Raises:
        UsageError: it is no address of a server, or the user's folder for it cannot be written.
    """
    url = given or os.environ.get("OG_MIRROR") or _setting()
    if not url:
        return None
    try:
        found = forwarding.ask(url)
    except ValueError as error:
        raise UsageError(
            str(error), hint="--mirror-to, OG_MIRROR or the setting run.mirror_to names it"
        ) from None
    except OSError as error:
        raise UsageError(
            f"the server cannot be remembered ({error.strerror})", path=forwarding.folder()
        ) from error
    if found.startswith("http://") and not forwarding.is_here(found):
        output.say(f"og: {found} is not encrypted: whoever is on the way can read the records and the token")
    return found


def _setting() -> str:
    from opengraphs.tui import settings  # loads a TOML reader, for this one value

    return settings.load().text("run.mirror_to")


def training_env(found: str | None) -> dict[str, str] | None:
    """The environment of a run that is forwarded: the address without secrets. None: as it is."""
    if found is None:
        return None
    env = {**os.environ, "OG_MIRROR": found}
    env.pop("OG_MIRROR_TOKEN", None)
    return env


def begin(store: Path, run_id: str) -> None:
    """Have ogd open the store; it sees by itself what the run asks for."""
    try:
        with Client(store=store) as client:
            client.run(run_id)
    except OgError as error:
        output.say(f"og: the run is forwarded once ogd runs ({error})")
