"""The environment a training process gets from its runner."""

from __future__ import annotations

import os

from opengraphs.sdk import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CONTRACT = (
    "OG_RESUME", "OG_RESUME_FROM", "OG_RESUME_STEP", "OG_RESUME_KIND", "OG_OVERRIDES", "OG_PARENT_RUN_ID",
    "OG_ROOT_RUN_ID", "OG_ATTEMPT", "OG_CKPT_DIR", "OG_SMOKE_STEPS",
)  # fmt: skip
"""What a training is told about the run it goes on from; docs/resume.md says what each means."""

INHERITED = ("group", "job_type", "tags", "notes", "config", "mirror_to", "alert_rules")
"""Facts that a run hands on to the one that goes on from it, by the names that `create_run` takes."""

_OF_USERS = ("OG_SMOKE_STEPS",)
"""Those that a user may set himself."""
_OF_INGEST = ("OG_INGEST_URL", "TRACKIO_SERVER_URL", "TRACKIO_WRITE_TOKEN")


def split(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(what belongs to the contract, the rest): the rest is the user's own and is handed on."""
    contract = {name: value for name, value in env.items() if name in CONTRACT}
    return contract, {name: value for name, value in env.items() if name not in CONTRACT}


def without_ingest(env: Mapping[str, str]) -> dict[str, str]:
    """Without the server that `og run` named for one run alone."""
    if "OG_INGEST_URL" not in env:
        return dict(env)
    return {name: value for name, value in env.items() if name not in _OF_INGEST}


def _contract(spec: Mapping[str, Any]) -> dict[str, str]:
    """The whole contract of one run; every process of it, each rank, gets the same."""
    facts = spec["facts"]
    parent = (facts.get("parent") or {}).get("run_id")
    return {
        "OG_RESUME": "0",
        "OG_ATTEMPT": "0",
        "OG_ROOT_RUN_ID": parent or facts["run_id"],
        "OG_CKPT_DIR": os.path.join(spec["run_dir"], layout.CHECKPOINTS),
        **({"OG_PARENT_RUN_ID": parent} if parent else {}),
        **spec["contract"],
    }


HOOKS_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "hooks")


def training_env(spec: Mapping[str, Any], *, runner_pid: int) -> dict[str, str]:
    """The user's environment plus what og promises (docs/reference/runner.md).

    What a file cannot do that a terminal does: Python would keep a block of output back
    (`PYTHONUNBUFFERED`), libraries would drop colour (`FORCE_COLOR`, unless `NO_COLOR`),
    and nothing would know the width (`COLUMNS`, `LINES`; a pty says so itself, and can change).
    """
    env = {name: value for name, value in spec["env"].items() if name not in CONTRACT or name in _OF_USERS}
    facts = spec["facts"]
    env.update(
        _contract(spec),
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
