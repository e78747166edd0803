"""Stage 0's way to the daemon: one connection, pipelined requests, C parser, nothing imported that can be left out.

`client.raw` does the same in general; it loads pathlib, typing, socket and json, which
is most of stage 0's whole budget (measured: 25 ms against 1 ms). The rules are the same:
private folder checked on every use, bounded reply, a deadline. tests/unit/tui_painters
holds the locations against `paths` and `sdk.layout`.
"""

from __future__ import annotations

import _socket
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

MAX_REPLY_BYTES = 16 << 20
_CHUNK = 1 << 16
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class QuickError(Exception):
    """The daemon did not answer as stage 0 needs it: not there, too slow, an error, another protocol."""


def daemon_socket(env: Mapping[str, str]) -> str:
    """`$OGD_SOCKET`, else `ogd.sock` in the runtime folder; what `paths.daemon_socket` says."""
    given = env.get("OGD_SOCKET")
    if given:
        return os.path.abspath(os.path.expanduser(given))  # noqa: PTH100, PTH111
    if env.get("XDG_RUNTIME_DIR"):
        return f"{env['XDG_RUNTIME_DIR']}/opengraphs/ogd.sock"
    for name in ("TMPDIR", "TEMP", "TMP"):
        if env.get(name):
            return f"{os.path.abspath(env[name])}/opengraphs-{os.getuid()}/ogd.sock"  # noqa: PTH100
    return f"/tmp/opengraphs-{os.getuid()}/ogd.sock"


def find_store(explicit: str | None, env: Mapping[str, str]) -> str:
    """The store's folder; what `sdk.layout.find_store` says."""
    given = explicit or env.get("OG_STORE")
    if given:
        return os.path.abspath(os.path.expanduser(given))  # noqa: PTH100, PTH111
    folder = os.getcwd()  # noqa: PTH109
    while True:
        candidate = f"{folder.rstrip('/')}/.opengraphs"
        if os.path.isdir(candidate):  # noqa: PTH112
            return candidate
        parent = os.path.dirname(folder)  # noqa: PTH120
        if parent == folder:
            break
        folder = parent
    data = env.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111
    return f"{data}/opengraphs"


def quote(text: str) -> str:
    """Percent-encode everything but unreserved characters."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(text))


def loads(data: bytes) -> Any:
    """JSON to values with the C scanner alone; `json` itself would import `re`."""
    text = data.decode("utf-8")
    try:
        from _json import make_scanner

        value, end = make_scanner(_Context)(text, len(text) - len(text.lstrip()))  # type: ignore[arg-type]
    except (ImportError, AttributeError):
        import json

        return json.loads(text)
    except (StopIteration, SystemError):  # SystemError: it wanted to complain through json.decoder
        raise ValueError("no JSON") from None
    if text[end:].strip():
        raise ValueError("more than one JSON value")
    return value


class _Context:
    """What the scanner asks of a decoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner's own scratch space


def text_list(items: Sequence[str]) -> str:
    """A JSON list of strings, for request bodies."""
    return "[" + ",".join([_text(item) for item in items]) + "]"


def _text(item: str) -> str:
    out = ['"']
    for char in item:
        if char in '"\\':
            out.append("\\" + char)
        elif " " <= char < "\x7f":
            out.append(char)
        elif ord(char) < 0x10000:
            out.append(f"\\u{ord(char):04x}")
        else:
            code = ord(char) - 0x10000
            out.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    return "".join(out) + '"'


class Link:
    """One connection to the daemon; every exchange shares one deadline."""

    def __init__(self, path: str, *, timeout_s: float) -> None:
        """Connect.

        Raises:
            OSError: nobody listens there.
            QuickError: the folder is not private to this user, or the path is too long for the kernel.
        """
        _check_private(os.path.dirname(path))  # noqa: PTH120
        if len(os.fsencode(path)) > 107:
            raise QuickError("a path that needs client.raw")
        self._deadline = time.monotonic() + timeout_s
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._data = b""
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def ask(self, requests: Sequence[tuple[str, str, str]]) -> list[Any]:
        """Send (method, target, body) requests at once and read their replies in order.

        Raises:
            OSError: cut or too slow. QuickError: an error reply, no HTTP. ValueError: no JSON.
        """
        out = []
        for method, target, body in requests:
            data = body.encode()
            head = f"{method} {target} HTTP/1.1\r\nhost: ogd\r\ncontent-length: {len(data)}\r\n\r\n"
            out.append(head.encode("ascii") + data)
        self._socket.sendall(b"".join(out))
        return [self._reply() for _ in requests]

    def _reply(self) -> Any:
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line[:15].lower() == b"content-length:"), -1)
        if not lines[0].startswith(b"HTTP/1.1 200") or not 0 <= length <= MAX_REPLY_BYTES:
            raise QuickError(lines[0].decode("latin-1"))
        while len(self._data) < length:
            self._more()
        body, self._data = self._data[:length], self._data[length:]
        return loads(body)

    def _more(self) -> None:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._socket.settimeout(left_s)
        piece = self._socket.recv(_CHUNK)
        if not piece or len(self._data) > MAX_REPLY_BYTES:
            raise QuickError("cut off")
        self._data += piece


def _check_private(folder: str) -> None:
    facts = os.lstat(folder)
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o077 or facts.st_mode & 0o170000 != 0o040000:
        raise QuickError("the socket's folder is not private")
