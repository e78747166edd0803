"""Which names and values are secrets, as a table."""

from __future__ import annotations

import pytest

from opengraphs.sdk.redact import REDACTED, name_is_secret, redact_command, redact_text, redact_value

SECRET_NAMES = [
    "HF_TOKEN", "WANDB_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN",
    "DB_PASSWORD", "dbPassword", "PGPASSWORD_FILE_SECRET", "MY_CREDENTIALS", "--api-key", "--hf-token", "--token",
    "OPENAI_KEY", "authToken", "HTTP_AUTHORIZATION", "SSH_PASSPHRASE", "MLFLOW_TRACKING_PASSWORD", "SESSION_COOKIE",
    "apikey",
]  # fmt: skip
PLAIN_NAMES = [
    "PATH", "PWD", "OLDPWD", "num_tokens", "max_new_tokens", "--max-tokens", "tokens_per_batch", "TOKENIZERS_PARALLELISM",
    "tokenizer", "pad_token", "embed_tokens", "eos_token_id", "monkey", "keyboard", "primary_key", "sort_key", "num_key_value_heads",
    "author", "CUDA_VISIBLE_DEVICES", "lr", "weight_decay", "num_heads", "secretary_problem_size",
]  # fmt: skip
SECRET_VALUES = [
    "hf_abcdefghijklmnopqrstuvwxyz012345",
    "sk-ant-REDACTED-0123456789abcdef",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "github_pat_11ABCDEFG0123456789_abcdefghij",
    "glpat-0123456789abcdefghij",
    "xoxb-123456789012-abcdefghijkl",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_name_promises_a_secret(name: str) -> None:
    assert name_is_secret(name)
    assert redact_value(name, "correct horse") == REDACTED


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_name_is_no_secret(name: str) -> None:
    assert not name_is_secret(name)
    assert redact_value(name, "some value") == "some value"


@pytest.mark.parametrize("value", SECRET_VALUES)
def test_value_that_looks_like_a_key_is_replaced_whatever_its_name(value: str) -> None:
    assert redact_value("NOTE", value) == REDACTED
    assert redact_text(f"before {value} after") == f"before {REDACTED} after"


@pytest.mark.parametrize(
    "value",
    [
        "/usr/lib:/home/me/sk-learn-data/bin",
        "259dd3e7c152c5ff27a00e1140c19982a0c3e048",
        "meta-llama/Llama-3.1-8B",
        "2026-11-25T22:44:31",
        "https://example.org/path?x=1",
        "/runs/task-sk-1234567890123456789",
    ],
)
def test_ordinary_values_stay(value: str) -> None:
    assert redact_value("NOTE", value) == value


@pytest.mark.parametrize("value", ["512", "1e-3", "true", "0.5", ""])
def test_plain_number_under_a_token_name_stays_readable(value: str) -> None:
    assert redact_value("my_token", value) == value


def test_plain_number_under_a_password_name_does_not() -> None:
    assert redact_value("DB_PASSWORD", "1234") == REDACTED


def test_login_in_a_url_is_replaced_and_the_rest_stays() -> None:
    assert redact_text("https://me:secret@host.org/repo.git") == f"https://{REDACTED}@host.org/repo.git"
    token = "x" * 40
    assert redact_text(f"https://{token}@host.org/repo.git") == f"https://{REDACTED}@host.org/repo.git"
    assert redact_text("ssh://git@host.org/repo.git") == "ssh://git@host.org/repo.git"


def test_private_key_is_replaced_whole() -> None:
    text = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----\nz"
    assert redact_text(text) == f"a\n{REDACTED}\nz"
    assert redact_text("-----BEGIN PRIVATE KEY-----\nAAAA cut off") == REDACTED


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (["train.py", "--lr", "1"], ["train.py", "--lr", "1"]),
        (["train.py", "--api-key", "abc", "x"], ["train.py", "--api-key", REDACTED, "x"]),
        (["train.py", "--api-key=abc"], ["train.py", f"--api-key={REDACTED}"]),
        (["env", "HF_TOKEN=abc", "python"], ["env", f"HF_TOKEN={REDACTED}", "python"]),
        (["train.py", "--use-token", "--lr", "1"], ["train.py", "--use-token", "--lr", "1"]),
        (["train.py", "--max-tokens", "many"], ["train.py", "--max-tokens", "many"]),
        (["curl", SECRET_VALUES[0]], ["curl", REDACTED]),
        (["sh", "-c", "exit 7"], ["sh", "-c", "exit 7"]),
    ],
)
def test_command_line(command: list[str], kept: list[str]) -> None:
    assert redact_command(command) == kept
