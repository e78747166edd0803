"""What a job finds on its way reaches the loop, whatever becomes of the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opengraphs.daemon import enginedesk
from opengraphs.daemon.enginedesk import EngineDesk, Findings
from opengraphs.errors import NotFoundError, UsageError

RUN = {"kind": "run", "run": "a", "facts": {}}
GREW = {"kind": "metrics", "run": "a", "keys": {"loss": 1}, "points": 1}


def make(scripted: Any) -> tuple[EngineDesk, list[Findings]]:
    found: list[Findings] = []
    return EngineDesk(Path("/store"), found.append), found


def test_first_job_opens_the_engine_and_reports_the_first_scan(scripted: Any) -> None:
    scripted.scans, scripted.live = [[RUN]], ["a"]
    desk, found = make(scripted)
    assert desk.ask(lambda engine: 7, scan=False, runs=()) == (7, [])
    assert scripted.calls == ["open", "scan"]
    (report,) = found
    assert (report.changes, report.live) == ([RUN], {"a"})
    assert report.folders == frozenset()
    assert report.scan_took_s is not None


def test_quiet_job_reports_nothing(scripted: Any) -> None:
    desk, found = make(scripted)
    desk.scan()
    found.clear()
    desk.poll(["a"])
    desk.ask(lambda engine: 1, scan=False, runs=())
    assert found == []


def test_question_about_runs_reads_them_on_first(scripted: Any) -> None:
    scripted.known, scripted.polls = {"a"}, [[GREW]]
    desk, found = make(scripted)
    assert desk.ask(lambda engine: "answer", scan=False, runs=["a"]) == ("answer", ["a"])
    assert ("poll", ["a"]) in scripted.calls
    assert [change for report in found for change in report.changes] == [GREW]


def test_findings_arrive_also_when_the_question_fails(scripted: Any) -> None:
    scripted.known, scripted.polls = {"a"}, [[GREW]]
    desk, found = make(scripted)

    def refuse(engine: object) -> None:
        raise UsageError("no")

    with pytest.raises(UsageError):
        desk.ask(refuse, scan=False, runs=["a"])
    assert [change for report in found for change in report.changes] == [GREW]


def test_unknown_run_is_looked_for_on_disk_once(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _ = make(scripted)
    desk.scan()
    scripted.calls.clear()
    real_scan = scripted.scan

    def scan_and_find() -> list[dict[str, Any]]:
        scripted.known = {"new"}
        found: list[dict[str, Any]] = real_scan()
        return found

    monkeypatch.setattr(scripted, "scan", scan_and_find)
    assert desk.ask(lambda engine: 1, scan=False, runs=["new"]) == (1, ["new"])
    assert scripted.calls.count("scan") == 1


def test_unknown_run_stays_unknown(scripted: Any) -> None:
    desk, _ = make(scripted)
    with pytest.raises(NotFoundError):
        desk.ask(lambda engine: 1, scan=True, runs=["nobody"])
    assert scripted.calls.count("scan") == 1


def test_scan_that_cost_much_answers_the_next_questions_too(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(enginedesk.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(enginedesk.time, "thread_time", lambda: now[0])
    real_scan = scripted.scan

    def slow_scan() -> list[dict[str, Any]]:
        now[0] += 0.03
        found: list[dict[str, Any]] = real_scan()
        return found

    monkeypatch.setattr(scripted, "scan", slow_scan)
    desk, _ = make(scripted)
    for later_s, scans in ((0.0, 1), (0.001, 2), (0.05, 2), (0.05, 3)):
        now[0] += later_s
        desk.ask(lambda engine: 1, scan=True, runs=())
        assert scripted.calls.count("scan") == scans


def test_ended_runs_and_backlog_are_in_the_report_of_a_scan(scripted: Any) -> None:
    scripted.to_settle, scripted.left = ["a"], {"b": 1.0}
    desk, found = make(scripted)
    desk.scan()
    assert found[-1].unsettled == ["a"]
    assert found[-1].backlog


def test_backlog_is_read_run_by_run_until_nothing_is_left(scripted: Any) -> None:
    scripted.left = {"a": 1.0, "b": 0.5}
    desk, _ = make(scripted)
    assert [desk.ingest(0.01) for _ in range(4)] == [("a", 0.5), ("a", 0.0), ("b", 0.0), None]


def test_backlog_turns_to_the_run_that_is_wanted_most(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(enginedesk.time, "monotonic", lambda: now[0])
    scripted.left = {"a": 9.0}
    desk, _ = make(scripted)
    desk.ingest(0.01)
    scripted.left = {"asked": 1.0, "a": 8.5}
    assert desk.ingest(0.01) == ("a", 8.0)
    now[0] += 1.0
    assert desk.ingest(0.01) == ("asked", 0.5)


def test_backlog_that_does_not_shrink_is_looked_at_and_then_left(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.left = {"a": 1.0}
    monkeypatch.setattr(scripted, "ingest_backlog", lambda run, budget_s: 0.7)
    desk, found = make(scripted)
    desk.scan()
    found.clear()
    slices = 0
    while desk.ingest(0.01) is not None:
        slices += 1
    assert slices == 2 * enginedesk.STUCK_SLICES
    assert len(found) == 1  # the scan in between
    desk.scan()
    assert found[-1].backlog  # and the next one offers it again
    while desk.read_on("a", 0.01):
        slices += 1
    assert slices == 4 * enginedesk.STUCK_SLICES


def test_closing_twice_or_unopened_is_fine(scripted: Any) -> None:
    desk, _ = make(scripted)
    desk.close()
    desk.scan()
    desk.close()
    desk.close()
    assert scripted.calls.count("close") == 1
