"""Alerts of every run: folded from events, filtered, sorted, kept until events grow."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.engine import alertlist
from opengraphs.engine.alertlist import AlertQuery
from opengraphs.errors import NotFoundError, UsageError

RUN = "20261122-093012-k7f3"
OTHER = "20261122-093013-m2m2"


def event(at: float, name: str | None, **more: Any) -> dict[str, Any]:
    named = {"alert_id": name} if name else {}
    return {"time": at, "kind": "alert", "state": "fired", **named, **more}


@pytest.fixture
def engine(maker: Any) -> Any:
    maker.run(RUN, name="first")
    maker.run(OTHER, name="second")
    maker.append(
        [
            event(
                10,
                "a",
                title="spike",
                level="error",
                metric="train/loss",
                onset_step=5,
                step=7,
                evidence={"z": 9},
            ),
            event(20, "b", title="flat", level="warn"),
            event(30, "a", state="resolved"),
            event(40, None, title="nameless"),
            {"time": 50, "kind": "note", "text": "no alert"},
        ],
        kind="events",
    )
    maker.append(
        [event(25, "c", title="slow", level="WARNING", text="tokens fell")], run_id=OTHER, kind="events"
    )
    return maker.open()


def titles(reply: dict[str, Any]) -> list[str]:
    return [alert["title"] for alert in reply["alerts"]]


def test_newest_first_with_counts(engine: Any) -> None:
    reply = engine.alerts(AlertQuery())
    assert titles(reply) == ["nameless", "slow", "flat", "spike"]
    assert reply["counts"] == {"firing": 3, "acknowledged": 0, "resolved": 1}
    assert (reply["total"], reply["unread"], reply["next"]) == (4, 0, None)


def test_a_later_event_says_how_an_alert_stands_and_takes_nothing_away(engine: Any) -> None:
    spike = engine.alerts(AlertQuery(status="resolved"))["alerts"][0]
    assert (spike["id"], spike["run"], spike["fired_at"], spike["time"]) == (f"{RUN}:a", "first", 10.0, 30)
    assert (spike["evidence"], spike["metric"], spike["onset_step"], spike["step"]) == (
        {"z": 9},
        "train/loss",
        5,
        7,
    )


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (AlertQuery(run="m2m2"), ["slow"]),
        (AlertQuery(level="warn"), ["slow", "flat"]),
        (AlertQuery(words="tokens SECOND"), ["slow"]),
        (AlertQuery(words="nowhere"), []),
        (AlertQuery(sort="time"), ["spike", "flat", "slow", "nameless"]),
        (AlertQuery(sort="-level"), ["spike", "slow", "flat", "nameless"]),
        (AlertQuery(sort="run"), ["nameless", "flat", "spike", "slow"]),
        (AlertQuery(sort="-status"), ["spike", "nameless", "slow", "flat"]),
    ],
)
def test_filters_and_orders(engine: Any, query: AlertQuery, wanted: list[str]) -> None:
    assert titles(engine.alerts(query)) == wanted


def test_windows(engine: Any) -> None:
    page = engine.alerts(AlertQuery(), start=1, limit=2)
    assert (titles(page), page["next"]) == (["slow", "flat"], 3)
    assert titles(engine.alerts(AlertQuery(), start=9)) == []


def test_new_events_of_an_ended_run_are_seen(engine: Any, maker: Any) -> None:
    engine.alerts(AlertQuery())
    maker.append([event(60, "c", state="acknowledged", note="seen")], run_id=OTHER, kind="events")
    (slow,) = engine.alerts(AlertQuery(run=OTHER))["alerts"]
    assert (slow["status"], slow["note"], slow["title"]) == ("acknowledged", "seen", "slow")
    maker.append([event(70, "c")], run_id=OTHER, kind="events")
    assert engine.alerts(AlertQuery(run=OTHER))["alerts"][0]["status"] == "firing"


def test_events_are_read_again_only_when_they_have_grown(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.alerts(AlertQuery())
    read: list[str] = []
    monkeypatch.setattr(engine, "_read_alerts", lambda run: read.append(run) or [])
    engine.alerts(AlertQuery())
    assert read == []


def test_a_big_store_is_looked_through_piece_by_piece(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertlist, "BUDGET_S", 0.0)
    monkeypatch.setattr(alertlist.AlertList.look, "__kwdefaults__", {"budget_s": 0.0})
    for n in range(3):
        maker.run(f"20261122-09301{n}-aaa{n}")
        maker.append([event(n, "x", title=str(n))], run_id=f"20261122-09301{n}-aaa{n}", kind="events")
    engine = maker.open()
    replies = [engine.alerts(AlertQuery()) for _ in range(3)]
    assert [(reply["unread"], reply["total"]) for reply in replies] == [(2, 1), (1, 2), (0, 3)]


def test_a_removed_run_takes_its_alerts_along(engine: Any, maker: Any) -> None:
    engine.alerts(AlertQuery())
    (maker.path / "runs" / OTHER).rename(maker.path / "gone")
    engine.scan()
    assert engine.alerts(AlertQuery())["total"] == 3


def test_bad_questions_are_told(engine: Any) -> None:
    with pytest.raises(UsageError, match="sorted by 'colour'"):
        engine.alerts(AlertQuery(sort="colour"))
    with pytest.raises(NotFoundError, match="no alert"):
        engine.alert("a")
    with pytest.raises(NotFoundError, match="nobody"):
        engine.alert("nobody:a")
    assert engine.alert("k7f3:b")["title"] == "flat"
    with pytest.raises(NotFoundError, match="no alert"):
        engine.alert(f"{RUN}:nothing")
    with pytest.raises(NotFoundError):
        engine.alerts(AlertQuery(run="nobody"))
