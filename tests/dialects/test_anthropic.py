"""Anthropic's Messages: what its stream means, and the way there and back."""

from __future__ import annotations

from itertools import pairwise

import anthropic
import httpx2
import orjson
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message as TheirMessage
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from proxy.chat import (
    Answer,
    CallPart,
    Choice,
    Done,
    Extra,
    Failed,
    Finished,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.anthropic import Anthropic, count_answer
from proxy.dialects.anthropic_shapes import ANSWER_TOOL
from proxy.dialects.assemble import assemble
from proxy.errors import ClientError, Kind, UpstreamFailure
from tests.dialects.streams import cut, cuts, spoken_events

MESSAGES = Anthropic()
STRICT = TypeAdapter(RawMessageStreamEvent)


def event(kind: str, **fields) -> bytes:
    told = orjson.dumps({"type": kind, **fields})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), told)


def delta(index: int = 0, **fields) -> bytes:
    return event("content_block_delta", index=index, delta=fields)


def block(index: int = 0, **fields) -> bytes:
    return event("content_block_start", index=index, content_block=fields)


STREAM = b"".join([
    event("message_start", message={"id": "msg_1", "model": "claude", "content": [],
                                    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4,
                                              "output_tokens": 1}}),
    block(0, type="thinking", thinking="", signature=""),
    event("ping"),
    delta(0, type="thinking_delta", thinking="hm"),
    delta(0, type="signature_delta", signature="c2ln"),
    event("content_block_stop", index=0),
    block(1, type="text", text=""),
    delta(1, type="text_delta", text="hé"),
    delta(1, type="citations_delta", citation={"type": "web_search_result_location",
                                              "url": "https://a.test", "title": "A",
                                              "cited_text": "so", "encrypted_index": "x"}),
    event("content_block_stop", index=1),
    block(2, type="server_tool_use", id="s", name="web_search", input={}),
    delta(2, type="input_json_delta", partial_json='{"query":"q"}'),
    event("content_block_stop", index=2),
    block(3, type="tool_use", id="t1", name="f", input={}),
    delta(3, type="input_json_delta", partial_json=""),
    delta(3, type="input_json_delta", partial_json='{"a"'),
    delta(3, type="input_json_delta", partial_json=":1}"),
    event("content_block_stop", index=3),
    block(4, type="tool_use", id="t2", name="g", input={"b": 2}),
    event("content_block_stop", index=4),
    event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None},
          usage={"output_tokens": 9}),
    event("message_stop"),
])  # fmt: skip
NOTE = {"type": "url_citation", "url_citation": {
    "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 0, "cited_text": "so",
}}  # fmt: skip
MEANING = [
    Opened("msg_1", "claude"), Reasoning("hm"), Reasoning("", signature="c2ln"), Text("hé"),
    Extra("annotations", [NOTE]), ToolCall(0, "t1", "f"), ToolCall(0, arguments='{"a"'),
    ToolCall(0, arguments=":1}"), ToolCall(1, "t2", "g", '{"b":2}'), Finished("tool_calls"),
    Spent(Usage(prompt=7, completion=9, cached=4)), Done(),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_what_a_stream_means_however_it_is_cut(size: int) -> None:
    frames = cut(MESSAGES.decoder(), STREAM, size)
    assert b"".join(frame.raw for frame in frames) == STREAM
    assert [one for frame in frames for one in frame.events] == MEANING


@settings(deadline=None)
@given(cuts(len(STREAM)))
def test_every_cut_means_the_same(places: list[int]) -> None:
    decoder = MESSAGES.decoder()
    edges = [0, *places, len(STREAM)]
    frames = [
        frame for start, stop in pairwise(edges) for frame in decoder.feed(STREAM[start:stop])
    ]
    assert [one for frame in frames for one in frame.events] == MEANING


def read(*raw: bytes):
    return [one for frame in MESSAGES.decoder().feed(b"".join(raw)) for one in frame.events]


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (event("ping"), []),
        (b": comment\n\n", []),
        (b"event: content_block_delta\ndata: {broken\n\n", []),
        (b"event: error\ndata: broken\n\n", [Failed("broken")]),
        (event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
         [Failed("Overloaded", "overloaded_error", "overloaded_error", 529)]),
        (event("message_delta", delta={"stop_reason": "refusal"}), [Finished("content_filter")]),
        (event("message_delta", delta={"stop_reason": "max_tokens"}), [Finished("length")]),
        (event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 2}),
         [Spent(Usage(completion=2, prompt=0))]),
        (block(0, type="text", text="hi"), [Text("hi")]),
        (delta(type="text_delta", text=""), []),
        (delta(type="unheard_delta", text="x"), []),
        (event("unheard_of"), []),
        (block(0, type="redacted_thinking", data="x"), [Extra("redacted_thinking", ["x"])]),
        (block(0, type="redacted_thinking"), []),
    ],
)  # fmt: skip
def test_what_an_event_means(raw: bytes, meaning: list[object]) -> None:
    assert read(raw) == meaning


def test_the_reserved_tool_is_the_answers_text() -> None:
    found = read(
        block(0, type="tool_use", id="t", name=ANSWER_TOOL, input={}),
        delta(0, type="input_json_delta", partial_json='{"a":'),
        delta(0, type="input_json_delta", partial_json="1}"),
        event("message_delta", delta={"stop_reason": "tool_use"}),
    )
    assert found == [Text('{"a":'), Text("1}"), Finished("stop")]
    whole = MESSAGES.read_answer({
        "content": [{"type": "tool_use", "id": "t", "name": ANSWER_TOOL, "input": {"a": 1}}],
        "stop_reason": "tool_use",
    })  # fmt: skip
    assert whole.choices == (Choice(text='{"a":1}', finish="stop"),)


def written(events):
    encoder = MESSAGES.encoder(id="msg_1", model="claude", created=1, include_usage=True)
    return encoder.encode(events) + encoder.end()


def payloads(stream: bytes):
    for one in stream.decode().split("\n\n")[:-1]:
        name, _, data = one.partition("\n")
        told = orjson.loads(data.removeprefix("data: "))
        assert name == f"event: {told['type']}"
        yield told


def as_their_client_reads(stream: bytes) -> TheirMessage:
    message, buffers = None, {}
    for told in payloads(stream):
        one = STRICT.validate_python(told, strict=True)
        message = accumulate_event(event=one, current_snapshot=message, json_bufs=buffers)
    assert message is not None
    return message


@settings(deadline=None)
@given(spoken_events, st.integers(1, 200))
def test_encoding_and_decoding_say_the_same(said, size: int) -> None:
    usage = Usage(prompt=9, completion=5, cached=2, cache_written=3, reasoning=1)
    stream = written([Opened("x"), *said, Finished("stop"), Spent(usage)])
    for told in payloads(stream):
        STRICT.validate_python(told, strict=True)
    frames = cut(MESSAGES.decoder(), stream, size)
    again = assemble(one for frame in frames for one in frame.events)
    first = assemble([*said, Finished("stop")]).choices[0]
    assert again.choices[0].text == first.text
    assert again.choices[0].reasoning == first.reasoning
    assert {(one.name, one.arguments) for one in again.choices[0].calls} == {
        (one.name, one.arguments) for one in first.calls
    }
    assert again.choices[0].finish == ("tool_calls" if first.calls else "stop")
    assert again.usage == usage


def test_blocks_follow_each_other_and_none_is_opened_twice() -> None:
    stream = written([
        Reasoning("hm"), Reasoning("", signature="s"), Text("a"), Text("b"),
        Extra("annotations", [NOTE]), ToolCall(0, "t1", "f"), ToolCall(1, "t2", "g"),
        ToolCall(1, arguments='{"b"'), ToolCall(0, arguments="{}"), ToolCall(1, arguments=":2}"),
        Finished("tool_calls"),
    ])  # fmt: skip
    kinds = [(told["type"], told.get("index")) for told in payloads(stream)]
    starts = [index for kind, index in kinds if kind == "content_block_start"]
    assert starts == [0, 1, 2, 3]
    message = as_their_client_reads(stream)
    assert [one.type for one in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.content[0].signature == "s"
    assert message.content[1].citations[0].url == "https://a.test"
    assert [one.input for one in message.content[2:]] == [{}, {"b": 2}]
    assert message.stop_reason == "tool_use"


def test_an_empty_answer_is_still_a_whole_message() -> None:
    message = as_their_client_reads(written([]))
    assert (message.content, message.stop_reason) == ([], "end_turn")


def test_a_stream_that_another_began_goes_on_in_its_last_block() -> None:
    first = MESSAGES.encoder(id="a", model="m", created=1, include_usage=True)
    sent = first.encode([Reasoning("hm"), Text("Hello ")])
    second = MESSAGES.encoder(id="b", model="n", created=1, include_usage=True)
    second.resume(sent)
    stream = sent + second.encode([Text("world"), Finished("stop")]) + second.end()
    message = as_their_client_reads(stream)
    assert [one.type for one in message.content] == ["thinking", "text"]
    assert message.content[1].text == "Hello world"


def test_a_broken_answer_ends_with_an_error_and_no_stop() -> None:
    encoder = MESSAGES.encoder(id="a", model="m", created=1, include_usage=True)
    end = encoder.fail(ClientError(529, "busy"))
    assert end.startswith(b"event: error\ndata: ")
    assert orjson.loads(end.split(b"data: ")[1])["error"] == {
        "type": "overloaded_error", "message": "busy",
    }  # fmt: skip


def test_whole_answers_there_and_back() -> None:
    answer = Answer(
        "msg_1", "claude", 0,
        (Choice("hi", "hm", "s", (CallPart("t", "f", '{"a":1}'),), "tool_calls",
                {"annotations": [NOTE]}),),
        Usage(prompt=9, completion=5, cached=2, cache_written=3, reasoning=1),
    )  # fmt: skip
    body = orjson.loads(MESSAGES.write_answer(answer))
    TheirMessage.model_validate(body, strict=True)
    assert MESSAGES.read_answer(body) == answer


def test_a_call_without_an_id_or_with_broken_arguments_is_still_valid() -> None:
    answer = Answer("chatcmpl.1", "m", 1, (Choice(calls=(CallPart("", "f", "{br"),)),))
    body = orjson.loads(MESSAGES.write_answer(answer))
    TheirMessage.model_validate(body, strict=True)
    assert body["content"][0]["id"] == "toolu_chatcmpl_1_0"
    assert body["content"][0]["input"] == {"arguments": "{br"}
    assert body["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("body", "kind"),
    [([], Kind.PROTOCOL), ({}, Kind.EMPTY),
     ({"type": "error", "error": {"type": "api_error", "message": "x"}}, Kind.ERROR_FRAME)],
)  # fmt: skip
def test_what_is_no_answer(body, kind: Kind) -> None:
    with pytest.raises(UpstreamFailure) as failed:
        MESSAGES.read_answer(body)
    assert failed.value.kind is kind


def error(kind: str, words: str = "x") -> bytes:
    return orjson.dumps({"type": "error", "error": {"type": kind, "message": words}})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("invalid_request_error", "prompt is too long: 9 > 8"), Kind.CONTEXT_LENGTH),
        (400, error("invalid_request_error", "bad"), Kind.REFUSED),
        (400, error("invalid_request_error", "Your credit balance is too low"), Kind.KEY_REFUSED),
        (401, error("authentication_error"), Kind.KEY_REFUSED),
        (404, error("not_found_error"), Kind.MODEL_UNKNOWN),
        (429, error("rate_limit_error"), Kind.RATE_LIMITED),
        (500, error("api_error"), Kind.SERVER),
        (529, error("overloaded_error"), Kind.OVERLOADED),
    ],
)
def test_errors_are_understood(status: int, body: bytes, kind: Kind) -> None:
    assert MESSAGES.read_error(status, body).kind is kind


@pytest.mark.parametrize(
    ("status", "type_", "raised"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (413, "request_too_large", anthropic.APIStatusError),
        (422, "invalid_request_error", anthropic.UnprocessableEntityError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (502, "api_error", anthropic.InternalServerError),
        (504, "timeout_error", anthropic.APIStatusError),
        (529, "overloaded_error", anthropic.APIStatusError),
    ],
)
def test_their_client_raises_what_it_should(status: int, type_: str, raised: type) -> None:
    body = MESSAGES.write_error(ClientError(status, "words"))

    def answer(request):
        return httpx2.Response(status, content=body, headers={"content-type": "application/json"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    asked = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
    client = anthropic.Anthropic(api_key="k", http_client=http, max_retries=0)
    with client, pytest.raises(raised) as told:
        client.messages.create(**asked)
    assert told.value.body["error"] == {"type": type_, "message": "words"}


def test_a_count_of_tokens_has_its_own_shape() -> None:
    assert orjson.loads(count_answer(7)) == {"input_tokens": 7}
