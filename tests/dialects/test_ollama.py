"""Ollama's format: recorded streams and answers, and what a request becomes."""

from __future__ import annotations

import orjson
import pytest

from proxy.chat import (
    CallPart,
    ChatRequest,
    Done,
    Failed,
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

OLLAMA = dialect("ollama")
wire = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")


def plain(lines) -> Said:
    said = Said()
    for line in lines:
        message = line.get("message", {})
        said.text += message.get("content", "") + line.get("response", "")
        said.thought += message.get("thinking", "")
        for call in message.get("tool_calls", []):
            said.calls.append((call["function"]["name"], call["function"]["arguments"]))
        if line["done"]:
            said.finish = "tool_calls" if said.calls else line["done_reason"]
            said.tokens = (line.get("prompt_eval_count", 0), line["eval_count"])
    return said


@wire
@pytest.mark.parametrize("size", SIZES)
def test_recorded_streams_are_read_whole(size: int) -> None:
    found = [one for one in recorded(("ollama",), ("chat", "generate")) if one["stream"]]
    assert len(found) >= 7
    for one in found:
        events = decoded("ollama", body_of(one), size)
        lines = [orjson.loads(line) for line in one["response_body"].splitlines()]
        assert said_by(events) == plain(lines), one["id"]
        assert isinstance(events[0], Opened)
        assert events[0].created > 1_600_000_000
        assert isinstance(events[-1], Done)
        check_chunks(events)


@wire
def test_recorded_answers_are_read_whole() -> None:
    found = [one for one in recorded(("ollama",), ("chat", "generate")) if not one["stream"]]
    assert len(found) >= 4
    for one in found:
        body = orjson.loads(one["response_body"])
        answer = OLLAMA.read_answer(body)
        assert said_in(answer) == plain([body]), one["id"]
        check_completion(answer)


@wire
def test_recorded_requests_are_understood_and_told_again() -> None:
    for one in recorded(("ollama",), ("chat",)):
        body = orjson.loads(one["request_body"])
        OLLAMA.check(body)
        request = OLLAMA.parse(body)
        again = OLLAMA.render(request, body["model"])
        assert OLLAMA.parse(again.body) == request
        assert [m["content"] for m in again.body["messages"]] == [
            m["content"] for m in body["messages"]
        ]


def line(**fields) -> bytes:
    return (
        orjson.dumps({"model": "m", "created_at": "2026-01-01T00:00:00.123456789Z", **fields})
        + b"\n"
    )


def read(*lines: bytes):
    return decoded("ollama", b"".join(lines), 1 << 30)[1:]


CALL = {"function": {"name": "f", "arguments": {"a": 1}}}


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (line(message={"content": "hi"}, done=False), [Text("hi")]),
        (line(message={"content": "", "thinking": "hm"}, done=False), [Reasoning("hm")]),
        (line(message={"content": ""}, done=False), []),
        (line(response="hi", done=False), [Text("hi")]),
        (line(message={"content": "", "tool_calls": [{"id": "t", **CALL}]}, done=True),
         [ToolCall(0, "t", "f", '{"a":1}'), Finished("tool_calls"), Done()]),
        (line(message={}, done=True, done_reason="length", eval_count=2, prompt_eval_count=3),
         [Finished("length"), Spent(Usage(3, 2)), Done()]),
        (line(message={}, done=True, done_reason="stop"), [Finished("stop"), Done()]),
        (b"{broken\n" + line(), []),
        (b"[]\n" + line(), []),
        (b"\r\n" + line(message={"content": "x"}), [Text("x")]),
    ],
)  # fmt: skip
def test_what_a_line_means(raw: bytes, meaning) -> None:
    assert read(raw) == meaning


@pytest.mark.parametrize("error", ["broke", {"message": "broke"}])
def test_an_error_in_the_stream(error) -> None:
    assert decoded("ollama", orjson.dumps({"error": error}), 5) == [Failed("broke")]
    with pytest.raises(UpstreamFailure) as failed:
        OLLAMA.read_answer({"error": error})
    assert failed.value.kind is Kind.ERROR_FRAME


def test_calls_without_an_id_get_their_own() -> None:
    stream = line(message={"tool_calls": [CALL, CALL]}, done=False) + line(done=True)
    ids = [event.id for event in read(stream) if isinstance(event, ToolCall)]
    assert len(set(ids)) == 2
    other = stream.replace(b"123456789", b"123456780")
    assert not set(ids) & {event.id for event in read(other) if isinstance(event, ToolCall)}


def test_an_endless_line_is_refused() -> None:
    decoder = OLLAMA.decoder()
    with pytest.raises(UpstreamFailure):
        for _ in range(5):
            decoder.feed(b"x" * 1024 * 1024)


def test_a_request_as_ollama_takes_it() -> None:
    request = ChatRequest(
        model="gpt-4o",
        messages=(
            Message("developer", (TextPart("Be brief."),)),
            Message("user", (TextPart("What is it?"), ImagePart(url="data:image/png;base64,QUJD"))),
            Message("user", (ImagePart(url="https://x/y.png"),)),
            Message("assistant", (CallPart("t1", "look", '{"at":"it"}'),)),
            Message("tool", (ResultPart("t1", (TextPart("a cat"),)),)),
        ),
        stream=True,
        tools=(Tool("look", "Looks.", {"type": "object"}),),
        tool_choice="required",
        max_tokens=9,
        stop=("end",),
        temperature=0.5,
        n=2,
        user="u",
        logprobs=False,
        response_format={"type": "json_schema", "json_schema": {"schema": {"type": "array"}}},
        reasoning_effort="low",
        extra={"keep_alive": "5m", "metadata": {}},
    )
    rendered = OLLAMA.render(request, "qwen3")
    assert rendered.path == "/api/chat"
    assert rendered.dropped == ("image_url", "metadata", "n", "tool_choice", "user")
    assert rendered.body == {
        "model": "qwen3",
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is it?", "images": ["QUJD"]},
            {"role": "user", "content": "[image: https://x/y.png]"},
            {"role": "assistant", "content": "",
             "tool_calls": [{"id": "t1", "function": {"name": "look", "arguments": {"at": "it"}}}]},
            {"role": "tool", "content": "a cat", "tool_call_id": "t1", "tool_name": "look"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "look", "description": "Looks.", "parameters": {"type": "object"}}}],
        "options": {"num_predict": 9, "temperature": 0.5, "stop": ["end"]},
        "format": {"type": "array"},
        "think": True,
        "keep_alive": "5m",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("effort", "budget", "model", "think"),
    [("none", None, "qwen3", False), ("minimal", None, "gpt-oss:20b", "low"), ("max", None,
     "gpt-oss", "high"), (None, 0, "q", False), (None, 99, "q", True), (None, None, "q", None)],
)  # fmt: skip
def test_how_much_it_may_think(effort, budget, model, think) -> None:
    request = ChatRequest("m", (), reasoning_effort=effort, reasoning_budget=budget)
    assert OLLAMA.render(request, model).body.get("think") == think


def test_errors_in_its_words() -> None:
    reading = OLLAMA.read_error(404, b'{"error":"model \'x\' not found"}')
    assert (reading.kind, reading.message) == (Kind.MODEL_UNKNOWN, "model 'x' not found")
    assert OLLAMA.write_error(ClientError(400, "no")) == b'{"error":"no"}'
    bad = {"model": "m", "messages": [{"role": "user", "content": "x", "images": [1]}]}
    with pytest.raises(ClientError):
        OLLAMA.check(bad)


def test_a_picture_behind_an_address_is_named_and_noted() -> None:
    url = "https://example.org/cat.png"
    picture = {"type": "image_url", "image_url": {"url": url}}
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    shown = dialect("openai").parse({"model": "m", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "this?"}, picture]}]})  # fmt: skip
    told = OLLAMA.render(shown, "m")
    assert told.body["messages"][0]["content"] == f"this?\n[image: {url}]"
    assert told.dropped == ("image_url",)
    returned = dialect("openai").parse({"model": "m", "messages": [
        {"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t", "content": [picture]}]})  # fmt: skip
    assert OLLAMA.render(returned, "m").dropped == ("image_url",)
