"""`og daemon`, and what happens to a command when the daemon is not as it should be."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from made_runs import make_run
from og_user import OgUser, wait_until

RUN = "20270115-080000-k7f3"


def socket_of(user: OgUser) -> Path:
    return Path(user.env["XDG_RUNTIME_DIR"]) / "opengraphs" / "ogd.sock"


def test_daemon_starts_tells_and_stops(user: OgUser) -> None:
    assert user.og("daemon", "status").returncode == 5
    assert json.loads(user.og("daemon", "status", "--json").stdout) == {"schema": 1, "running": False}
    started = user.og("daemon", "start")
    assert started.returncode == 0, started.stderr
    status = user.json("daemon", "status")
    assert status["running"] is True
    assert status["pid"] == user.pid_of("opengraphs.daemon")
    assert user.og("daemon", "start").returncode == 0
    assert user.json("daemon", "status")["pid"] == status["pid"]
    assert user.og("daemon", "restart").returncode == 0
    assert user.json("daemon", "status")["pid"] != status["pid"]
    assert user.og("daemon", "stop").stderr == "ogd stopped\n"
    assert user.og("daemon", "stop").stderr == "ogd was not running\n"
    assert user.processes() == {}


def test_daemon_logs_are_found_and_printed(user: OgUser) -> None:
    none = user.og("daemon", "logs")
    assert none.returncode == 5
    assert "og daemon start" in none.stderr
    user.og("daemon", "start")
    path = Path(user.og("daemon", "logs", "--path").stdout.strip())
    assert path.is_relative_to(user.home)
    assert user.og("daemon", "logs", "-n", "1000").stdout.splitlines() == path.read_text().splitlines()


def test_stale_socket_is_replaced(user: OgUser) -> None:
    make_run(user.store, RUN)
    path = socket_of(user)
    path.parent.mkdir(mode=0o700)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    assert [run["run_id"] for run in user.runs()] == [RUN]


def test_killed_daemon_leaves_nothing_that_hinders_the_next(user: OgUser) -> None:
    make_run(user.store, RUN)
    assert [run["run_id"] for run in user.runs()] == [RUN]
    os.kill(user.json("daemon", "status")["pid"], signal.SIGKILL)
    wait_until(lambda: not user.processes(), within_s=10, what="ogd gone")
    assert socket_of(user).exists()
    assert [run["run_id"] for run in user.runs()] == [RUN]


def test_socket_folder_that_others_may_enter_is_refused(user: OgUser) -> None:
    socket_of(user).parent.mkdir()
    socket_of(user).parent.chmod(0o777)
    done = user.og("list")
    assert done.returncode == 5
    assert "chmod 700" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def something_listens(path: Path, reply: bytes) -> Iterator[None]:
    """A server on the daemon's socket that answers every request with `reply`."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(8)

    def serve() -> None:
        while True:
            try:
                link, _ = server.accept()
            except OSError:
                return
            with link:
                link.recv(65536)
                link.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def http(status: str, body: dict[str, object]) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


def test_busy_daemon_of_another_version_is_named(user: OgUser) -> None:
    version = {
        "schema": 1, "version": "9.9.9", "protocol": 99, "pid": 4242, "started_at": "2027-01-15T08:00:00.000000Z",
        "live_runs": 2, "clients": 1, "stores": [], "stopping": False,
    }  # fmt: skip
    with something_listens(socket_of(user), http("200 OK", version)):
        done = user.og("list")
    assert done.returncode == 5
    assert "9.9.9" in done.stderr
    assert "og daemon restart" in done.stderr


def test_something_else_on_the_socket_is_a_daemon_error(user: OgUser) -> None:
    with something_listens(socket_of(user), b"SSH-2.0-OpenSSH_9.2\r\n"):
        done = user.og("list", "--json")
    assert done.returncode == 5
    assert json.loads(done.stderr)["error"]["code"].startswith("daemon")


def test_two_commands_at_once_start_one_daemon(user: OgUser) -> None:
    make_run(user.store, RUN)
    both = [user.start("list", "--json") for _ in range(3)]
    replies = [process.communicate(timeout=30)[0] for process in both]
    assert [json.loads(reply)["total"] for reply in replies] == [1, 1, 1]
    assert sum("opengraphs.daemon" in line for line in user.processes().values()) == 1
