"""A daemon whose agent talks to a scripted model on loopback, and what a client sees of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ogd_kit import Ogd, make_run

from opengraphs.demo.model_server import ModelServer, Script

SCRIPT = "lr = 0.1\nfor step in range(10):\n    loss = 1 / (step + 1)\n"


def project_run(home: Path, store: Path, **facts: Any) -> str:
    """A run of a project with a script in it; its id."""
    project = home / "project"
    project.mkdir(exist_ok=True)
    (project / "train.py").write_text(SCRIPT)
    metrics = {"train/loss": [1.0, 0.5, 0.4, 3.0, 4.0]}
    run = make_run(store, metrics=metrics, cwd=str(project), script="train.py", **facts)
    (run / "stdout.log").write_text("step 1\nstep 2\nloss is nan\n")
    return run.name


@contextlib.contextmanager
def talking(ogd: Ogd, script: Script, **env: str) -> Iterator[ModelServer]:
    """`ogd` runs, and its agent's model says what the script says."""
    with ModelServer(script) as model:
        settings = {
            "OG_AGENT_PROVIDER": "openai",
            "OG_AGENT_MODEL": "scripted",
            "OG_AGENT_BASE_URL": model.url,
            "OPENAI_API_KEY": "sk-test-of-the-user-0123456789",
        }
        ogd.start(**{**settings, **env})
        yield model


def send(ogd: Ogd, run: str, text: str, **more: Any) -> dict[str, Any]:
    """One message."""
    with ogd.client() as client:
        return client.post("/chat/send", {"run": run, "text": text, "origin": "cli", **more})


def asked(ogd: Ogd, path: str, **query: Any) -> dict[str, Any]:
    """One question of a client of its own."""
    with ogd.client(timeout_s=60.0) as client:
        return client.get(path, **query)


def heard(ogd: Ogd, session_id: str, *, turn: int, since: int = 0) -> list[dict[str, Any]]:
    """Everything that is streamed until a turn is over."""
    found: list[dict[str, Any]] = []
    with ogd.client(timeout_s=60.0) as client:
        for record in client.stream("/chat/stream", session_id=session_id, since=since, follow=1):
            found.append(record)
            if is_over(record, turn):
                return found
    raise AssertionError("the stream ended")


def is_over(record: dict[str, Any], turn: int) -> bool:
    over = record.get("state") in ("done", "failed", "interrupted")
    return record["kind"] == "turn" and record["turn"] == turn and over


def kept(ogd: Ogd, session_id: str) -> list[dict[str, Any]]:
    """The records of a session so far."""
    with ogd.client() as client:
        return list(client.stream("/chat/stream", session_id=session_id))


def of(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == kind]
