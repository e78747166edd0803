"""Which model, from where, with whose key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opengraphs.agent.providers import ProviderError, load_settings
from opengraphs.agent.providers.settings import PROVIDERS, TEXTS, USERS_OWN, find_key
from opengraphs.errors import UsageError

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home" / "opengraphs").mkdir(parents=True)
    return {"XDG_CONFIG_HOME": str(tmp_path / "home")}


def user_file(env: dict[str, str], text: str) -> Path:
    path = Path(env["XDG_CONFIG_HOME"]) / "opengraphs" / "config.toml"
    path.write_text(f"[agent]\n{text}\n")
    return path


def project(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "work" / "below"
    folder.mkdir(parents=True)
    (folder.parent / "og.toml").write_text(f"[agent]\n{text}\n")
    return folder


def test_environment_wins_over_project_over_user(env: dict[str, str], tmp_path: Path) -> None:
    user_file(env, 'provider = "openai"\nmodel = "users"\nmax_tokens = 100')
    cwd = project(tmp_path, 'model = "projects"\nmax_tokens = 200')
    found = load_settings(env, cwd=cwd)
    assert (found.provider, found.model, found.max_tokens) == ("openai", "projects", 200)
    found = load_settings(
        {**env, "OG_AGENT_MODEL": "anthropic/mine", "OG_AGENT_PROVIDER": "anthropic"}, cwd=cwd
    )
    assert (found.provider, found.model, found.origin["model"]) == ("anthropic", "mine", "$OG_AGENT_MODEL")


@pytest.mark.parametrize("key", USERS_OWN)
def test_no_project_says_where_a_key_comes_from_or_goes_to(
    key: str, env: dict[str, str], tmp_path: Path
) -> None:
    user_file(env, 'provider = "openai"\nmodel = "m"')
    with pytest.raises(UsageError, match=f"agent.{key} may not be set by a project") as caught:
        load_settings(env, cwd=project(tmp_path, f'{key} = "x"'))
    assert caught.value.path.endswith("og.toml")


@pytest.mark.parametrize("own", ['api_key_cmd = "pass show x"', 'base_url = "http://127.0.0.1:1/v1"'])
def test_no_project_carries_the_users_key_to_another_provider(
    own: str, env: dict[str, str], tmp_path: Path
) -> None:
    user_file(env, f'model = "openai/gpt"\n{own}')
    cwd = project(tmp_path, 'model = "openrouter/x"')
    with pytest.raises(UsageError, match="may not change the provider to openrouter"):
        load_settings(env, cwd=cwd)
    (cwd.parent / "og.toml").write_text('[agent]\nmodel = "openai/other"\n')
    assert load_settings(env, cwd=cwd)[:2] == ("openai", "other")


def test_a_model_may_name_its_provider_and_may_have_slashes_of_its_own(
    env: dict[str, str], tmp_path: Path
) -> None:
    for given, wanted in {
        "anthropic/claude": ("anthropic", "claude"),
        "openrouter/qwen/qwen3": ("openrouter", "qwen/qwen3"),
        "ollama/qwen3:8b": ("ollama", "qwen3:8b"),
    }.items():
        found = load_settings({**env, "OG_AGENT_MODEL": given}, cwd=tmp_path)
        assert (found.provider, found.model) == wanted
    named = {**env, "OG_AGENT_MODEL": "anthropic/claude", "OG_AGENT_PROVIDER": "openrouter"}
    assert load_settings(named, cwd=tmp_path).model == "anthropic/claude", "as OpenRouter calls it"


def test_without_a_choice_the_key_that_is_there_decides(env: dict[str, str], tmp_path: Path) -> None:
    env["OG_AGENT_MODEL"] = "m"
    assert load_settings({**env, "ANTHROPIC_API_KEY": "k"}, cwd=tmp_path).provider == "anthropic"
    with pytest.raises(ProviderError) as caught:
        load_settings(env, cwd=tmp_path)
    assert (caught.value.kind, caught.value.exit_code) == ("no_key", 7)
    del env["OG_AGENT_MODEL"]
    with pytest.raises(ProviderError) as caught:
        load_settings({**env, "OPENAI_API_KEY": "k"}, cwd=tmp_path)
    assert caught.value.kind == "no_model"


@pytest.mark.parametrize(
    "text",
    [
        'provider = "nobody"\nmodel = "m"',
        "model = 3",
        'max_tokens = "many"',
        "timeout_s = -1",
        "price_input = true",
        "model = [",
    ],
)
def test_what_cannot_be_is_an_error_that_names_the_file(
    text: str, env: dict[str, str], tmp_path: Path
) -> None:
    path = user_file(env, text)
    with pytest.raises(UsageError) as caught:
        load_settings({**env, "OPENAI_API_KEY": "k"}, cwd=tmp_path)
    assert caught.value.path == str(path)


def settings(env: dict[str, str], text: str, tmp_path: Path):  # type: ignore[no-untyped-def]
    user_file(env, f'provider = "openai"\nmodel = "m"\n{text}')
    return load_settings(env, cwd=tmp_path)


def test_a_key_comes_from_a_variable_a_file_or_a_command(env: dict[str, str], tmp_path: Path) -> None:
    assert find_key(settings(env, "", tmp_path), {"OPENAI_API_KEY": " k1\n"}) == "k1"
    assert find_key(settings(env, 'api_key_env = "MINE"', tmp_path), {"MINE": "k2"}) == "k2"
    file = tmp_path / "key"
    file.write_text("k3\nsecond line\n")
    file.chmod(0o600)
    assert find_key(settings(env, f'api_key_file = "{file}"', tmp_path), {}) == "k3"
    assert find_key(settings(env, "api_key_cmd = \"printf 'k4\\\\nmore'\"", tmp_path), {}) == "k4"
    local = load_settings({**env, "OG_AGENT_MODEL": "ollama/x", "OG_AGENT_PROVIDER": "ollama"}, cwd=tmp_path)
    assert local.key_source  # the file's command is the user's choice, whatever the provider


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(mode: int, env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k3")
    file.chmod(mode)
    with pytest.raises(ProviderError, match="others can read") as caught:
        find_key(settings(env, f'api_key_file = "{file}"', tmp_path), {})
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        'api_key_file = "/nowhere/key"',
        'api_key_cmd = "false"',
        'api_key_cmd = "true"',
        'api_key_cmd = "no-such-program"',
        "",
    ],
)
def test_where_no_key_is_found_the_state_says_so(text: str, env: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        find_key(settings(env, text, tmp_path), {"PATH": os.environ["PATH"]})
    assert caught.value.kind == "no_key"


def test_every_provider_setting_and_state_is_documented() -> None:
    page = (DOCS / "providers.md").read_text()
    table = (DOCS / "reference" / "settings.md").read_text()
    from opengraphs.agent.providers.failure import HINTS

    for name in PROVIDERS:
        assert f"| `{name}` |" in page
    for kind in HINTS:
        assert f"| `{kind}` |" in page
    assert [key for key in TEXTS if f"`{key}`" not in table] == []
