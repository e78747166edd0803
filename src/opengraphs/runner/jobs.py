"""Who scheduled this process: what `sdk.ranks` reads from the environment, and what only a launcher cares about."""

from __future__ import annotations

from collections.abc import Mapping

from opengraphs.sdk import ranks


def job_facts(env: Mapping[str, str]) -> dict[str, str]:
    """run.json's `job`: `{"slurm_job_id": "4711", …}`; empty for a process that nobody scheduled."""
    facts = dict(ranks.job_facts(env))
    if "KUBERNETES_SERVICE_HOST" in env and env.get("HOSTNAME"):
        facts["k8s_pod"] = env["HOSTNAME"]
    if env.get("JOB_ID") and "SGE_TASK_ID" in env:  # JOB_ID alone is anybody's
        facts["sge_job_id"] = env["JOB_ID"]
    return facts


def rank_facts(env: Mapping[str, str]) -> dict[str, int]:
    """run.json's `ranks`: the world size, when a launcher above us announced more than one process.

    Empty otherwise: the command may be a launcher itself (`torchrun …`), and then its
    ranks say how many they are.
    """
    size = ranks.find_place(env).world_size
    return {"world_size": size} if size > 1 else {}
