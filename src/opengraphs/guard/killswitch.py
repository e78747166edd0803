"""The switch that ends all acting, looked at before every step: whatever can be reached, one of its places can.

Where it cannot be told whether the switch is on, it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opengraphs.errors import StoreError

STOP = "STOP"
VARIABLE = "OG_AUTO_DISABLE"
_OFF = ("", "0", "no", "false", "off")


def stopped_by(*, store: Path, root: Path | None, env: Mapping[str, str], run_switch: bool) -> str:
    """What stops the agent, as words for a person; "" when nothing does.

    Args:
        root: the project of the run, when it is known.
        run_switch: whether the run's own switch is on.
    """
    if env.get(VARIABLE, "").strip().lower() not in _OFF:
        return f"{VARIABLE} is set"
    for file in (store / STOP, *((root / ".opengraphs" / STOP,) if root is not None else ())):
        trouble = _is_there(file)
        if trouble:
            return trouble
    return "stopped for this run" if run_switch else ""


def set_stop(store: Path, note: str = "") -> None:
    """Stop the agent everywhere in a store.

    Raises:
        StoreError: the file could not be written.
    """
    try:
        (store / STOP).write_text(f"{note}\n", encoding="utf-8", errors="replace")
    except OSError as error:
        raise StoreError(
            f"the kill switch could not be set: {error.strerror}",
            hint=f"{VARIABLE}=1 in the daemon's environment, or og daemon stop",
            path=str(store / STOP),
        ) from error


def clear_stop(store: Path) -> None:
    """Let the agent act again in a store.

    Raises:
        StoreError: the file could not be removed.
    """
    try:
        (store / STOP).unlink(missing_ok=True)
    except OSError as error:
        text = f"the kill switch could not be released: {error.strerror}"
        raise StoreError(text, path=str(store / STOP)) from error


def _is_there(file: Path) -> str:
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return f"{file} cannot be looked at: {error.strerror}"
    return f"{file} exists"
