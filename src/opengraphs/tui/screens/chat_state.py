"""A conversation as it is shown: items made from the records of a session, and from what is only streamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

MOST_ITEMS = 1000
"""Older ones are let go; `og chat show` prints them all."""
MOST_CHARS = 200_000
"""Of one text."""
ENDED = ("done", "failed", "interrupted")
_CUT = {"cut": "the answer was cut: the model's stream ended early", "interrupted": "interrupted"}

ItemKind = Literal["user", "agent", "tool", "notice", "approval", "action", "output"]


class Item:
    """One block of the conversation. version: rises with every change, so that a picture of it can be kept."""

    __slots__ = ("data", "key", "kind", "open", "version")

    def __init__(self, kind: ItemKind, key: str, **data: Any) -> None:
        self.kind = kind
        self.key = key
        self.data = data
        self.version = 0
        self.open = False

    def change(self, **data: Any) -> None:
        self.data.update(data)
        self.version += 1

    def toggle(self) -> None:
        self.open = not self.open
        self.version += 1


class Conversation:
    """One session. seq: of its newest record. turns: those that go on, by number their state.

    thinking: the newest turn has said nothing yet. usage: of the newest answer. decided: how approvals ended.
    """

    def __init__(self, session_id: str = "") -> None:
        self.session_id = session_id
        self.items: list[Item] = []
        self.seq = 0
        self.mode = ""
        self.title = ""
        self.tokens = 0
        self.cost: float | None = 0.0
        self.model = ""
        self.turns: dict[int, str] = {}
        self.dropped = 0
        self._by_key: dict[str, Item] = {}
        self._partial: dict[tuple[int, str], Item] = {}
        self.plans: dict[str, Mapping[str, Any]] = {}
        self.verdicts: dict[str, Mapping[str, Any]] = {}
        self.thinking = False

    @property
    def busy(self) -> bool:
        """An answer is on its way."""
        return bool(self.turns)

    def take(self, record: Mapping[str, Any]) -> None:
        """A record, or a piece of one. What is known already, or of no kind that is shown, does nothing."""
        seq = record.get("seq")
        if isinstance(seq, int):
            if seq <= self.seq:
                return
            self.seq = seq
        handler = _HANDLERS.get(str(record.get("kind")))
        if handler is not None:
            handler(self, record)
        self._trim()

    def add(self, item: Item) -> Item:
        self.items.append(item)
        self._by_key[item.key] = item
        return item

    def line_lost(self) -> None:
        """The stream broke: what it told of unfinished texts comes anew with the next one."""
        for item in self._partial.values():
            item.change(text="")

    def waiting(self, now: float) -> Item | None:
        """The approval that somebody has to decide, the oldest first."""
        for item in self.items:
            if item.kind == "approval" and not item.data["decision"] and not expired(item, now):
                return item
        return None

    def _trim(self) -> None:
        while len(self.items) > MOST_ITEMS:
            self._by_key.pop(self.items.pop(0).key, None)
            self.dropped += 1

    # One kind of record each

    def _session(self, record: Mapping[str, Any]) -> None:
        self.mode, self.title = str(record.get("mode") or ""), str(record.get("title") or "")
        if record.get("parent"):
            self._note(record, "info", f"goes on from {record['parent'].get('session_id', 'another one')}")

    def _user(self, record: Mapping[str, Any]) -> None:
        self.title = self.title or _text(record)[:80]
        self.add(
            Item(
                "user",
                f"u{record.get('seq')}",
                text=_text(record),
                attachments=list(record.get("attachments") or ()),
                origin=str(record.get("origin") or ""),
            )
        )

    def _turn(self, record: Mapping[str, Any]) -> None:
        turn, state = int(record.get("turn") or 0), str(record.get("state"))
        if state not in ENDED:
            self.turns[turn] = state
            return
        self.turns.pop(turn, None)
        self.thinking = False
        error: Mapping[str, Any] = record.get("error") or {}
        code = str(error.get("code") or "")
        self._end_partial(turn, _CUT.get(code, _CUT.get(state, "the answer ended early")))
        if state == "failed" or error:
            self._failed(record, error, code)

    def _failed(self, record: Mapping[str, Any], error: Mapping[str, Any], code: str) -> None:
        wait = error.get("retry_after_s")
        until = float(record.get("time") or 0) + float(wait) if isinstance(wait, (int, float)) else None
        text = str(error.get("message") or "the turn failed")
        self._note(record, "error", text, hint=str(error.get("hint") or ""), code=code, until=until)

    def _end_partial(self, turn: int, why: str) -> None:
        for key in [key for key in self._partial if key[0] == turn]:
            self._partial.pop(key).change(streaming=False, cut=why)

    def _delta(self, record: Mapping[str, Any]) -> None:
        self.thinking = False
        item = self._answer(record)
        if len(item.data["text"]) < MOST_CHARS:
            item.change(text=item.data["text"] + _text(record))

    def _assistant(self, record: Mapping[str, Any]) -> None:
        self.thinking = False
        item = self._answer(record)
        self._partial.pop(_of_text(record), None)
        self.model = str(record.get("model") or self.model)
        item.change(text=_text(record), streaming=False)

    def _answer(self, record: Mapping[str, Any]) -> Item:
        """The item that a text belongs to, new with its first piece."""
        key = _of_text(record)
        if key not in self._partial:
            self._partial[key] = self.add(
                Item("agent", f"a{key[0]}.{key[1]}", text="", streaming=True, cut="", turn=key[0])
            )
        return self._partial[key]

    def _thinking(self, record: Mapping[str, Any]) -> None:
        self.thinking = True

    def _tool(self, record: Mapping[str, Any]) -> None:
        self.add(Item("tool", f"t{record.get('seq')}", **_without(record, "seq", "kind")))

    def _usage(self, record: Mapping[str, Any]) -> None:
        self.tokens += int(record.get("input_tokens") or 0) + int(record.get("output_tokens") or 0)
        cost = record.get("cost_usd")
        self.cost = None if cost is None or self.cost is None else self.cost + float(cost)
        self.model = str(record.get("model") or self.model)

    def _plan(self, record: Mapping[str, Any]) -> None:
        plan = record.get("plan") or {}
        self.plans[str(plan.get("plan_id"))] = plan

    def _verdict(self, record: Mapping[str, Any]) -> None:
        verdict = record.get("verdict") or {}
        self.verdicts[str(record.get("plan_id"))] = verdict
        if verdict.get("decision") == "refuse":
            said = "; ".join(str(one.get("text")) for one in verdict.get("findings") or ())
            self._note(record, "warn", f"the guard refused the plan: {said or 'no reason given'}")

    def _approval(self, record: Mapping[str, Any]) -> None:
        data = _without(record, "seq", "kind")
        self.add(Item("approval", f"p{record.get('approval_id')}", **{**data, "decision": "", "note": ""}))

    def _decision(self, record: Mapping[str, Any]) -> None:
        item = self._by_key.get(f"p{record.get('approval_id')}")
        if item is not None:
            item.change(decision=str(record.get("decision")), note=str(record.get("note") or ""))

    def _of_action(self, record: Mapping[str, Any]) -> Item:
        key = f"x{record.get('action_id')}"
        found = self._by_key.get(key)
        blank: dict[str, Any] = {
            "steps": {},
            "effect": None,
            "outcome": "",
            "text": "",
            "child": "",
            "step": "",
        }
        return found or self.add(Item("action", key, action_id=record.get("action_id"), **blank))

    def _action(self, record: Mapping[str, Any]) -> None:
        item, step = self._of_action(record), str(record.get("step"))
        steps = {**item.data["steps"], step: str(record.get("text") or "")}
        item.change(steps=steps, step=step)

    def _verify(self, record: Mapping[str, Any]) -> None:
        self._of_action(record).change(effect=record.get("effect") or None)

    def _result(self, record: Mapping[str, Any]) -> None:
        item = self._of_action(record)
        item.change(
            outcome=str(record.get("outcome") or ""),
            text=_text(record),
            child=str(record.get("child_run_id") or ""),
            effect=record.get("effect") or item.data["effect"],
        )

    def _notice(self, record: Mapping[str, Any]) -> None:
        if record.get("code") == "mode" and record.get("mode"):
            self.mode = str(record["mode"])
        wait = record.get("retry_after_s")
        until = float(record.get("time") or 0) + float(wait) if isinstance(wait, (int, float)) else None
        code, level = str(record.get("code") or ""), str(record.get("level") or "info")
        self._note(record, level, _text(record), code=code, until=until)

    def _note(
        self,
        record: Mapping[str, Any],
        level: str,
        text: str,
        *,
        hint: str = "",
        code: str = "",
        until: float | None = None,
    ) -> None:
        key = f"n{record.get('seq')}.{len(self.items)}"
        self.add(Item("notice", key, level=level, text=text, hint=hint, code=code, until=until))


def expired(item: Item, now: float) -> bool:
    """Nobody decided in time: that is a no."""
    until = item.data.get("expires_at")
    return isinstance(until, (int, float)) and now >= until


def _text(record: Mapping[str, Any]) -> str:
    return str(record.get("text") or "")[:MOST_CHARS]


def _of_text(record: Mapping[str, Any]) -> tuple[int, str]:
    return int(record.get("turn") or 0), str(record.get("item"))


def _without(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


_HANDLERS = {
    "session": Conversation._session,
    "user": Conversation._user,
    "turn": Conversation._turn,
    "delta": Conversation._delta,
    "assistant": Conversation._assistant,
    "thinking": Conversation._thinking,
    "tool": Conversation._tool,
    "usage": Conversation._usage,
    "plan": Conversation._plan,
    "verdict": Conversation._verdict,
    "approval": Conversation._approval,
    "decision": Conversation._decision,
    "action": Conversation._action,
    "verify": Conversation._verify,
    "result": Conversation._result,
    "notice": Conversation._notice,
}
