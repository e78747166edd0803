"""The environment a training process gets from its runner."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

HOOKS_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "hooks")


def training_env(spec: Mapping[str, Any], *, runner_pid: int) -> dict[str, str]:
    """The user's environment plus what og promises (docs/reference/runner.md).

    What a file cannot do that a terminal does: Python would keep a block of output back
    (`PYTHONUNBUFFERED`), libraries would drop colour (`FORCE_COLOR`, unless `NO_COLOR`),
    and nothing would know the width (`COLUMNS`, `LINES`; a pty says so itself, and can change).
    """
    env = dict(spec["env"])
    facts = spec["facts"]
    env.update(
        OG_RUN_DIR=spec["run_dir"],
        OG_RUN_ID=facts["run_id"],
        OG_STORE=spec["store"],
        OG_PROJECT=facts["project"],
        OG_RUNNER_PID=str(runner_pid),
        PYTHONUNBUFFERED="1",
    )
    if not env.get("NO_COLOR"):
        env["FORCE_COLOR"] = "1"
    if spec["use_pty"]:
        env.setdefault("TERM", "xterm-256color")
    elif spec["window"]:
        env["COLUMNS"], env["LINES"] = (str(size) for size in spec["window"])
    if spec["hooks"]:
        others = [
            path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path and path != HOOKS_FOLDER
        ]
        env["PYTHONPATH"] = os.pathsep.join([HOOKS_FOLDER, *others])
    return env
