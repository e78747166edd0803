"""Requests that make no sense get the common error shape, a fitting status and a hint; the daemon stays."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import Ogd, make_run

from opengraphs import sockets
from opengraphs.client.wire import with_query

METRIC = "train/loss"


def exchange(path: Path, request: bytes) -> tuple[int, dict[str, Any], bytes]:
    """Status, JSON body and head of whatever comes back for these bytes."""
    with sockets.connect(path, timeout_s=20) as link:
        link.sendall(request)
        reply = b"".join(iter(lambda: link.recv(65536), b""))
    head, _, body = reply.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body), head


def request(method: str, target: str, body: bytes = b"") -> bytes:
    head = (
        f"{method} {target} HTTP/1.1\r\nhost: ogd\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


BAD = [
    # method, path, query, body → status, code, what the message says, what the hint says
    ("GET", "/rnus", {}, b"", 404, "usage", "GET /rnus", "GET /runs"),
    ("GET", "/", {}, b"", 404, "usage", "no such route", "nearest"),
    ("GET", "/runs/RUN/nothing", {}, b"", 404, "usage", "no such route", "/runs/{ref}/"),
    ("DELETE", "/version", {}, b"", 405, "usage", "DELETE", "GET"),
    ("GET", "/series", {}, b"", 405, "usage", "GET is not for /series", "POST"),
    ("GET", "/runs", {"limti": 5}, b"", 400, "usage", "'limti'", "did you mean limit?"),
    ("GET", "/runs", {"limit": [1, 2]}, b"", 400, "usage", "given twice", ""),
    ("GET", "/runs", {"limit": "many"}, b"", 400, "usage", "limit='many'", "1 to 2000"),
    ("GET", "/runs", {"limit": 0}, b"", 400, "usage", "limit='0'", "1 to 2000"),
    ("GET", "/runs", {"limit": 2001}, b"", 400, "usage", "limit='2001'", "1 to 2000"),
    ("GET", "/runs", {"status": "dancing"}, b"", 400, "usage", "dancing", "running"),
    ("GET", "/runs", {"cursor": "nonsense"}, b"", 400, "usage", "cursor", ""),
    ("GET", "/runs", {"filter": 'name:"open'}, b"", 400, "usage", "", ""),
    ("GET", "/runs", {"values": "loss"}, b"", 400, "usage", "'loss'", "best.KEY"),
    ("GET", "/runs", {"values": ",".join(["min.a"] * 33)}, b"", 400, "usage", "at most 32", ""),
    ("GET", "/runs", {"tree": "yes"}, b"", 400, "usage", "tree='yes'", ""),
    ("GET", "/runs/nobody", {}, b"", 404, "not_found", "nobody", ""),
    ("GET", "/runs/twin", {}, b"", 409, "ambiguous", "twin", "2026"),
    ("GET", "/runs/%00%FF", {}, b"", 404, "not_found", "", ""),
    ("GET", "/runs/RUN/points", {}, b"", 400, "usage", "'metric' is missing", "metric="),
    ("GET", "/runs/RUN/points", {"metric": "train/los"}, b"", 404, "not_found", "train/los", METRIC),
    ("GET", "/runs/RUN/points", {"metric": METRIC, "ranks": "yes"}, b"", 400, "usage", "ranks", "0, 1"),
    ("GET", "/runs/RUN/points", {"metric": METRIC, "after": "?"}, b"", 400, "usage", "after", ""),
    ("GET", "/runs/RUN/log", {"lines": 3000}, b"", 400, "usage", "lines", "2000"),
    ("GET", "/runs/RUN/log", {"grep": "("}, b"", 400, "usage", "", ""),
    ("GET", "/runs/RUN/log", {"grep": "x", "direction": "up"}, b"", 400, "usage", "direction", "back"),
    ("GET", "/runs/RUN/log", {"grep": "x", "follow": 1}, b"", 400, "usage", "follow and grep", ""),
    ("GET", "/runs/nobody/log", {"follow": 1}, b"", 404, "not_found", "nobody", ""),
    ("GET", "/runs/RUN/system", {"columns": -1}, b"", 400, "usage", "columns", "1 to 4000"),
    ("GET", "/events", {"since": "yesterday"}, b"", 400, "usage", "since", "whole number"),
    ("GET", "/events", {"run": "nobody"}, b"", 404, "not_found", "nobody", ""),
    ("GET", "/runs", {"store": "relative/path"}, b"", 400, "usage", "not absolute", "whole path"),
    ("GET", "/runs", {"store": "/dev/null"}, b"", 500, "store", "", ""),
    ("POST", "/series", {}, b"", 400, "usage", "runs", ""),
    ("POST", "/series", {}, b"{", 400, "usage", "position 1", ""),
    ("POST", "/series", {}, b"[]", 400, "usage", "JSON object", ""),
    ("POST", "/series", {}, b'{"run": ["RUN"]}', 400, "usage", "'run'", "did you mean runs?"),
    ("POST", "/series", {}, b'{"runs": "RUN", "metrics": ["m"]}', 400, "usage", "runs", ""),
    ("POST", "/series", {}, b'{"runs": [1], "metrics": ["m"]}', 400, "usage", "runs", ""),
    ("POST", "/series", {}, b'{"runs": ["RUN"], "metrics": ["nope"]}', 404, "not_found", "nope", ""),
    ("POST", "/series", {}, b'{"runs": ["RUN"], "metrics": ["train/loss"], "x": "q"}', 400, "usage", "x", ""),
    ("POST", "/series", {}, b'{"runs": ["RUN"], "metrics": ["train/loss"], "columns": 0}', 400, "usage", "columns", ""),
    ("POST", "/series", {}, b'{"runs": ["RUN"], "metrics": ["train/loss"], "smooth": ["mean(3)"]}', 400, "usage", "mean", ""),
    ("POST", "/series", {}, b'{"runs": ["RUN"], "metrics": ["train/loss"], "range": [2, 1]}', 400, "usage", "range", ""),
    ("POST", "/series", {}, b" " * (1 << 20) + b"{}", 400, "usage", "longer than", ""),
    ("POST", "/runs/RUN/stop", {}, b'{"grace_s": -1}', 400, "usage", "grace_s", "0 to 3600"),
    ("POST", "/runs/RUN/stop", {}, b'{"grace": 1}', 400, "usage", "'grace'", "grace_s"),
    ("POST", "/runs/RUN/stop", {}, b"", 409, "process", "has ended", "og list"),
    ("POST", "/runs/nobody/stop", {}, b"", 404, "not_found", "nobody", ""),
    ("POST", "/shutdown", {}, b'{"when_idle": "yes"}', 400, "usage", "when_idle", ""),
]  # fmt: skip


@pytest.fixture
def run_id(ogd: Ogd) -> str:
    """A daemon with a finished run, and two that share a name."""
    folder = make_run(ogd.store, metrics={METRIC: [1.0, 2.0]})
    for _ in range(2):
        make_run(ogd.store, name="twin")
    ogd.start()
    return folder.name


def test_bad_requests_are_answered_and_the_daemon_stays(ogd: Ogd, run_id: str) -> None:
    pid = ogd.pid()
    for method, path, query, body, status, code, message, hint in BAD:
        what = f"{method} {path} {query} {body[:80]!r}"
        target = with_query(path.replace("RUN", run_id), {"store": str(ogd.store), **query})
        got, reply, head = exchange(
            ogd.socket, request(method, target, body.replace(b"RUN", run_id.encode()))
        )
        assert set(reply) == {"error"}, what
        error = reply["error"]
        assert set(error) == {"code", "message", "hint", "path"}, what
        assert (got, error["code"]) == (status, code), f"{what}: {error}"
        assert message in error["message"], f"{what}: {error}"
        assert hint in error["hint"], f"{what}: {error}"
        assert b"application/json" in head, what
    assert ogd.version()["pid"] == pid
    assert "Traceback" not in ogd.log()


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"HELO me\r\n\r\n"])
def test_what_is_no_http_is_told_so(ogd: Ogd, run_id: str, garbage: bytes) -> None:
    status, reply, _ = exchange(ogd.socket, garbage)
    assert status == 400
    assert reply["error"]["code"] == "usage"
    assert "HTTP" in reply["error"]["message"]


def test_half_a_request_holds_nobody_up(ogd: Ogd, run_id: str) -> None:
    with sockets.connect(ogd.socket, timeout_s=5) as slow:
        slow.sendall(b"POST /series HTTP/1.1\r\nhost: ogd\r\ncontent-length: 100\r\n\r\n{")
        began = time.monotonic()
        with ogd.client(autostart=False) as client:
            assert client.run(run_id)["run_id"] == run_id
        assert time.monotonic() - began < 5
