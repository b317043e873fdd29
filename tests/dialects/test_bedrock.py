"""Bedrock's format: recorded streams and answers, framing, and what a request becomes."""

from __future__ import annotations

import struct
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.chat import (
    CallPart,
    ChatRequest,
    Done,
    Extra,
    Failed,
    FilePart,
    Finished,
    ImagePart,
    Message,
    Opened,
    Reasoning,
    ReasoningPart,
    ResultPart,
    Spent,
    Text,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from proxy.dialects.eventstream import Frames, frame, texts
from proxy.dialects.registry import dialect
from proxy.errors import ClientError, Kind, UpstreamFailure
from tests.dialects.recordings import (
    SIZES,
    WIRE,
    Said,
    body_of,
    check_chunks,
    check_completion,
    decoded,
    recorded,
    said_by,
    said_in,
)

BEDROCK = dialect("bedrock")
wire = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")
FINISH = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length",
          "guardrail_intervened": "content_filter", "stop_sequence": "stop"}  # fmt: skip


def converse(stream: bool):
    return [one for one in recorded(("bedrock",), ("converse",)) if one["stream"] is stream]


def payloads(body: bytes):
    """An independent reading of the framing: nothing is checked."""
    place = 0
    while place < len(body):
        length, headers = struct.unpack_from(">II", body, place)
        block = body[place + 12 : place + 12 + headers]
        kind = block.partition(b":event-type\x07")[2]
        size = struct.unpack_from(">H", kind)[0]
        payload = body[place + 12 + headers : place + length - 4]
        yield kind[2 : 2 + size].decode(), orjson.loads(payload)
        place += length


def counted(usage):
    cache = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] + cache
    return usage["inputTokens"] + cache, usage["outputTokens"]


def plain_stream(body: bytes) -> Said:
    said = Said()
    calls: dict[int, list[str]] = {}
    for kind, event in payloads(body):
        match kind:
            case "contentBlockStart":
                call = event["start"].get("toolUse")
                if call and call.get("type") != "server_tool_use":
                    calls[event["contentBlockIndex"]] = [call["name"], ""]
            case "contentBlockDelta":
                delta = event["delta"]
                said.text += delta.get("text", "")
                said.thought += delta.get("reasoningContent", {}).get("text", "")
                if "toolUse" in delta and event["contentBlockIndex"] in calls:
                    calls[event["contentBlockIndex"]][1] += delta["toolUse"]["input"]
            case "messageStop":
                said.finish = FINISH[event["stopReason"]]
            case "metadata":
                said.tokens = counted(event["usage"])
    said.calls = [(name, orjson.loads(text or "{}")) for name, text in calls.values()]
    return said


def plain_answer(body) -> Said:
    said = Said(finish=FINISH[body["stopReason"]], tokens=counted(body["usage"]))
    for block in body["output"]["message"]["content"]:
        said.text += block.get("text", "")
        for one in block.get("citationsContent", {}).get("content", []):
            said.text += one["text"]
        said.thought += block.get("reasoningContent", {}).get("reasoningText", {}).get("text", "")
        call = block.get("toolUse", {"type": "server_tool_use"})
        if call.get("type") != "server_tool_use":
            said.calls.append((call["name"], call["input"]))
    return said


@wire
@pytest.mark.parametrize("size", SIZES)
def test_recorded_streams_are_read_whole(size: int) -> None:
    assert len(converse(stream=True)) >= 22
    for one in converse(stream=True):
        body = body_of(one)
        events = decoded("bedrock", body, size)
        assert said_by(events) == plain_stream(body), one["id"]
        assert isinstance(events[0], Opened)
        assert isinstance(events[-1], Done)
        check_chunks(events)


@wire
def test_recorded_answers_are_read_whole() -> None:
    assert len(converse(stream=False)) >= 42
    for one in converse(stream=False):
        body = orjson.loads(one["response_body"])
        answer = BEDROCK.read_answer(body)
        assert said_in(answer) == plain_answer(body), one["id"]
        check_completion(answer)


@wire
def test_recorded_requests_are_understood_and_told_again() -> None:
    read = 0
    for one in [*converse(stream=False), *converse(stream=True)]:
        body = orjson.loads(one["request_body"])
        BEDROCK.check(body)
        request = BEDROCK.parse(body)
        again = BEDROCK.parse(BEDROCK.render(request, "claude-sonnet-4-5").body)
        assert again.tools[: len(request.tools)] == request.tools, one["id"]
        assert (again.max_tokens, again.stop) == (request.max_tokens, request.stop)
        assert again.response_format == request.response_format
        assert texts_of(again) == texts_of(request), one["id"]
        read += 1
    assert read >= 60


def texts_of(request: ChatRequest):
    return [
        (part.text, part.cache_mark)
        for message in request.messages
        for part in message.parts
        if isinstance(part, TextPart) and part.text.strip() not in ("", ".")
    ]


@wire
def test_recorded_errors_are_understood() -> None:
    kinds = set()
    for status in (400, 403):
        for one in recorded(("bedrock",), ("converse",), status):
            reading = BEDROCK.read_error(status, body_of(one))
            assert reading.message == orjson.loads(one["response_body"])["message"]
            kinds.add(reading.kind)
    assert kinds == {Kind.REFUSED, Kind.CONTEXT_LENGTH, Kind.KEY_REFUSED}


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "The provided model identifier is invalid.", Kind.MODEL_UNKNOWN),
        (400, "Input is too long for requested model.", Kind.CONTEXT_LENGTH),
        (424, "The model failed", Kind.SERVER),
        (429, "Too many requests", Kind.RATE_LIMITED),
    ],
)
def test_errors_are_understood(status: int, words: str, kind: Kind) -> None:
    reading = BEDROCK.read_error(status, orjson.dumps({"message": words}))
    assert (reading.kind, reading.message) == (kind, words)


def event(kind: str, **payload) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, orjson.dumps(payload))


def delta(block: int = 0, **fields) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=block, delta=fields)


def start(block: int, **call) -> bytes:
    return event("contentBlockStart", contentBlockIndex=block, start={"toolUse": call})


BEGIN = start(4, toolUseId="t", name="f")


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (event("messageStart", role="assistant"), [Opened()]),
        (delta(text="hi"), [Text("hi")]),
        (delta(text=""), []),
        (delta(reasoningContent={"text": "hm"}), [Reasoning("hm")]),
        (delta(reasoningContent={"signature": "s"}), [Reasoning("", signature="s")]),
        (delta(reasoningContent={"redactedContent": "x"}), [Extra("redacted_thinking", ["x"])]),
        (delta(citation={"title": "x", "location": {"web": {"url": "https://x"}},
                         "sourceContent": [{"text": "t"}]}),
         [Extra("annotations", [{"type": "url_citation", "url_citation": {
             "url": "https://x", "title": "x", "start_index": 0, "end_index": 0,
             "cited_text": "t"}}])]),
        (BEGIN + delta(4, toolUse={"input": "{"}) + event("contentBlockStop", contentBlockIndex=4),
         [ToolCall(0, "t", "f"), ToolCall(0, arguments="{")]),
        (BEGIN + delta(4, toolUse={"input": ""}) + event("contentBlockStop", contentBlockIndex=4),
         [ToolCall(0, "t", "f"), ToolCall(0, arguments="{}")]),
        (start(1, toolUseId="t", name="g", type="server_tool_use")
         + delta(1, toolUse={"input": "x"})
         + event("contentBlockStop", contentBlockIndex=1), []),
        (event("messageStop", stopReason="model_context_window_exceeded"), [Finished("length")]),
        (event("messageStop", stopReason="guardrail_intervened"), [Finished("content_filter")]),
        (event("metadata", usage={"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 3,
                                  "cacheWriteInputTokens": 4}), [Spent(Usage(8, 2, 3, 4)), Done()]),
        (event("metadata"), [Done()]),
        (event("somethingNew", a=1), []),
        (frame({":event-type": "messageStop", ":message-type": "event"}, b"{broken"), []),
        (frame({":event-type": "messageStop"}, b"[]"), []),
        (frame({":message-type": "exception", ":exception-type": "throttlingException"},
               b'{"message":"slow"}'),
         [Failed("slow", "throttlingException", "throttlingException", 429)]),
        (frame({":message-type": "error", ":error-code": "InternalServerException",
                ":error-message": "broke"}, b""),
         [Failed("broke", "InternalServerException", "InternalServerException", 500)]),
    ],
)  # fmt: skip
def test_what_a_frame_means(raw: bytes, meaning) -> None:
    for size in (1, 5, 1 << 30):
        assert decoded("bedrock", raw, size) == meaning


def test_a_stream_that_is_cut_has_no_end() -> None:
    stream = delta(text="a") + delta(text="b")
    assert decoded("bedrock", stream[:-1], 9) == [Text("a")]


GOOD = delta(text="hi")


@pytest.mark.parametrize("place", [0, 5, 9, 20, len(GOOD) - 20, len(GOOD) - 1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    bad = GOOD[:place] + bytes([GOOD[place] ^ 1]) + GOOD[place + 1 :]
    with pytest.raises(UpstreamFailure) as failed:
        decoded("bedrock", bad, 1 << 30)
    assert failed.value.kind is Kind.PROTOCOL


@pytest.mark.parametrize(("length", "headers"), [(15, 0), (20, 9), (1 << 31, 0), (100, 90)])
def test_an_impossible_length_is_refused(length: int, headers: int) -> None:
    prelude = struct.pack(">II", length, headers)
    with pytest.raises(UpstreamFailure):
        Frames().feed(prelude + struct.pack(">I", crc32(prelude)))


def test_headers_of_every_type_are_passed_over() -> None:
    values = [b"\x00", b"\x01", b"\x02a", b"\x03ab", b"\x04abcd", b"\x05abcdefgh",
              b"\x06\x00\x02ab", b"\x08abcdefgh", b"\x09" + b"u" * 16,
              b"\x07\x00\x03yes"]  # fmt: skip
    block = b"".join(b"\x02h%d%b" % (i, value) for i, value in enumerate(values))
    assert texts(block) == {"h9": "yes"}
    for bad in (block[:3], b"\x05ab", b"\x01n\x07\x00"):
        with pytest.raises(UpstreamFailure):
            texts(bad)


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(1, 9))
def test_frames_are_found_at_any_cut(contents: list[bytes], size: int) -> None:
    stream = b"".join(frame({"n": str(i)}, one) for i, one in enumerate(contents))
    frames = Frames()
    found = [one for i in range(0, len(stream), size) for one in frames.feed(stream[i : i + size])]
    assert b"".join(raw for raw, _, _ in found) == stream
    assert [payload for _, _, payload in found] == contents
    assert [texts(headers)["n"] for _, headers, _ in found] == [str(i) for i in range(len(found))]
    assert frames.close() == b""


REQUEST = ChatRequest(
    model="gpt-4o",
    messages=(
        Message("system", (TextPart("Be brief.", cache_mark="5m"),)),
        Message("user", (TextPart(" "), TextPart("What is it?"),
                         ImagePart(url="data:image/jpg;base64,QUJD"),
                         ImagePart(url="https://x/y.png"),
                         FilePart("file", "application/pdf", "QQ", name="a b_c.pdf"))),
        Message("assistant", (ReasoningPart("hm", "s"), ReasoningPart("unsigned"),
                              CallPart("call:1|x", "look", '{"at":"it"}'))),
        Message("tool", (ResultPart("call:1|x", (TextPart("a cat"), ImagePart(data="Qg"))),)),
        Message("user", (ResultPart("t2", (), error=True), TextPart("And?"))),
    ),
    stream=True,
    tools=(Tool("look", "Looks.", {"properties": {"at": {}}}),),
    tool_choice="required",
    max_tokens=9,
    temperature=0.5,
    top_p=0.5,
    top_k=5,
    stop=("end",),
    seed=7,
    extra={"guardrailConfig": {"g": 1}, "metadata": {}},
)  # fmt: skip


def test_a_request_as_bedrock_takes_it() -> None:
    rendered = BEDROCK.render(REQUEST, "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert rendered.path == (
        "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"
    )
    assert rendered.dropped == ("image_url", "metadata", "seed", "top_p")
    assert rendered.body == {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {"role": "user", "content": [
                {"text": "What is it?"},
                {"image": {"format": "jpeg", "source": {"bytes": "QUJD"}}},
                {"text": "[image: https://x/y.png]"},
                {"document": {"format": "pdf", "name": "a b c 3", "source": {"bytes": "QQ"}}},
            ]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                {"toolUse": {"toolUseId": "call_1_x", "name": "look", "input": {"at": "it"}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "call_1_x", "status": "success", "content": [
                    {"text": "a cat"}, {"image": {"format": "jpeg", "source": {"bytes": "Qg"}}}]}},
                {"toolResult": {"toolUseId": "t2", "status": "error",
                                "content": [{"text": "(nothing)"}]}},
                {"text": "And?"},
            ]},
        ],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "stopSequences": ["end"]},
        "toolConfig": {"toolChoice": {"any": {}}, "tools": [{"toolSpec": {
            "name": "look", "description": "Looks.",
            "inputSchema": {"json": {"type": "object", "properties": {"at": {}}}}}}]},
        "additionalModelRequestFields": {"top_k": 5},
        "guardrailConfig": {"g": 1},
    }  # fmt: skip


def asked(model: str = "amazon.nova-2-lite-v1:0", *parts, **fields):
    message = Message("user", parts or (TextPart("x"),))
    return BEDROCK.render(ChatRequest("m", (message,), **fields), model)


def test_structured_output_where_there_is_some() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}}
    body = asked("google.gemma-3-27b-it", response_format=wanted).body
    schema = {"jsonSchema": {"name": "n", "schema": '{"type":"array"}'}}
    assert body["outputConfig"] == {"textFormat": {"type": "json_schema", "structure": schema}}
    body = asked("amazon.nova-lite-v1:0", response_format=wanted).body
    assert "outputConfig" not in body
    assert body["system"][0]["text"].endswith('{"type":"array"}')
    assert "JSON" in asked(response_format={"type": "json_object"}).body["system"][0]["text"]


def test_calls_in_the_past_need_tools_today() -> None:
    past = (Message("assistant", (CallPart("t", "f", ""),)),
            Message("tool", (ResultPart("t", (TextPart("y"),)),)))  # fmt: skip
    body = BEDROCK.render(ChatRequest("m", past), "m").body
    assert [one["toolSpec"]["name"] for one in body["toolConfig"]["tools"]] == ["f"]
    assert body["messages"][0] == {"role": "user", "content": [{"text": "."}]}
    tool = (Tool("f"),)
    assert "toolConfig" not in asked(tools=tool, tool_choice="none").body
    rendered = BEDROCK.render(ChatRequest("m", past, tools=tool, tool_choice="none"), "m")
    assert rendered.dropped == ("tool_choice",)
    named = asked(tools=tool, tool_choice="function:f").body["toolConfig"]["toolChoice"]
    assert named == {"tool": {"name": "f"}}


def test_a_document_needs_words_beside_it() -> None:
    content = asked("m", FilePart("file", "text/plain", "QQ")).body["messages"][0]["content"]
    assert content[0] == {"text": "."}
    assert content[1]["document"]["name"] == "document 0"
    assert asked("m", FilePart("file", "x/y", "QQ")).dropped == ("file",)


@pytest.mark.parametrize(
    ("part", "block"),
    [(FilePart("audio", "audio/mpeg", "QQ"), {"audio": {"format": "mp3"}}),
     (FilePart("file", "video/mp4", "QQ"), {"video": {"format": "mp4"}})],
)  # fmt: skip
def test_sound_and_film(part, block) -> None:
    content = asked("m", part).body["messages"][0]["content"]
    ((medium, told),) = block.items()
    assert content == [{medium: {**told, "source": {"bytes": "QQ"}}}]
    parsed = BEDROCK.parse({"messages": [{"role": "user", "content": content}]})
    assert parsed.messages[0].parts[0].data == "QQ"


def test_what_is_stored_at_aws_is_named() -> None:
    stored = asked("m", ImagePart("s3://b/x.jpg")).body["messages"][0]["content"]
    assert stored == [{"image": {"format": "jpeg", "source": {
        "s3Location": {"uri": "s3://b/x.jpg"}}}}]  # fmt: skip


CLAUDE_4 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
CLAUDE_5 = "us.anthropic.claude-sonnet-5"


@pytest.mark.parametrize(
    ("model", "fields", "more"),
    [
        (CLAUDE_4, {"reasoning_effort": "low"},
         {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (CLAUDE_4, {"reasoning_budget": 5000, "max_tokens": 3000},
         {"thinking": {"type": "enabled", "budget_tokens": 2999}}),
        (CLAUDE_4, {"reasoning_effort": "high", "max_tokens": 500}, None),
        (CLAUDE_4, {"reasoning_effort": "none"}, None),
        (CLAUDE_5, {"reasoning_effort": "low"},
         {"thinking": {"type": "adaptive", "display": "summarized"},
          "output_config": {"effort": "low"}}),
        (CLAUDE_5, {"reasoning_budget": 9000},
         {"thinking": {"type": "adaptive", "display": "summarized"}}),
        (CLAUDE_5, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ("amazon.nova-2-lite-v1:0", {"reasoning_effort": "minimal"},
         {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        ("openai.gpt-oss-120b-1:0", {"reasoning_budget": 9}, {"reasoning_effort": "medium"}),
        ("qwen.qwen3-32b-v1:0", {"reasoning_effort": "xhigh"}, {"reasoning_config": "high"}),
        ("amazon.nova-lite-v1:0", {"top_k": 3}, {"inferenceConfig": {"topK": 3}}),
    ],
)  # fmt: skip
def test_what_a_model_family_is_told_apart(model: str, fields, more) -> None:
    rendered = asked(model, **fields)
    assert rendered.body.get("additionalModelRequestFields") == more
    assert rendered.dropped == ()


def test_what_cannot_be_told_is_noted() -> None:
    assert asked("meta.llama3", reasoning_effort="high", top_k=3).dropped == (
        "reasoning_effort", "top_k")  # fmt: skip
    thinks = asked(CLAUDE_4, reasoning_effort="low", temperature=0.1, top_p=0.2, top_k=1)
    assert thinks.dropped == ("temperature", "top_k", "top_p")
    assert "inferenceConfig" not in thinks.body


@pytest.mark.parametrize(
    ("body", "kind"),
    [([], Kind.PROTOCOL), ({}, Kind.EMPTY), ({"message": "no"}, Kind.ERROR_FRAME)],
)
def test_what_is_no_answer(body, kind: Kind) -> None:
    with pytest.raises(UpstreamFailure) as failed:
        BEDROCK.read_answer(body)
    assert failed.value.kind is kind


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "messages"), ({"messages": [{"role": "system"}]}, "messages[0].role"),
     ({"messages": [{"role": "user", "content": "x"}]}, "messages[0].content"),
     ({"messages": [{"role": "user", "content": []}], "toolConfig": []}, "toolConfig")],
)  # fmt: skip
def test_a_wrong_request_names_its_field(body, param: str) -> None:
    with pytest.raises(ClientError) as refused:
        BEDROCK.check(body)
    assert refused.value.param == param
