"""`og alerts` with a real daemon: listed, acknowledged, remembered."""

from __future__ import annotations

import json

import pytest
from made_runs import make_run
from og_user import OgUser

RUN = "20270115-080000-k7f3"


@pytest.fixture
def alarmed(user: OgUser) -> OgUser:
    folder = make_run(user.store, RUN, name="digits")
    events = [
        {
            "time": 1.0,
            "kind": "alert",
            "alert_id": "a",
            "level": "error",
            "state": "fired",
            "title": "spike\x1b[2J",
            "step": 7,
        },
        {"time": 2.0, "kind": "alert", "alert_id": "b", "level": "warn", "state": "fired", "title": "flat"},
    ]
    (folder / "events" / "x.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return user


def test_the_list_is_plain_and_clean(alarmed: OgUser) -> None:
    done = alarmed.og("alerts")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    first, second = done.stdout.splitlines()[1:]
    assert first.split()[:3] == ["k7f3:b", "firing", "warn"]
    assert second.split()[:3] == ["k7f3:a", "firing", "error"]


def test_what_is_acknowledged_stays_so_after_a_restart(alarmed: OgUser) -> None:
    done = alarmed.og("alerts", "ack", "k7f3:a", "--note", "known")
    assert (done.returncode, done.stderr.strip()) == (0, "acknowledged: spike"), done.stderr
    alarmed.og("daemon", "stop")
    told = {alert["alert_id"]: alert for alert in alarmed.json("alerts")["alerts"]}
    assert (told["a"]["status"], told["a"]["note"], told["a"]["step"]) == ("acknowledged", "known", 7)
    assert [alert["alert_id"] for alert in alarmed.json("alerts", "--status", "firing")["alerts"]] == ["b"]
    assert [alert["alert_id"] for alert in alarmed.json("alerts", "--filter", "FLAT digits")["alerts"]] == [
        "b"
    ]


def test_saying_it_twice_writes_it_once(alarmed: OgUser) -> None:
    for _ in range(2):
        assert alarmed.json("alerts", "ack", "k7f3:a")["alerts"][0]["status"] == "acknowledged"
    written = (alarmed.store / "runs" / RUN / "events" / "ogd.jsonl").read_text()
    assert written.count('"acknowledged"') == 1


def test_a_note_on_a_resolved_alert_leaves_it_resolved(alarmed: OgUser) -> None:
    with (alarmed.store / "runs" / RUN / "events" / "x.jsonl").open("a") as file:
        file.write(json.dumps({"time": 3.0, "kind": "alert", "alert_id": "a", "state": "resolved"}) + "\n")
    (alert,) = alarmed.json("alerts", "ack", "k7f3:a", "--note", "it was the disk")["alerts"]
    assert (alert["status"], alert["note"]) == ("resolved", "it was the disk")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("alerts", "ack"), "ID..."),
        (("alerts", "burn"), "burn"),
        (("alerts", "--note", "x"), "--note"),
        (("alerts", "silence", "--metric", "x"), "--for says how long"),
        (("alerts", "silence", "--for", "soon"), "'soon' is no time"),
        (("alerts", "mute"), "mute what?"),
        (("alerts", "unsilence", "abc"), "no silence 'abc'"),
        (("alerts", "replay", "k7f3", "--rule", "a >> 1"), "at column 4"),
        (("alerts", "replay", "nothing.csv"), "nothing.csv"),
        (("alerts", "ack", "k7f3:nothing"), "no alert 'k7f3:nothing'"),
        (("alerts", "ack", "zzzz:a"), "zzzz"),
        (("alerts", "--run", "zzzz"), "zzzz"),
    ],
)
def test_bad_input_is_told(alarmed: OgUser, words: tuple[str, ...], said: str) -> None:
    done = alarmed.og(*words)
    assert done.returncode != 0
    assert said in done.stderr


def test_no_alerts_is_no_error(user: OgUser) -> None:
    done = user.og("alerts")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "", "no alerts")
