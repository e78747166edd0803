"""What leaves for a model, an audit, a bundle or another agent has no secret in it.

Two layers: the very values of variables and settings whose names promise a secret, which no
pattern knows; then what looks like a key by itself, and what stands behind `password =`. A
secret becomes `<secret:KIND:TAG>`; the tag is the same for the same secret within one
`Redactor` and tells nothing else about it, so that a reader can still say that two are the same.
`num_tokens = 1234` stays readable: *token* is a word of the field, and numbers are no secrets.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opengraphs.sdk.redact import name_is_secret

MIN_SECRET = 8
"""A known value shorter than this is not looked for: it would hide words that mean nothing."""

_KINDS: tuple[tuple[str, str], ...] = (
    ("pem", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("sk-ant-", r"sk-ant-[A-Za-z0-9_\-]{16,}"),
    ("sk-", r"sk-[A-Za-z0-9_\-]{16,}"),
    ("hf_", r"hf_[A-Za-z0-9]{16,}"),
    ("github", r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"),
    ("glpat-", r"glpat-[A-Za-z0-9_\-]{16,}"),
    ("aws", r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    ("slack", r"xox[abeprs]-[A-Za-z0-9\-]{10,}"),
    ("google", r"AIza[0-9A-Za-z_\-]{30,}"),
    ("key", r"(?:rpa|nvapi|gsk|r8|dapi|pypi|wandb|tgp|xai)[_\-][A-Za-z0-9_\-]{20,}"),
    ("jwt", r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}"),
    ("login", r"(?<=://)[^/\s@:]{0,64}:[^/\s@]{1,256}(?=@)|(?<=://)[^/\s@:]{16,256}(?=@)"),
    ("bearer", r"(?<=[Bb]earer )[A-Za-z0-9._~+/\-]{12,}=*"),
)
_PATTERN = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(f"(?P<k{n}>{pattern})" for n, (_, pattern) in enumerate(_KINDS)) + ")"
)
_ASSIGNED = re.compile(
    r"""(?<![<\w])(?P<name>[A-Za-z][\w.\-]{0,63})(?P<between>["']?\s{0,4}[=:]\s{0,4})"""
    r"""(?P<value>"[^"\n]{1,512}"|'[^'\n]{1,512}'|[^\s,;"'()\[\]{}]{1,512})"""
)
_PLAIN = re.compile(r"[-+]?[\d._]+(?:[eE][-+]?\d+)?|true|false|none|null|[a-z]{1,24}", re.IGNORECASE)
_GENERIC = frozenset(("key", "keys", "token", "tokens", "auth", "signature"))
"""Names that by themselves mostly name something else: the key of a metric, the token of a text."""
_MIXED = re.compile(r"(?=[^A-Za-z]*[A-Za-z])(?=\D*\d)[A-Za-z0-9+=_.\-]{12,}")
_OUTRIGHT = re.compile(r"pass(?:word|wd|phrase)|secret|credential", re.IGNORECASE)


class Hidden(NamedTuple):
    """One kind of secret that was hidden, and how often."""

    kind: str
    times: int


class Redactor:
    """Hides secrets; not to be shared between stores, since its tags are."""

    def __init__(self, known: Iterable[str] = (), *, salt: bytes | None = None) -> None:
        """Args:
        known: values that are secret whatever they look like; see `secret_values`.
        """
        self._salt = salt or secrets.token_bytes(16)
        found = sorted({value for value in known if len(value) >= MIN_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, found))) if found else None
        self._counts: dict[str, int] = {}

    @property
    def hidden(self) -> list[Hidden]:
        """What was hidden so far, by kind; never the secrets themselves."""
        return [Hidden(kind, count) for kind, count in sorted(self._counts.items())]

    def text(self, text: str) -> str:
        """`text` without secrets."""
        if self._known is not None:
            text = self._known.sub(lambda found: self._tag("value", found[0]), text)
        text = _PATTERN.sub(self._by_pattern, text)
        return _ASSIGNED.sub(self._assigned, text)

    def value(self, value: Any, *, name: str = "") -> Any:
        """A JSON value without secrets: texts in it, and texts under names that promise one."""
        if isinstance(value, str):
            if name and name_is_secret(name) and value and not _is_plain(name, value):
                return self._tag("value", value)
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, name=str(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item, name=name) for item in value]
        return value

    def _by_pattern(self, found: re.Match[str]) -> str:
        kind = _KINDS[int((found.lastgroup or "k0")[1:])][0]
        return self._tag(kind, found[0])

    def _assigned(self, found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        bare = value.strip("\"'")
        if not name_is_secret(name) or _is_plain(name, bare) or bare.startswith("<secret:"):
            return found[0]
        quote = value[0] if value[0] in "\"'" else ""
        return f"{name}{found['between']}{quote}{self._tag('value', bare)}{quote}"

    def _tag(self, kind: str, secret: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        digest = hashlib.blake2s(secret.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=2)
        return f"<secret:{kind}:{digest.hexdigest()}>"


def secret_values(*places: Mapping[str, Any]) -> set[str]:
    """The values in environments or settings whose names promise a secret."""
    found: set[str] = set()
    for place in places:
        for name, value in place.items():
            if isinstance(value, Mapping):
                found |= secret_values(value)
            elif isinstance(value, str) and name_is_secret(name) and not _is_plain(name, value):
                found.add(value)
    return {value for value in found if len(value) >= MIN_SECRET}


def _is_plain(name: str, value: str) -> bool:
    """A number, or a word, is no secret, unless the name says password outright; nor is what stands under a name
    such as `key`, unless it looks like one."""
    if len(value) < MIN_SECRET and not _OUTRIGHT.search(name):
        return True
    if name.lower() in _GENERIC and not _MIXED.fullmatch(value):
        return True
    return bool(_PLAIN.fullmatch(value)) and not _OUTRIGHT.search(name)
