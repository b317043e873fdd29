"""Recorded chat traffic of every provider that follows OpenAI, told in the other formats."""

from __future__ import annotations

import orjson
import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsBase
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import TypeAdapter

from proxy.chat import Finished, Reasoning, Spent, Text, ToolCall
from proxy.dialects.anthropic import Anthropic
from proxy.dialects.openai import OpenAI
from proxy.dialects.responses import Responses
from tests.dialects.recorded import WIRE, asked, payloads, recorded
from tests.dialects.requests import whole
from tests.dialects.streams import cut

pytestmark = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")

CHAT, MESSAGES, RESPONSES = OpenAI(), Anthropic(), Responses()
FOREIGN = {"cohere", "ollama"}  # other formats
EVENTS = {
    "openai": TypeAdapter(ChatCompletionChunk),
    "anthropic": TypeAdapter(RawMessageStreamEvent),
    "responses": TypeAdapter(ResponseStreamEvent),
}
ANSWERS = {"openai": ChatCompletion, "anthropic": AnthropicMessage, "responses": Response}
REQUESTS = {
    "openai": TypeAdapter(CompletionCreateParamsBase),
    "anthropic": TypeAdapter(MessageCreateParamsBase),
    "responses": TypeAdapter(ResponseCreateParamsBase),
}
TARGETS = pytest.mark.parametrize("target", [CHAT, MESSAGES, RESPONSES], ids=lambda one: one.name)


def chats():
    return [one for one in recorded("chat") if one["provider"] not in FOREIGN]


def told_by(events):
    """What was said in the first choice, the only one that every format has."""
    events = [one for one in events if not getattr(one, "choice", 0)]
    calls: dict[int, list] = {}
    for one in events:
        if isinstance(one, ToolCall):
            call = calls.setdefault(one.index, ["", ""])
            calls[one.index] = [call[0] or one.name, call[1] + one.arguments]
    spent = [one.usage for one in events if isinstance(one, Spent)]
    reason = next((one.reason for one in events if isinstance(one, Finished)), None)
    return (
        "".join(one.text for one in events if isinstance(one, Text)),
        "".join(one.text for one in events if isinstance(one, Reasoning)),
        [(name, orjson.loads(arguments or "{}")) for name, arguments in calls.values()],
        "tool_calls" if calls and reason == "stop" else reason,
        (spent[-1].prompt, spent[-1].completion) if spent else (0, 0),
    )


@TARGETS
def test_every_recorded_stream_says_the_same_in_another_format(target) -> None:
    read = 0
    for one in chats():
        if not one["stream_format"].startswith("sse") or one["error_in_stream"]:
            continue
        decoder = CHAT.decoder()
        encoder = target.encoder(id="x_1", model="m", created=1, include_usage=True)
        events, again = [], b""
        for frame in cut(decoder, one["response_body"].encode(), 64):
            events.extend(frame.events)
            again += encoder.encode(frame.events)
        again += encoder.end()
        for told in payloads(again.decode()):
            EVENTS[target.name].validate_python(told, strict=True)
        back = [event for frame in cut(target.decoder(), again, 64) for event in frame.events]
        if told_by(events)[3] is None:
            continue  # the recording was cut off
        assert told_by(back) == told_by(events), one["id"]
        read += 1
    assert read > 150


@TARGETS
def test_every_recorded_answer_says_the_same_in_another_format(target) -> None:
    read = 0
    for one in chats():
        if one["stream_format"] != "none":
            continue
        answer = CHAT.read_answer(orjson.loads(one["response_body"]))
        body = orjson.loads(target.write_answer(answer))
        ANSWERS[target.name].model_validate(body, strict=True)
        again, first = target.read_answer(body).choices[0], answer.choices[0]
        assert (again.text, again.reasoning) == (first.text, first.reasoning), one["id"]
        assert [call.name for call in again.calls] == [call.name for call in first.calls]
        read += 1
    assert read > 100


@TARGETS
def test_every_recorded_request_can_be_asked_in_another_format(target) -> None:
    read = 0
    for one in chats():
        body = asked(one)
        if "messages" not in body or one["request_body_truncated"]:
            continue
        body.setdefault("model", "m")
        for tool in body.get("tools") or ():
            tool.setdefault("type", "function")  # Mistral does without
        CHAT.check(body)
        said = CHAT.parse(body)
        if target is CHAT and said.extra:
            continue  # what a provider adds of its own is in nobody's types
        rendered = target.render(said, "m")
        target.check(rendered.body)
        whole(REQUESTS[target.name].validate_python(rendered.body))
        read += 1
    assert read > 250
