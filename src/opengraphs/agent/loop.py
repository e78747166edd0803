"""One turn: ask the model, run the tools it calls, ask again, until it has answered or a limit is reached."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from opengraphs.agent.context import Context, Guarded
from opengraphs.agent.digests import cut
from opengraphs.agent.planner import (
    SPECS,
    TERMINAL,
    NotAPlanError,
    plan_from_calls,
    plan_from_text,
)
from opengraphs.agent.providers import Message, Provider, TextDelta, ToolCall, ToolSpec, Usage, Waiting
from opengraphs.agent.speaking import Speaker
from opengraphs.agent.tools import BY_NAME, TOOLS, Asks
from opengraphs.errors import AgentError, NotFoundError, OgError, UsageError
from opengraphs.protocol.chat import Plan

MAX_ROUNDS = 10
MAX_REPEATS = 3
MAX_REPAIRS = 3
MAX_CALLS = 8
"""In one answer; the rest are told to wait."""
MAX_RESULT = 16_000
TURN_TOKENS = 200_000
READING = tuple(ToolSpec(tool.name, tool.description, tool.schema) for tool in TOOLS)
_ENOUGH = "No more tools now: answer with what you know."


class TurnError(AgentError):
    """A turn that ends without an answer, by the agent's own limits; `code` says by which."""

    def __init__(self, code: str, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Turn:
    """What one turn has so far.

    Args:
        mode: of the session; but for `off`, a plan's action is handed to the guard.
    """

    def __init__(
        self,
        client: Asks,
        provider: Provider,
        speaker: Speaker,
        guarded: Guarded,
        *,
        run_id: str,
        session_id: str,
        mode: str,
        max_tokens: int,
    ) -> None:
        self._client, self._provider, self._speaker, self._guarded = client, provider, speaker, guarded
        self._run_id, self._session_id, self._mode = run_id, session_id, mode
        self._max_tokens = max_tokens
        self._messages: list[Message] = []
        self._asked: Counter[str] = Counter()
        self._tokens = 0
        self._items = 0
        self._repairs = 0

    async def run(self, context: Context) -> Plan | None:
        """To the end of the answer; the plan, where there was one.

        Raises:
            ProviderError: the model gave no answer. TurnError: a limit was reached.
            StoppedError: nobody wants the answer any more.
        """
        self._messages = list(context.messages)
        for number in range(MAX_ROUNDS + 1):
            last = number == MAX_ROUNDS
            text, calls = await self._ask((*SPECS,) if last else (*READING, *SPECS))
            plan, trouble = self._plan(text, calls)
            trouble = trouble or await self._objections(plan)
            if not trouble and (plan is not None or not calls):
                await self._finish(plan)
                return plan
            if trouble:
                self._repairs += 1
                if self._repairs > MAX_REPAIRS or last:
                    await self._say_notice("warn", f"no plan came of this answer: {trouble}", "no_plan")
                    return None
            await self._answer_calls(text, calls, trouble, last=number >= MAX_ROUNDS - 1)
        raise TurnError("agent_rounds", "the model asked for more than it may", hint="ask for less at once")

    async def _ask(self, tools: Sequence[ToolSpec]) -> tuple[str, list[ToolCall]]:
        """One request: the text that came, told as it came, and the calls."""
        if self._tokens >= TURN_TOKENS:
            text = f"the turn has used {self._tokens} tokens, of {TURN_TOKENS}"
            raise TurnError("budget", text, hint="ask for less at once")
        self._items += 1
        item, text, calls = f"a{self._items}", "", []
        await self._speaker.say({"kind": "thinking"})
        async for delta in self._provider.stream(self._messages, tools, max_tokens=self._max_tokens):
            if isinstance(delta, TextDelta):
                text += delta.text
                self._speaker.text(item, delta.text)
            elif isinstance(delta, ToolCall):
                calls.append(delta)
            elif isinstance(delta, Usage):
                await self._count(delta)
            elif isinstance(delta, Waiting):
                waits = {"retry_after_s": delta.seconds}
                await self._say_notice(
                    "info", f"the model does not answer now: {delta.kind}", delta.kind, **waits
                )
        if text.strip():
            answer = {"kind": "assistant", "item": item, "text": text, "model": self._provider.model}
            await self._speaker.say(answer)
        return text, calls

    async def _count(self, usage: Usage) -> None:
        self._tokens += usage.input_tokens + usage.output_tokens
        told = {
            name: getattr(usage, name)
            for name in ("input_tokens", "cached_tokens", "output_tokens", "cost_usd")
        }
        names = {"provider": self._provider.name, "model": self._provider.model}
        await self._speaker.say({"kind": "usage", **names, **told})

    def _plan(self, text: str, calls: Sequence[ToolCall]) -> tuple[Plan | None, str]:
        """The plan in an answer, or what is wrong with it."""
        told = {call.name: call.arguments for call in calls if call.name in TERMINAL}
        try:
            if told:
                return plan_from_calls(told, text, run_id=self._run_id), ""
            return (None if calls else plan_from_text(text, run_id=self._run_id)), ""
        except NotAPlanError as error:
            return None, str(error)

    async def _objections(self, plan: Plan | None) -> str:
        """What the guard has against the edits of a plan, for the model to mend; "" for nothing."""
        if plan is None or plan.get("action", {}).get("kind") != "patch":
            return ""
        try:
            reply = await self._client.post("/auto/evaluate", {"run": self._run_id, "plan": plan})
        except OgError as error:
            return "" if _no_route(error) else error.message
        findings = reply["verdict"].get("findings") or []
        refused = [one for one in findings if one.get("level") == "refuse" and _is_mendable(one)]
        return "; ".join(self._guarded.plain(str(one.get("text"))) for one in refused[:5])

    async def _answer_calls(self, text: str, calls: Sequence[ToolCall], trouble: str, *, last: bool) -> None:
        """Run the tools and put what they say behind the model's answer."""
        said: Message = {"role": "assistant", "text": text}
        if calls:
            said["tool_calls"] = [
                {"call_id": call.call_id, "name": call.name, "arguments": call.arguments} for call in calls
            ]
        self._messages.append(said)
        for number, call in enumerate(calls):
            told = f"not accepted: {trouble}" if trouble else "wait"
            if call.name not in TERMINAL:
                told = await self._read(call) if number < MAX_CALLS else "too many at once; ask again"
            self._messages.append({"role": "tool", "tool_call_id": call.call_id, "text": told})
        if last or (trouble and not calls):
            self._messages.append({"role": "user", "text": _ENOUGH if last else f"Not accepted: {trouble}"})

    async def _read(self, call: ToolCall) -> str:
        """What a reading tool says, as the model may see it."""
        arguments = dict(call.arguments)
        tool = BY_NAME.get(call.name)
        if tool is not None and "run" in tool.schema["properties"]:
            arguments.setdefault("run", self._run_id)
        key = f"{call.name} {json.dumps(arguments, sort_keys=True, default=str)}"
        self._asked[key] += 1
        if self._asked[key] >= MAX_REPEATS:
            text = f"the model asked {call.name} for the same thing {MAX_REPEATS} times"
            raise TurnError("agent_stuck", text, hint="ask differently, or another model: og config agent")
        try:
            if tool is None:
                raise UsageError(
                    f"there is no tool {call.name[:60]!r}", hint=f"there are {', '.join(BY_NAME)}"
                )
            found: dict[str, Any] = await tool.call(self._client, arguments)
            told, ok = self._guarded.data(call.name, found, most=MAX_RESULT), True
        except OgError as error:
            told, ok = self._guarded.data(call.name, f"error: {error.message} {error.hint}", most=2000), False
        summary = "" if ok else cut(told, 300)
        record = {"kind": "tool", "call_id": call.call_id, "name": call.name[:100], "arguments": arguments}
        await self._speaker.say({**record, "ok": ok, "summary": summary, "result": told})
        return told

    async def _finish(self, plan: Plan | None) -> None:
        """Keep the plan; where the mode lets the agent act, hand its action to the guard."""
        if plan is None:
            return
        await self._speaker.say({"kind": "plan", "plan": plan})
        if self._mode == "off" or plan.get("action", {}).get("kind") in (None, "explain"):
            return
        body = {"run": self._run_id, "session_id": self._session_id, "plan": plan, "origin": "agent"}
        try:
            await self._client.post("/auto/apply", body)
        except OgError as error:
            code = "no_executor" if _no_route(error) else error.code
            text = "this version cannot act" if _no_route(error) else error.message
            await self._say_notice("warn", f"the action was not begun: {text}", code)

    async def _say_notice(self, level: str, text: str, code: str, **more: float) -> None:
        await self._speaker.say({"kind": "notice", "level": level, "text": text, "code": code, **more})


def _no_route(error: OgError) -> bool:
    return isinstance(error, (UsageError, NotFoundError)) and "no such route" in error.message


def _is_mendable(finding: Mapping[str, Any]) -> bool:
    """Whether other edits could help: a kill switch or a budget is none of the model's business."""
    return str(finding.get("rule", "")).split(".")[0] not in ("stopped", "budget", "mode", "attempts")
