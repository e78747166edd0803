"""Why a training could not be started, in a user's words."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any


class LaunchError(Exception):
    """The training could not be started; its folder is gone again, save for `lock`.

    `reason` is one of `not_found`, `permission`, `format` (a script without `#!`),
    `interpreter` (its `#!` names a program that is not there), `cwd`, `folder` (the run
    folder), `lock`, `system` and `runner` (the runner itself broke).
    """

    def __init__(self, reason: str, message: str, *, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint
        self.path = path


def explain(answer: Mapping[str, Any], *, command: list[str], cwd: str, run_dir: str) -> LaunchError:
    """The error behind a runner's refusal.

    Args:
        answer: `stage`, `errno` and `path` as the runner sent them; empty when it died without a word.
    """
    stage, number, path = answer.get("stage"), int(answer.get("errno", 0)), str(answer.get("path", ""))
    reason = os.strerror(number) if number else "no reason given"
    match stage:
        case "exec":
            return _not_executed(number, reason, path, program=command[0], cwd=cwd)
        case "chdir":
            return LaunchError("cwd", f"cannot work there ({reason})", path=path)
        case "folder":
            return LaunchError("folder", f"cannot write the run ({reason})", path=path)
        case "lock":
            return LaunchError("lock", "another process already runs this run", path=path)
        case "setup":
            return LaunchError("system", f"cannot prepare a process ({reason})", path=path)
    return LaunchError("runner", "the runner ended before it could start anything", path=run_dir)


def _not_executed(number: int, reason: str, path: str, *, program: str, cwd: str) -> LaunchError:
    python = f"og run -- python {program}" if program.endswith(".py") else ""
    match number:
        case errno.ENOENT | errno.ENOTDIR if "/" in path and os.path.exists(os.path.join(cwd, path)):
            hint = f"name the interpreter: og run -- python {program}"
            return LaunchError(
                "interpreter", "the interpreter in its first line does not exist", hint=hint, path=path
            )
        case errno.ENOENT | errno.ENOTDIR:
            return LaunchError("not_found", f"no such program: {program}", hint=python)
        case errno.EACCES:
            return LaunchError(
                "permission", "may not be executed", hint=python or f"chmod +x {program}", path=path
            )
        case errno.ENOEXEC:
            message = "is neither a program nor a script that starts with #!"
            return LaunchError("format", message, hint=python or f"og run -- sh {program}", path=path)
    return LaunchError("system", f"cannot start {program} ({reason})", path=path)
