"""Runs forwarded to Trackio's own server; its database is compared with what the script computed."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ogd_kit import Ogd, wait_for
from real_kit import QUIET, need

SHOW = """
import sys, time, trackio
trackio.show(block_thread=False, open_browser=False, server_port=int(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""
TRAIN = """
import sys
import opengraphs as og
run = og.init(project="digits x", name="wide", config={"lr": 0.1}, group="g", mirror_to=sys.argv[1])
for step in range(800):
    og.log({"loss": 1 / (step + 1), "nan": float("nan") if step % 100 == 0 else 1.0}, step=step)
for percent in range(3):
    run.log_system({"gpu.0.util_percent": float(percent)})
run.alert("one", "text", level="warn")
run.alert("two")
run.config.late = 3
print(run.id)
"""


class Server(NamedTuple):
    port: int
    folder: Path
    env: dict[str, str]
    python: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> subprocess.Popen[str]:
        """Trackio's dashboard, once it answers."""
        child = subprocess.Popen(
            [self.python, "-c", SHOW, str(self.port)],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == "ready":
                return child
        raise AssertionError("trackio did not start")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "digitsx.db")) as database:
            return database.execute(query).fetchall()


@pytest.fixture
def server(short_tmp: Path) -> Server:
    python = need("trackio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = short_tmp / "trackio"
    env = {
        **os.environ,
        **QUIET,
        "TRACKIO_DIR": str(folder),
        "TRACKIO_WRITE_TOKEN": "write-it",
        "HOME": str(short_tmp),
    }
    return Server(port, folder, env, python)


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def train(ogd: Ogd, url: str) -> str:
    command = [sys.executable, "-c", TRAIN, url]
    env = {**os.environ, "OG_MIRROR_TOKEN": "write-it"}
    return subprocess.run(
        command, env=env, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def own_alerts(ogd: Ogd, run_id: str) -> list[dict[str, Any]]:
    """What ogd itself found in the run."""
    with ogd.client() as client:
        return [alert for alert in client.run(run_id)["alerts"] if alert.get("detector") == "nonfinite"]


def told(ogd: Ogd, run_id: str) -> dict[str, Any]:
    with ogd.client() as client:
        return dict(client.run(run_id).get("forwarding") or {})


def test_trackios_database_has_every_record_once_though_daemon_and_server_were_killed(
    ogd: Ogd, server: Server
) -> None:
    trackio = server.start()
    try:
        run_id = train(ogd, server.url)
        ogd.start()
        wait_for(lambda: told(ogd, run_id).get("delivered", 0) > 0, what="a batch")
        ogd.kill()
        end(trackio)
        trackio = server.start()
        ogd.start()
        wait_for(lambda: told(ogd, run_id).get("state") == "done", within_s=60, what="delivery")
        (own,) = wait_for(lambda: own_alerts(ogd, run_id), what="og's alert of the NaN")
        ogd.kill()
        for file in (Path(os.environ["XDG_STATE_HOME"]) / "opengraphs" / "forward").iterdir():
            file.unlink()  # everything is sent once more
        ogd.start()
        found = wait_for(lambda: (one := told(ogd, run_id)).get("state") == "done" and one, within_s=60)
        assert (found["delivered"], found["skipped"]) == (806, 0)
    finally:
        end(trackio)
    rows = [
        (step, json.loads(metrics))
        for step, metrics in server.ask("SELECT step, metrics FROM metrics ORDER BY step")
    ]
    assert [step for step, _ in rows] == list(range(800))
    assert [row["loss"] for _, row in rows] == [1 / (step + 1) for step in range(800)]
    assert [row["nan"] for _, row in rows] == ["NaN" if step % 100 == 0 else 1.0 for step in range(800)]
    system = [
        json.loads(metrics)
        for (metrics,) in server.ask("SELECT metrics FROM system_metrics ORDER BY timestamp")
    ]
    assert system == [{"gpu/0/utilization": 0.0}, {"gpu/0/utilization": 1.0}, {"gpu/0/utilization": 2.0}]
    alerts = server.ask("SELECT title, text, level, step FROM alerts")
    assert sorted(alert for alert in alerts if alert[0] != own["title"]) == [
        ("one", "text", "warn", 799),
        ("two", "", "info", 799),
    ]
    assert len(alerts) == 3
    ((name, config),) = server.ask("SELECT run_name, config FROM configs")
    known = json.loads(config)
    assert (name, known["lr"], known["late"], known["_Group"]) == ("wide", 0.1, 3, "g")
    assert {row[0] for row in server.ask("SELECT run_id FROM metrics")} == {run_id}


def test_a_wrong_token_blocks_until_it_is_right_and_loses_nothing(ogd: Ogd, server: Server) -> None:
    trackio = server.start()
    try:
        env = {**os.environ, "OG_MIRROR_TOKEN": "wrong"}
        command = [sys.executable, "-c", TRAIN, server.url]
        run_id = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()
        ogd.start()
        found = wait_for(lambda: (one := told(ogd, run_id)).get("last_error") and one)
        assert "write_token is required" in found["last_error"]
        again = train(ogd, server.url)
        for run in (run_id, again):
            wait_for(lambda run=run: told(ogd, run).get("state") == "done", within_s=60)
    finally:
        end(trackio)
    assert server.ask("SELECT COUNT(*) FROM metrics") == [(1600,)]
