"""Who may do what on the TCP port: pages of a browser nothing, readers read, token bearers write."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers

from opengraphs import ingesting
from opengraphs.daemon.ingest.listener import is_loopback

HEADER, COOKIE, QUERY = "x-trackio-write-token", "trackio_write_token", "write_token"


class Leave(NamedTuple):
    """What a request may do. folder: of the only run it may write into; None: any."""

    write: bool
    folder: Path | None


def foreign(headers: Headers, settings: ingesting.Settings) -> str:
    """Why a request smells of a web page of somebody else's; "" when it does not.

    A page can make a browser send requests here. It cannot hide its `Origin`, and one that made
    its own name point to this machine shows that name as `Host`.
    """
    origin = headers.get("origin")
    if origin is not None and not _is_ours(urlsplit(origin).hostname, settings):
        return f"requests of web pages are refused (Origin: {origin[:200]!r})"
    host = headers.get("host", "")
    if not settings.anywhere and not _is_ours(urlsplit(f"//{host}").hostname, settings):
        return f"this server is not called {host[:200]!r}"
    return ""


def _is_ours(name: str | None, settings: ingesting.Settings) -> bool:
    return name is not None and (is_loopback(name) or name == settings.host.strip("[]").lower())


def leave(headers: Headers, query: bytes, settings: ingesting.Settings) -> Leave:
    """What the token of a request allows, from the header, the cookie or the query."""
    for token in _tokens(headers, query):
        if ingesting.is_same(token, settings.token):
            return Leave(True, None)
        folder = ingesting.run_of_token(settings.token, token)
        if folder is not None:
            return Leave(True, folder)
    return Leave(False, None)


def _tokens(headers: Headers, query: bytes) -> list[str]:
    found = [headers.get(HEADER, "")]
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        cookie = None
    found.append(cookie.value if cookie is not None else "")
    found += parse_qs(query.decode("ascii", "replace")).get(QUERY, [])[:1]
    return [token for token in found if token]
