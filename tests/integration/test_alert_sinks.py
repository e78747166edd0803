"""Sinks: what each is sent, again when it is not there, and never a word of their addresses."""

from __future__ import annotations

import asyncio
import http.server
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.daemon.alerting.sending import Sending
from opengraphs.daemon.alerting.sinks import read_sinks
from opengraphs.errors import UsageError

RUN = {"run_id": "r1", "name": "train", "project": "p"}
ALERT = {
    "alert_id": "level_up-1", "detector": "level_up", "metric": "train/loss", "level": "warn", "state": "firing",
    "step": 7, "title": "train/loss went up", "text": "", "page": True, "evidence": {},
}  # fmt: skip


class Server:
    """A loopback server that keeps what it gets; `answers` are the statuses it gives, 200 after them."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.answers.pop(0) if outer.answers else 200
                if status == 200:
                    outer.got.append((self.path, dict(self.headers), body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret-path"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def sinks_at(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    path = folder / "alerts.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def send(
    path: Path,
    alerts: list[dict[str, Any]],
    done: Callable[[], bool],
    *,
    waits: tuple[float, ...] = (0.01, 0.01),
) -> None:
    """Tell of alerts, until `done` or five seconds."""

    async def run() -> None:
        sending = Sending(waits_s=waits, path=path)
        for alert in alerts:
            sending.tell(RUN, [alert])
        for _ in range(500):
            if done():
                break
            await asyncio.sleep(0.01)
        await sending.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("slack", {"text": "[warn] train: train/loss went up (step 7)"}),
        (
            "discord",
            {"content": "[warn] train: train/loss went up (step 7)", "allowed_mentions": {"parse": []}},
        ),
    ],
)
def test_chats_get_a_line(tmp_path: Path, server: Server, kind: str, wanted: dict[str, Any]) -> None:
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "{kind}"\nurl = "{server.url}"\n')
    send(path, [ALERT], lambda: bool(server.got))
    assert json.loads(server.got[0][2]) == wanted


def test_ntfy_gets_text_and_headers(tmp_path: Path, server: Server) -> None:
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "ntfy"\nurl = "{server.url}"\n')
    send(path, [ALERT], lambda: bool(server.got))
    _, headers, body = server.got[0]
    assert (headers["Title"], headers["Priority"], body) == (
        "og: train",
        "4",
        b"[warn] train: train/loss went up (step 7)",
    )


def test_a_webhook_gets_everything(tmp_path: Path, server: Server) -> None:
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "webhook"\nurl = "{server.url}"\n')
    send(path, [ALERT], lambda: bool(server.got))
    body = json.loads(server.got[0][2])
    assert (body["run"], body["alert"], body["schema"]) == (RUN, ALERT, 1)


def test_a_command_gets_json_and_variables(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f'cat > {out}.json; echo "$OG_ALERT_LEVEL $OG_ALERT_METRIC $OG_ALERT_RUN" > {out}'
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "command"\ncommand = {json.dumps(["sh", "-c", script])}\n')
    send(path, [ALERT], out.exists)
    assert out.read_text() == "warn train/loss r1\n"
    assert json.loads((tmp_path / "out.json").read_text())["alert"] == ALERT


def test_a_server_that_is_not_there_is_tried_again(tmp_path: Path, server: Server) -> None:
    server.answers = [503, 500]
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "webhook"\nurl = "{server.url}"\n')
    send(path, [ALERT], lambda: bool(server.got))
    assert len(server.got) == 1


@pytest.mark.parametrize("answer", [404, 400, 302])
def test_a_server_that_says_no_is_not_asked_again_and_its_address_is_told_nobody(
    tmp_path: Path, server: Server, answer: int, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [answer]
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "webhook"\nurl = "{server.url}"\n')
    with caplog.at_level(logging.WARNING):
        send(
            path,
            [ALERT],
            lambda: bool(caplog.records) or bool(server.got),
            waits=(0.01,) if answer != 302 else (),
        )
    assert server.got == []
    assert "could not be sent" in caplog.text
    assert "secret-path" not in caplog.text


def test_only_what_is_loud_enough_is_sent_and_its_end(tmp_path: Path, server: Server) -> None:
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "webhook"\nurl = "{server.url}"\nlevel = "warn"\n')
    quiet = {**ALERT, "alert_id": "a", "level": "info"}
    unpaged = {**ALERT, "alert_id": "b", "page": False}
    ends = [{**one, "state": "resolved"} for one in (quiet, unpaged, ALERT)]
    send(path, [quiet, unpaged, ALERT, *ends], lambda: len(server.got) >= 2)
    told = [json.loads(body)["alert"] for _, _, body in server.got]
    assert [(one["alert_id"], one["state"]) for one in told] == [
        ("level_up-1", "firing"),
        ("level_up-1", "resolved"),
    ]


def test_secrets_in_a_title_do_not_leave(tmp_path: Path, server: Server) -> None:
    path = sinks_at(tmp_path, f'[[sink]]\nkind = "slack"\nurl = "{server.url}"\n')
    key = "sk-proj-" + "a1B2c3D4" * 6
    send(path, [{**ALERT, "title": f"key {key} is bad"}], lambda: bool(server.got))
    assert key.encode() not in server.got[0][2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[sink]]\nkind = 'smoke'\n", "kind is slack"),
        ("[[sink]]\nkind = 'slack'\n", "url begins with"),
        ("[[sink]]\nkind = 'slack'\nurl = 'ftp://x'\n", "url begins with"),
        ("[[sink]]\nkind = 'slack'\nurl_env = 'NOT_SET_ANYWHERE'\n", "is not set"),
        ("[[sink]]\nkind = 'command'\n", "command is a list"),
        ("[[sink]]\nkind = 'slack'\nurl = 'http://x'\nlevel = 'loud'\n", "level is"),
        ("[[sink]]\nkind = 'slack'\nurl = 'http://x'\ncolour = 1\n", "unknown key 'colour'"),
        ("sink = 3\n", "no list of tables"),
        ("[[sink\n", "cannot be read"),
    ],
)
def test_a_sink_with_a_fault_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_sinks(sinks_at(tmp_path, text))


def test_an_address_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can be read by others"):
        read_sinks(sinks_at(tmp_path, "[[sink]]\nkind = 'slack'\nurl = 'http://x'\n", mode=0o644))
    assert read_sinks(tmp_path / "nothing.toml") == ()


def test_a_file_with_a_fault_is_told_and_stops_nothing(tmp_path: Path) -> None:
    path = sinks_at(tmp_path, "[[sink\n")

    async def run() -> str:
        sending = Sending(path=path)
        sending.tell(RUN, [ALERT])
        return sending.trouble

    assert "cannot be read" in asyncio.run(run())
