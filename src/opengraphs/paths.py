"""Where things are: store, sockets, caches, config. Pure functions of an environment.

Store and project rules live in `sdk.layout`, because training processes need them
without og installed; this module adds what only the tool needs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from opengraphs.sdk import layout

SOCKET_NAME = "ogd.sock"
PROJECT_FILE = "og.toml"
"""Settings, rules and limits of a project."""
MAX_SOCKET_PATH_BYTES = 107
"""What the kernel takes for a Unix socket's path."""


def store_path(explicit: str | None = None, *, cwd: Path | None = None) -> Path:
    """The store in force (DESIGN section 2); it need not exist yet."""
    return Path(layout.find_store(explicit, cwd=str(cwd) if cwd else None))


def runtime_dir(env: Mapping[str, str] | None = None) -> Path:
    """The private folder of og's sockets: beside `$OGD_SOCKET`, else the user's runtime folder."""
    environ = os.environ if env is None else env
    if environ.get("OGD_SOCKET"):
        return Path(environ["OGD_SOCKET"]).expanduser().absolute().parent
    if environ.get("XDG_RUNTIME_DIR"):
        return Path(environ["XDG_RUNTIME_DIR"]) / "opengraphs"
    import tempfile  # costs 5 ms, and hardly anybody gets here

    return Path(tempfile.gettempdir()) / f"opengraphs-{os.getuid()}"


def daemon_socket(env: Mapping[str, str] | None = None) -> Path:
    """`$OGD_SOCKET`, else `ogd.sock` in the runtime folder."""
    environ = os.environ if env is None else env
    if environ.get("OGD_SOCKET"):
        return Path(environ["OGD_SOCKET"]).expanduser().absolute()
    return runtime_dir(environ) / SOCKET_NAME


def control_socket(run_dir: Path, env: Mapping[str, str] | None = None) -> Path:
    """The runner's socket for one run, named by a short hash of the run folder's path."""
    from opengraphs.runner.address import run_socket  # only who asks for it pays for it

    return runtime_dir(env) / run_socket(str(run_dir))


def _short_hash(folder: Path, *, digest_size: int) -> str:
    import hashlib  # costs 3 ms, which the first frame does not have

    return hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=digest_size).hexdigest()


def cache_dir(env: Mapping[str, str] | None = None) -> Path:
    """`$XDG_CACHE_HOME/opengraphs`: indexes and other things that can be rebuilt."""
    environ = os.environ if env is None else env
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "opengraphs"


def index_dir(store: Path, env: Mapping[str, str] | None = None) -> Path:
    """Where the index of `store` lives: always the local cache, so read-only stores work."""
    return cache_dir(env) / "index" / _short_hash(store, digest_size=8)


def attached_dir(store: Path, env: Mapping[str, str] | None = None) -> Path:
    """What og keeps of the foreign runs attached to `store`: copies, and how far each source was read."""
    return index_dir(store, env) / "attached"


def view_store(folder: Path, env: Mapping[str, str] | None = None) -> Path:
    """The store that stands for a folder of foreign runs without one of its own."""
    return cache_dir(env) / "views" / _short_hash(folder, digest_size=8)


def project_file(cwd: Path) -> Path | None:
    """The nearest `og.toml` from a folder upwards; None where there is none."""
    return next((path for one in (cwd, *cwd.parents) if (path := one / PROJECT_FILE).is_file()), None)


def config_file(env: Mapping[str, str] | None = None) -> Path:
    """`$XDG_CONFIG_HOME/opengraphs/config.toml`."""
    environ = os.environ if env is None else env
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "opengraphs" / "config.toml"


def state_dir(env: Mapping[str, str] | None = None) -> Path:
    """`$XDG_STATE_HOME/opengraphs`: the daemon's log and what the TUI remembers."""
    environ = os.environ if env is None else env
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "opengraphs"


def daemon_log(env: Mapping[str, str] | None = None) -> Path:
    """What ogd writes about itself; rotated, `og daemon logs` shows it."""
    return state_dir(env) / "ogd.log"


def screens_file(store: Path, env: Mapping[str, str] | None = None) -> Path:
    """What the terminal interface remembers of its screens for `store`: columns, order."""
    return state_dir(env) / "screens" / f"{_short_hash(store, digest_size=8)}.json"
