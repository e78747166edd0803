"""The daemon's life: started once, found, replaced, restarted after any death, gone when idle."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ogd_kit import Ogd, ScriptedServer, http_reply, make_run, wait_for

from opengraphs import paths
from opengraphs.client import lifecycle
from opengraphs.client.aio import AsyncClient
from opengraphs.client.autostart import ensure_daemon
from opengraphs.errors import DaemonError, OgError, UnreachableError
from opengraphs.protocol.version import PROTOCOL_VERSION, VERSION

STARTER = "from opengraphs.client.autostart import ensure_daemon; print(ensure_daemon()['pid'])"


def test_first_request_starts_the_daemon_in_a_session_of_its_own(ogd: Ogd) -> None:
    with ogd.client() as client:
        reply = client.get("/version")
    assert (reply["version"], reply["protocol"]) == (VERSION, PROTOCOL_VERSION)
    assert os.getsid(reply["pid"]) != os.getsid(0)
    assert reply["pid"] == ogd.pid()
    assert ogd.socket.stat().st_mode & 0o777 == 0o600
    assert ogd.socket.parent.stat().st_mode & 0o777 == 0o700


def test_commands_at_once_start_one_daemon(ogd: Ogd) -> None:
    commands = [
        subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    pids = {command.communicate(timeout=60)[0].strip() for command in commands}
    assert pids == {str(ogd.pid())}
    assert ogd.log().count("listening") == 1


def test_threads_at_once_start_one_daemon(ogd: Ogd) -> None:
    with ThreadPoolExecutor(8) as pool:
        pids = {reply["pid"] for reply in pool.map(lambda _: ensure_daemon(), range(8))}
    assert pids == {ogd.pid()}


def test_second_daemon_ends_at_once(ogd: Ogd) -> None:
    first = ogd.start()
    second = subprocess.run(
        [sys.executable, "-I", "-m", "opengraphs.daemon"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (second.returncode, second.stderr) == (0, "ogd: busy\n")
    assert ogd.version()["pid"] == first.pid


def test_stale_socket_is_replaced(ogd: Ogd) -> None:
    ogd.start()
    ogd.kill()
    assert ogd.socket.exists()
    with ogd.client() as client:
        assert client.get("/health") == {"status": "ok"}


def test_killed_daemon_is_started_again_in_mid_conversation(ogd: Ogd) -> None:
    with ogd.client() as client:
        before = client.get("/version")["pid"]
        ogd.kill()
        after = client.get("/version")["pid"]
    assert after not in (before, None)


def test_async_client_starts_a_killed_daemon_again(ogd: Ogd) -> None:
    async def scenario() -> tuple[int, int]:
        async with AsyncClient(store=ogd.store) as client:
            before = (await client.get("/version"))["pid"]
            await asyncio.to_thread(ogd.kill)
            return before, (await client.get("/version"))["pid"]

    before, after = asyncio.run(scenario())
    assert before != after == ogd.pid()


def test_async_requests_side_by_side(ogd: Ogd) -> None:
    async def scenario() -> int:
        async with AsyncClient(store=ogd.store) as client:
            await client.open()
            for _ in range(3):
                await asyncio.gather(*(client.get("/health") for _ in range(20)))
            return (await client.get("/version"))["clients"]

    assert asyncio.run(scenario()) <= 4


def test_without_autostart_nothing_is_started(ogd: Ogd) -> None:
    with pytest.raises(UnreachableError):
        ogd.client(autostart=False).get("/version")
    assert ogd.pid() is None


def test_lock_file_names_the_holder_and_dies_with_it(ogd: Ogd) -> None:
    child = ogd.start()
    assert ogd.pid() == child.pid
    ogd.kill()
    with open(f"{ogd.socket}.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(ogd: Ogd, number: int) -> None:
    child = ogd.start()
    child.send_signal(number)
    assert child.wait(timeout=20) == 0
    assert not ogd.socket.exists()
    assert "Traceback" not in ogd.log()


def test_hangup_of_the_terminal_is_ignored(ogd: Ogd) -> None:
    child = ogd.start()
    child.send_signal(signal.SIGHUP)
    assert ogd.version()["pid"] == child.pid


def test_it_leaves_when_idle(ogd: Ogd) -> None:
    child = ogd.start(OG_IDLE_EXIT_S="0.3")
    assert child.wait(timeout=20) == 0
    assert "leaving: idle" in ogd.log()
    with ogd.client() as client:
        assert client.get("/health") == {"status": "ok"}


def test_connected_client_keeps_it(ogd: Ogd) -> None:
    child = ogd.start(OG_IDLE_EXIT_S="0.2")
    heard = threading.Event()

    async def listen() -> None:
        client = AsyncClient(store=ogd.store, autostart=False)
        async for _ in client.events():
            heard.set()
            with pytest.raises(subprocess.TimeoutExpired):
                await asyncio.to_thread(child.wait, 1.0)
            return

    asyncio.run(listen())
    assert heard.is_set()
    assert child.wait(timeout=20) == 0


def test_daemon_whose_socket_is_gone_leaves_and_a_new_one_comes(
    ogd: Ogd,
) -> None:
    child = ogd.start(OG_IDLE_EXIT_S="0.4")
    for name in ("ogd.sock", "ogd.sock.lock"):
        (ogd.socket.parent / name).unlink()
    with ogd.client() as client:
        assert client.get("/version")["pid"] != child.pid
    assert child.wait(timeout=20) == 0
    assert ogd.version()["pid"] != child.pid


def test_lifecycle_start_status_stop(ogd: Ogd) -> None:
    assert lifecycle.status() is None
    assert lifecycle.stop() is False
    started = lifecycle.start()
    assert lifecycle.start()["pid"] == started["pid"]
    status = lifecycle.status()
    assert status is not None
    assert (status["pid"], status["clients"], status["live_runs"]) == (started["pid"], 0, 0)
    restarted = lifecycle.restart()
    assert restarted["pid"] != started["pid"]
    assert lifecycle.stop() is True
    assert ogd.pid() is None
    assert lifecycle.log_path().exists()


def test_restarts_are_not_noticed_by_clients_that_ask_on(ogd: Ogd) -> None:
    make_run(ogd.store, name="r", metrics={"loss": [1.0, 2.0]})
    over, asked, errors = threading.Event(), [0], []

    def ask() -> None:
        with ogd.client() as client:
            while not over.is_set():
                try:
                    assert client.run("r")["metrics"][0]["points"] == 2
                    asked[0] += 1
                except OgError as error:
                    errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            before = asked[0]
            wait_for(lambda before=before: asked[0] > before + 3 or errors, what="answers")
            lifecycle.restart()
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=30)
    assert errors == []


def test_stop_ends_a_daemon_that_does_not_listen_to_reason(ogd: Ogd) -> None:
    child = ogd.start()
    child.send_signal(signal.SIGSTOP)
    killer = threading.Thread(target=child.wait)
    killer.start()
    assert lifecycle.stop(timeout_s=3.0) is True
    killer.join(timeout=10)
    assert child.returncode == -signal.SIGKILL


def test_silent_daemon_is_reported_and_not_replaced(ogd: Ogd) -> None:
    child = ogd.start()
    child.send_signal(signal.SIGSTOP)
    with pytest.raises(DaemonError, match="did not answer"):
        ensure_daemon(timeout_s=0.5)
    child.send_signal(signal.SIGCONT)
    assert ogd.version()["pid"] == child.pid


def test_shutdown_when_idle_is_refused_while_somebody_is_connected(ogd: Ogd) -> None:
    child = ogd.start()
    with ogd.client(autostart=False) as client, ogd.client(autostart=False) as other:
        other.get("/health")
        assert client.post("/shutdown", {"when_idle": True}) == {"stopping": False}
        other.close()
        wait_for(lambda: client.get("/version")["clients"] == 0, what="the other one's going")
        assert client.post("/shutdown", {"when_idle": True}) == {"stopping": True}
    assert child.wait(timeout=20) == 0


def test_idle_daemon_of_another_release_is_replaced(ogd: Ogd) -> None:
    theirs = {"schema": 1, "version": "9.9.9", "protocol": 99, "pid": 1}
    leaving = threading.Event()

    def answer(line: str) -> bytes | None:
        if "/shutdown" in line:
            leaving.set()
            ogd.socket.unlink()
            return http_reply({"stopping": True})
        return http_reply(theirs)

    with ScriptedServer(ogd.socket, answer):
        assert ensure_daemon()["version"] == VERSION
    assert leaving.is_set()


def test_daemon_that_cannot_start_says_why(ogd: Ogd, monkeypatch: pytest.MonkeyPatch) -> None:
    ogd.socket.parent.mkdir(mode=0o700)
    ogd.socket.mkdir()  # a folder in the way cannot be unlinked
    with pytest.raises(DaemonError) as caught:
        ensure_daemon(timeout_s=10)
    assert "cannot listen" in caught.value.message or "reached" in caught.value.message
    assert str(paths.daemon_log()) in caught.value.hint


def test_log_that_cannot_be_written_does_not_keep_it_from_working(ogd: Ogd) -> None:
    Path(os.environ["XDG_STATE_HOME"], "opengraphs").write_text("in the way")
    with ogd.client() as client:
        assert client.get("/health") == {"status": "ok"}


def test_socket_path_longer_than_the_kernel_takes(ogd: Ogd, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ogd.home / ("long" * 30)
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("OGD_SOCKET", str(folder / "ogd.sock"))
    try:
        assert lifecycle.start()["version"] == VERSION
        with ogd.client(socket_path=folder / "ogd.sock", autostart=False) as client:
            assert client.get("/health") == {"status": "ok"}
    finally:
        assert lifecycle.stop() is True


def test_environment_of_one_run_does_not_stick_to_the_daemon(
    ogd: Ogd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OG_RUN_DIR", "/somewhere")
    pid = ensure_daemon()["pid"]
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert not any(entry.startswith(b"OG_RUN_DIR=") for entry in environment)
    assert f"OG_STORE={ogd.store}".encode() in environment
