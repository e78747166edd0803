"""The ingest under attack, under load, and killed: nothing is lost, doubled, or blocked."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ingest_kit import Ingest, points, records, row
from ogd_kit import Ogd, wait_for

from opengraphs.sdk import layout


@pytest.fixture
def ingest(ogd: Ogd) -> Ingest:
    ogd.start()
    return Ingest(ogd)


class Sender:
    """A client that sends batch after batch, and each again until it is acknowledged."""

    def __init__(self, ingest: Ingest, *, run_id: str, batches: int, size: int) -> None:
        self.ingest = ingest
        self.acknowledged = 0
        self._batches = [
            [row(number * size + at, run_id=run_id, log_id=f"{run_id}-{number}-{at}") for at in range(size)]
            for number in range(batches)
        ]
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        for batch in self._batches:
            while not self._try(batch):
                pass
            self.acknowledged += 1

    def _try(self, batch: list[dict[str, Any]]) -> bool:
        try:
            return self.ingest.post("/api/bulk_log", {"kwargs": {"logs": batch}}).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def join(self) -> None:
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


def test_every_row_arrives_once_though_the_daemon_is_killed_again_and_again(ingest: Ingest) -> None:
    senders = [Sender(ingest, run_id=f"run{n}", batches=40, size=50) for n in range(2)]
    for mark in (5, 15, 25):
        wait_for(lambda mark=mark: min(s.acknowledged for s in senders) >= mark, what="some batches")  # type: ignore[misc]
        ingest.ogd.kill()
        ingest.ogd.start()
    for sender in senders:
        sender.join()
    runs = ingest.runs()
    assert len(runs) == 2
    for run in runs:
        counts = Counter(record["log_id"] for record in records(run))
        assert len(counts) == 2000
        assert set(counts.values()) == {1}
        assert [step for step, _ in points(run)] == list(range(2000))


def test_a_line_that_was_cut_by_a_kill_is_written_anew(ingest: Ingest) -> None:
    rows = [row(0, log_id="a"), row(1, log_id="b")]
    ingest.call("bulk_log", logs=rows, hf_token=None)
    journal = ingest.only_run() / layout.METRICS / "ingest.jsonl"
    ingest.ogd.kill()
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-9])
    ingest.ogd.start()
    wait_for(lambda: ingest.status()["listening"], what="the listener")
    ingest.call("bulk_log", logs=rows, hf_token=None)
    assert [record["log_id"] for record in records(ingest.only_run())] == ["a", "b"]


def test_the_daemon_stays_while_somebody_may_still_send(ogd: Ogd) -> None:
    child = ogd.start(OG_IDLE_EXIT_S="0.2")
    Ingest(ogd)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1.0)  # several times what makes an idle daemon leave
    with ogd.client() as client:
        client.delete("/ingest")
    wait_for(lambda: child.poll() is not None, what="the end of the idle daemon")


def test_a_backlog_in_one_request_is_stored_once_and_others_are_answered_meanwhile(ingest: Ingest) -> None:
    rows = [
        row(step, log_id=f"row-{step:08}", timestamp="2026-11-20T10:00:00+00:00") for step in range(100_000)
    ]
    body = json.dumps({"args": [], "kwargs": {"logs": rows, "hf_token": None}}).encode()
    answers: list[int] = []
    sender = threading.Thread(target=lambda: answers.append(ingest.post("/api/bulk_log", body).status))
    sender.start()
    asked = 0
    while sender.is_alive():
        assert ingest.ogd.version()["protocol"]
        asked += 1
    sender.join()
    assert answers == [200]
    assert asked > 3
    assert ingest.post("/api/bulk_log", body).status == 200
    run = ingest.only_run()
    assert sum(1 for _ in records(run)) == 100_000
    assert ingest.call("get_run_summary", "p", "r")["last_step"] == 99_999


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(ingest: Ingest) -> None:
    head = (
        f"POST /api/bulk_log HTTP/1.1\r\nHost: localhost\r\nx-trackio-write-token: {ingest.token}\r\n"
        f"Content-Length: {1 << 40}\r\n\r\n"
    )
    assert ingest.raw(head.encode()).startswith(b"HTTP/1.1 413")
    packed = ingest.post("/api/bulk_log", b"x", headers={"Content-Encoding": "gzip"})
    assert packed.status == 415


@pytest.mark.parametrize("token", ["", "wrong", "ogrun.", "ü".encode().decode("latin-1")])
def test_nobody_writes_without_the_token(ingest: Ingest, token: str) -> None:
    for path in ("/api/bulk_log", "/api/upload", "/gradio_api/bulk_log", "/api/artifact_log", "/api/log"):
        assert ingest.post(path, {"kwargs": {"logs": [row(0)]}}, token=token).status == 401
    assert ingest.runs() == []


def test_cookie_and_query_show_the_token_too(ingest: Ingest) -> None:
    body = {"kwargs": {"logs": [row(0)]}}
    cookie = {"Cookie": f"a=b; trackio_write_token={ingest.token}"}
    assert ingest.post("/api/bulk_log", body, token="", headers=cookie).status == 200
    assert ingest.post(f"/api/bulk_log?write_token={ingest.token}", body, token="").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "evil.example:7860"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_pages_of_a_browser_get_nothing(ingest: Ingest, headers: dict[str, str]) -> None:
    assert ingest.get("/version", headers=headers).status == 403
    assert ingest.post("/api/bulk_log", {"kwargs": {"logs": [row(0)]}}, headers=headers).status == 403
    assert ingest.runs() == []


def test_our_own_names_are_taken(ingest: Ingest) -> None:
    for host in (f"localhost:{ingest.port}", "127.0.0.1", "[::1]:7860"):
        assert ingest.get("/version", headers={"Host": host}).status == 200
    assert ingest.get("/version", headers={"Origin": f"http://localhost:{ingest.port}"}).status == 200


def test_endless_heads_and_idle_connections_hurt_nobody(ingest: Ingest) -> None:
    idle = [socket.create_connection((ingest.host, ingest.port)) for _ in range(300)]
    try:
        for link in idle[:100]:
            link.sendall(b"POST /api/bulk_log HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        assert ingest.ogd.version()["protocol"]
        with ingest.ogd.client() as client:
            assert client.runs()["runs"] == []
    finally:
        for link in idle:
            link.close()
    assert ingest.get("/version").status == 200
    endless = b"GET /version HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: " + b"a" * 200_000
    try:
        answer = ingest.raw(endless)
    except ConnectionError:
        answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 431")
    assert ingest.raw(b"\x16\x03\x01 no http\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_a_run_whose_folder_was_removed_begins_again(ingest: Ingest) -> None:
    ingest.call("bulk_log", logs=[row(0)], hf_token=None)
    first = ingest.only_run()
    first.rename(ingest.ogd.home / "gone")
    ingest.call("bulk_log", logs=[row(1)], hf_token=None)
    assert [step for step, _ in points(ingest.only_run())] == [1]


def test_a_store_that_cannot_be_written_is_told_and_the_client_may_try_again(ingest: Ingest) -> None:
    runs = ingest.ogd.store / layout.RUNS
    runs.write_text("a file where the runs should be")
    body = {"kwargs": {"logs": [row(0)]}}
    refused = ingest.post("/api/bulk_log", body)
    assert refused.status == 503
    assert refused.data["error"]
    runs.unlink()
    assert ingest.post("/api/bulk_log", body).status == 200
    assert len(points(ingest.only_run())) == 1


def test_a_batch_without_ids_that_was_refused_is_taken_by_the_other_path(ingest: Ingest) -> None:
    body = b'{"project":"p","run":"r","metrics_list":[{"loss":1}],"steps":[0],"timestamps":[""]}'
    runs = ingest.ogd.store / layout.RUNS
    runs.write_text("a file where the runs should be")
    assert ingest.post("/api/bulk_log", body).status == 503
    runs.unlink()
    assert ingest.post("/gradio_api/bulk_log", body).status == 200
    assert len(points(ingest.only_run())) == 1


def test_hostile_names_stay_in_the_store(ingest: Ingest) -> None:
    names = {"project": "../../x\x1b[31m", "run": "../y\n", "run_id": "../../../z"}
    ingest.call("bulk_log", logs=[{**row(0), **names}], hf_token=None)
    run = ingest.only_run()
    assert run.parent == ingest.ogd.store / layout.RUNS
    assert sorted(path.name for path in ingest.ogd.home.iterdir()) == [
        *("cache", "config", "data", "run", "state", "store")
    ]
    assert ingest.call("get_runs_for_project", names["project"])[0]["id"] == "../../../z"


OG = Path(sys.executable).with_name("og")


def og(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(OG), *words], capture_output=True, text=True, timeout=60, check=False)


def test_og_ingest_gives_a_shell_what_it_needs(ogd: Ogd) -> None:
    started = og("ingest", "--port", "0", "--detach", "--project", "mine", "--token", "secret")
    assert started.returncode == 0, started.stderr
    url, token = started.stdout.splitlines()
    assert url.startswith("export TRACKIO_SERVER_URL=http://127.0.0.1:")
    assert token == "export TRACKIO_WRITE_TOKEN=secret"
    shown = json.loads(og("ingest", "status", "--json").stdout)
    assert (shown["listening"], shown["project"]) == (True, "mine")
    ingest = Ingest(ogd, port=shown["url"].rpartition(":")[2] and int(shown["url"].rpartition(":")[2]))
    ingest.call("bulk_log", logs=[row(0)], hf_token=None)
    assert "p/r  1 row  " in og("ingest", "status").stdout
    assert og("ingest", "stop").returncode == 0
    assert og("ingest", "status").returncode == 5
    refused = og("ingest", "--host", "0.0.0.0", "--port", "0", "--detach")
    assert refused.returncode == 2
    assert "--anywhere" in refused.stderr


def test_og_ingest_shows_what_arrives_until_ctrl_c(ogd: Ogd) -> None:
    child = subprocess.Popen(
        [str(OG), "ingest", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    url = child.stdout.readline().strip()
    child.stdout.readline()
    ingest = Ingest(ogd, port=int(url.rpartition(":")[2]))
    ingest.call("bulk_log", logs=[row(0)], hf_token=None)
    assert child.stdout.readline().startswith("p/r  1 row  ")
    child.send_signal(2)
    _, talk = child.communicate(timeout=30)
    assert child.returncode == 0
    assert "still listening" in talk
    assert ingest.status()["listening"]
