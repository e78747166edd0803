"""`og chat` and `og agent` with a real daemon, a real agent and a scripted model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chat_kit import heard, of, project_run, send, talking
from ogd_kit import Ogd

from opengraphs.cli.app import dispatch
from opengraphs.demo.model_server import Answer, Call
from opengraphs.errors import AgentError


@pytest.fixture
def run(ogd: Ogd, tmp_path: Path) -> str:
    return project_run(tmp_path, ogd.store)


def og(ogd: Ogd, *words: str) -> int:
    return dispatch([*words, "--store", str(ogd.store)])


def test_an_answer_goes_to_stdout_and_what_is_read_to_stderr(
    ogd: Ogd, run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = [
        Answer("Let me look.", calls=[Call("log_tail", {"lines": 5})]),
        Answer("The rate \x1b[2Jis high."),
    ]
    with talking(ogd, script):
        assert og(ogd, "chat", run, "why?") == 0
    out, err = capsys.readouterr()
    assert out.split() == ["Let", "me", "look.", "The", "rate", "is", "high."]
    assert "\x1b" not in out
    assert "log_tail lines=5" in err


def test_json_has_the_records_of_the_turn(ogd: Ogd, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    with talking(ogd, [Answer("Hello.")]):
        assert og(ogd, "chat", "why did it rise?", "--json") == 0  # one text alone is about the newest run
    records = json.loads(capsys.readouterr().out)["records"]
    assert [one["kind"] for one in records] == ["user", "turn", "turn", "usage", "assistant", "turn"]


def test_without_a_key_the_exit_code_is_7_and_the_hint_says_what_to_do(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("never")], OPENAI_API_KEY=""), pytest.raises(AgentError) as failure:
        og(ogd, "chat", run, "why?")
    assert failure.value.exit_code == 7
    assert "og config agent" in failure.value.hint


def test_sessions_are_listed_and_forked(ogd: Ogd, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    with talking(ogd, [Answer("Hello.")]):
        sent = send(ogd, run, "why did it rise?")
        heard(ogd, sent["session_id"], turn=1)
        assert og(ogd, "chat", "--list") == 0
        assert og(ogd, "chat", "--fork", sent["session_id"], "--at", "2") == 0
        *listed, child = capsys.readouterr().out.splitlines()
        assert "why did it rise?" in listed[1]
        assert child.startswith(f"{run}.")
        assert og(ogd, "chat", "--session", child, "and now?", "--json") == 0
        assert of(json.loads(capsys.readouterr().out)["records"], "assistant")


def test_status_and_preview(ogd: Ogd, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    with talking(ogd, [Answer("Hello.")]) as model:
        assert og(ogd, "agent", "status") == 0
        assert capsys.readouterr().out == "off\n"
        assert og(ogd, "agent", "preview", run, "why?") == 0
        out, err = capsys.readouterr()
        assert "── system" in out
        assert "lr = 0.1" in out
        assert "secrets hidden: none" in err
        assert not model.asked
