"""Every dialect's decoder and parser on bytes that no provider and no client should send."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.chat import (
    Answer,
    CallPart,
    Choice,
    Done,
    Finished,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.eventstream import Frames, frame, texts
from proxy.dialects.registry import NAMES, dialect
from proxy.dialects.sse import Splitter, payload
from proxy.errors import ClientError, UpstreamFailure
from tests.dialects.requests import requests
from tests.fuzz.bytes import bent, cut, mutated
from tests.fuzz.conftest import PROFILE

WORDS = [
    "id", "model", "choices", "delta", "content", "role", "finish_reason", "usage", "error", "type",
    "message", "messages", "text", "tool_calls", "function", "name", "arguments", "index", "stop",
    "candidates", "parts", "functionCall", "usageMetadata", "done", "response", "content_block",
    "input", "tools", "tool_choice", "stream", "max_tokens", "temperature", "system", "contents",
    "prompt", "thinking", "data", "output", "status", "item", "summary", "annotations", "reasoning",
    "toolUse", "contentBlockDelta", "inputSchema", "parameters", "response_format", "json_schema",
    "image_url", "url", "source", "media_type", "tool_use_id", "tool_call_id", "n",
    "stop_sequences",
]  # fmt: skip
VALUES = ["user", "assistant", "tool", "system", "text", "auto", "function", "message_start",
          "content_block_delta", "response.output_text.delta", "tool_use", "image", "", "é\ud7ff",
          "data:image/png;base64,aGk=", "{", "[DONE]"]  # fmt: skip
json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(),
              st.sampled_from(VALUES), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=25,
)  # fmt: skip

STREAMS = {
    "sse": (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","role":'
        b'"assistant","content":[],"usage":{"input_tokens":3}}}\n\n'
        b'event: content_block_start\ndata: {"type":'
        b'"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
        b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi","tool_calls":[{"index":0,'
        b'"id":"x","function":{"name":"f","arguments":"{"}}]},"finish_reason":"stop"}],"usage":'
        b'{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: {"candidates":[{"content":{"parts":['
        b'{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}\n\n'
        b'data: {"type":"response.output_text.delta","delta":"x","output_index":0}\n\n'
        b"data: [DONE]\n\n"
    ),
    "lines": (
        b'{"model":"m","message":{"role":"assistant","content":"hi"},"done":false}\n'
        b'{"model":"m","response":"x","done":true,"done_reason":"stop","eval_count":2}\n'
    ),
    "array": b'[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},\n{"error":{"code":500}}]',
    "frames": b"".join(
        frame({":event-type": kind, ":message-type": "event"}, orjson.dumps(body))
        for kind, body in (
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"delta": {"text": "hi"}, "contentBlockIndex": 0}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2}}),
        )
    ),
}
DICTIONARY = [b"\n", b"\r\n", b"\n\n", b"data: ", b"{", b"}", b"[", b"]", b'"', b"null", b"true",
              b"-1", b"1e999", b"\\ud800", b"\\", b":", b",", b"\x00", b"\xff", b'"type":',
              b'"delta":', b'"content":', b'"choices":', b'"usage":', b'"error":']  # fmt: skip


@pytest.mark.parametrize("name", sorted(NAMES))
@PROFILE
@given(data=st.data())
def test_decoders_lose_nothing_and_fail_in_one_way(name: str, data) -> None:
    stream = data.draw(mutated(STREAMS[data.draw(st.sampled_from(sorted(STREAMS)))], DICTIONARY))
    decoder = dialect(name).decoder()
    frames = []
    try:
        for piece in data.draw(cut(stream)):
            frames += decoder.feed(piece)
        frames += decoder.close()
    except UpstreamFailure as failure:
        assert len(str(failure)) < 10_000
        return
    assert b"".join(one.raw for one in frames) == stream
    translate(frames)


def translate(frames) -> None:
    """What was decoded can be told in every dialect."""
    for one in frames:
        for event in one.events:
            if isinstance(event, Text | Reasoning):
                assert isinstance(event.text, str), event
    for other in sorted(NAMES):
        encoder = dialect(other).encoder(id="i", model="m", created=0, include_usage=True)
        try:
            sent = b"".join(encoder.encode(one.events) for one in frames) + encoder.end()
        except UpstreamFailure:
            continue
        assert isinstance(sent, bytes)


SAID = [
    Opened("i", "m", 1), Reasoning("hm"), Text("a"), Text("b"), ToolCall(0, "c1", "f", '{"a"'),
    ToolCall(0, arguments=":1}"), Finished("tool_calls"), Spent(Usage(3, 2)), Done(),
]  # fmt: skip


def events_of(name: str) -> list[tuple[bytes, bytes]]:
    """What a dialect's own encoder says, as (event name, JSON)."""
    encoder = dialect(name).encoder(id="i", model="m", created=1, include_usage=True)
    stream = encoder.encode(SAID) + encoder.end()
    if name == "bedrock":
        frames = Frames().feed(stream)
        return [(texts(headers)[":event-type"].encode(), body) for _, headers, body in frames]
    if name == "ollama":
        return [(b"", line) for line in stream.splitlines()]
    return [found for found in map(payload, Splitter().feed(stream)) if found[1].startswith(b"{")]


def wire(name: str, kind: bytes, body: bytes) -> bytes:
    """One event as the dialect sends it."""
    if name == "bedrock":
        return frame({":event-type": kind.decode(), ":message-type": "event"}, body)
    if name == "ollama":
        return body + b"\n"
    return (b"event: %b\n" % kind if kind else b"") + b"data: %b\n\n" % body


@pytest.mark.parametrize("name", sorted(NAMES))
@PROFILE
@given(data=st.data())
def test_events_that_are_not_what_was_promised(name: str, data) -> None:
    decoder = dialect(name).decoder()
    frames, sent = [], b""
    try:
        for kind, body in EVENTS[name]:
            event = wire(name, kind, orjson.dumps(data.draw(bent(orjson.loads(body), json))))
            sent += event
            frames += decoder.feed(event)
        frames += decoder.close()
    except UpstreamFailure:
        return
    assert b"".join(one.raw for one in frames) == sent
    translate(frames)


@pytest.mark.parametrize("name", sorted(NAMES))
@PROFILE
@given(request=requests(), data=st.data())
def test_requests_are_understood_or_refused(name: str, request, data) -> None:
    spoken = dialect(name)
    try:
        body = data.draw(bent(spoken.render(request, "m").body, json))
        body = {**body, "model": "m"}
        spoken.check(body)
        understood = spoken.parse(body)
    except ClientError as error:
        assert 400 <= error.status < 500
        return
    for other in sorted(NAMES):
        try:
            rendered = dialect(other).render(understood, "m")
        except ClientError as error:
            assert 400 <= error.status < 500
            continue
        orjson.dumps(rendered.body)


@pytest.mark.parametrize("name", sorted(NAMES))
@PROFILE
@given(data=st.data(), status=st.sampled_from([400, 401, 404, 429, 500, 529]))
def test_answers_and_errors_of_any_shape(name: str, data, status: int) -> None:
    spoken = dialect(name)
    body = data.draw(bent(orjson.loads(ANSWERS[name]), json))
    try:
        answer = spoken.read_answer(body)
    except UpstreamFailure:
        pass
    else:
        for other in sorted(NAMES):
            orjson.loads(dialect(other).write_answer(answer))
    refused = orjson.loads(spoken.write_error(ClientError(status, "no", code="c", param="p")))
    reading = spoken.read_error(status, orjson.dumps(data.draw(bent(refused, json))))
    assert isinstance(reading.message, str)
    assert isinstance(reading.code, str)


EVENTS = {name: events_of(name) for name in NAMES}
ANSWERS = {
    name: dialect(name).write_answer(
        Answer("i", "m", 1, (Choice("hi", "hm", calls=(CallPart("c1", "f", "{}"),),
                                    finish="tool_calls"),), Usage(3, 2))
    )
    for name in NAMES
}  # fmt: skip


def test_the_seeds_are_good() -> None:
    for name in NAMES:
        assert len(EVENTS[name]) >= 3, name
        assert dialect(name).read_answer(orjson.loads(ANSWERS[name])).choices[0].text == "hi"
