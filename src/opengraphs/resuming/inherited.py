"""What a run that goes on from another has from it, apart from command and environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs import paths
from opengraphs.runner.environ import INHERITED

if TYPE_CHECKING:
    from opengraphs.runner.launch import LaunchSpec

HANDED_ON = ("tags", "group", "job_type", "notes", "mirror_to", "alert_rules", "launch")
"""Facts of run.json."""
_KINDS = {"use_pty": bool, "hooks": bool, "stdout_metrics": bool, "patterns": list}


def launch_options(recorded: Any) -> dict[str, Any]:
    """How the run was launched, as far as it was not as usual: arguments of `create_run`."""
    found = recorded if isinstance(recorded, Mapping) else {}
    return {name: found[name] for name, kind in _KINDS.items() if isinstance(found.get(name), kind)}


def planned_run(
    plan: Mapping[str, Any], store: Path, *, env: Mapping[str, str], contract: Mapping[str, str], **more: Any
) -> LaunchSpec:
    """Make the folder of the run that a protocol `ResumePlan` describes; `create_run` takes the rest.

    Raises:
        OSError: the store cannot be written.
    """
    from opengraphs.runner import launch as runner  # not for those who only plan

    facts = plan["facts"]
    return runner.create_run(
        plan["command"],
        control_socket=paths.control_socket,
        store=str(store),
        project=plan["project"] or None,
        name=plan["name"],
        parent=plan["parent"],
        cwd=plan["cwd"],
        env=env,
        contract=contract,
        **{name: facts[name] for name in INHERITED if facts.get(name)},
        **launch_options(facts.get("launch")),
        **more,
    )
