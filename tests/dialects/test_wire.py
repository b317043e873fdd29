"""Recorded provider traffic: what the decoder reads equals a plain reading of the recording."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import orjson
import pytest

from proxy.chat import Reasoning, Spent, Text, ToolCall
from proxy.dialects.registry import dialect

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"
pytestmark = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")


@cache
def recordings() -> list[dict[str, object]]:
    found = []
    for path in sorted(WIRE.glob("*/*-200-*.json")):
        one = orjson.loads(path.read_bytes())
        if one["kind"] == "chat" and one.get("response_body") and one["provider"] not in FOREIGN:
            found.append(one)
    return found


FOREIGN = {"cohere", "ollama"}  # other formats


def plain(payloads, field):
    """An independent reading: text, reasoning, tool arguments and completion tokens."""
    text = thought = calls = ""
    tokens = None
    for chunk in payloads:
        for choice in chunk.get("choices") or []:
            part = choice.get(field) or {}
            content = part.get("content")
            if isinstance(content, list):
                for piece in content:
                    if piece.get("type") == "thinking":
                        thought += "".join(inner.get("text", "") for inner in piece["thinking"])
                    else:
                        text += piece.get("text") or ""
            else:
                text += content or ""
            text += part.get("refusal") or ""
            thought += part.get("reasoning_content") or part.get("reasoning") or ""
            for call in part.get("tool_calls") or []:
                calls += (call.get("function") or {}).get("arguments") or ""
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if usage:
            tokens = usage.get("completion_tokens") or 0
    return text, thought, calls, tokens


def payloads_of(body: str):
    for line in body.replace("\r\n", "\n").split("\n"):
        data = line[5:].strip() if line.startswith("data:") else ""
        if data and data != "[DONE]":
            yield orjson.loads(data)


def told(events):
    tokens = [one.usage.completion for one in events if isinstance(one, Spent)]
    return (
        "".join(one.text for one in events if isinstance(one, Text)),
        "".join(one.text for one in events if isinstance(one, Reasoning)),
        "".join(one.arguments for one in events if isinstance(one, ToolCall)),
        tokens[-1] if tokens else None,
    )


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 30])
def test_every_recorded_stream_is_read_whole(size: int) -> None:
    read = 0
    for one in recordings():
        if one["stream_format"] not in ("sse-data", "sse-named") or one["error_in_stream"]:
            continue
        body = str(one["response_body"]).encode()
        decoder = dialect("openai").decoder()
        frames = [
            frame
            for start in range(0, len(body), size)
            for frame in decoder.feed(body[start : start + size])
        ]
        frames += decoder.close()
        assert b"".join(frame.raw for frame in frames) == body, one["id"]
        found = told([event for frame in frames for event in frame.events])
        assert found == plain(payloads_of(body.decode()), "delta"), one["id"]
        read += 1
    assert read > 150


def test_every_recorded_answer_is_read_whole() -> None:
    read = 0
    for one in recordings():
        if one["stream_format"] != "none":
            continue
        body = orjson.loads(str(one["response_body"]))
        answer = dialect("openai").read_answer(body)
        text, thought, calls, tokens = plain([body], "message")
        assert "".join(choice.text for choice in answer.choices) == text, one["id"]
        assert "".join(choice.reasoning for choice in answer.choices) == thought, one["id"]
        arguments = "".join(call.arguments for choice in answer.choices for call in choice.calls)
        assert arguments == calls, one["id"]
        assert (answer.usage.completion if answer.usage else None) == tokens, one["id"]
        read += 1
    assert read > 100
