"""What the user chose, and where each choice came from: flag > environment > project > user > default.

Every setting stands in `SETTINGS`; docs/reference/settings.md is compared with it by a test.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs import paths
from opengraphs.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT_FILE = paths.PROJECT_FILE
TABLES = ("ui", "run")
"""Tables whose keys are settings."""

Value = str | int | bool | tuple[str, ...]


class Setting(NamedTuple):
    """One setting of `config.toml`.

    name: `table.key` in the file. env: the variable that overrides it, "" for none.
    choices: what it may be; empty: any value of the default's type.
    """

    name: str
    default: Value
    env: str
    choices: tuple[str, ...]
    title: str


SETTINGS: tuple[Setting, ...] = (
    Setting("ui.theme", "auto", "OG_THEME", (), "colours: `auto`, or the name of a theme"),
    Setting(
        "ui.glyphs",
        "auto",
        "OG_GLYPHS",
        ("auto", "braille", "block", "ascii"),
        "what curves and frames are drawn with; `auto` looks at the terminal",
    ),
    Setting("ui.mode", "full", "OG_UI", ("full", "minimal"), "`minimal`: curves only, no side panels"),
    Setting("ui.refresh_ms", 250, "OG_REFRESH_MS", (), "how often live curves may change, 33 to 60000"),
    Setting("ui.panels", "", "OG_PANELS", (), "panels of plug-ins at the side of Graphs: names, with commas"),
    Setting("ui.export_dir", "", "OG_EXPORT_DIR", (), "where `s` saves; empty: the working folder"),
    Setting(
        "run.mirror_to",
        "",
        "OG_MIRROR",
        (),
        "the Trackio server that runs are forwarded to; not from a project's `og.toml`",
    ),
    Setting("ui.mouse", True, "OG_MOUSE", (), "take the mouse; shift-drag still selects text"),
    Setting("run.stdout_metrics", True, "OG_STDOUT_METRICS", (), "look for metrics in what trainings print"),
    Setting("run.patterns", (), "OG_PATTERN", (), "your own patterns for that, a text or a list of texts"),
)

USERS_OWN = frozenset(("run.mirror_to",))
"""Settings that no project may make for its user."""
_RANGES = {"ui.refresh_ms": (33, 60_000)}


class Settings(NamedTuple):
    """Values in force, their sources (`flag`, `environment`, a file's path, `default`), and key overrides."""

    values: dict[str, Value]
    sources: dict[str, str]
    keys: dict[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        return str(self.values[name])

    def number(self, name: str) -> int:
        return int(str(self.values[name]))

    def flag(self, name: str) -> bool:
        return bool(self.values[name])

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values[name]
        return value if isinstance(value, tuple) else (str(value),)


def defaults() -> Settings:
    """What holds where nobody chose anything."""
    values = {setting.name: setting.default for setting in SETTINGS}
    return Settings(values, dict.fromkeys(values, "default"), {})


def load(
    *,
    flags: Mapping[str, Value | None] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Read the files and settle every value.

    Args:
        flags: what the command line said, by setting name; None means it said nothing.

    Raises:
        UsageError: a file is no TOML, a setting does not exist or has a wrong value.
    """
    environ = os.environ if env is None else env
    values, sources, keys = defaults()
    for path in _files(environ, cwd):
        _take_file(path, values, sources, keys)
    for setting in SETTINGS:
        if setting.env and environ.get(setting.env):
            values[setting.name] = checked(setting, environ[setting.env], f"${setting.env}")
            sources[setting.name] = "environment"
        said = (flags or {}).get(setting.name)
        if said is not None:
            values[setting.name] = checked(setting, said, "command line")
            sources[setting.name] = "flag"
    return Settings(values, sources, keys)


def project_file(cwd: Path | None = None) -> Path | None:
    """The nearest `og.toml` from the working folder upwards; None where there is none."""
    return paths.project_file((cwd or Path.cwd()).absolute())


def _files(environ: Mapping[str, str], cwd: Path | None) -> list[Path]:
    """User file first, then the nearest project file, which wins."""
    project = project_file(cwd)
    user = paths.config_file(environ)
    return [path for path in (user, project) if path is not None and path.is_file()]


def _take_file(
    path: Path,
    values: dict[str, Value],
    sources: dict[str, str],
    keys: dict[str, tuple[str, ...]],
) -> None:
    tables = _parse(path)
    known = {setting.name: setting for setting in SETTINGS}
    for name, value in [
        (f"{table}.{name}", value) for table in TABLES for name, value in tables.get(table, {}).items()
    ]:
        setting = known.get(name)
        if setting is None:
            raise UsageError(
                f"unknown setting {name!r}", hint="docs/reference/settings.md lists them", path=str(path)
            )
        if name in USERS_OWN and path.name == PROJECT_FILE:
            hint = "a project that was copied from somewhere must not decide where records are sent"
            raise UsageError(
                f"{name} belongs into the user's own {paths.config_file()}", hint=hint, path=str(path)
            )
        values[setting.name] = checked(setting, value, str(path))
        sources[setting.name] = str(path)
    for action, chosen in tables.get("keys", {}).items():
        keys[action] = _key_list(action, chosen, path)


def _parse(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"settings cannot be read ({error})", path=str(path)) from error
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _key_list(action: str, chosen: object, path: Path) -> tuple[str, ...]:
    names = [chosen] if isinstance(chosen, str) else chosen
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(f"keys of {action!r} must be a text or a list of texts", path=str(path))
    return tuple(names)


def checked(setting: Setting, value: object, source: str) -> Value:
    """`value` in the setting's type, or UsageError naming setting and source."""
    try:
        typed = _typed(setting.default, value)
    except ValueError:
        raise UsageError(f"{setting.name} cannot be {value!r}", path=source) from None
    low, high = _RANGES.get(setting.name, (None, None))
    if setting.choices and typed not in setting.choices:
        raise UsageError(
            f"{setting.name} cannot be {value!r}", hint="one of " + ", ".join(setting.choices), path=source
        )
    if low is not None and high is not None and not low <= int(str(typed)) <= high:
        raise UsageError(f"{setting.name} cannot be {value!r}", hint=f"between {low} and {high}", path=source)
    return typed


def _typed(default: Value, value: object) -> Value:
    if isinstance(default, tuple):
        return _texts(value)
    if isinstance(default, bool):
        return _boolean(value)
    if isinstance(default, int):
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError
        return int(value)
    if not isinstance(value, str):
        raise ValueError
    return value


def _texts(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) and text for text in texts):
        raise ValueError
    return tuple(texts)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if str(value).lower() not in words:
        raise ValueError
    return words[str(value).lower()]
