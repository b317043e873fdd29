"""Recorded Messages traffic: what is read equals a plain reading of the recording."""

from __future__ import annotations

import orjson
import pytest
from anthropic.types import Message as TheirMessage
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsBase
from pydantic import TypeAdapter

from proxy.chat import Finished, Reasoning, Spent, Text, ToolCall
from proxy.dialects.anthropic import Anthropic
from proxy.dialects.openai import OpenAI
from proxy.errors import ClientError
from tests.dialects.recorded import WIRE, asked, payloads, recorded, told_again
from tests.dialects.requests import whole
from tests.dialects.streams import cut

pytestmark = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")

MESSAGES = Anthropic()
EVENT = TypeAdapter(RawMessageStreamEvent)
THEIRS = TypeAdapter(MessageCreateParamsBase)
REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length",
           "tool_use": "tool_calls"}  # fmt: skip


def plain_blocks(blocks) -> tuple[str, str, list]:
    text = "".join(one["text"] for one in blocks if one["type"] == "text")
    thought = "".join(one["thinking"] for one in blocks if one["type"] == "thinking")
    calls = [(one["id"], one["name"], one["input"]) for one in blocks if one["type"] == "tool_use"]
    return text, thought, calls


def plain_usage(usage) -> tuple[int, int]:
    prompt = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(usage.get(name) or 0 for name in prompt), usage.get("output_tokens") or 0


def plain_stream(told):
    """The blocks of a stream put together again, without our decoder."""
    blocks, usage, reason = {}, {}, None
    for one in told:
        if one["type"] == "message_start":
            usage.update(one["message"]["usage"])
        elif one["type"] == "content_block_start":
            blocks[one["index"]] = {**one["content_block"], "partial": ""}
        elif one["type"] == "content_block_delta":
            block, delta = blocks[one["index"]], one["delta"]
            block["text"] = block.get("text", "") + delta.get("text", "")
            block["thinking"] = block.get("thinking", "") + delta.get("thinking", "")
            block["partial"] += delta.get("partial_json", "")
        elif one["type"] == "message_delta":
            reason = one["delta"]["stop_reason"]
            usage.update({k: v for k, v in one["usage"].items() if v is not None})
    for block in blocks.values():
        if block["partial"]:
            block["input"] = orjson.loads(block["partial"])
    return *plain_blocks(blocks.values()), REASONS[reason], plain_usage(usage)


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
        [(a, b, orjson.loads(c or "{}")) for a, b, c in calls.values()],
        next(one.reason for one in events if isinstance(one, Finished)),
        (spent[-1].prompt, spent[-1].completion),
    )


def streams():
    return [one for one in recorded("messages") if one["stream_format"] == "sse-named"]


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 30])
def test_every_recorded_stream_is_read_whole(size: int) -> None:
    for one in streams():
        body = one["response_body"].encode()
        frames = cut(MESSAGES.decoder(), body, size)
        assert b"".join(frame.raw for frame in frames) == body, one["id"]
        events = [event for frame in frames for event in frame.events]
        assert told_by(events) == plain_stream(payloads(one["response_body"])), one["id"]
    assert len(streams()) > 50


@pytest.mark.parametrize("target", [MESSAGES, OpenAI()], ids=["anthropic", "openai"])
def test_every_recorded_stream_told_again_event_by_event_says_the_same(target) -> None:
    for one in streams():
        again = told_again(one["response_body"], MESSAGES.decoder(), target)
        if target is MESSAGES:
            for told in payloads(again.decode()):
                EVENT.validate_python(told, strict=True)
        events = [event for frame in cut(target.decoder(), again, 64) for event in frame.events]
        assert told_by(events) == plain_stream(payloads(one["response_body"])), one["id"]


def test_every_recorded_answer_is_read_and_told_again() -> None:
    read = 0
    for one in recorded("messages"):
        if one["stream_format"] != "none":
            continue
        body = orjson.loads(one["response_body"])
        answer = MESSAGES.read_answer(body)
        choice = answer.choices[0]
        calls = [(call.id, call.name, orjson.loads(call.arguments)) for call in choice.calls]
        assert (choice.text, choice.reasoning, calls) == plain_blocks(body["content"]), one["id"]
        assert choice.finish == REASONS[body["stop_reason"]], one["id"]
        assert (answer.usage.prompt, answer.usage.completion) == plain_usage(body["usage"])
        again = orjson.loads(MESSAGES.write_answer(answer))
        TheirMessage.model_validate(again, strict=True)
        assert MESSAGES.read_answer(again) == answer
        read += 1
    assert read > 50


def test_every_recorded_request_is_understood_and_written_again() -> None:
    read = 0
    for one in recorded("messages", "count"):
        body = asked(one)
        if (
            "messages" not in body
            or one["request_body_truncated"]
            or "anthropic" not in one["host"]
        ):
            continue
        body = {"model": "claude-sonnet-4-5", "max_tokens": 9, **body}
        MESSAGES.check(body)
        try:
            said = MESSAGES.parse(body)
        except ClientError as refused:
            assert "source" in str(refused.param), one["id"]  # a file that only Anthropic has
            continue
        whole(THEIRS.validate_python(MESSAGES.render(said, said.model).body))
        OpenAI().check(OpenAI().render(said, "gpt-4o").body)
        read += 1
    assert read > 80
