"""Command line and environment, as far as they may be kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from opengraphs.runner.commandline import script_of, seeds
from opengraphs.sdk.ranks import JOB_VARIABLES
from opengraphs.sdk.redact import redact_command, redact_value

_NAMES = frozenset(
    (
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "TMPDIR", "LANG", "LANGUAGE", "TZ", "TERM",
        "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "MODULEPATH", "LOADEDMODULES",
        "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "UV_PYTHON", "PIXI_ENVIRONMENT_NAME", "CC", "CXX",
        "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE", "NODE_RANK",
        "CROSS_RANK", "MASTER_ADDR", "MASTER_PORT", "PMIX_RANK", "MPI_LOCALRANKID", "JOB_ID", "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NO_COLOR", "FORCE_COLOR", "http_proxy", "https_proxy", "no_proxy",
        "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NNODES",
        "SLURM_CPUS_PER_TASK", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_MEM_PER_NODE", "SLURM_SUBMIT_DIR", "SLURM_SUBMIT_HOST", "SLURM_TMPDIR",
        *JOB_VARIABLES,
    )
)  # fmt: skip
_PREFIXES = (
    "LC_", "PYTHON", "CUDA_", "CUBLAS_", "CUDNN_", "NCCL_", "NVIDIA_", "NVTE_", "ROCR_", "HIP_", "HSA_", "MIOPEN_",
    "RCCL_", "OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "BLIS_", "TORCH_", "TORCHELASTIC_", "TORCHINDUCTOR_",
    "PYTORCH_", "TRITON_", "HF_", "HUGGINGFACE_", "TRANSFORMERS_", "DATASETS_", "TOKENIZERS_", "DIFFUSERS_",
    "ACCELERATE_", "FSDP_", "DEEPSPEED_", "DS_", "MEGATRON_", "NEMO_", "VLLM_", "FLASH_ATTENTION_", "XLA_", "JAX_",
    "LIBTPU_", "TPU_", "TF_", "KERAS_", "GLOO_", "UCX_", "FI_", "OMPI_COMM_WORLD_", "OMPI_MCA_", "PMI_", "MV2_COMM_",
    "WANDB_", "MLFLOW_", "TRACKIO_", "HYDRA_", "PL_", "LIGHTNING_", "RAY_", "PET_", "SM_", "OG_", "OGD_",
)  # fmt: skip


def kept(env: Mapping[str, str]) -> dict[str, str]:
    """The variables on the list, secrets replaced; a list, because what is not known is not og's to store."""
    names = sorted(
        name
        for name in env
        if (name in _NAMES or name.startswith(_PREFIXES)) and not _is_of_ingest(name, env)
    )
    return {name: redact_value(name, env[name]) for name in names}


def _is_of_ingest(name: str, env: Mapping[str, str]) -> bool:
    """What `og run` set for this one run alone: a server that another run must not be sent to."""
    return "OG_INGEST_URL" in env and name in ("OG_INGEST_URL", "TRACKIO_SERVER_URL", "TRACKIO_WRITE_TOKEN")


def command_facts(command: list[str], cwd: str, env: Mapping[str, str]) -> dict[str, Any]:
    """bundle/command.json: the command as words and as one line for a shell, where it ran, seeds that were seen."""
    argv = redact_command(command)
    return {
        "argv": argv,
        "shell": f"cd {shlex.quote(cwd)} && {shlex.join(argv)}",
        "cwd": cwd,
        "script": script_of(command, cwd),
        "seeds": seeds(command, cwd, dict(env)),
        "umask": _umask(),
    }


def _umask() -> str | None:
    """Read where it can be read; asking by setting it would change it."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            match = re.search(r"^Umask:\s*(\d+)", file.read(), re.MULTILINE)
    except OSError:
        return None
    return match[1] if match else None
