"""What looks like a secret never reaches the store.

Two questions: does the *name* promise a secret (`HF_TOKEN`, `--api-key`), and does the
*value* look like one (`ghp_…`, a password inside a URL). Names of counts and of
vocabulary items (`num_tokens`, `pad_token`, `eos_token_id`) are no secrets.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

REDACTED = "[redacted]"

_ALWAYS = {
    "secret", "secrets", "password", "passwd", "passwords", "pwd", "passphrase", "credential", "credentials",
    "apikey", "accesskey", "secretkey", "privatekey", "authtoken", "cookie", "netrc",
}  # fmt: skip
_UNLESS_COUNTED = {"token", "tokens", "key", "keys", "auth", "authorization", "bearer", "signature"}
_COUNTS = {
    "num", "n", "max", "min", "count", "per", "total", "size", "len", "length", "limit", "budget", "vocab", "pad",
    "eos", "bos", "unk", "mask", "sep", "cls", "special", "additional", "seen", "prompt", "completion", "input",
    "output", "new", "batch", "sort", "group", "primary", "metric", "query", "head", "heads", "value", "dim",
    "parallelism", "type", "image", "audio", "stop", "start", "end", "ring", "embed",
}  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NUMBER = re.compile(r"[-+]?\d{1,12}(\.\d*)?([eE][-+]?\d+)?|true|false|none", re.IGNORECASE)

_VALUES = re.compile(
    r"(?<![A-Za-z0-9\-])(?:"
    r"hf_[A-Za-z0-9]{16,}"
    r"|sk-[A-Za-z0-9_\-]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_\-]{16,}"
    r"|xox[abeprs]-[A-Za-z0-9\-]{10,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|AIza[0-9A-Za-z_\-]{30,}"
    r"|(?:rpa|nvapi|gsk|r8|dapi|pypi|wandb)[_\-][A-Za-z0-9_\-]{20,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}"
    r")"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_URL_LOGIN = re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]+(?=@)|(?<=://)[^/\s@:]{16,}(?=@)")


def name_is_secret(name: str) -> bool:
    """Whether a variable or flag of this name holds a secret: `HF_TOKEN`, `--api-key`, `dbPassword`."""
    words = {word.lower() for word in _WORDS.findall(name)}
    if name in ("PWD", "OLDPWD"):
        return False
    if words & _ALWAYS:
        return True
    return bool(words & _UNLESS_COUNTED) and not words & _COUNTS


def redact_text(text: str) -> str:
    """`text` with every part that looks like a key, and every login in a URL, replaced."""
    return _URL_LOGIN.sub(REDACTED, _VALUES.sub(REDACTED, text))


def redact_value(name: str, value: str) -> str:
    """The value of one variable or flag as it may be stored; a plain number is never hidden for its name's sake
    unless the name says password or secret outright."""
    if value and name_is_secret(name) and not (_NUMBER.fullmatch(value) and not _outright(name)):
        return REDACTED
    return redact_text(value)


def redact_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they may be stored: texts under names of secrets, and those that look like one, are replaced."""
    return {key: _redacted(key, value) for key, value in config.items()}


def _redacted(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return redact_value(name, value)
    if isinstance(value, dict):
        return {key: _redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(name, item) for item in value]
    return value


def _outright(name: str) -> bool:
    return bool({word.lower() for word in _WORDS.findall(name)} & _ALWAYS)


def redact_command(command: list[str]) -> list[str]:
    """A command line as it may be stored: `--token X`, `--token=X` and `TOKEN=X` lose their X."""
    kept: list[str] = []
    flag = ""
    for word in command:
        name, equals, value = word.partition("=")
        if flag and not word.startswith("-"):
            kept.append(redact_value(flag, word))
        elif equals and re.fullmatch(r"[\w.\-]+", name):
            kept.append(f"{name}={redact_value(name, value)}")
        else:
            kept.append(redact_text(word))
        flag = word if word.startswith("-") and not equals else ""
    return kept
