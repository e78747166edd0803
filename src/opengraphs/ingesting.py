"""Where the Trackio ingest of this user listens, and who may write: `ingest.json` in the state folder.

The daemon writes it and `og run` reads it; they may not import each other, so the rules live
here. Stdlib only.

A *run token* lets its bearer write into one run folder and nowhere else. It is made of the
folder's path and a keyed hash, so that neither side has to remember which were given out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs import paths

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 7860
"""The port that Trackio's own clients try when they are told none."""
_RUN_TOKEN = "ogrun."
_HASH_CHARS = 32
_OF_USERS = ("TRACKIO_SERVER_URL", "TRACKIO_WRITE_TOKEN", "TRACKIO_SPACE_ID")


class Settings(NamedTuple):
    """How ogd listens, or last did.

    on: whether it is to listen. port: never 0. token: what a client must show to write.
    store: absolute path of the store that new runs go to. project: for clients that name none.
    anywhere: the user chose an address that other machines reach.
    """

    on: bool
    host: str
    port: int
    token: str
    store: str
    project: str
    anywhere: bool

    @property
    def url(self) -> str:
        """What `TRACKIO_SERVER_URL` takes."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def settings_file() -> Path:
    """`$XDG_STATE_HOME/opengraphs/ingest.json`, mode 0600: it holds the token."""
    return paths.state_dir() / "ingest.json"


def load() -> Settings | None:
    """The settings in force; None when there never were any, or the file is no use."""
    try:
        value = json.loads(settings_file().read_bytes()[: 1 << 16])
    except (OSError, ValueError):
        return None
    return _checked(value) if isinstance(value, dict) else None


def _checked(value: dict[str, Any]) -> Settings | None:
    kinds = Settings.__annotations__
    try:
        found = Settings(**{name: value[name] for name in kinds})
    except KeyError:
        return None
    texts = (found.host, found.token, found.store, found.project)
    is_sound = all(isinstance(text, str) for text in texts) and isinstance(found.port, int)
    return found if is_sound and found.token and 0 < found.port < 65536 else None


def save(settings: Settings) -> None:
    """Replace the settings; only their owner can read them.

    Raises:
        OSError: the state folder cannot be written.
    """
    path = settings_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temp = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temp.unlink(missing_ok=True)
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(settings._asdict(), file, indent=1)
        file.write("\n")
    temp.replace(path)


def new_token() -> str:
    """A token nobody can guess; letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(24)


def answers(settings: Settings, *, timeout_s: float = 0.2) -> bool:
    """Whether somebody listens there right now."""
    host = settings.url.removeprefix("http://").rpartition(":")[0].strip("[]")
    try:
        socket.create_connection((host, settings.port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def client_env(run_dir: Path, env: Mapping[str, str]) -> dict[str, str]:
    """What makes Trackio clients of one training write into its run, while ogd listens.

    Nothing where the user has chosen a server or a token himself. `OG_INGEST_URL` says that
    the two others are ours, so that our hook inside the training can take them away again.
    """
    settings = load()
    if settings is None or not settings.on or any(env.get(name) for name in _OF_USERS):
        return {}
    if not answers(settings):
        return {}
    return {
        "TRACKIO_SERVER_URL": settings.url,
        "TRACKIO_WRITE_TOKEN": run_token(settings.token, run_dir),
        "OG_INGEST_URL": settings.url,
    }


def run_token(secret: str, run_dir: Path) -> str:
    """The token of one run folder."""
    place = base64.urlsafe_b64encode(os.fsencode(run_dir)).decode().rstrip("=")
    return f"{_RUN_TOKEN}{place}.{_keyed(secret, place)}"


def run_of_token(secret: str, token: str) -> Path | None:
    """The run folder that `token` opens; None when it is none of ours."""
    if not token.startswith(_RUN_TOKEN):
        return None
    place, _, shown = token[len(_RUN_TOKEN) :].partition(".")
    if not is_same(shown, _keyed(secret, place)):
        return None
    try:
        return Path(os.fsdecode(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4))))
    except (binascii.Error, ValueError):
        return None


def is_same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not say where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _keyed(secret: str, place: str) -> str:
    return hmac.new(secret.encode(), place.encode(), hashlib.sha256).hexdigest()[:_HASH_CHARS]
