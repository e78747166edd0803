"""Which model, where it answers, and where its key comes from.

`[agent]` of the user's config.toml, then of the project's og.toml, then the environment; each wins over the
one before. A project may choose a model, but never where keys come from or where they are sent: whoever
clones a repository would run its command and hand over the key.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from opengraphs import paths
from opengraphs.agent.providers.failure import ProviderError
from opengraphs.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = "agent"
KEY_COMMAND_S = 20.0
"""A password manager may ask its user first."""
MAX_KEY_BYTES = 16 << 10
Dialect = Literal["chat", "messages"]


class Known(NamedTuple):
    """A provider by name. base_url: "" for the SDK's own. key_env: "" where no key is needed."""

    dialect: Dialect
    base_url: str
    key_env: str


PROVIDERS: dict[str, Known] = {
    "openai": Known("chat", "", "OPENAI_API_KEY"),
    "anthropic": Known("messages", "", "ANTHROPIC_API_KEY"),
    "openrouter": Known("chat", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "ollama": Known("chat", "http://127.0.0.1:11434/v1", ""),
    "vllm": Known("chat", "http://127.0.0.1:8000/v1", ""),
}
USERS_OWN = ("provider", "base_url", "api_key_env", "api_key_file", "api_key_cmd")
"""Keys that no project may set for its user."""
TEXTS = ("provider", "model", "base_url", "api_key_env", "api_key_file", "api_key_cmd")
NUMBERS = ("max_tokens", "timeout_s", "price_input", "price_cached", "price_output")
ENVIRONMENT = {"OG_AGENT_PROVIDER": "provider", "OG_AGENT_MODEL": "model", "OG_AGENT_BASE_URL": "base_url"}


class AgentSettings(NamedTuple):
    """What holds. base_url: "" for the provider's own address; api_key_*: at most one is used, in this order:
    command, file, variable. prices: USD a million tokens, None: not known. origin: by key, where it came from.
    """

    provider: str
    model: str
    base_url: str
    api_key_env: str
    api_key_file: str
    api_key_cmd: str
    max_tokens: int
    timeout_s: float
    price_input: float | None
    price_cached: float | None
    price_output: float | None
    origin: dict[str, str]

    @property
    def dialect(self) -> Dialect:
        return PROVIDERS[self.provider].dialect

    @property
    def key_source(self) -> str:
        """Where the key comes from, for people; "" where none is needed."""
        if self.api_key_cmd:
            return f"command {self.api_key_cmd!r}"
        if self.api_key_file:
            return f"file {self.api_key_file}"
        name = self.api_key_env or PROVIDERS[self.provider].key_env
        return f"${name}" if name else ""


def load_settings(env: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> AgentSettings:
    """Read the files and settle every value.

    Args:
        cwd: where the project's og.toml is looked for, upwards; None: the working folder.

    Raises:
        UsageError: a file is no TOML or has a value that cannot be; a project's file says what only users may.
        ProviderError: `no_model` or `no_key`, when nothing says which model.
    """
    environ = os.environ if env is None else env
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for path, is_project in _files(environ, cwd):
        found = _checked(_table(path), path, is_project=is_project)
        if is_project:
            _keep_provider(found, values, path)
        for key, value in found.items():
            values[key], origin[key] = value, str(path)
    for variable, key in ENVIRONMENT.items():
        if environ.get(variable):
            values[key], origin[key] = environ[variable], f"${variable}"
    return _settled(values, origin, environ)


def _files(environ: Mapping[str, str], cwd: Path | None) -> list[tuple[Path, bool]]:
    project = paths.project_file((cwd or Path.cwd()).absolute())
    user = paths.config_file(environ)
    return [*([(user, False)] if user.is_file() else []), *([(project, True)] if project else [])]


def _table(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get(TABLE, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"the settings cannot be read: {error}", hint="og config path", path=str(path)
        ) from error
    if not isinstance(found, dict):
        raise UsageError(f"[{TABLE}] is no table", path=str(path))
    return found


def _checked(table: Mapping[str, Any], path: Path, *, is_project: bool) -> dict[str, Any]:
    """The keys that are about the model; others of the table belong to the guard."""
    found: dict[str, Any] = {}
    for key in (*TEXTS, *NUMBERS):
        if key not in table:
            continue
        if is_project and key in USERS_OWN:
            raise UsageError(
                f"agent.{key} may not be set by a project",
                hint="it says where your key comes from or goes to: put it into your own config.toml",
                path=str(path),
            )
        value = table[key]
        is_right = isinstance(value, str) if key in TEXTS else _is_number(value)
        if not is_right:
            raise UsageError(
                f"agent.{key} is {value!r}",
                hint="a text" if key in TEXTS else "a number of 0 or more",
                path=str(path),
            )
        found[key] = value
    return found


def _keep_provider(found: Mapping[str, Any], users: Mapping[str, Any], path: Path) -> None:
    """A project's `provider/model` must not carry the user's key, or address, to another provider."""
    before, slash, _ = str(found.get("model", "")).partition("/")
    if not slash or before not in PROVIDERS or users.get("provider"):
        return
    if any(users.get(key) for key in USERS_OWN) and str(users.get("model", "")).partition("/")[0] != before:
        raise UsageError(
            f"agent.model may not change the provider to {before} in a project",
            hint="your key or address was chosen for another: put the model into your own config.toml",
            path=str(path),
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9


def _settled(values: dict[str, Any], origin: dict[str, str], environ: Mapping[str, str]) -> AgentSettings:
    model = str(values.get("model", ""))
    provider = str(values.get("provider", ""))
    before, slash, after = model.partition("/")
    if slash and before in PROVIDERS and provider in ("", before):
        provider, model = before, after
    provider = provider or _by_key(environ)
    if provider not in PROVIDERS:
        raise UsageError(
            f"no provider is named {provider!r}",
            hint=f"there are {', '.join(PROVIDERS)}",
            path=origin.get("provider", ""),
        )
    if not model:
        raise ProviderError("no_model", f"no model of {provider} is chosen")
    return AgentSettings(
        provider,
        model,
        str(values.get("base_url", "")) or PROVIDERS[provider].base_url,
        str(values.get("api_key_env", "")),
        str(values.get("api_key_file", "")),
        str(values.get("api_key_cmd", "")),
        int(values.get("max_tokens", 4096)) or 4096,
        float(values.get("timeout_s", 120.0)) or 120.0,
        _price(values, "price_input"),
        _price(values, "price_cached"),
        _price(values, "price_output"),
        origin,
    )


def _by_key(environ: Mapping[str, str]) -> str:
    """The provider whose key is there, where nobody named one."""
    for name, known in PROVIDERS.items():
        if known.key_env and environ.get(known.key_env):
            return name
    raise ProviderError("no_key", "no model is set up, and no key of one is in the environment")


def _price(values: Mapping[str, Any], key: str) -> float | None:
    return float(values[key]) if key in values else None


def find_key(settings: AgentSettings, env: Mapping[str, str] | None = None) -> str:
    """The key itself; "" where the provider needs none. Never stored, never printed.

    Raises:
        ProviderError: `no_key`, with the reason.
    """
    environ = os.environ if env is None else env
    if settings.api_key_cmd:
        return _from_command(settings.api_key_cmd)
    if settings.api_key_file:
        return _from_file(Path(settings.api_key_file).expanduser())
    name = settings.api_key_env or PROVIDERS[settings.provider].key_env
    if not name:
        return ""
    if not environ.get(name):
        raise ProviderError("no_key", f"${name} is not set", hint=f"export {name}=…, or og config agent")
    return environ[name].strip()


def _from_command(command: str) -> str:
    import shlex

    try:
        done = subprocess.run(
            shlex.split(command),
            capture_output=True,
            text=True,
            timeout=KEY_COMMAND_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ProviderError("no_key", f"the command for the key does not run: {error}") from error
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise ProviderError("no_key", f"the command for the key ends with {done.returncode} and tells no key")
    return lines[0].strip()


def _from_file(path: Path) -> str:
    """The first line of a file that nobody else can read."""
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if stat.S_IMODE(state.st_mode) & 0o077 or state.st_uid != os.geteuid():
                raise ProviderError(
                    "no_key",
                    "others can read the file of the key",
                    hint=f"chmod 600 {path}, and own it",
                    path=str(path),
                )
            text = file.read(MAX_KEY_BYTES).decode("utf-8", "replace").strip()
    except OSError as error:
        raise ProviderError(
            "no_key", f"the file of the key cannot be read ({error.strerror})", path=str(path)
        ) from error
    if not text:
        raise ProviderError("no_key", "the file of the key is empty", path=str(path))
    return text.splitlines()[0].strip()
