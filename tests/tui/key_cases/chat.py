"""Keys of the Chat screen, and those of the agent on others."""

from __future__ import annotations

from typing import Any

from tui_fakes import NOW, RUN, FakeSource, Session

from key_cases.case import Case

EDITS = "train.py\n<<<<<<< SEARCH\nlr = 3e-3\n=======\nlr = 3e-4\n>>>>>>> REPLACE\n"


def long_talk(source: FakeSource) -> None:
    """A hundred messages, and one that is being answered."""
    session = source.add_session()
    for turn in range(1, 51):
        source.turn(session, turn, f"question {turn}")
        source.answer(session, turn, f"answer {turn}, as at [train/loss @ {turn}]")
    source.turn(session, 51, "and?")


def asked(source: FakeSource) -> None:
    """A decision is waited for."""
    session = source.add_session()
    source.turn(session, 1, "mend it")
    plan = {"plan_id": "p1", "run_id": RUN, "action": {"kind": "patch", "edits": EDITS}}
    source.say(session, "plan", turn=1, plan=plan)
    lines = "\n".join(f"+line {n}" for n in range(30))
    source.say(
        session, "approval", approval_id="ap1", plan_id="p1", action_id="x1", title="Lower the learning rate",
        risk="low", diff=f"--- a/train.py\n+++ b/train.py\n@@ -1 +1,30 @@\n{lines}\n", command="python train.py",
        findings=[], expires_at=NOW + 300,
    )  # fmt: skip


def everything(source: FakeSource) -> None:
    """What can be attached on any screen."""
    source.add_alert(RUN, "a1", title="loss spike", step=3, metric="train/loss")
    source.add_samples(RUN, [{"prompt": "1 + 1", "completion": "2"}])
    asked(source)


def chat(s: Session) -> Any:
    return s.app.views["chat"]


def posted(s: Session, path: str) -> int:
    return sum(asked_path == path for asked_path, _ in s.source.asked)


CASES: dict[str, Case] = {
    "chat.up": Case(lambda s: chat(s).top, store=long_talk),
    "chat.down": Case(lambda s: chat(s).top, ("home",), after=1, store=long_talk),
    "chat.page_up": Case(lambda s: chat(s).top, store=long_talk),
    "chat.page_down": Case(lambda s: chat(s).top, ("home",), store=long_talk),
    "chat.first": Case(lambda s: chat(s).top, after=0, store=long_talk),
    "chat.last": Case(lambda s: chat(s).follows, ("home",), after=True, store=long_talk),
    "chat.write": Case(lambda s: s.app.view.edit is not None, after=True),
    "chat.command": Case(lambda s: s.app.view.edit is not None and s.app.view.edit.text, after="/"),
    "chat.open": Case(lambda s: s.desk.screen, ("tab",), after="graphs", store=long_talk),
    "chat.interrupt": Case(lambda s: chat(s).conversation.busy, after=False, store=long_talk),
    "chat.approve": Case(
        lambda s: [one["decision"] for one in s.source.decisions], after=["approve"], store=asked
    ),
    "chat.deny": Case(lambda s: [one["decision"] for one in s.source.decisions], after=["deny"], store=asked),
    "chat.edit": Case(
        lambda s: [one["edits"] for one in s.source.decisions], after=[EDITS + "edited"], store=asked
    ),
    "chat.diff": Case(lambda s: "line 29" in s.text or "+line 20" in s.text, after=True, store=asked),
    "chat.sessions": Case(lambda s: "conversations" in s.text, after=True, store=asked),
    "chat.new": Case(lambda s: chat(s).conversation.session_id, after="", store=asked),
    "chat.fork": Case(lambda s: chat(s).conversation.session_id, after=f"{RUN}.f001", store=asked),
    "auto.stop": Case(lambda s: "stop the agent" in s.text, after=True, store=asked),
    "chat.attach": Case(lambda s: len(s.desk.agent.attached), after=1, store=everything),
}
