"""The `[agent]` table that holds for a run: the user's own, and over it that of the run's project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from opengraphs import paths
from opengraphs.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = "agent"


def agent_table(cwd: str) -> dict[str, Any]:
    """The settings of the guard for a run.

    Args:
        cwd: where the run was started; the next `og.toml` upwards is its project's. "" for none.

    Raises:
        UsageError: a file is no TOML.
    """
    found = _table(paths.config_file())
    if Path(cwd).is_absolute():
        project = paths.project_file(Path(cwd))
        found |= _table(project) if project is not None else {}
    return found


def _table(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get(TABLE, {})
    except OSError:
        return {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the settings cannot be read: {error}", path=str(path)) from error
    return found if isinstance(found, dict) else {}
