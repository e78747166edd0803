"""Uploads cut anywhere, ids that are remembered, tokens that cannot be forged."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opengraphs import ingesting
from opengraphs.daemon.ingest import ids
from opengraphs.daemon.ingest.uploads import Uploads
from opengraphs.errors import UsageError

BOUNDARY = "xyz"
DATA = b"\r\n--xy\r\n--xya\r\n\r\nend\r\n"
BODY = (
    b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    + DATA
    + b'\r\n--xyz\r\nContent-Disposition: form-data; name="note"\r\n\r\nno file\r\n'
    + b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="../../b/../c"\r\n\r\n'
    + b"\r\n--xyz--\r\n"
)


def receive(
    uploads: Uploads, pieces: list[bytes], kind: str = f"multipart/form-data; boundary={BOUNDARY}"
) -> list[str]:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return asyncio.run(uploads.receive(kind, body()))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_an_upload_is_the_same_wherever_the_network_cuts_it(tmp_path: Path, size: int) -> None:
    uploads = Uploads(tmp_path)
    first, second = receive(uploads, [BODY[at : at + size] for at in range(0, len(BODY), size)])
    assert uploads.take({"path": first}).read_bytes() == DATA
    assert uploads.take({"path": second}).read_bytes() == b""
    assert {path.parent for path in tmp_path.rglob("*")} == {tmp_path}
    assert first.endswith(".png")


def test_an_upload_that_ends_early_leaves_nothing(tmp_path: Path) -> None:
    for end in range(0, len(BODY) - 4, 5):
        with pytest.raises(UsageError):
            receive(Uploads(tmp_path), [BODY[:end]])
    assert list(tmp_path.iterdir()) == []


def test_only_what_was_uploaded_can_be_named(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    for name in ("/etc/passwd", None, 3, str(tmp_path)):
        with pytest.raises(UsageError):
            uploads.take({"path": name})
    (path, _) = receive(uploads, [BODY])
    uploads.take({"path": path})
    with pytest.raises(UsageError):
        uploads.take({"path": path})
    with pytest.raises(UsageError, match="multipart"):
        receive(uploads, [BODY], "application/json")


def test_ids_are_known_also_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_RECENT", 100)
    known = ids.Ids()
    for number in range(1050):
        assert known.add(f"id-{number}")
    assert not any(known.add(f"id-{number}") for number in range(1050))
    assert known.add("id-1050")


def test_ids_are_found_again_in_a_journal(tmp_path: Path) -> None:
    lines = [{"step": 1, "log_id": "a"}, {"step": 2}, {"seal": {"from": 0, "to": 5}}]
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    (tmp_path / "ingest.jsonl").write_bytes(text + b"no json\n")
    (tmp_path / "ingest.000001.jsonl").write_bytes(b'{"step":3,"log_id":"b"}\n{"step":4,"log_id":"torn')
    found = [(kept.step, kept.log_id) for kept in ids.kept_lines(tmp_path, "ingest")]
    assert found == [(1, "a"), (2, None), (None, None), (3, "b")]


def test_a_run_token_names_its_run_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "rün"
    token = ingesting.run_token("secret", folder)
    assert ingesting.run_of_token("secret", token) == folder
    assert ingesting.run_of_token("other", token) is None
    assert ingesting.run_of_token("secret", token[:-1]) is None
    assert ingesting.run_of_token("secret", "ogrun.!.!") is None
    other = ingesting.run_token("secret", tmp_path / "b")
    mixed = f"{other.rpartition('.')[0]}.{token.rpartition('.')[2]}"
    assert ingesting.run_of_token("secret", mixed) is None


def test_settings_come_back_as_they_were_and_damage_is_none(og_home: Path) -> None:
    assert ingesting.load() is None
    settings = ingesting.Settings(True, "::1", 7860, "t", "/store", "", False)
    ingesting.save(settings)
    assert ingesting.load() == settings
    assert settings.url == "http://[::1]:7860"
    for text in ("", "[]", "{}", '{"on": true}', json.dumps({**settings._asdict(), "port": 0})):
        ingesting.settings_file().write_text(text)
        assert ingesting.load() is None


@pytest.mark.parametrize("name", ["TRACKIO_SERVER_URL", "TRACKIO_WRITE_TOKEN", "TRACKIO_SPACE_ID"])
def test_a_server_that_the_user_chose_is_left_alone(og_home: Path, name: str) -> None:
    ingesting.save(ingesting.Settings(True, "127.0.0.1", 1, "t", "/store", "", False))
    assert ingesting.client_env(Path("/run"), {name: "x"}) == {}
    assert ingesting.client_env(Path("/run"), dict(os.environ)) == {}  # nobody listens there
