"""Recorded Responses traffic: what is read equals a plain reading of the recording."""

from __future__ import annotations

import orjson
import pytest
from openai.types.responses import Response as TheirResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from proxy.chat import Finished, Reasoning, Spent, Text, ToolCall
from proxy.dialects.anthropic import Anthropic
from proxy.dialects.openai import OpenAI
from proxy.dialects.responses import Responses
from proxy.errors import ClientError
from tests.dialects.recorded import WIRE, asked, payloads, recorded, told_again
from tests.dialects.streams import cut

pytestmark = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")

RESPONSES = Responses()
STRICT = TypeAdapter(ResponseStreamEvent)


def plain(response):
    """An independent reading of a whole response."""
    text = thought = ""
    calls = []
    for item in response["output"]:
        if item["type"] == "message":
            text += "".join(part.get("text") or part.get("refusal") for part in item["content"])
        elif item["type"] == "reasoning":
            thought += "\n\n".join(part["text"] for part in item.get("summary") or ())
            thought += "".join(part["text"] for part in item.get("content") or ())
        elif item["type"] == "function_call":
            calls.append((item["call_id"], item["name"], item["arguments"]))
    details = response.get("incomplete_details") or {}
    finish = "length" if details.get("reason") else "tool_calls" if calls else "stop"
    usage = response.get("usage")
    return text, thought, calls, finish, usage and (usage["input_tokens"], usage["output_tokens"])


def told_by(events):
    calls: dict[int, list] = {}
    for one in events:
        if isinstance(one, ToolCall):
            call = calls.setdefault(one.index, ["", "", ""])
            calls[one.index] = [call[0] or one.id, call[1] or one.name, call[2] + one.arguments]
    spent = [one.usage for one in events if isinstance(one, Spent)]
    return (
        "".join(one.text for one in events if isinstance(one, Text)),
        "".join(one.text for one in events if isinstance(one, Reasoning)),
        [tuple(one) for one in calls.values()],
        next(one.reason for one in events if isinstance(one, Finished)),
        (spent[-1].prompt, spent[-1].completion) if spent else None,
    )


def streams():
    """(recording, the response that its last event holds whole); one was cut off, and has none."""
    for one in recorded("responses"):
        if one["stream_format"] in ("sse-named", "sse-data"):
            last = payloads(one["response_body"])[-1]
            if "response" in last and last["response"].get("output"):
                yield one, last["response"]


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 30])
def test_every_recorded_stream_is_read_whole(size: int) -> None:
    read = 0
    for one, response in streams():
        body = one["response_body"].encode()
        frames = cut(RESPONSES.decoder(), body, size)
        assert b"".join(frame.raw for frame in frames) == body, one["id"]
        events = [event for frame in frames for event in frame.events]
        assert told_by(events) == plain(response), one["id"]
        read += 1
    assert read > 50


@pytest.mark.parametrize(
    "target", [RESPONSES, OpenAI(), Anthropic()], ids=["responses", "openai", "anthropic"]
)
def test_every_recorded_stream_told_again_event_by_event_says_the_same(target) -> None:
    for one, response in streams():
        again = told_again(one["response_body"], RESPONSES.decoder(), target)
        if target is RESPONSES:
            for told in payloads(again.decode()):
                STRICT.validate_python(told, strict=True)
        events = [event for frame in cut(target.decoder(), again, 64) for event in frame.events]
        assert told_by(events) == plain(response), one["id"]


def test_every_recorded_answer_is_read_and_told_again() -> None:
    read = 0
    for one in recorded("responses"):
        if one["stream_format"] != "none":
            continue
        body = orjson.loads(one["response_body"])
        if not body.get("output"):
            continue  # still queued, or deleted
        answer = RESPONSES.read_answer(body)
        choice, usage = answer.choices[0], answer.usage
        calls = [(call.id, call.name, call.arguments) for call in choice.calls]
        counts = usage and (usage.prompt, usage.completion)
        found = (choice.text, choice.reasoning, calls, choice.finish, counts)
        assert found == plain(body), one["id"]
        again = orjson.loads(RESPONSES.write_answer(answer))
        TheirResponse.model_validate(again, strict=True)
        assert RESPONSES.read_answer(again).choices == answer.choices
        read += 1
    assert read > 90


def test_every_recorded_request_is_understood_or_refused_for_its_state() -> None:
    read = 0
    for one in recorded("responses"):
        body = asked(one)
        if "input" not in body or one["request_body_truncated"]:
            continue
        RESPONSES.check(body)
        try:
            said = RESPONSES.parse(body)
        except ClientError as refused:
            assert refused.param in ("previous_response_id", "prompt"), one["id"]
            continue
        RESPONSES.check(RESPONSES.render(said, "gpt-4o").body)
        OpenAI().check(OpenAI().render(said, "gpt-4o").body)
        Anthropic().check(Anthropic().render(said, "claude-sonnet-4-5").body)
        read += 1
    assert read > 130
