"""Gemini's format: recorded streams and answers of two hosts, and what a request becomes."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.chat import (
    CallPart,
    ChatRequest,
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
from proxy.dialects.json_array import Objects
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

GEMINI = dialect("gemini")
HOSTS = ("gemini", "vertex")
wire = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")
FINISH = {"STOP": "stop", 1: "stop", "MAX_TOKENS": "length", 2: "length"}


def plain(responses) -> Said:
    said = Said()
    for response in responses:
        for candidate in response["candidates"]:
            for part in candidate["content"].get("parts", []):
                if part.get("thought"):
                    said.thought += part["text"]
                else:
                    said.text += part.get("text", "")
                if "functionCall" in part:
                    call = part["functionCall"]
                    said.calls.append((call["name"], call["args"]))
            reason = candidate.get("finishReason")
            if reason:
                said.finish = FINISH[reason]
        if reason := said.finish:
            counts = response["usageMetadata"]
            said.tokens = (
                counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0),
                counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0),
            )
            if reason == "stop" and said.calls:
                said.finish = "tool_calls"
    return said


def responses_in(one):
    text = one["response_body"]
    if one["stream_format"] == "sse-data":
        return [orjson.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]
    found = orjson.loads(text)
    return found if isinstance(found, list) else [found]


@wire
@pytest.mark.parametrize("size", SIZES)
def test_recorded_streams_are_read_whole(size: int) -> None:
    found = [one for one in recorded(HOSTS, ("generate",)) if one["stream"]]
    assert len(found) >= 60
    for one in found:
        events = decoded("gemini", body_of(one), size)
        assert said_by(events) == plain(responses_in(one)), one["id"]
        assert isinstance(events[0], Opened)
        assert events[0].model.startswith("gemini-")
        check_chunks(events)


@wire
def test_recorded_answers_are_read_whole() -> None:
    found = [one for one in recorded(HOSTS, ("generate",)) if not one["stream"]]
    assert len(found) >= 90
    for one in found:
        answer = GEMINI.read_answer(orjson.loads(one["response_body"]))
        assert said_in(answer) == plain(responses_in(one)), one["id"]
        check_completion(answer)


@wire
def test_recorded_requests_are_understood_and_told_again() -> None:
    read = 0
    for one in recorded(HOSTS, ("generate",)):
        if not one["request_body"].startswith("{") or one["request_body_truncated"]:
            continue
        body = orjson.loads(one["request_body"])
        GEMINI.check(body)
        request = GEMINI.parse(body)
        again = GEMINI.parse(GEMINI.render(request, "gemini-2.5-flash").body)
        assert again.tools == request.tools, one["id"]
        assert texts(again) == texts(request), one["id"]
        assert again.max_tokens == request.max_tokens
        assert again.response_format == request.response_format
        assert again.tool_choice == request.tool_choice or len(request.tools) > 1
        read += 1
    assert read > 120


def texts(request: ChatRequest):
    return [
        part.text
        for message in request.messages
        for part in message.parts
        if isinstance(part, TextPart) and part.text
    ]


@wire
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, None), (403, Kind.KEY_REFUSED), (404, Kind.MODEL_UNKNOWN), (429, Kind.RATE_LIMITED)],
)
def test_recorded_errors_are_understood(status: int, kind) -> None:
    found = recorded(HOSTS, ("generate",), status)
    assert found
    for one in found:
        body = body_of(one)
        error = orjson.loads(body)["error"]
        reading = GEMINI.read_error(status, body)
        assert (reading.message, reading.code) == (error["message"], error["status"])
        wrong_key = "API key not valid" in error["message"]
        assert reading.kind is (kind or (Kind.KEY_REFUSED if wrong_key else Kind.REFUSED))


def event(**fields) -> bytes:
    return b"data: " + orjson.dumps({"responseId": "r", **fields}) + b"\r\n\r\n"


def candidate(*parts, **fields) -> bytes:
    return event(candidates=[{"content": {"parts": list(parts), "role": "model"}, **fields}])


CALL = {"functionCall": {"name": "f", "args": {"a": 1}, "id": "t"}}


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (candidate({"text": "hi"}), [Text("hi")]),
        (candidate({"text": "hi"}, index=1), [Text("hi", 1)]),
        (candidate({"text": ""}), []),
        (candidate({"text": "hm", "thought": True}, {"text": "hi", "thoughtSignature": "s"}),
         [Reasoning("hm"), Text("hi")]),
        (candidate({**CALL, "thoughtSignature": "s"}, finishReason="STOP"),
         [ToolCall(0, "t", "f", '{"a":1}', 0, "s"), Finished("tool_calls")]),
        (candidate({"functionCall": {"name": "f", "id": "t"}}, finishReason="MAX_TOKENS"),
         [ToolCall(0, "t", "f", "{}"), Finished("length")]),
        (candidate({"inlineData": {"mimeType": "image/png", "data": "QQ=="}}),
         [Extra("images", [{"type": "image_url",
                            "image_url": {"url": "data:image/png;base64,QQ=="}}])]),
        (candidate({"executableCode": {"code": "1"}}), [Extra("executableCode", {"code": "1"})]),
        (candidate(finishReason="SAFETY"), [Finished("content_filter")]),
        (candidate(finishReason=7), [Finished("content_filter")]),
        (candidate(finishReason="OTHER"), [Finished("stop")]),
        (candidate(finishReason="FINISH_REASON_UNSPECIFIED"), []),
        (event(promptFeedback={"blockReason": "PROHIBITED_CONTENT"}, usageMetadata={
            "promptTokenCount": 4}), [Finished("content_filter"), Spent(Usage(4))]),
        (event(candidates=[{"groundingMetadata": {"groundingChunks": [
            {}, {"web": {"uri": "https://x", "title": "X"}}]}}]),
         [Extra("annotations", [{"type": "url_citation", "url_citation": {
             "url": "https://x", "title": "X", "start_index": 0, "end_index": 0}}])]),
        (event(usageMetadata={"promptTokenCount": 4, "toolUsePromptTokenCount": 1,
            "candidatesTokenCount": 2, "thoughtsTokenCount": 5, "cachedContentTokenCount": 3}),
         [Spent(Usage(5, 7, 3, 0, 5))]),
        (b"data: {broken\r\n\r\n" + event(), []),
        (b"data: 7\n\n" + event(), []),
        (b": ping\n\n" + event(), []),
    ],
)  # fmt: skip
def test_what_an_event_means(raw: bytes, meaning) -> None:
    for stream in (raw, raw.replace(b"\r\n", b"\n")):
        events = decoded("gemini", stream, 1 << 30)
        assert events[0] == Opened("r")
        assert events[1:] == meaning


ERROR = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize("raw", [
    b"data: " + orjson.dumps(ERROR) + b"\r\n\r\n",
    orjson.dumps(ERROR, option=orjson.OPT_INDENT_2),
    orjson.dumps([ERROR], option=orjson.OPT_INDENT_2),
])  # fmt: skip
@pytest.mark.parametrize("size", SIZES)
def test_an_error_in_the_stream(raw: bytes, size: int) -> None:
    said = decoded("gemini", raw, size)
    assert said == [Failed("overloaded", "UNAVAILABLE", "UNAVAILABLE", 503)]
    with pytest.raises(UpstreamFailure) as failed:
        GEMINI.read_answer(ERROR)
    assert (failed.value.kind, failed.value.status) == (Kind.ERROR_FRAME, 503)


def test_a_refused_prompt_and_an_empty_answer() -> None:
    answer = GEMINI.read_answer({"promptFeedback": {"blockReason": "SAFETY"}})
    assert answer.choices[0].finish == "content_filter"
    parts = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in "ab"]
    assert GEMINI.read_answer(parts).choices[0].text == "ab"
    for body, kind in (({}, Kind.EMPTY), ([], Kind.PROTOCOL), ("x", Kind.PROTOCOL)):
        with pytest.raises(UpstreamFailure) as failed:
            GEMINI.read_answer(body)
        assert failed.value.kind is kind


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab{}[]",\\ \n', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a{\"", max_size=3), inner,
                                                                max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(st.dictionaries(st.text('a"}', max_size=3), json_values, max_size=3), max_size=4),
       st.integers(1, 9), st.booleans())  # fmt: skip
def test_an_array_is_cut_into_its_objects(values, size: int, indented: bool) -> None:
    stream = orjson.dumps(values, option=orjson.OPT_INDENT_2 if indented else None)
    cutter = Objects()
    pieces = [
        piece
        for start in range(0, len(stream), size)
        for piece in cutter.feed(stream[start : start + size])
    ]
    found = [orjson.loads(piece.lstrip(b"[, \n")) for piece in pieces]
    assert found == values
    assert b"".join(pieces) + cutter.close() == stream


def test_an_endless_object_is_refused() -> None:
    decoder = GEMINI.decoder()
    with pytest.raises(UpstreamFailure):
        for _ in range(5):
            decoder.feed(b'[{"a":"' + b"x" * 1024 * 1024)


def test_calls_without_an_id_get_their_own() -> None:
    bare = {"functionCall": {"name": "f", "args": {}}}
    events = decoded("gemini", candidate(bare, bare), 3)
    ids = [one.id for one in events if isinstance(one, ToolCall)]
    assert len(set(ids)) == 2
    assert [one.index for one in events if isinstance(one, ToolCall)] == [0, 1]
    calls = tuple(CallPart(one, "f", "{}") for one in ids)
    request = ChatRequest("m", (Message("assistant", calls),))
    parts = GEMINI.render(request, "gemini-2.5-pro").body["contents"][0]["parts"]
    assert parts == [bare, bare]  # what Google never gave is not given back


REQUEST = ChatRequest(
    model="gpt-4o",
    messages=(
        Message("system", (TextPart("Be brief."),)),
        Message("user", (TextPart("What is it?"), ImagePart(url="data:image/png;base64,QUJD"))),
        Message("user", (ImagePart(url="https://x/y.webp?z"), FilePart("audio", "audio/mp3", "QQ"),
                         FilePart("file", file_id="files/1"))),
        Message("assistant", (ReasoningPart("hm", "s"), CallPart("t1", "look", '{"at":"it"}'),
                              CallPart("t2", "look", "broken"))),
        Message("tool", (ResultPart("t1", (TextPart("a cat"), ImagePart(data="Qg")),),)),
        Message("tool", (ResultPart("t2", (TextPart("no"),), error=True),)),
    ),
    stream=True,
    tools=(Tool("look", "Looks.", {"type": "object"}),),
    tool_choice="function:look",
    max_tokens=9,
    stop=("end",),
    n=1,
    seed=7,
    user="u",
    response_format={"type": "json_schema", "json_schema": {"schema": {"type": "array"}}},
    extra={"safetySettings": [], "metadata": {}},
)  # fmt: skip


def test_a_request_as_gemini_takes_it() -> None:
    rendered = GEMINI.render(REQUEST, "gemini-3-flash")
    assert rendered.path == "/models/gemini-3-flash:streamGenerateContent?alt=sse"
    assert rendered.dropped == ("metadata", "user")
    look = {"name": "look", "args": {"at": "it"}, "id": "t1"}
    assert rendered.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "What is it?"},
                {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
                {"fileData": {"mimeType": "image/webp", "fileUri": "https://x/y.webp?z"}},
                {"inlineData": {"mimeType": "audio/mp3", "data": "QQ"}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "files/1"}},
            ]},
            {"role": "model", "parts": [
                {"functionCall": look, "thoughtSignature": "skip_thought_signature_validator"},
                {"functionCall": {"name": "look", "args": {"input": "broken"}, "id": "t2"}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "look", "id": "t1", "response": {"result": "a cat"}}},
                {"functionResponse": {"name": "look", "id": "t2", "response": {"error": "no"}}},
                {"inlineData": {"mimeType": "image/jpeg", "data": "Qg"}},
            ]},
        ],
        "generationConfig": {"maxOutputTokens": 9, "seed": 7, "stopSequences": ["end"],
                             "responseMimeType": "application/json",
                             "responseJsonSchema": {"type": "array"}},
        "tools": [{"functionDeclarations": [{"name": "look", "description": "Looks.",
                                             "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}},
        "safetySettings": [],
    }  # fmt: skip


def test_a_signature_comes_back_with_its_call() -> None:
    request = ChatRequest("m", (Message("assistant", (CallPart("t", "f", "{}", "s"),)),))
    part = GEMINI.render(request, "gemini-3-pro").body["contents"][0]["parts"][0]
    assert part["thoughtSignature"] == "s"
    assert GEMINI.parse(GEMINI.render(request, "m").body).messages == request.messages


def test_instructions_alone_are_asked() -> None:
    request = ChatRequest("m", (Message("system", (TextPart("Sing."),)),))
    body = GEMINI.render(request, "tunedModels/x").body
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Sing."}]}]}
    assert GEMINI.render(request, "tunedModels/a?b").path == "/tunedModels/a%3Fb:generateContent"


@pytest.mark.parametrize(
    ("effort", "budget", "model", "thinking"),
    [
        (None, None, "gemini-3-pro", None),
        ("low", None, "gemini-2.5-flash", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("none", None, "gemini-2.5-flash", {"thinkingBudget": 0, "includeThoughts": False}),
        ("none", None, "gemini-2.5-pro", {"thinkingBudget": 128, "includeThoughts": False}),
        ("xhigh", None, "gemini-2.5-pro", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("medium", None, "gemini-3.1-pro-preview",
         {"thinkingLevel": "medium", "includeThoughts": True}),
        ("minimal", None, "gemini-3-pro", {"thinkingLevel": "low", "includeThoughts": True}),
        ("none", None, "gemini-flash-latest",
         {"thinkingLevel": "minimal", "includeThoughts": False}),
        ("low", 77, "gemini-2.5-flash", {"thinkingBudget": 77, "includeThoughts": True}),
        (None, 99999, "gemini-2.5-flash", {"thinkingBudget": 24576, "includeThoughts": True}),
        (None, 0, "gemini-2.5-pro", {"thinkingBudget": 128, "includeThoughts": False}),
        (None, 99999, "gemini-3.8-flash", {"thinkingLevel": "high", "includeThoughts": True}),
        (None, 1000, "gemini-3.8-flash", {"thinkingLevel": "low", "includeThoughts": True}),
        ("minimal", None, "gemini-3.8-flash", {"thinkingLevel": "low", "includeThoughts": True}),
        ("none", None, "gemini-3.7-flash", {"thinkingLevel": "low", "includeThoughts": False}),
        ("minimal", None, "gemini-3.5-flash-lite",
         {"thinkingLevel": "minimal", "includeThoughts": True}),
    ],
)  # fmt: skip
def test_how_much_it_may_think(effort, budget, model, thinking) -> None:
    request = ChatRequest("m", (), reasoning_effort=effort, reasoning_budget=budget)
    body = GEMINI.render(request, model).body
    assert body.get("generationConfig", {}).get("thinkingConfig") == thinking


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "contents"), ({"contents": []}, "contents"), ({"contents": [{}]}, "contents[0].parts"),
     ({"contents": [{"parts": [1]}]}, "contents[0].parts"),
     ({"contents": [{"parts": []}], "generation_config": 1}, "generationConfig"),
     ({"contents": [{"parts": []}], "tools": [1]}, "tools")],
)  # fmt: skip
def test_a_wrong_request_names_its_field(body, param: str) -> None:
    with pytest.raises(ClientError) as refused:
        GEMINI.check(body)
    assert refused.value.param == param


def test_a_search_is_googles() -> None:
    request = ChatRequest("m", (), extra={"tools": [
        {"type": "web_search"}, {"type": "mcp"}, {"codeExecution": {}}]})  # fmt: skip
    rendered = GEMINI.render(request, "gemini-3-flash")
    assert rendered.body["tools"] == [{"codeExecution": {}}, {"googleSearch": {}}]
    assert rendered.dropped == ("tools.mcp",)
    both = ChatRequest("m", (), tools=(Tool("f"),), extra={"web_search_options": {}})
    rendered = GEMINI.render(both, "gemini-2.5-flash")
    assert rendered.body["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
    assert rendered.dropped == ("web_search",)
