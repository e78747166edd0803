"""As much of curl as the examples of docs/reference/api.md use, for machines without it."""

from __future__ import annotations

import argparse
import http.client
import socket
import sys
import time
from urllib.parse import quote


def main(argv: list[str]) -> int:
    """Print the body of one request; 28 when the time is up, as curl says it."""
    parser = argparse.ArgumentParser()
    for flag in ("-s", "-N", "-G"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--unix-socket", required=True)
    parser.add_argument("--max-time", type=float)
    parser.add_argument("-d", dest="body")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="header", default="accept: */*")
    parser.add_argument("--data-urlencode", action="append", default=[])
    parser.add_argument("url")
    options = parser.parse_args(argv)
    pairs = [pair.partition("=") for pair in options.data_urlencode]
    query = "&".join(f"{key}={quote(value, safe='')}" for key, _, value in pairs)
    target = options.url.removeprefix("http://ogd") + (f"?{query}" if query else "")
    name, _, value = options.header.partition(": ")
    link = Link("ogd", timeout=options.max_time)
    link.path = options.unix_socket
    method = options.method or ("GET" if options.body is None else "POST")
    link.request(method, target, options.body, {name: value})
    return copy(link.getresponse(), options.max_time)


class Link(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    path = ""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def copy(reply: http.client.HTTPResponse, max_time: float | None) -> int:
    """The body to stdout as it comes."""
    deadline = time.monotonic() + (max_time or 3600)
    try:
        while piece := reply.read1(65536):
            sys.stdout.buffer.write(piece)
            if time.monotonic() > deadline:
                return 28
    except TimeoutError:
        return 28
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
