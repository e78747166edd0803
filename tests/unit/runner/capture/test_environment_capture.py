"""What of an environment and a command line is kept."""

from __future__ import annotations

from opengraphs.runner.capture.environment import command_facts, kept

HF = "hf_abcdefghijklmnopqrstuvwxyz012345"


def test_only_names_on_the_list_are_kept() -> None:
    env = {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "NCCL_DEBUG": "INFO",
        "OMP_NUM_THREADS": "4",
        "SLURM_JOB_ID": "7",
        "RANK": "0",
        "LC_ALL": "C",
        "SSH_CONNECTION": "10.0.0.1",
        "BANK_ACCOUNT": "123",
        "DBUS_SESSION_BUS_ADDRESS": "unix:x",
        "SLURM_JOB_USER": "me",
    }
    assert list(kept(env)) == [
        "CUDA_VISIBLE_DEVICES",
        "LC_ALL",
        "NCCL_DEBUG",
        "OMP_NUM_THREADS",
        "PATH",
        "RANK",
        "SLURM_JOB_ID",
    ]


def test_secrets_among_them_are_replaced() -> None:
    env = {
        "HF_TOKEN": HF,
        "HF_HOME": "/data/hf",
        "WANDB_API_KEY": "0123456789abcdef0123456789abcdef01234567",
        "HF_ENDPOINT": "https://me:pw@hub.example.org",
        "TOKENIZERS_PARALLELISM": "false",
        "VLLM_MAX_TOKENS": "4096",
    }
    assert kept(env) == {
        "HF_TOKEN": "[redacted]",
        "HF_HOME": "/data/hf",
        "WANDB_API_KEY": "[redacted]",
        "HF_ENDPOINT": "https://[redacted]@hub.example.org",
        "TOKENIZERS_PARALLELISM": "false",
        "VLLM_MAX_TOKENS": "4096",
    }


def test_command_as_words_and_as_a_shell_line() -> None:
    facts = command_facts(
        ["python", "a b.py", "--seed", "3", "--hf-token", HF], "/my work", {"PYTHONHASHSEED": "1"}
    )
    assert facts["argv"] == ["python", "a b.py", "--seed", "3", "--hf-token", "[redacted]"]
    assert facts["shell"] == "cd '/my work' && python 'a b.py' --seed 3 --hf-token '[redacted]'"
    assert facts["seeds"] == {"seed": 3, "PYTHONHASHSEED": "1"}
    assert facts["cwd"] == "/my work"
