"""Targets and replies, without a socket."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from opengraphs.client import wire
from opengraphs.errors import AmbiguousError, DaemonError, OgError, UsageError
from opengraphs.protocol.version import VERSION

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("text", ["a/b", "ä ö", "50%", "x?y&z=1#", "\udcff-not-utf8", "emoji🙂"])
def test_quoted_reference_is_one_path_segment_and_comes_back(text: str) -> None:
    path = wire.run_path(text, "log")
    assert path.isascii()
    assert path.count("/") == 3
    assert unquote(path.split("/")[2], errors="surrogateescape") == text


def test_query_leaves_out_none_and_spells_booleans_as_digits() -> None:
    target = wire.with_query(
        "/runs", {"filter": "a b&c", "limit": 5, "raw": True, "q": None, "follow": False}
    )
    assert parse_qs(urlsplit(target).query) == {
        "filter": ["a b&c"],
        "limit": ["5"],
        "raw": ["1"],
        "follow": ["0"],
    }


def test_query_is_appended_to_a_path_that_has_one() -> None:
    assert wire.with_query("/runs?limit=1", {"status": "running"}) == "/runs?limit=1&status=running"
    assert wire.with_query("/runs", {}) == "/runs"


def test_error_reply_becomes_the_typed_error() -> None:
    body = b'{"error":{"code":"ambiguous","message":"two fit","hint":"a or b","path":""}}'
    with pytest.raises(AmbiguousError) as caught:
        wire.read_reply(409, body)
    assert caught.value.hint == "a or b"


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b"\xff\xfe", b'"text"'])
def test_reply_that_is_no_object_is_a_daemon_error(body: bytes) -> None:
    with pytest.raises(DaemonError):
        wire.read_reply(200, body)


def test_error_status_without_error_shape_is_a_daemon_error() -> None:
    with pytest.raises(DaemonError, match="500"):
        wire.read_reply(500, b'{"detail":"boom"}')


def test_unknown_error_code_is_still_an_og_error() -> None:
    with pytest.raises(OgError) as caught:
        wire.read_reply(400, b'{"error":{"code":"from_the_future","message":"m"}}')
    assert type(caught.value) is OgError
    assert not isinstance(caught.value, UsageError)


@pytest.mark.parametrize("line", [b"{", b"[]", b"12"])
def test_stream_line_that_is_no_object_is_a_daemon_error(line: bytes) -> None:
    with pytest.raises(DaemonError):
        wire.read_line(line)


def test_version_constant_is_the_distribution_s() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert re.findall(r'^version = "(.*)"$', project, re.MULTILINE) == [VERSION]


@pytest.mark.parametrize("odd", ['"\\ud800"', '"NaN"', "1e400", "0.1", "-3", "9007199254740993"])
def test_big_reply_of_curves_reads_as_a_small_one_does(odd: str) -> None:
    small = f'{{"schema":1,"series":[{odd}]}}'.encode()
    big = f'{{"schema":1,"series":[{odd}, "{"x" * wire.BIG_REPLY_BYTES}"]}}'.encode()
    assert wire.read_reply(200, big)["series"][0] == wire.read_reply(200, small)["series"][0]


def test_integer_of_any_size_in_a_big_reply_stays_itself() -> None:
    reply = f'{{"schema":1,"runs":[{1 << 70}, "{"x" * wire.BIG_REPLY_BYTES}"]}}'.encode()
    assert wire.read_reply(200, reply)["runs"][0] == 1 << 70


def test_big_reply_that_is_cut_is_a_daemon_error() -> None:
    with pytest.raises(DaemonError):
        wire.read_reply(200, b'{"schema":1,"series":["' + b"y" * wire.BIG_REPLY_BYTES)
