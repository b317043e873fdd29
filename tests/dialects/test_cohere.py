"""Cohere's format: recorded streams and answers, and what a request becomes."""

from __future__ import annotations

import orjson
import pytest

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
    ResultPart,
    Spent,
    Text,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
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

COHERE = dialect("cohere")
wire = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")
FINISH = {"COMPLETE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls",
          "STOP_SEQUENCE": "stop"}  # fmt: skip


def second(stream: bool):
    return [
        one
        for one in recorded(("cohere",), ("chat",))
        if one["path"] == "/v2/chat" and one["stream"] is stream
    ]


def plain_stream(one) -> Said:
    said = Said()
    calls: dict[int, list[str]] = {}
    for line in one["response_body"].splitlines():
        if not line.startswith("data:") or "[DONE]" in line:
            continue
        event = orjson.loads(line[5:])
        message = event.get("delta", {}).get("message", {})
        match event["type"]:
            case "content-delta":
                said.text += message["content"].get("text", "")
                said.thought += message["content"].get("thinking", "")
            case "tool-plan-delta":
                said.thought += message["tool_plan"]
            case "tool-call-start":
                function = message["tool_calls"]["function"]
                calls[event["index"]] = [function["name"], function["arguments"]]
            case "tool-call-delta":
                calls[event["index"]][1] += message["tool_calls"]["function"]["arguments"]
            case "message-end":
                said.finish = FINISH[event["delta"]["finish_reason"]]
                tokens = event["delta"]["usage"]["tokens"]
                said.tokens = (tokens["input_tokens"], tokens["output_tokens"])
    said.calls = [(name, orjson.loads(text)) for name, text in calls.values()]
    return said


def plain_answer(body) -> Said:
    message = body["message"]
    content = message.get("content", [])
    return Said(
        "".join(block.get("text", "") for block in content),
        message.get("tool_plan", "") + "".join(block.get("thinking", "") for block in content),
        [
            (call["function"]["name"], orjson.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", [])
        ],
        FINISH[body["finish_reason"]],
        (body["usage"]["tokens"]["input_tokens"], body["usage"]["tokens"]["output_tokens"]),
    )


@wire
@pytest.mark.parametrize("size", SIZES)
def test_recorded_streams_are_read_whole(size: int) -> None:
    assert len(second(stream=True)) >= 10
    for one in second(stream=True):
        events = decoded("cohere", body_of(one), size)
        assert said_by(events) == plain_stream(one), one["id"]
        assert isinstance(events[0], Opened)
        assert isinstance(events[-1], Done)
        check_chunks(events)


@wire
def test_recorded_answers_are_read_whole() -> None:
    assert len(second(stream=False)) >= 35
    for one in second(stream=False):
        body = orjson.loads(one["response_body"])
        answer = COHERE.read_answer(body)
        assert said_in(answer) == plain_answer(body), one["id"]
        notes = (answer.choices[0].extra or {}).get("annotations", [])
        cited = body["message"].get("citations", [])
        assert [note["url_citation"]["start_index"] for note in notes] == [
            one["start"] for one in cited for _ in one["sources"]
        ]
        check_completion(answer)


@wire
def test_recorded_requests_are_understood_and_told_again() -> None:
    for one in [*second(stream=False), *second(stream=True)]:
        body = orjson.loads(one["request_body"])
        COHERE.check(body)
        request = COHERE.parse(body)
        again = COHERE.parse(COHERE.render(request, body["model"]).body)
        assert again.tools == request.tools
        assert (again.stop, again.tool_choice) == (request.stop, request.tool_choice)
        assert again.response_format == request.response_format
        assert [m.role for m in again.messages] == [m["role"] for m in body["messages"]]


@wire
def test_recorded_errors_are_understood() -> None:
    (one,) = recorded(("cohere",), ("chat",), 401)
    reading = COHERE.read_error(401, body_of(one))
    assert reading.kind is Kind.KEY_REFUSED
    assert reading.message.startswith("Incorrect API key")


def event(kind: str, delta=None, **fields) -> bytes:
    told = {"type": kind, **fields}
    if delta is not None:
        told["delta"] = delta
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"


def part(kind: str, index: int = 0, **message) -> bytes:
    return event(kind, {"message": message}, index=index)


CALL = {"id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (event("message-start", {"message": {}}, id="m"), [Opened("m")]),
        (part("content-start", content={"type": "text", "text": ""}), []),
        (part("content-start", content={"type": "text", "text": "a"}), [Text("a")]),
        (part("content-delta", content={"text": "hi"}), [Text("hi")]),
        (part("content-delta", content={"thinking": "hm"}), [Reasoning("hm")]),
        (part("content-delta", content=[]), []),
        (part("tool-plan-delta", tool_plan="first"), [Reasoning("first")]),
        (part("tool-call-start", 1, tool_calls=CALL), [ToolCall(1, "t", "f")]),
        (part("tool-call-delta", 1, tool_calls={"function": {"arguments": "{"}}),
         [ToolCall(1, arguments="{")]),
        (event("tool-call-end", index=1), []),
        (part("citation-start", citations={"start": 1}), []),
        (part("citation-start", citations={"start": 1, "end": 2, "sources": [
            {"id": "d", "document": {"title": "T", "url": "https://x", "text": "t"}}]}),
         [Extra("annotations", [{"type": "url_citation", "url_citation": {
             "url": "https://x", "title": "T", "start_index": 1, "end_index": 2,
             "cited_text": "t"}}])]),
        (event("message-end", {"finish_reason": "MAX_TOKENS", "usage": {
            "tokens": {"input_tokens": 3, "output_tokens": 4}, "cached_tokens": 2}}),
         [Finished("length"), Spent(Usage(3, 4, 2))]),
        (event("message-end", {"finish_reason": "COMPLETE", "usage": {
            "tokens": {"input_tokens": 3.0, "output_tokens": 1e999}}}),
         [Finished("stop"), Spent(Usage(3, 0))]),
        (event("message-end", {"finish_reason": "ERROR_TOXIC"}), [Finished("content_filter")]),
        (event("message-end", {"finish_reason": "ERROR", "error": "broke"}), [Failed("broke")]),
        (event("message-end", {"finish_reason": "TIMEOUT"}),
         [Failed("the answer ended with TIMEOUT")]),
        (b'data: {"message":"too fast"}\n\n', [Failed("too fast")]),
        (b"data: [DONE]\n\n", [Done()]),
        (b"event: content-delta\ndata: {broken\n\n", []),
        (b"data: 7\n\n", []),
        (b": ping\n\n", []),
    ],
)  # fmt: skip
def test_what_an_event_means(raw: bytes, meaning) -> None:
    assert decoded("cohere", raw, 1 << 30) == meaning
    assert decoded("cohere", raw.replace(b"\n", b"\r\n"), 3) == meaning


@pytest.mark.parametrize(
    ("body", "kind"),
    [([], Kind.PROTOCOL), ({}, Kind.EMPTY), ({"message": "no"}, Kind.ERROR_FRAME),
     ({"message": {}, "finish_reason": "ERROR"}, Kind.ERROR_FRAME)],
)  # fmt: skip
def test_what_is_no_answer(body, kind: Kind) -> None:
    with pytest.raises(UpstreamFailure) as failed:
        COHERE.read_answer(body)
    assert failed.value.kind is kind


def test_a_request_as_cohere_takes_it() -> None:
    request = ChatRequest(
        model="gpt-4o",
        messages=(
            Message("developer", (TextPart("Be brief."),)),
            Message("user", (TextPart("What is it?"), ImagePart("https://x/y.png", detail="low"),
                             ImagePart(data="QUJD", media_type="image/png"),
                             FilePart("file", file_id="f", name="a.pdf"))),
            Message("assistant", (CallPart("t1", "look", ""),)),
            Message("user", (ResultPart("t1", (TextPart("a cat"),)), TextPart("And?"))),
        ),
        stream=True,
        tools=(Tool("look", "Looks."), Tool("leap")),
        tool_choice="function:look",
        top_p=1.0,
        top_k=3,
        stop=("end",),
        n=2,
        response_format={"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
        reasoning_budget=50,
        extra={"documents": ["d"], "store": True, "tools": [{"type": "web_search"}]},
    )  # fmt: skip
    rendered = COHERE.render(request, "command-a")
    assert rendered.path == "/chat"
    assert rendered.dropped == ("file", "n", "store", "tools.web_search")
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert rendered.body == {
        "model": "command-a",
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                {"type": "text", "text": "[file: a.pdf]"},
            ]},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "t1", "content": "a cat"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "look", "description": "Looks.", "parameters": {"type": "object"}}}],
        "tool_choice": "REQUIRED",
        "p": 0.99,
        "k": 3,
        "stop_sequences": ["end"],
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "thinking": {"type": "enabled", "token_budget": 50},
        "documents": ["d"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("effort", "budget", "thinking"),
    [(None, None, None), ("none", None, {"type": "disabled"}), ("high", None, {"type": "enabled"}),
     (None, 0, {"type": "disabled"})],
)  # fmt: skip
def test_how_much_it_may_think(effort, budget, thinking) -> None:
    request = ChatRequest("m", (), reasoning_effort=effort, reasoning_budget=budget)
    assert COHERE.render(request, "m").body.get("thinking") == thinking


def test_a_wrong_request_names_its_parameter() -> None:
    with pytest.raises(ClientError) as refused:
        COHERE.check({"model": "m", "messages": [], "tool_choice": "auto"})
    assert refused.value.param == "tool_choice"
