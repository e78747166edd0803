"""Real processes that go wrong: each alert once, on the event stream, in the list and on the screen."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from og_user import BIN, OG, OgUser, wait_until
from terminal import Terminal

FAULTS = (
    "level_up", "divergence", "nonfinite", "masked_nan", "too_good", "no_learning", "grad_explosion", "slow", "stall",
    "crash", "silent_rank", "straggler", "reward_collapse", "overfit", "entropy_collapse", "kl_blow_up", "zero_variance",
    "clipped_length", "gpu_idle", "memory", "disk",
)  # fmt: skip
TRAINING = str(Path(__file__).with_name("faulty_training.py"))
PYTHON = str(BIN / "python")
RULES = """
[detectors]
slow = { for = "1s" }
stall = { for = "2s" }
silent_rank = { for = "1s" }
straggler = { for = "1s" }
gpu_idle = { for = "2s" }
memory = { for = "2s" }
disk = { for = "2s" }
"""


@pytest.fixture(scope="module")
def faulty() -> Iterator[tuple[OgUser, list[dict[str, Any]]]]:
    """A user whose every run went wrong, and all events of kind alert that were told meanwhile."""
    home = Path(tempfile.mkdtemp(prefix="og-"))
    with OgUser(home) as user:
        (user.store / "alerts.toml").write_text(RULES)
        user.og("list")
        told: list[dict[str, Any]] = []
        listener = threading.Thread(target=listen, args=(user, told), daemon=True)
        listener.start()
        for fault in (*FAULTS, "healthy"):
            done = user.og("run", "--detach", "--run", fault, "--", PYTHON, TRAINING, fault)
            assert done.returncode == 0, done.stderr
        wait_until(
            lambda: len(user.runs()) > len(FAULTS) and all(run["status"] != "running" for run in user.runs()),
            within_s=90,
            what="the end of every training",
        )
        wait_until(lambda: len(loud(user)) >= len(FAULTS), within_s=20, what="an alert of each")
        yield user, told
    shutil.rmtree(home, ignore_errors=True)


def listen(user: OgUser, told: list[dict[str, Any]]) -> None:
    """Keep the events of kind alert that the stream tells of, until ogd is gone."""
    link = http.client.HTTPConnection("ogd")
    link.sock = socket.socket(socket.AF_UNIX)
    link.sock.connect(str(Path(user.env["XDG_RUNTIME_DIR"]) / "opengraphs" / "ogd.sock"))
    link.request("GET", f"/events?store={user.store}")
    try:
        for line in link.getresponse():
            event = json.loads(line)
            if event["kind"] == "alert":
                told.append(event)
    except (OSError, http.client.HTTPException):
        return
    finally:
        link.close()


def loud(user: OgUser) -> list[dict[str, Any]]:
    return [alert for alert in user.json("alerts", "--limit", "500")["alerts"] if alert["level"] != "info"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_alert(faulty: tuple[OgUser, list[dict[str, Any]]], fault: str) -> None:
    user, told = faulty
    alerts = [alert for alert in loud(user) if alert["run"] == fault]
    assert [alert["detector"] for alert in alerts] == [fault], alerts
    events = [
        alert
        for event in told
        if event["about"]["name"] == fault
        for alert in event["alerts"]
        if alert["level"] != "info"
    ]
    fired = [alert for alert in events if alert["state"] == "firing"]
    assert {alert["alert_id"] for alert in fired} == {alerts[0]["alert_id"]}
    assert len([alert for alert in fired if alert["detector"] == fault]) == 1


def test_a_healthy_run_is_left_alone(faulty: tuple[OgUser, list[dict[str, Any]]]) -> None:
    assert [alert for alert in loud(faulty[0]) if alert["run"] == "healthy"] == []


def test_the_screen_lists_each_of_them(faulty: tuple[OgUser, list[dict[str, Any]]]) -> None:
    user, _ = faulty
    titles = [alert["title"] for alert in loud(user)]
    with Terminal(
        [str(OG), "view", "--screen", "alerts"], env=user.env, cwd=user.work, columns=200, rows=50
    ) as terminal:
        terminal.wait_text(*(title[:20] for title in titles), within_s=30)
        terminal.wait_text("7 alerts!")  # the tab tells of it


def test_alerts_survive_the_death_of_ogd(user: OgUser) -> None:
    """Killed while one fires, one is silenced and one waits for its time: nothing is told twice or forgotten."""
    sent = user.home / "sent"
    (user.home / "config" / "opengraphs").mkdir(parents=True)
    hook = ["sh", "-c", f'echo "$OG_ALERT_STATE $OG_ALERT_DETECTOR" >> {sent}']
    (user.home / "config" / "opengraphs" / "alerts.toml").write_text(
        f'[[sink]]\nkind = "command"\ncommand = {json.dumps(hook)}\nresolved = false\n'
    )
    (user.store / "alerts.toml").write_text('[detectors]\nstall = { for = "2s" }\n')
    assert user.og("alerts", "silence", "--detector", "rule:quiet", "--for", "1h").returncode == 0
    rules = ("--alert", "quiet: train/loss > 0", "--alert", "later: age(train/loss) > 1 for 5s !info")
    done = user.og("run", "--detach", "--run", "r", *rules, "--", PYTHON, TRAINING, "stall")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: loud(user), within_s=30, what="the alert")
    before = loud(user)
    kill_ogd(user)
    assert loud(user) == before
    wait_until(
        lambda: [alert["status"] for alert in loud(user)] == ["resolved"],
        within_s=30,
        what="the end of the stall",
    )
    (folder,) = (user.store / "runs").iterdir()
    events = [json.loads(line) for line in (folder / "events" / "ogd.jsonl").read_text().splitlines()]
    told = [(event["detector"], event["state"]) for event in events if event["kind"] == "alert"]
    assert told[0] == ("stall", "firing")
    assert sorted(told[1:]) == [("rule:later", "firing"), ("stall", "resolved")]
    assert len(user.json("alerts", "silence")["silences"]) == 1
    assert sent.read_text().split("\n") == ["firing stall", ""]


def kill_ogd(user: OgUser) -> None:
    pid = user.json("daemon", "status")["pid"]
    os.kill(pid, signal.SIGKILL)


def test_what_the_script_says_and_rules_ring_a_webhook(user: OgUser) -> None:
    got: list[dict[str, Any]] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        config = user.home / "config" / "opengraphs"
        config.mkdir(parents=True)
        (config / "alerts.toml").write_text(
            f'[[sink]]\nkind = "webhook"\nurl = "http://127.0.0.1:{server.server_port}/x"\n'
        )
        (config / "alerts.toml").chmod(0o600)
        script = user.work / "t.py"
        script.write_text(
            "import time, opengraphs as og\nog.init(name='r')\nog.alert('half way', level='warn')\n"
            "for step in range(20):\n    og.log({'x': step})\ntime.sleep(2)\n"
        )
        done = user.og("run", "--alert", "x > 10 !error", "--", PYTHON, str(script))
        assert done.returncode == 0, done.stderr
        wait_until(lambda: len(got) >= 2, within_s=20, what="two calls of the webhook")
        assert sorted(call["alert"]["title"] for call in got) == ["half way", "x > 10"]
        assert {call["run"]["name"] for call in got} == {"r"}
        assert user.json("alerts", "test")["sinks"] == [
            {"name": "webhook-1", "kind": "webhook", "ok": True, "error": ""}
        ]
    finally:
        server.shutdown()
        server.server_close()
