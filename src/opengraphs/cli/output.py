"""Data on stdout, talk on stderr, colour only where it is wanted. Stdlib only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import IO, Any

from opengraphs.cli.format import without_colour

STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
"""The terminal's own sixteen colours, so that every theme stays legible."""

STATUS_STYLES = {
    "running": "cyan",
    "finished": "green",
    "failed": "red",
    "crashed": "red",
    "stopped": "yellow",
    "lost": "yellow",
}


def wants_colour(stream: IO[str], *, env: Mapping[str, str] | None = None, no_color: bool = False) -> bool:
    """`--no-color` and `NO_COLOR` say no, `FORCE_COLOR` says yes, else a capable terminal does."""
    environ = os.environ if env is None else env
    if no_color or environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE")
    if forced:
        return forced != "0"
    return stream.isatty() and environ.get("TERM") != "dumb"


class Ink:
    """Puts styles around text, or leaves it as it is."""

    def __init__(self, on: bool) -> None:
        self.on = on

    def __call__(self, text: str, *styles: str) -> str:
        codes = ";".join(STYLES[style] for style in styles if style)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.on and codes and text else text

    def log_line(self, text: str) -> str:
        """A line of a training's output: its own colours, ended with it, or none."""
        if "\x1b" not in text:
            return text
        return f"{text}\x1b[0m" if self.on else without_colour(text)

    def status(self, status: str) -> str:
        """A run's status in its colour."""
        return self(status, STATUS_STYLES.get(status, ""))


def ink(stream: IO[str] | None = None, *, no_color: bool = False) -> Ink:
    """The ink for `stream` (stdout)."""
    return Ink(wants_colour(sys.stdout if stream is None else stream, no_color=no_color))


def is_terminal() -> bool:
    """Whether a full-screen view makes sense: a person at a capable terminal on both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def width(default: int = 80) -> int | None:
    """Columns of the terminal on stdout; None when stdout is no terminal, so nothing is cut."""
    if not sys.stdout.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return os.get_terminal_size(sys.stdout.fileno()).columns or default


def put(text: str) -> None:
    """One piece of data on stdout, with its newline."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def put_flushed(text: str) -> None:
    """A line that somebody waits for, in a pipe too."""
    put(text)
    sys.stdout.flush()


def put_json(value: Any) -> None:
    """One JSON object on stdout: indented for people, a single line when piped."""
    indent = 2 if sys.stdout.isatty() else None
    put(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False, default=str))


def say(text: str) -> None:
    """Talk: what a person wants to know and a pipe does not."""
    sys.stderr.write(text if text.endswith("\n") else text + "\n")
    sys.stderr.flush()
