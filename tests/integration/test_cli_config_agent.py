"""`og config agent` against a model on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from og_user import OgUser

from opengraphs.demo.model_server import Answer, Call, Fault, ModelServer


def setup(user: OgUser, model: ModelServer) -> subprocess.CompletedProcess[str]:
    user.env["MY_KEY"] = "k-secret-1234"
    chosen = {"provider": "openai", "model": "m", "base-url": model.url, "key-env": "MY_KEY"}
    return user.og("config", "agent", *(f"--{name}={value}" for name, value in chosen.items()))


def config_file(user: OgUser) -> Path:
    return Path(user.env["XDG_CONFIG_HOME"]) / "opengraphs" / "config.toml"


def test_it_is_written_tested_and_told(user: OgUser) -> None:
    with ModelServer([Answer("", (Call("ready", {}),))]) as model:
        done = setup(user, model)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("openai m, key from $MY_KEY\nanswers: first word after ")
        assert "calls tools" in done.stdout
        (asked,) = model.asked
        assert asked[2]["authorization"] == "Bearer k-secret-1234"
    written = config_file(user).read_text()
    assert 'api_key_env = "MY_KEY"' in written
    assert "k-secret" not in written
    told = json.loads(user.og("config", "agent", "--no-test", "--json").stdout)
    assert (told["provider"], told["model"], told["key_source"]) == ("openai", "m", "$MY_KEY")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Fault(401, "authentication_error", "bad key"), "says 401"),
        (Fault(429, "rate_limit_error", retry_after=600), "says 429"),
        (Answer("half", cut=2), "ended in the middle"),
    ],
    ids=["refused", "rate limited", "cut"],
)
def test_what_is_wrong_is_said_with_what_to_do(user: OgUser, step: Answer | Fault, said: str) -> None:
    with ModelServer([step]) as model:
        done = setup(user, model)
    assert (done.returncode, done.stdout) == (7, "")
    assert said in done.stderr
    assert "k-secret" not in done.stderr


def test_no_key_and_two_keys(user: OgUser) -> None:
    done = user.og("config", "agent", "--provider", "anthropic", "--model", "m")
    assert done.returncode == 7
    assert "$ANTHROPIC_API_KEY is not set" in done.stderr
    done = user.og("config", "agent", "--key-env", "A", "--key-file", "b")
    assert (done.returncode, "one place" in done.stderr) == (2, True)


def test_comments_and_other_settings_stay(user: OgUser) -> None:
    config_file(user).parent.mkdir(parents=True, exist_ok=True)
    config_file(user).write_text('# mine\n[ui]\ntheme = "dark"  # calm\n\n[agent]\nmax_lines = 20\n')
    user.og("config", "agent", "--provider", "ollama", "--model", "qwen3:8b", "--no-test")
    text = config_file(user).read_text()
    assert text.startswith('# mine\n[ui]\ntheme = "dark"  # calm\n')
    assert "max_lines = 20" in text
    assert 'model = "qwen3:8b"' in text


@pytest.mark.parametrize(
    "module", ["opengraphs.cli.agent_setup", "opengraphs.agent.providers", "opengraphs.daemon.core"]
)
def test_model_libraries_are_loaded_by_a_request_alone(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('openai', 'anthropic', 'httpx2', 'pydantic') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"


def test_doctor_says_which_model_would_be_asked(user: OgUser) -> None:
    def told() -> dict[str, str]:
        checks = user.json("doctor")["checks"]
        return next(one for one in checks if one["id"] == "agent")

    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY"):
        user.env.pop(name, None)
    assert told()["message"] == "no model is set up; everything else works without"
    user.og("config", "agent", "--provider", "openai", "--model", "m", "--no-test")
    assert (told()["status"], told()["message"]) == ("warn", "$OPENAI_API_KEY is not set")
    user.env["OPENAI_API_KEY"] = "k"
    assert (told()["status"], told()["message"]) == ("ok", "openai m, key from $OPENAI_API_KEY")
