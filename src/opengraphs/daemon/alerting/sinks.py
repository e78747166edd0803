"""Where alerts are sent beside the screen: `[[sink]]` tables of the user's own alerts.toml, never of a store.

[[sink]]
kind = "slack"            # slack, discord, ntfy, webhook, command
url_env = "OG_SLACK_URL"  # or url = "https://…", in a file that only you can read
level = "warn"            # and graver
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from opengraphs import paths
from opengraphs.alerts.finding import LEVELS, Level
from opengraphs.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Kind = Literal["slack", "discord", "ntfy", "webhook", "command"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TABLE = "sink"
KEYS = ("kind", "url", "url_env", "command", "level", "resolved", "name")
MOST = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")


class Sink(NamedTuple):
    """One place. target: a URL, or for `command` nothing. resolved: it is told of ends, too."""

    name: str
    kind: Kind
    target: str
    command: tuple[str, ...]
    level: Level
    resolved: bool

    def __repr__(self) -> str:  # a URL is a secret: it never reaches a log
        return f"Sink({self.name}, {self.kind})"


def sinks_file(env: Mapping[str, str] | None = None) -> Path:
    """`$XDG_CONFIG_HOME/opengraphs/alerts.toml`: rules for every store, and where alerts are sent."""
    return paths.config_file(env).with_name("alerts.toml")


def read_sinks(path: Path, env: Mapping[str, str] | None = None) -> tuple[Sink, ...]:
    """The sinks of that file; none without it.

    Raises:
        UsageError: it does not parse, a table has a fault, or others may read a URL in it.
    """
    environ = os.environ if env is None else env
    try:
        text = path.read_text("utf-8")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the alert sinks cannot be read ({error})", path=str(path)) from error
    try:
        tables = tomllib.loads(text).get(TABLE, [])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the alert sinks cannot be read ({error})", path=str(path)) from error
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError("sink is no list of tables", hint="write [[sink]]", path=str(path))
    if len(tables) > MOST:
        raise UsageError(f"more than {MOST} sinks", path=str(path))
    if any("url" in table for table in tables) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            "alerts.toml has a url in it and can be read by others",
            hint=f"chmod 600 {path}, or use url_env",
            path=str(path),
        )
    return tuple(_sink(at, table, environ, path) for at, table in enumerate(tables))


def _sink(at: int, table: dict[str, Any], env: Mapping[str, str], path: Path) -> Sink:
    place = f"{path}: sink {at + 1}"
    for key in table:
        if key not in KEYS:
            raise UsageError(f"unknown key {key!r}", hint="a sink has " + ", ".join(KEYS), path=place)
    kind = table.get("kind")
    if kind not in KINDS:
        raise UsageError(f"kind is {', '.join(KINDS)}, not {kind!r}", path=place)
    level = table.get("level", "warn")
    if level not in LEVELS:
        raise UsageError(f"level is {', '.join(LEVELS)}, not {level!r}", path=place)
    name = table.get("name", f"{kind}-{at + 1}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"name is a short word, not {name!r}", path=place)
    resolved = table.get("resolved", True)
    if not isinstance(resolved, bool):
        raise UsageError("resolved is true or false", path=place)
    if kind == "command":
        return Sink(name, kind, "", _command(table, place), level, resolved)
    return Sink(name, kind, _url(table, env, place), (), level, resolved)


def _command(table: dict[str, Any], place: str) -> tuple[str, ...]:
    command = table.get("command")
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise UsageError("command is a list of words", hint='command = ["notify-send", "og"]', path=place)
    return tuple(command)


def _url(table: dict[str, Any], env: Mapping[str, str], place: str) -> str:
    url, variable = table.get("url"), table.get("url_env")
    if variable is not None:
        if not isinstance(variable, str) or url is not None:
            raise UsageError("give url, or the name of a variable as url_env", path=place)
        url = env.get(variable)
        if not url:
            raise UsageError(
                f"{variable} is not set where ogd was started",
                hint="export it, then og daemon restart",
                path=place,
            )
    if not isinstance(url, str) or not re.match(r"https?://[^\s/]+", url):
        raise UsageError("url begins with https:// or http://", path=place)
    return url
