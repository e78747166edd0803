"""What a run that goes on from another has from it, apart from command and environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HANDED_ON = ("tags", "group", "job_type", "notes", "mirror_to", "alert_rules", "launch")
"""Facts of run.json."""
_KINDS = {"use_pty": bool, "hooks": bool, "stdout_metrics": bool, "patterns": list}


def launch_options(recorded: Any) -> dict[str, Any]:
    """How the run was launched, as far as it was not as usual: arguments of `create_run`."""
    found = recorded if isinstance(recorded, Mapping) else {}
    return {name: found[name] for name, kind in _KINDS.items() if isinstance(found.get(name), kind)}
