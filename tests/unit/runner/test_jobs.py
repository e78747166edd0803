"""Who scheduled a process, read from its environment."""

from __future__ import annotations

import pytest

from opengraphs.runner.jobs import job_facts, rank_facts


def test_process_that_nobody_scheduled() -> None:
    env = {"PATH": "/bin", "JOB_ID": "7", "HOSTNAME": "box"}
    assert job_facts(env) == {}
    assert rank_facts(env) == {}


@pytest.mark.parametrize(
    ("env", "job"),
    [
        ({"SLURM_JOB_ID": "4711", "SLURM_JOB_USER": "me"}, {"slurm_job_id": "4711"}),
        ({"TORCHELASTIC_RUN_ID": "abc"}, {"torchelastic_run_id": "abc"}),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "train-0"}, {"k8s_pod": "train-0"}),
        ({"SGE_TASK_ID": "3", "JOB_ID": "99"}, {"sge_task_id": "3", "sge_job_id": "99"}),
        ({"RUNPOD_POD_ID": "p1"}, {"runpod_pod_id": "p1"}),
    ],
)
def test_job_ids(env: dict[str, str], job: dict[str, str]) -> None:
    assert job_facts(env) == job


@pytest.mark.parametrize(
    ("env", "ranks"),
    [
        ({"RANK": "1", "WORLD_SIZE": "8"}, {"world_size": 8}),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "4"}, {"world_size": 4}),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "16", "SLURM_STEP_ID": "0"}, {"world_size": 16}),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "16"}, {}),
        ({"WORLD_SIZE": "8"}, {}),
    ],
)
def test_world_size(env: dict[str, str], ranks: dict[str, int]) -> None:
    assert rank_facts(env) == ranks
