"""Which process of how many this is, and what the ranks of one job have in common.

Each launcher says it in variables of its own (torchrun, MPI, Slurm). No rank waits for
another: what they share is read from the environment.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional

_RANKS = (
    ("RANK", "WORLD_SIZE"),  # torchrun, accelerate, deepspeed, and what they start
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # before Slurm: `mpirun` inside a batch script
    ("PMIX_RANK", "SLURM_NTASKS"),
    ("PMI_RANK", "PMI_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
)
JOB_VARIABLES = (
    "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_STEP_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID",
    "SLURM_RESTART_COUNT", "SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST", "SLURM_JOB_NUM_NODES",
    "SLURM_CLUSTER_NAME", "SLURM_JOB_END_TIME", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT",
    "TORCHELASTIC_MAX_RESTARTS", "GROUP_RANK", "GROUP_WORLD_SIZE", "PBS_JOBID", "PBS_ARRAY_INDEX",
    "LSB_JOBID", "LSB_JOBINDEX", "SGE_TASK_ID", "JOB_COMPLETION_INDEX", "PET_NODE_RANK", "PET_NNODES",
    "VC_TASK_INDEX", "SM_CURRENT_HOST", "RAY_JOB_ID", "SKYPILOT_TASK_ID", "RUNPOD_POD_ID",
    "VAST_CONTAINERLABEL", "MODAL_TASK_ID",
)  # fmt: skip
"""Kept in run.json's `job`, in lower case; a scheduler sets a hundred more, some of them private."""


class Place:
    """Where this process stands.

    Attributes:
        rank, world_size: 0 and 1 where no launcher says otherwise.
        attempt: how often the launcher has restarted the job.
        job: what all ranks of this job, and nobody else, share; "" for a single process.
        is_unique: `job` never names a later job. False for a bare address and port,
            which the next job on this machine will have too.
    """

    __slots__ = ("attempt", "is_unique", "job", "rank", "world_size")

    def __init__(self, rank: int, world_size: int, attempt: int, job: str, is_unique: bool) -> None:
        self.rank = rank
        self.world_size = world_size
        self.attempt = attempt
        self.job = job
        self.is_unique = is_unique


def find_place(env: Optional[Mapping[str, str]] = None) -> Place:
    """Read the launcher's variables."""
    environ = os.environ if env is None else env
    rank, world_size = _rank(environ)
    attempt = _int(environ, "TORCHELASTIC_RESTART_COUNT")
    if attempt is None:
        attempt = _int(environ, "SLURM_RESTART_COUNT")
    job, is_unique = _job(environ) if world_size > 1 else ("", False)
    return Place(rank, world_size, attempt or 0, job, is_unique)


def job_facts(env: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """`{"slurm_job_id": "4711", …}`; empty for a process that nobody scheduled."""
    environ = os.environ if env is None else env
    return {name.lower(): environ[name] for name in JOB_VARIABLES if environ.get(name)}


def _int(env: Mapping[str, str], name: str) -> Optional[int]:
    value = env.get(name, "")
    return int(value) if value.isdigit() and len(value) < 10 else None


def _in_slurm_step(env: Mapping[str, str]) -> bool:
    """Inside `srun`. In a batch script rank 0 of many is set too, with nobody else there."""
    return _int(env, "SLURM_STEP_ID") is not None


def _rank(env: Mapping[str, str]) -> tuple[int, int]:
    for rank_name, size_name in _RANKS:
        if size_name == "SLURM_NTASKS" and not _in_slurm_step(env):
            continue
        rank = _int(env, rank_name)
        if rank is not None:
            return rank, max(_int(env, size_name) or 1, rank + 1)
    return 0, 1


def _job(env: Mapping[str, str]) -> tuple[str, bool]:
    elastic = env.get("TORCHELASTIC_RUN_ID", "")
    address = "%s:%s" % (env.get("MASTER_ADDR", ""), env.get("MASTER_PORT", ""))
    if elastic not in ("", "none"):
        return "elastic-" + elastic, True
    if elastic and env.get("WORLD_SIZE") == env.get("LOCAL_WORLD_SIZE"):
        return "torchrun-%s-%s" % (os.getppid(), _birth(os.getppid())), True
    if _in_slurm_step(env):
        return "slurm-%s-%s" % (env.get("SLURM_JOB_ID", ""), env["SLURM_STEP_ID"]), True
    if env.get("PMIX_NAMESPACE"):
        return "pmix-" + env["PMIX_NAMESPACE"], True
    if env.get("OMPI_MCA_ess_base_jobid"):
        return "mpi-" + env["OMPI_MCA_ess_base_jobid"], True
    return ("address-" + address, False) if env.get("MASTER_ADDR") else ("parent-%d" % os.getppid(), False)


def _birth(pid: int) -> str:
    """When a process started, so that a reused number is another process; "" where nobody tells."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""
