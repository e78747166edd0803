"""`GET /auto/audit` and `og audit` on a real daemon, of a log that the guard wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ogd_kit import Ogd, make_run

from opengraphs.errors import NotFoundError, UsageError
from opengraphs.guard.audit import Audit
from opengraphs.redaction import Redactor


@pytest.fixture
def run(ogd: Ogd) -> Path:
    folder = make_run(ogd.store)
    with Audit(folder / "agent", Redactor()) as audit:
        for number in range(5):
            audit.append("plan", plan_id=f"p{number}", note="key sk-abcdefghijklmnopqrstuvwx")
    return folder


def test_records_come_in_pages_and_say_that_they_hold(ogd: Ogd, run: Path) -> None:
    with ogd.client() as client:
        first = client.get("/auto/audit", run=run.name, limit=3)
        rest = client.get("/auto/audit", **{"run": run.name, "from": first["next"]})
    assert [record["plan_id"] for record in first["records"] + rest["records"]] == [f"p{n}" for n in range(5)]
    assert (first["next"], rest["next"], rest["intact"], rest["broken"]) == (4, None, True, "")
    assert "sk-abc" not in json.dumps(first)


def test_a_record_that_was_changed_is_told(ogd: Ogd, run: Path) -> None:
    path = run / "agent" / "audit.jsonl"
    path.write_text(path.read_text().replace('"p2"', '"p9"'))
    with ogd.client() as client:
        reply = client.get("/auto/audit", run=run.name)
    assert not reply["intact"]
    assert reply["broken"].startswith("line 3")


def test_a_run_without_an_agent_has_no_records_and_no_run_is_an_error(ogd: Ogd) -> None:
    quiet = make_run(ogd.store)
    with ogd.client() as client:
        assert client.get("/auto/audit", run=quiet.name)["records"] == []
        with pytest.raises(NotFoundError):
            client.get("/auto/audit", run="nobody")
        with pytest.raises(UsageError):
            client.get("/auto/audit")
