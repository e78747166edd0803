"""`og audit` against a daemon that answers from a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_daemon import FakeDaemon

from opengraphs.cli.app import dispatch
from opengraphs.errors import NotFoundError
from opengraphs.protocol.version import PROTOCOL_VERSION, SCHEMA, VERSION

CHAIN = {"prev": "0" * 64, "hash": "f" * 64}
RECORDS: list[dict[str, Any]] = [
    {
        "seq": 1,
        "time": 1700000000.0,
        "kind": "prompt",
        "text": {"blob": "ab" * 32, "size_bytes": 9000},
        **CHAIN,
    },
    {
        "seq": 2,
        "time": 1700000001.0,
        "kind": "plan",
        "plan": {"plan_id": "p1", "checks": [1, 2, 3, 4]},
        **CHAIN,
    },
    {"seq": 3, "time": 1700000002.0, "kind": "decision", "decision": "approve", "note": "go\x1b[2J", **CHAIN},
]


class Told:
    """What the daemon of a test answers, and what it was asked."""

    def __init__(self) -> None:
        self.broken = ""
        self.records = RECORDS
        self.next: int | None = None
        self.asked: list[dict[str, list[str]]] = []

    def answer(self, target: str, _: dict[str, Any]) -> Any:
        query = parse_qs(urlsplit(target).query)
        self.asked.append(query)
        if query["run"] == ["none"]:
            return None
        return {
            "schema": SCHEMA,
            "records": self.records,
            "next": self.next,
            "intact": not self.broken,
            "broken": self.broken,
        }


@pytest.fixture
def told(og_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    made = Told()
    version = {"version": VERSION, "protocol": PROTOCOL_VERSION}
    answers = {"/version": lambda *_: version, "/auto/audit": made.answer}
    with FakeDaemon(og_home / "run" / "opengraphs", answers) as daemon:
        monkeypatch.setenv("OGD_SOCKET", daemon.path)
        yield made


def test_a_line_a_record_and_none_of_the_chain(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["audit", "show", "k7f3"]) == 0
    head, first, second, third = capsys.readouterr().out.splitlines()
    assert head.split() == ["SEQ", "TIME", "KIND", "WHAT"]
    assert first.split()[3:] == ["prompt", "(9000", "bytes", "in", "blob", "abababababab)"]
    assert second.endswith("plan      plan={plan_id: p1, checks: [4]}")
    assert third.split()[3:] == ["decision", "approve", "note=go"]
    assert "\x1b" not in third
    assert told.asked[0]["from"] == ["1"]
    assert told.asked[0]["limit"] == ["100"]


def test_json_is_the_reply(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["audit", "show", "k7f3", "--from", "2", "--limit", "7", "--json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert set(reply) == {"schema", "records", "next", "intact", "broken"}
    assert reply["records"] == RECORDS
    assert (told.asked[0]["from"], told.asked[0]["limit"]) == (["2"], ["7"])


def test_what_is_left_out_and_what_is_broken_is_told(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    told.next, told.broken = 101, "line 2: not as it was written"
    assert dispatch(["audit", "show", "k7f3"]) == 0
    said = capsys.readouterr().err
    assert "more: og audit show k7f3 --from 101" in said
    assert "not intact: line 2: not as it was written" in said


def test_no_records_are_said_to_be_none(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    told.records = []
    assert dispatch(["audit", "show", "k7f3"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "no records\n")


def test_verify_says_intact(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["audit", "verify", "k7f3"]) == 0
    assert capsys.readouterr().out == "intact\n"


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_verify_ends_with_4_when_it_is_not(
    told: Told, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told.broken = "the last 2 of 9 records are gone"
    assert dispatch(["audit", "verify", "k7f3", *flags]) == 4
    assert told.broken in capsys.readouterr().out


def test_a_run_that_is_not_there(told: Told) -> None:
    with pytest.raises(NotFoundError):
        dispatch(["audit", "verify", "none"])
