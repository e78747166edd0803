"""Conversations end to end: a real daemon, a real agent process, a scripted model on loopback."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chat_kit import asked, heard, kept, of, project_run, send, talking
from ogd_kit import Ogd, make_run, wait_for
from planted_keys import KEYS, SECRET

from opengraphs.demo.model_server import Answer, Call, Fault

DIAGNOSIS = Call(
    "report_diagnosis", {"summary": "the rate is too high", "confidence": 0.8, "checks": ["lower it"]}
)
RESTART = Call(
    "propose_action", {"kind": "restart", "rationale": "go back", "metric": "train/loss", "direction": "min"}
)


@pytest.fixture
def run(ogd: Ogd, tmp_path: Path) -> str:
    return project_run(tmp_path, ogd.store)


def test_a_question_is_answered_as_it_is_written_and_kept(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("The loss rose since the rate is high.")]) as model:
        sent = send(ogd, run, "why did the loss rise?")
        records = heard(ogd, sent["session_id"], turn=sent["turn"])
        assert of(records, "assistant")[0]["text"] == "The loss rose since the rate is high."
        assert of(records, "turn")[-1]["state"] == "done", str(records[-1])
        assert of(records, "usage")[0]["model"] == "scripted"
        request = json.dumps(model.asked[0][1])
        for told in ("why did the loss rise?", "lr = 0.1", "loss is nan", "train/loss", "<<data "):
            assert told in request
        agent = asked(ogd, "/agent")
        assert (agent["state"], agent["provider"], agent["model"]) == ("ready", "openai", "scripted")


def test_tools_read_and_a_plan_comes_of_it(ogd: Ogd, run: str) -> None:
    script = [
        Answer("Let me look.", calls=[Call("metric_tail", {"metric": "train/loss"}), Call("log_tail", {})]),
        Answer(calls=[Call("read_file", {"path": "train.py"}), Call("no_such_tool", {})]),
        Answer("It diverged.", calls=[DIAGNOSIS, RESTART]),
    ]
    with talking(ogd, script) as model:
        sent = send(ogd, run, "what is wrong?", mode="guarded")
        records = heard(ogd, sent["session_id"], turn=sent["turn"])
        assert [(one["name"], one["ok"]) for one in of(records, "tool")] == [
            ("metric_tail", True),
            ("log_tail", True),
            ("read_file", True),
            ("no_such_tool", False),
        ]
        assert "[4,4.0]" in of(records, "tool")[0]["result"]
        plan = of(records, "plan")[0]["plan"]
        assert (plan["diagnosis"], plan["action"]["kind"]) == ("the rate is too high", "restart")
        assert of(records, "notice")  # nobody carries actions out yet, or says what is against it
        assert "It diverged." in [one["text"] for one in of(records, "assistant")]
        assert len(model.asked) == 3


def test_a_stream_that_is_cut_fails_the_turn_and_keeps_what_came(ogd: Ogd, run: str) -> None:
    with talking(
        ogd, [Answer("This answer will never be whole, since the line is cut.", cut=3, pause_s=0.2)]
    ):
        sent = send(ogd, run, "why?")
        records = heard(ogd, sent["session_id"], turn=sent["turn"])
        assert of(records, "turn")[-1]["error"]["code"] == "cut"
        partial = of(records, "assistant")[0]
        assert partial["cut"]
        assert "This answer will never".startswith(partial["text"][:10])


@pytest.mark.parametrize(("status", "code"), [(401, "refused"), (400, "")])
def test_what_a_provider_refuses_is_told(ogd: Ogd, run: str, status: int, code: str) -> None:
    with talking(ogd, [Fault(status=status)]):
        sent = send(ogd, run, "why?")
        error = of(heard(ogd, sent["session_id"], turn=sent["turn"]), "turn")[-1]["error"]
        assert error["code"] == (code or error["code"])
        assert error["message"]
        assert error["hint"]


def test_without_a_key_the_turn_says_where_one_may_come_from(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("never")], OPENAI_API_KEY="") as model:
        sent = send(ogd, run, "why?")
        error = of(heard(ogd, sent["session_id"], turn=sent["turn"]), "turn")[-1]["error"]
        assert error["code"] == "no_key"
        assert "og config agent" in error["hint"]
        assert not model.asked


def test_an_answer_can_be_interrupted_and_the_next_one_comes(ogd: Ogd, run: str) -> None:
    script = [Answer("word " * 400, pause_s=0.05), Answer("Short.")]
    with talking(ogd, script):
        sent = send(ogd, run, "tell me everything")
        wait_for_text(ogd, sent["session_id"])
        with ogd.client() as client:
            assert client.post("/chat/interrupt", {"session_id": sent["session_id"]})["interrupted"]
        records = heard(ogd, sent["session_id"], turn=1)
        assert of(records, "turn")[-1]["state"] == "interrupted"
        assert of(records, "assistant")[0]["cut"]
        again = send(ogd, run, "shorter")
        assert of(heard(ogd, again["session_id"], turn=2), "turn")[-1]["state"] == "done"


def test_a_killed_agent_fails_the_turn_and_comes_back_with_the_next(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("word " * 400, pause_s=0.05), Answer("Back.")]):
        sent = send(ogd, run, "tell me everything")
        wait_for_text(ogd, sent["session_id"])
        os.kill(asked(ogd, "/agent")["pid"], signal.SIGKILL)
        records = heard(ogd, sent["session_id"], turn=1)
        assert of(records, "turn")[-1]["error"]["code"] == "agent_crashed"
        again = send(ogd, run, "and now?")
        assert of(heard(ogd, again["session_id"], turn=2), "assistant")[-1]["text"] == "Back."


def test_an_agent_that_hangs_is_ended(ogd: Ogd, run: str) -> None:
    script = [Answer("word " * 400, pause_s=0.05), Answer("Back.")]
    with talking(ogd, script, OG_AGENT_SILENT_S="15"):
        sent = send(ogd, run, "tell me everything")
        wait_for_text(ogd, sent["session_id"])
        os.kill(asked(ogd, "/agent")["pid"], signal.SIGSTOP)
        records = heard(ogd, sent["session_id"], turn=1)
        assert of(records, "turn")[-1]["error"]["code"] == "agent_hanging"


def test_a_turn_that_died_with_the_daemon_is_failed_by_the_next_one(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("word " * 400, pause_s=0.05), Answer("Back.")]):
        sent = send(ogd, run, "tell me everything")
        wait_for_text(ogd, sent["session_id"])
        agent = asked(ogd, "/agent")["pid"]
        ogd.kill()
        wait_for(lambda: not is_alive(agent), what="the agent's end")
    with talking(ogd, [Answer("Back.")]):
        records = kept(ogd, sent["session_id"])
        assert of(records, "turn")[-1]["error"]["code"] == "agent_interrupted"
        again = send(ogd, run, "and now?")
        assert again["session_id"] == sent["session_id"]
        assert of(heard(ogd, again["session_id"], turn=2), "turn")[-1]["state"] == "done"


def test_a_fork_goes_on_from_the_same_beginning(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("First."), Answer("Second.")]) as model:
        sent = send(ogd, run, "one?")
        heard(ogd, sent["session_id"], turn=1)
        with ogd.client() as client:
            child = client.post("/chat/fork", {"session_id": sent["session_id"]})["session_id"]
            client.post("/chat/send", {"session_id": child, "text": "two?"})
        records = heard(ogd, child, turn=2)
        assert [one["text"] for one in of(records, "assistant")] == ["First.", "Second."]
        told = [message["content"] for message in model.asked[1][1]["messages"]]
        assert "First." in told
        listed = asked(ogd, "/chat/sessions", run=run)
        assert {one["session_id"] for one in listed["sessions"]} == {sent["session_id"], child}


def test_two_readers_see_the_same_answer(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("word " * 60, pause_s=0.02)]):
        sent = send(ogd, run, "tell me")
        with ThreadPoolExecutor(2) as readers:
            futures = [readers.submit(heard, ogd, sent["session_id"], turn=1) for _ in range(2)]
            seen = [[one["text"] for one in of(future.result(), "assistant")] for future in futures]
            told = ["".join(one["text"] for one in of(future.result(), "delta")) for future in futures]
        assert all(("word " * 60).startswith(text) for text in told)
        assert seen[0] == seen[1] == ["word " * 60]


def test_preview_is_what_would_be_sent(ogd: Ogd, run: str) -> None:
    with talking(ogd, [Answer("Hello.")]) as model:
        shown = asked(ogd, "/agent/preview", run=run, text="why?")
        assert not model.asked
        sent = send(ogd, run, "why?")
        heard(ogd, sent["session_id"], turn=1)
        told = model.asked[0][1]["messages"]
        assert [message["role"] for message in shown["messages"]] == [message["role"] for message in told]
        assert shown["messages"][0]["text"] == told[0]["content"]
        assert shown["messages"][-1]["text"] == told[-1]["content"]


def wait_for_text(ogd: Ogd, session_id: str) -> None:
    """Until some of an answer is there."""
    with ogd.client(timeout_s=60.0) as client:
        for record in client.stream("/chat/stream", session_id=session_id, since=0, follow=1):
            if record["kind"] == "delta":
                return


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_keys_in_a_run_reach_neither_the_model_nor_the_session(ogd: Ogd, tmp_path: Path) -> None:
    run = project_run(tmp_path, ogd.store, config={"note": " ".join(KEYS.values())})
    log = ogd.store / "runs" / run / "stdout.log"
    log.write_text("\n".join([*KEYS.values(), "the end"]) + "\n")
    (tmp_path / "project" / "train.py").write_text("\n".join(f"# {key}" for key in KEYS.values()))
    calls = [
        Call("log_tail", {}),
        Call("log_search", {"pattern": "."}),
        Call("get_run", {}),
        Call("read_file", {"path": "train.py"}),
    ]
    with talking(ogd, [Answer("Looking.", calls=calls), Answer("Done.")]) as model:
        sent = send(ogd, run, "my key is " + KEYS["openai"])
        records = heard(ogd, sent["session_id"], turn=1)
        assert all(one["ok"] for one in of(records, "tool"))
        told = json.dumps([body for _, body, _ in model.asked])
    session = next((ogd.store / "runs" / run / "agent").glob("session-*.jsonl")).read_text()
    assert [kind for kind, secret in SECRET.items() if secret in told or secret in session] == []
    assert "sk-test-of-the-user-0123456789" not in told + session


def test_the_model_is_told_what_is_otherwise_than_in_the_parent(ogd: Ogd, tmp_path: Path) -> None:
    parent = project_run(tmp_path, ogd.store, config={"lr": 0.0625})
    child = project_run(tmp_path, ogd.store, config={"lr": 0.9375}, parent={"run_id": parent, "step": 2})
    with talking(ogd, [Answer("The rate.")]) as model:
        sent = send(ogd, child, "what was changed?")
        heard(ogd, sent["session_id"], turn=sent["turn"])
        told = json.dumps(model.asked[0][1])
    assert "0.0625" in told, "the parent's, which the run itself does not have"
    assert "0.9375" in told


def test_a_script_is_read_from_where_it_was_started(ogd: Ogd, tmp_path: Path) -> None:
    """In a folder below the project's top, as most experiments are."""
    folder = tmp_path / "project" / "experiments"
    folder.mkdir(parents=True)
    (tmp_path / "project" / ".git").mkdir()
    (folder / "train.py").write_text("lr = 0.0625\n")
    run = make_run(ogd.store, cwd=str(folder), script="train.py")
    with talking(ogd, [Answer("Yes.")]) as model:
        sent = send(ogd, run.name, "did you read it?")
        heard(ogd, sent["session_id"], turn=sent["turn"])
        told = json.dumps(model.asked[0][1])
    assert "lr = 0.0625" in told
    assert ogd_file(ogd, run.name, "experiments/train.py") == ogd_file(ogd, run.name, "train.py")


def ogd_file(ogd: Ogd, run: str, path: str) -> list[str]:
    with ogd.client() as client:
        found: list[str] = client.get(f"/runs/{run}/file", path=path)["lines"]
    return found
