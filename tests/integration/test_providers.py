"""Both wire formats against the scripted server, and the server against the official libraries."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack
from typing import Any

import anthropic
import openai
import pytest
from model_kit import HELLO, PROVIDERS, TOOL, ask, settings_for, text_of

from opengraphs.agent.providers import Done, Message, ProviderError, ToolCall, Usage, Waiting, make_provider
from opengraphs.demo.model_server import Answer, Call, Fault, ModelServer

both = pytest.mark.parametrize("provider", PROVIDERS)
KEYS = {"OPENAI_API_KEY": "k-test", "ANTHROPIC_API_KEY": "k-test"}


@both
def test_a_streamed_answer_comes_whole_with_its_usage(provider: str) -> None:
    said = "The loss spikes at step 420, when lr rises. " * 20
    with ModelServer([Answer(said)]) as model:
        deltas = ask(model, provider)
    assert text_of(deltas) == said
    assert deltas[-1] == Done("end")
    (usage,) = [delta for delta in deltas if isinstance(delta, Usage)]
    assert usage.output_tokens > 100
    assert 0 < usage.cached_tokens < usage.input_tokens
    assert (usage.cost_usd, usage.estimated) == (None, False)


@both
@pytest.mark.parametrize("whole", [False, True], ids=["in pieces", "whole, without ids"])
def test_calls_of_tools_are_put_together(provider: str, whole: bool) -> None:
    calls = (Call("log_tail", {"lines": 40}), Call("log_tail", {"lines": 3, "grep": 'naïve "quoted"'}))
    with ModelServer([Answer("Let me look.", calls, whole_calls=whole)]) as model:
        deltas = ask(model, provider)
    found = [delta for delta in deltas if isinstance(delta, ToolCall)]
    assert [(call.name, call.arguments) for call in found] == [(call.name, call.arguments) for call in calls]
    assert len({call.call_id for call in found}) == 2
    assert text_of(deltas) == "Let me look."
    assert deltas[-1] == Done("tools")


@both
def test_a_conversation_with_results_of_tools_is_sent_as_the_protocol_wants_it(provider: str) -> None:
    talk: list[Message] = [
        *HELLO,
        {
            "role": "assistant",
            "text": "",
            "tool_calls": [{"call_id": "c1", "name": "log_tail", "arguments": {"lines": 2}}],
        },
        {"role": "tool", "tool_call_id": "c1", "text": "step 1\nstep 2"},
        {"role": "user", "text": "And?"},
    ]
    with ModelServer([Answer("fine")]) as model:
        ask(model, provider, talk)
    ((_, body, headers),) = model.asked
    assert "k-test" in (headers.get("authorization", "") + headers.get("x-api-key", ""))
    assert "k-test" not in json.dumps(body)
    if provider == "openai":
        assert [message["role"] for message in body["messages"]] == [
            "system",
            "user",
            "assistant",
            "tool",
            "user",
        ]
        assert body["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "step 1\nstep 2"}
        assert body["tools"][0]["function"]["parameters"] == TOOL.schema
        assert body["max_tokens"] == 500
    else:
        assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
        assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]
        assert body["system"][0]["text"] == "You help."
        assert body["tools"][0]["input_schema"] == TOOL.schema


@both
def test_prices_of_the_user_make_costs(provider: str) -> None:
    with ModelServer([Answer("x" * 400)]) as model:
        deltas = ask(model, provider, price_input=2.0, price_output=10.0, price_cached=0.5)
    (usage,) = [delta for delta in deltas if isinstance(delta, Usage)]
    fresh = usage.input_tokens - usage.cached_tokens
    assert usage.cost_usd == pytest.approx(
        (fresh * 2 + usage.cached_tokens * 0.5 + usage.output_tokens * 10) / 1e6
    )


def test_a_server_that_tells_no_usage_gets_an_estimate_that_says_so() -> None:
    with ModelServer([Answer("y" * 350, usage=False)]) as model:
        deltas = ask(model, "openai")
    (usage,) = [delta for delta in deltas if isinstance(delta, Usage)]
    assert usage.estimated
    assert 90 < usage.output_tokens < 120


@both
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Answer("a cut answer " * 30, cut=6), "cut"),
        (Answer("too long", stop="length"), "cut"),
        (Answer("let me", (Call("log_tail", {"lines": 40}),), cut=5), "cut"),
        (Answer("fine", bad_piece=True), "protocol"),
        (Fault(401, "authentication_error", "bad key"), "refused"),
        (Fault(403, "permission_error"), "refused"),
        (Fault(404, "not_found_error", "no such model"), "protocol"),
        (
            Fault(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
            "context_too_long",
        ),
        (
            Fault(400, "context_length_exceeded", "This model's maximum context length is 8192"),
            "context_too_long",
        ),
        (Fault(429, "insufficient_quota", "you exceeded your quota"), "refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_answer_is_an_error_of_one_kind_at_once(
    provider: str, step: Answer | Fault, kind: str
) -> None:
    with ModelServer([step]) as model, pytest.raises(ProviderError) as caught:
        ask(model, provider)
    assert caught.value.kind == kind, caught.value
    assert caught.value.hint
    assert len(model.asked) == 1, "asked once: again would not help"


@both
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(429, "rate_limit_error", "slow down", retry_after=0.01), "rate_limited"),
        (Fault(529, "overloaded_error", "overloaded", retry_after=0.01), "overloaded"),
        (Fault(500, "api_error", "oops", retry_after=0.01), "overloaded"),
        (Fault(503, "", "busy", retry_after=0.01), "overloaded"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_busy_provider_is_asked_again_when_it_says(provider: str, fault: Fault, kind: str) -> None:
    with ModelServer([fault, fault, Answer("there")]) as model:
        deltas = ask(model, provider)
    assert text_of(deltas) == "there"
    assert [delta for delta in deltas if isinstance(delta, Waiting)] == [Waiting(kind, 0.01)] * 2
    assert len(model.asked) == 3
    with ModelServer([fault]) as model, pytest.raises(ProviderError) as caught:
        ask(model, provider)
    assert (caught.value.kind, len(model.asked)) == (kind, 5)


@both
def test_a_wait_that_nobody_would_sit_through_is_an_error(provider: str) -> None:
    with (
        ModelServer([Fault(429, "rate_limit_error", retry_after=3600)]) as model,
        pytest.raises(ProviderError) as caught,
    ):
        ask(model, provider)
    assert (caught.value.kind, caught.value.retry_after_s, len(model.asked)) == ("rate_limited", 3600, 1)


@both
def test_an_error_inside_a_stream_is_none_of_an_answer(provider: str) -> None:
    with ModelServer([Fault(529, "overloaded_error", "overloaded", in_stream=True), Answer("well")]) as model:
        deltas = ask(model, provider)
    assert text_of(deltas) == "well", "nothing had been shown: asked again"
    assert isinstance(deltas[0], Waiting)


@both
def test_a_server_that_hangs_up_or_is_not_there_is_offline(provider: str) -> None:
    with ModelServer([Fault(0), Answer("back")]) as model:
        assert text_of(ask(model, provider)) == "back"
    with pytest.raises(ProviderError) as caught:
        once(model, provider)
    assert caught.value.kind == "offline"
    assert model.origin in str(caught.value)


def once(model: ModelServer, provider: str) -> None:
    """One try, without waiting for the others."""
    from opengraphs.agent.providers.make import Retrying

    async def no_sleep(_: float) -> None:
        return None

    async def go() -> None:
        made = make_provider(settings_for(model, provider), KEYS)
        assert isinstance(made, Retrying)
        try:
            async for _ in Retrying(made._inner, sleep=no_sleep).stream(HELLO, (), max_tokens=5):
                pass
        finally:
            await made.close()

    asyncio.run(go())


@both
def test_a_provider_that_is_silent_too_long_is_offline(provider: str) -> None:
    with ModelServer([Answer("late", pause_s=30)]) as model, pytest.raises(ProviderError) as caught:
        asyncio.run(patience(model, provider))
    assert caught.value.kind in ("offline", "cut")


async def patience(model: ModelServer, provider: str) -> None:
    made: Any = make_provider(settings_for(model, provider, timeout_s=0.3), KEYS)
    try:
        async for _ in made._inner.stream(HELLO, (), max_tokens=5):
            pass
    finally:
        await made.close()


@both
def test_an_answer_can_be_left_at_any_moment(provider: str) -> None:
    async def leave() -> float:
        made = make_provider(settings_for(model, provider), KEYS)
        stream = made.stream(HELLO, (), max_tokens=500)
        await anext(stream)
        begun = time.monotonic()
        await stream.aclose()  # type: ignore[attr-defined]
        await made.close()
        return time.monotonic() - begun

    with ModelServer([Answer("word " * 2000, pause_s=0.05)]) as model:
        assert asyncio.run(leave()) < 30, "not until the end of the answer, which takes minutes"


def test_official_openai_library_is_content_with_the_server() -> None:
    calls = (Call("log_tail", {"lines": 4}),)
    steps = [Answer("hi"), Answer("", calls), Answer("streamed"), Fault(429, "rate_limit_exceeded")]
    with ModelServer(steps) as model, ExitStack() as stack:
        client = stack.enter_context(openai.OpenAI(api_key="k", base_url=model.url, max_retries=0))
        messages: Any = [{"role": "user", "content": "x"}]
        first = client.chat.completions.create(model="m", messages=messages)
        assert (first.choices[0].message.content, first.choices[0].finish_reason) == ("hi", "stop")
        second = client.chat.completions.create(model="m", messages=messages)
        assert second.choices[0].finish_reason == "tool_calls"
        with client.chat.completions.stream(model="m", messages=messages) as stream:
            assert stream.get_final_completion().choices[0].message.content == "streamed"
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="m", messages=messages)
        assert [one.id for one in client.models.list()] == ["scripted"]


def test_official_anthropic_library_is_content_with_the_server() -> None:
    calls = (Call("log_tail", {"lines": 4}),)
    steps = [Answer("hi"), Answer("see", calls), Answer("streamed", calls), Fault(529, "overloaded_error")]
    with ModelServer(steps) as model, ExitStack() as stack:
        client = stack.enter_context(anthropic.Anthropic(api_key="k", base_url=model.origin, max_retries=0))
        asked: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        first = client.messages.create(**asked)
        assert (first.content[0].text, first.stop_reason) == ("hi", "end_turn")
        second = client.messages.create(**asked)
        assert (second.content[1].input, second.stop_reason) == ({"lines": 4}, "tool_use")
        with client.messages.stream(**asked) as stream:
            final = stream.get_final_message()
        assert (final.content[0].text, final.content[1].input) == ("streamed", {"lines": 4})
        with pytest.raises(anthropic.APIStatusError):
            client.messages.create(**asked)
