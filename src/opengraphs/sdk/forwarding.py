"""Asking for a run to be forwarded to a Trackio server: what is written down, and where.

A script or `og run` only asks. `ogd` sends, and it sends to a server only if this user has
named that server on this machine: a run folder that came from somewhere else can ask for
anything. What the user named lies in a private folder beside the settings, one file a
server, with its write token; neither ever stands in a run folder.
"""

from __future__ import annotations

import os
from urllib.parse import parse_qs, unquote, urlsplit

from . import warn
from .jsonfile import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional, Tuple

    Env = Mapping[str, str]

SCHEMES = ("trackio", "http", "https")
_LOCAL = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443}
_TOKEN_IN_QUERY = "write_token"


def parse(url: str) -> Tuple[str, Optional[str]]:
    """(the server's plain address, the token that stood in it).

    The address is `http(s)://host[:port][/path]`: no user, no query, no slash at the end.
    `trackio://` means https, or http on this machine.

    Raises:
        ValueError: it is no address of a server; the message shows nothing secret.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("the address of the server cannot be read") from None
    if parts.scheme not in SCHEMES or not host:
        raise ValueError("a server's address is https://host[:port], http:// or trackio://host[:port]")
    if not all(char.isprintable() and not char.isspace() for char in host + parts.path):
        raise ValueError("the address of the server holds characters that no address has")
    scheme = ("http" if host in _LOCAL else "https") if parts.scheme == "trackio" else parts.scheme
    shown = "[%s]" % host if ":" in host else host
    if port is not None and port != _PORTS[scheme]:
        shown += ":%d" % port
    given = parse_qs(parts.query).get(_TOKEN_IN_QUERY, [parts.password or ""])[0]
    return "%s://%s%s" % (scheme, shown, parts.path.rstrip("/")), unquote(given) or None


def ask(url: str, env: Optional[Env] = None) -> str:
    """Allow this user's `ogd` to send to a server, and remember its token; the plain address.

    The token is the one in the URL, else `OG_MIRROR_TOKEN`, else, outside of a run,
    `TRACKIO_WRITE_TOKEN` if it is meant for this server. Without one, the token that is
    known already stays.

    Raises:
        ValueError: see `parse`. OSError: the private folder cannot be written.
    """
    environ = os.environ if env is None else env
    target, given = parse(url)
    token = given or environ.get("OG_MIRROR_TOKEN") or _trackio_token(target, environ)
    known = granted(target, environ)
    if known is None or (token and token != known.get("token")):
        _write_private(_path(target, environ), {"target": target, "token": token})
    return target


def _trackio_token(target: str, env: Env) -> Optional[str]:
    """Trackio's own variable. Inside a run og itself has set it, for its own server."""
    if env.get("OG_RUN_DIR"):
        return None
    server = env.get("TRACKIO_SERVER_URL")
    try:
        is_meant = not server or parse(server)[0] == target
    except ValueError:
        is_meant = False
    return env.get("TRACKIO_WRITE_TOKEN") if is_meant else None


def granted(target: str, env: Optional[Env] = None) -> Optional[Mapping[str, Any]]:
    """`{"target", "token"}` of a server that the user has named; None for any other."""
    path = _path(target, os.environ if env is None else env)
    try:
        if hasattr(os, "getuid") and os.stat(path).st_uid != os.getuid():
            return None
    except OSError:
        return None
    found = read_json(path)
    return found if found.get("target") == target else None


def folder(env: Optional[Env] = None) -> str:
    """`$XDG_CONFIG_HOME/opengraphs/forward`: one private file a server."""
    environ = os.environ if env is None else env
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "opengraphs", "forward")


def _path(target: str, env: Env) -> str:
    import hashlib

    name = hashlib.sha256(target.encode("utf-8", "replace")).hexdigest()[:16]
    host = "".join(char if char.isalnum() or char in "-." else "_" for char in urlsplit(target).netloc)
    return os.path.join(folder(env), "%s-%s.json" % (host[:80], name))


def _write_private(path: str, value: Mapping[str, Any]) -> None:
    """Replace a file that nobody else may read, at no moment."""
    import json

    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temp = "%s.%d.tmp" % (path, os.getpid())
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(dict(value), file)
        os.replace(temp, path)
    except OSError:
        os.unlink(temp)
        raise


def is_here(target: str) -> bool:
    """Whether the server is on this machine."""
    return urlsplit(target).hostname in _LOCAL


def wished(url: str) -> Optional[str]:
    """What `init(mirror_to=…)` or `OG_MIRROR` comes to: the plain address, or None and one warning.

    og's own server for Trackio clients (`OG_INGEST_URL`) is none: the run is here already.
    """
    try:
        own = os.environ.get("OG_INGEST_URL")
        return None if own and parse(own)[0] == parse(str(url))[0] else ask(str(url))
    except ValueError as error:
        warn.complain("mirror", "this run is not forwarded: %s" % error, error)
    except OSError as error:
        warn.tell("mirror", "this run is forwarded only where the server is allowed: %s" % error)
        return parse(str(url))[0]
    return None
