"""Runs forwarded by a real daemon to a server that speaks Trackio's wire format."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from og_user import OgUser
from ogd_kit import Ogd, wait_for
from trackio_recorder import Answer, Asked, Recorder

from opengraphs import paths
from opengraphs.sdk import forwarding

SECRET = "s3cret-of-the-user"
SCRIPT = """
import sys
import opengraphs as og
run = og.init(project="digits", name="wide", config={"lr": 0.1}, group="g1", mirror_to=sys.argv[1])
for step in range(int(sys.argv[2])):
    og.log({"loss": 1 / (step + 1), "bad": float("nan")}, step=step)
run.log_system({"gpu.0.mem_used_bytes": float(1 << 31)})
run.alert("diverged", "look", level="error")
run.config["late"] = 7
print(run.id)
"""


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder(token=SECRET) as recorder:
        yield recorder


def train(url: str, steps: int, **env: str) -> str:
    """Run the script to its end; the run's id."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, url, str(steps)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def told(ogd: Ogd, run_id: str) -> dict[str, Any]:
    with ogd.client() as client:
        found: dict[str, Any] = client.run(run_id).get("forwarding") or {}  # type: ignore[assignment]
    return found


def wait_done(ogd: Ogd, run_id: str) -> dict[str, Any]:
    return wait_for(lambda: (found := told(ogd, run_id)).get("state") == "done" and found, what="forwarding")


def expected(steps: int) -> list[tuple[int, float]]:
    return [(step, 1 / (step + 1)) for step in range(steps)]


def test_a_run_arrives_whole_with_config_system_figures_and_alert(ogd: Ogd, server: Recorder) -> None:
    run_id = train(server.url, 700, OG_MIRROR_TOKEN=SECRET)
    ogd.start()
    found = wait_done(ogd, run_id)
    assert server.curve("loss", run_id) == expected(700)
    assert [value for _, value in server.curve("bad")] == ["NaN"] * 700
    (system,) = server.rows["bulk_log_system"].values()
    assert system["metrics"] == {"gpu/0/allocated_memory": 2.0}
    (alert,) = server.rows["bulk_alert"].values()
    assert (alert["title"], alert["text"], alert["level"], alert["step"]) == (
        "diverged",
        "look",
        "error",
        699,
    )
    config = server.configs[run_id]
    assert (config["lr"], config["late"], config["_Group"]) == (0.1, 7, "g1")
    assert (found["delivered"], found["skipped"], found["pending_bytes"]) == (702, 0, 0)
    assert set(server.sent.values()) <= {1, 2}  # the last row once more, with the config that came after it
    row = next(iter(server.rows["bulk_log"].values()))
    assert (row["project"], row["run"]) == ("digits", "wide")


def test_the_token_stands_in_a_private_file_and_nowhere_else(
    ogd: Ogd, server: Recorder, og_home: Path
) -> None:
    url = f"http://user:{SECRET}@127.0.0.1:{server.port}/?write_token={SECRET}"
    run_id = train("", 3, OG_MIRROR=url)
    ogd.start()
    wait_done(ogd, run_id)
    holders = [file for file in og_home.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]
    assert [file.parent for file in holders] == [Path(forwarding.folder())]
    assert holders[0].stat().st_mode & 0o777 == 0o600
    with ogd.client() as client:
        run = client.run(run_id)
    assert run["mirror_to"] == server.url
    assert SECRET not in json.dumps(run)


def test_a_server_that_the_user_never_named_gets_nothing(ogd: Ogd, server: Recorder) -> None:
    run_id = train(server.url, 3, OG_MIRROR_TOKEN=SECRET)
    shutil.rmtree(forwarding.folder())  # as if the run folder had come from somewhere else
    ogd.start()
    found = wait_for(lambda: (one := told(ogd, run_id)).get("last_error") and one)
    assert found["state"] == "blocked"
    assert "nobody has allowed this server" in found["last_error"]
    assert not server.asked
    with ogd.client() as client:
        checks = {check["id"]: check for check in client.get("/doctor")["checks"]}
    assert checks["forwarding"]["status"] == "warn"
    assert run_id in checks["forwarding"]["message"]


def test_ten_kills_of_the_daemon_lose_and_double_nothing(ogd: Ogd, server: Recorder) -> None:
    """Each in the middle of a request, before or after the server has stored what it holds."""
    steps, chance, kills = 6000, random.Random(20261122), 0
    run_id = train(server.url, steps, OG_MIRROR_TOKEN=SECRET)

    def kill(asked: Asked) -> Answer | None:
        nonlocal kills
        pid = ogd.pid()
        if kills == 10 or not asked.rows or pid is None or chance.random() < 0.4:
            return None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: ogd.pid() != pid, what="its end")
        kills += 1
        return Answer(200, {"data": None}, store=chance.random() < 0.7)

    server.misbehave = kill
    ogd.start()
    told(ogd, run_id)
    while kills < 10 or ogd.pid() is None:
        wait_for(lambda: ogd.pid() is None or kills == 10, what="a kill")
        if ogd.pid() is None:
            ogd.start()  # it opens the store by itself: something is left to be forwarded there
    wait_for(lambda: server.curve("loss") == expected(steps) and server.rows["bulk_alert"])
    assert wait_done(ogd, run_id)["skipped"] == 0
    assert server.curve("loss", run_id) == expected(steps)
    assert len(server.rows["bulk_log"]) == steps
    assert max(server.sent.values()) > 1


def test_a_lost_cursor_and_a_lost_index_send_again_what_the_server_knows(ogd: Ogd, server: Recorder) -> None:
    run_id = train(server.url, 50, OG_MIRROR_TOKEN=SECRET)
    ogd.start()
    wait_done(ogd, run_id)
    ogd.kill()
    shutil.rmtree(paths.state_dir() / "forward")
    shutil.rmtree(paths.cache_dir())
    ogd.start()
    wait_done(ogd, run_id)
    assert max(server.sent.values()) >= 2
    assert server.curve("loss", run_id) == expected(50)


def test_a_run_is_forwarded_while_it_lives(ogd: Ogd, server: Recorder) -> None:
    ogd.start()
    code = SCRIPT.replace("run.log_system", "sys.stdin.readline(); run.log_system")
    child = subprocess.Popen(
        [sys.executable, "-c", code, server.url, "5"],
        env={**os.environ, "OG_MIRROR_TOKEN": SECRET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with ogd.client() as client:
            wait_for(lambda: client.runs()["total"])
        wait_for(lambda: server.curve("loss") == expected(5), what="live rows")
        assert not server.rows["bulk_alert"]
        out, _ = child.communicate("\n", timeout=30)
    finally:
        child.kill()
        child.wait()
    wait_done(ogd, out.strip())
    assert len(server.rows["bulk_alert"]) == 1


def test_og_run_forwards_a_script_that_knows_nothing_of_it(user: OgUser, server: Recorder) -> None:
    script = user.work / "train.py"
    script.write_text(
        "import os, opengraphs as og\n"
        "og.init()\n"
        "for step in range(20): og.log({'loss': step}, step=step)\n"
        "print(os.environ['OG_MIRROR'], 'OG_MIRROR_TOKEN' in os.environ)\n"
    )
    done = user.og(
        "run", "--mirror-to", f"{server.url}/?write_token={SECRET}", str(script), OG_MIRROR_TOKEN="other"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [server.url, "False"]
    run_id = user.runs()[0]["run_id"]
    wait_for(lambda: user.json("show", run_id).get("forwarding", {}).get("state") == "done")
    assert server.curve("loss", run_id) == [(step, step) for step in range(20)]
    assert f"to {server.url}: " in user.og("show", run_id).stdout
    assert SECRET not in (user.store / "runs" / run_id / "run.json").read_text()


def test_og_run_refuses_what_is_no_server(user: OgUser) -> None:
    done = user.og("run", "--mirror-to", "user/space", "--", "true")
    assert done.returncode == 2
    assert "https://host" in done.stderr
    assert not user.runs()
