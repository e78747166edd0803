"""docs/reference/api.md: every route stands there, and every example of it works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ogd_kit import Ogd, make_run

from opengraphs.daemon.routes import ROUTES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"
_SECTION = re.compile(r"^### (GET|POST|PATCH|DELETE|PUT) (\S+)$", re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Section(NamedTuple):
    text: str
    commands: list[str]
    replies: list[str]


def sections() -> Iterator[tuple[str, Section]]:
    """`GET /version` → its section."""
    text = PAGE.read_text()
    heads = list(_SECTION.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : following.start() if following else len(text)].split("\n## ")[0]
        joined = "".join(_SHELL.findall(body)).replace("\\\n", " ")
        commands = [line for line in joined.splitlines() if line.strip()]
        yield f"{head[1]} {head[2]}", Section(body, commands, _JSON.findall(body))


SECTIONS = dict(sections())
EXAMPLES = [(route, command) for route, section in SECTIONS.items() for command in section.commands]


def test_page_and_route_table_agree() -> None:
    assert set(SECTIONS) == {f"{endpoint.method} {endpoint.path}" for endpoint in ROUTES}


@pytest.mark.parametrize("endpoint", ROUTES, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_every_parameter_of_a_route_is_documented(endpoint: Any) -> None:
    section = SECTIONS[f"{endpoint.method} {endpoint.path}"]
    for name in (*endpoint.query, *endpoint.body):
        assert f"`{name}`" in section.text or f"`{name}=" in section.text, name


@pytest.mark.parametrize("route", SECTIONS)
def test_every_route_has_an_example_and_a_reply(route: str) -> None:
    section = SECTIONS[route]
    assert section.commands
    assert [json.loads(reply) for reply in section.replies]


@pytest.fixture
def shell(ogd: Ogd, tmp_path: Path) -> dict[str, str]:
    """The environment of the examples: a daemon, a store with one finished run, and curl."""
    run = make_run(
        ogd.store,
        metrics={"train/loss": [2.0, 1.0, 0.5], "train/tokens": [512, 1024, 1536]},
        config={"lr": 0.1},
        command=["true", "--lr", "0.1"],
        cwd=str(tmp_path / "project"),
        script="train.py",
    )
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "train.py").write_text("lr = 0.1\n")
    other = make_run(ogd.store, metrics={"train/loss": [2.0, 0.5]}, config={"lr": 0.2})
    (run / "stdout.log").write_text("step 1\nan error came\nstep 2\n")
    sample = {"time": 1.0, "step": 1, "rank": 0, "name": "eval", "columns": {"prompt": "2+2"}}
    (run / "samples" / "a0-r0.jsonl").write_text(json.dumps(sample) + "\n")
    (run / "ckpt-1.json").write_text("{}")
    checkpoint = {
        "time": 1.0,
        "kind": "checkpoint",
        "checkpoint_id": "a0-r0-1-abcd",
        "path": str(run / "ckpt-1.json"),
        "step": 1,
    }
    (run / "events" / "a0-r0.jsonl").write_text(json.dumps(checkpoint) + "\n")
    alert = {
        "time": 2.0,
        "kind": "alert",
        "alert_id": "sdk-1",
        "level": "warn",
        "state": "fired",
        "title": "flat",
    }
    (run / "events" / "alerts.jsonl").write_text(json.dumps(alert) + "\n")
    make_session(run)
    ogd.start()
    path = os.environ["PATH"]
    if shutil.which("curl") is None:
        stand_in = tmp_path / "curl"
        stand_in.write_text(
            f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("curl_stand_in.py")} "$@"\n'
        )
        stand_in.chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{path}"
    return {
        **os.environ,
        "PATH": path,
        "SOCKET": str(ogd.socket),
        "STORE": str(ogd.store),
        "RUN": run.name,
        "OTHER": other.name,
        "SESSION": f"{run.name}.abcd",
        "ALERT": f"{run.name}:sdk-1",
    }


def make_session(run: Path) -> None:
    """A conversation of one turn that is over."""
    head = {"session_id": f"{run.name}.abcd", "run_id": run.name, "mode": "off", "title": "", "parent": None}
    kept: list[dict[str, Any]] = [
        {"kind": "session", **head},
        {"kind": "user", "turn": 1, "text": "what happened?", "attachments": [], "origin": "cli"},
        {"kind": "assistant", "turn": 1, "item": "a", "text": "Nothing yet.", "model": "m"},
        {"kind": "turn", "turn": 1, "state": "done", "error": None},
    ]
    (run / "agent").mkdir()
    lines = [json.dumps({"seq": seq, "time": 1.0, **record}) for seq, record in enumerate(kept, 1)]
    (run / "agent" / "session-abcd.jsonl").write_text("\n".join(lines) + "\n")


def run_example(command: str, shell: dict[str, str]) -> list[dict[str, Any]]:
    """What an example prints: one JSON object a line, or a field of server-sent events."""
    done = subprocess.run(
        ["sh", "-ec", command], env=shell, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [
        line.removeprefix("data: ")
        for line in done.stdout.splitlines()
        if line and not line.startswith("id: ")
    ]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("route", "command"), EXAMPLES, ids=[f"{r} #{i}" for i, (r, _) in enumerate(EXAMPLES)]
)
def test_example_works_and_its_reply_has_the_documented_keys(
    shell: dict[str, str], route: str, command: str
) -> None:
    replies = run_example(command, shell)
    if route == "POST /runs/{ref}/stop":
        assert replies[0]["error"]["code"] == "process"  # the run of the examples has ended
        return
    if route in ("GET /agent/work", "POST /agent/items"):
        assert replies[0]["error"]["message"] == "this is for the agent's own process"
        return
    assert not any(reply.get("error") for reply in replies)
    if route == "GET /events":
        assert replies[0]["kind"] == "hello"
    elif "follow=1" in command and "/log" in command:
        assert [reply["text"] for reply in replies] == ["step 1", "an error came", "step 2"]
    else:
        documented = json.loads(SECTIONS[route].replies["at_step=" in command])
        assert set(documented) <= set(replies[0])


@pytest.mark.parametrize("route", ["GET /version", "GET /health", "POST /series", "GET /metrics/keys"])
def test_documented_reply_names_every_key(shell: dict[str, str], route: str) -> None:
    (reply,) = run_example(SECTIONS[route].commands[0], shell)
    documented = json.loads(SECTIONS[route].replies[0])
    assert set(reply) == set(documented)
    for part in ("series", "keys"):
        if part in reply:
            assert set(reply[part][0]) == set(documented[part][0])
