"""Addresses of servers, and the private files that allow them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opengraphs.sdk import forwarding


@pytest.mark.parametrize(
    ("given", "target", "token"),
    [
        ("https://t.example.org", "https://t.example.org", None),
        ("https://T.example.org:443/", "https://t.example.org", None),
        ("https://u:p%40ss@t.example.org:8443/base/", "https://t.example.org:8443/base", "p@ss"),
        ("https://t.example.org/?write_token=abc&project=x", "https://t.example.org", "abc"),
        ("trackio://127.0.0.1:7860", "http://127.0.0.1:7860", None),
        ("trackio://box:7860", "https://box:7860", None),
        ("http://[::1]:7860", "http://[::1]:7860", None),
    ],
)
def test_an_address_is_made_plain_and_its_token_taken_out(given: str, target: str, token: str | None) -> None:
    assert forwarding.parse(given) == (target, token)
    assert forwarding.parse(target) == (target, None)


@pytest.mark.parametrize(
    "given",
    ["", "box:7860", "ftp://x", "https://", "user/space", "https://a b", "http://x:99999", "file:///x"],
)
def test_what_is_no_server_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"address of the server|server's address"):
        forwarding.parse(given)


def env(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path), **more}


def test_the_token_goes_to_a_private_file_and_stays_when_nobody_gives_another(tmp_path: Path) -> None:
    assert forwarding.ask("https://x/?write_token=one", env(tmp_path)) == "https://x"
    (file,) = Path(forwarding.folder(env(tmp_path))).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    forwarding.ask("https://x", env(tmp_path))
    assert forwarding.granted("https://x", env(tmp_path)) == {"target": "https://x", "token": "one"}
    forwarding.ask("https://x", env(tmp_path, OG_MIRROR_TOKEN="two"))
    assert forwarding.granted("https://x", env(tmp_path)) == {"target": "https://x", "token": "two"}
    assert forwarding.granted("https://x:444", env(tmp_path)) is None


@pytest.mark.parametrize(
    ("more", "token"),
    [
        ({}, "t"),
        ({"TRACKIO_SERVER_URL": "https://x"}, "t"),
        ({"TRACKIO_SERVER_URL": "https://other"}, None),
        ({"OG_RUN_DIR": "/runs/r"}, None),
    ],
)
def test_trackios_own_token_is_used_only_where_it_is_meant(
    tmp_path: Path, more: dict[str, str], token: str | None
) -> None:
    given = env(tmp_path, TRACKIO_WRITE_TOKEN="t", **more)
    forwarding.ask("https://x", given)
    found = forwarding.granted("https://x", given)
    assert found is not None
    assert found["token"] == token


def test_a_file_of_somebody_else_allows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forwarding.ask("https://x", env(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert forwarding.granted("https://x", env(tmp_path)) is None
