"""OpenAI's Responses: what its stream means, and the way there and back."""

from __future__ import annotations

from itertools import pairwise

import httpx2
import openai
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response as TheirResponse
from openai.types.responses import ResponseStreamEvent
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
from proxy.dialects.assemble import assemble
from proxy.dialects.responses import Responses
from proxy.errors import ClientError, Kind, UpstreamFailure
from tests.dialects.streams import cut, cuts, spoken_events

RESPONSES = Responses()
STRICT = TypeAdapter(ResponseStreamEvent)
NOTE = {"type": "url_citation", "url_citation": {
    "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2,
}}  # fmt: skip


def event(kind: str, **fields) -> bytes:
    told = orjson.dumps({"type": kind, "sequence_number": 0, **fields})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), told)


def added(place: int, **item) -> bytes:
    return event("response.output_item.added", output_index=place, item=item)


def done(place: int, **item) -> bytes:
    return event("response.output_item.done", output_index=place, item=item)


STREAM = b"".join([
    event("response.created", response={"id": "r", "model": "m", "created_at": 7}),
    event("response.in_progress", response={"id": "r"}),
    added(0, type="reasoning", id="rs"),
    event("response.reasoning_summary_part.added", summary_index=0),
    event("response.reasoning_summary_text.delta", delta="hm", summary_index=0),
    event("response.reasoning_summary_part.added", summary_index=1),
    event("response.reasoning_summary_text.delta", delta="so", summary_index=1),
    done(0, type="reasoning", id="rs", encrypted_content="gAAAA"),
    added(1, type="message", id="msg"),
    event("response.content_part.added", output_index=1),
    event("response.output_text.delta", output_index=1, delta="hé"),
    event("response.output_text.annotation.added",
          annotation={"type": "url_citation", **NOTE["url_citation"]}),
    event("response.refusal.delta", output_index=1, delta="no"),
    event("response.output_text.done", output_index=1, text="hé"),
    added(2, type="function_call", id="fc", call_id="t1", name="f", arguments=""),
    event("response.function_call_arguments.delta", output_index=2, delta='{"a"'),
    event("response.function_call_arguments.delta", output_index=2, delta=":1}"),
    done(2, type="function_call", call_id="t1", name="f", arguments='{"a":1}'),
    added(3, type="function_call", call_id="t2", name="g", arguments=""),
    done(3, type="function_call", call_id="t2", name="g", arguments="{}"),
    done(4, type="function_call", call_id="t3", name="h", arguments="{}"),
    event("response.web_search_call.searching", output_index=5),
    event("response.completed", response={"status": "completed", "usage": {
        "input_tokens": 7, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 2}}}),
])  # fmt: skip
MEANING = [
    Opened("r", "m", 7), Reasoning("hm"), Reasoning("\n\n"), Reasoning("so"),
    Reasoning("", signature="gAAAA"), Text("hé"), Extra("annotations", [NOTE]), Text("no"),
    ToolCall(0, "t1", "f"), ToolCall(0, arguments='{"a"'), ToolCall(0, arguments=":1}"),
    ToolCall(1, "t2", "g"), ToolCall(1, arguments="{}"), ToolCall(2, "t3", "h", "{}"),
    Finished("tool_calls"), Spent(Usage(prompt=7, completion=9, cached=4, reasoning=2)), Done(),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_what_a_stream_means_however_it_is_cut(size: int) -> None:
    frames = cut(RESPONSES.decoder(), STREAM, size)
    assert b"".join(frame.raw for frame in frames) == STREAM
    assert [one for frame in frames for one in frame.events] == MEANING


@settings(deadline=None)
@given(cuts(len(STREAM)))
def test_every_cut_means_the_same(places: list[int]) -> None:
    decoder = RESPONSES.decoder()
    frames = [
        frame
        for start, stop in pairwise([0, *places, len(STREAM)])
        for frame in decoder.feed(STREAM[start:stop])
    ]
    assert [one for frame in frames for one in frame.events] == MEANING


def read(*raw: bytes):
    return [one for frame in RESPONSES.decoder().feed(b"".join(raw)) for one in frame.events]


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (b": ping\n\n", []),
        (b"data: {broken\n\n", []),
        (b"data: [DONE]\n\n", [Done()]),
        (event("response.reasoning_text.delta", delta="hm"), [Reasoning("hm")]),
        (event("response.output_text.delta", delta=""), []),
        (event("response.function_call_arguments.delta", output_index=9, delta="{}"), []),
        (event("response.incomplete", response={
            "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}),
         [Finished("length"), Done()]),
        (event("response.incomplete", response={
            "status": "incomplete", "incomplete_details": {"reason": "content_filter"}}),
         [Finished("content_filter"), Done()]),
        (event("response.failed", response={
            "error": {"code": "server_error", "message": "broke"}}),
         [Failed("broke", "", "server_error", 500)]),
        (event("error", code="rate_limit_exceeded", message="slow"),
         [Failed("slow", "error", "rate_limit_exceeded", 429)]),
        (b"event: error\ndata: broken\n\n", [Failed("broken")]),
    ],
)  # fmt: skip
def test_what_an_event_means(raw: bytes, meaning: list[object]) -> None:
    assert read(raw) == meaning


def encoder(id: str = "resp_1"):  # noqa: A002
    return RESPONSES.encoder(id=id, model="m", created=7, include_usage=True)


def payloads(stream: bytes):
    for number, one in enumerate(stream.decode().split("\n\n")[:-1]):
        name, _, data = one.partition("\n")
        told = orjson.loads(data.removeprefix("data: "))
        assert name == f"event: {told['type']}"
        assert told["sequence_number"] == number
        yield told


def as_their_client_reads(stream: bytes) -> TheirResponse:
    """What openai's own accumulator makes of it; every event is checked strictly."""
    state = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    for told in payloads(stream):
        one = STRICT.validate_python(told, strict=True)
        events = state.handle_event(one)
    final = events[-1].response
    assert [one.id for one in final.output] == [one["id"] for one in told["response"]["output"]]
    return final


@settings(deadline=None)
@given(spoken_events, st.integers(1, 200))
def test_encoding_and_decoding_say_the_same(said, size: int) -> None:
    usage = Usage(prompt=9, completion=5, cached=2, cache_written=3, reasoning=1)
    writer = encoder()
    stream = writer.encode([Opened("x"), *said, Finished("stop"), Spent(usage)]) + writer.end()
    as_their_client_reads(stream)
    frames = cut(RESPONSES.decoder(), stream, size)
    again = assemble(one for frame in frames for one in frame.events)
    first = assemble([*said, Finished("stop")]).choices[0]
    assert again.choices[0].text == first.text
    assert again.choices[0].reasoning == first.reasoning
    assert {(one.name, one.arguments) for one in again.choices[0].calls} == {
        (one.name, one.arguments) for one in first.calls
    }
    assert again.choices[0].finish == ("tool_calls" if first.calls else "stop")
    assert again.usage == usage
    whole = orjson.loads(stream.split(b"data: ")[-1])["response"]
    assert RESPONSES.read_answer(whole).choices[0].text == first.text


def test_a_stream_has_all_its_marks_in_order() -> None:
    writer = encoder()
    stream = writer.encode([
        Reasoning("hm"), Reasoning("", signature="s"), Text("a"), Text("b"),
        Extra("annotations", [NOTE]), ToolCall(0, "t", "f"), ToolCall(0, arguments="{}"),
        Finished("tool_calls"),
    ]) + writer.end()  # fmt: skip
    assert [told["type"].removeprefix("response.") for told in payloads(stream)] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.annotation.added", "output_text.done", "content_part.done",
        "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
        "output_item.done", "completed",
    ]  # fmt: skip
    final = as_their_client_reads(stream)
    assert final.output_text == "ab"
    assert final.output[0].encrypted_content == "s"
    assert final.output[1].content[0].annotations[0].url == "https://a.test"
    assert (final.output[2].call_id, final.output[2].arguments) == ("t", "{}")


def test_the_odds_of_tokens_arrive() -> None:
    token = {"token": "é", "logprob": -0.5, "bytes": None, "top_logprobs": [
        {"token": "e", "logprob": -1, "bytes": [101]}]}  # fmt: skip
    told = {**token, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -1.0,
                                                            "bytes": [101]}]}  # fmt: skip
    said = [Text("é"), Extra("logprobs", {"content": [token], "refusal": None}), Finished("stop")]
    writer = encoder()
    final = as_their_client_reads(writer.encode(said) + writer.end())
    assert [one.to_dict() for one in final.output[0].content[0].logprobs] == [told]
    body = orjson.loads(RESPONSES.write_answer(assemble(said)))
    TheirResponse.model_validate(body, strict=True)
    odds = {"logprobs": {"content": [told], "refusal": None}}
    assert RESPONSES.read_answer(body).choices[0].extra == odds
    raw = event("response.output_text.delta", delta="é", logprobs=[told])
    assert read(raw) == [Text("é"), Extra("logprobs", odds["logprobs"])]


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [("stop", "completed", None), ("length", "incomplete", "max_output_tokens"),
     ("content_filter", "incomplete", "content_filter")],
)  # fmt: skip
def test_how_a_response_ends(reason, status: str, why: str | None) -> None:
    writer = encoder()
    final = as_their_client_reads(writer.encode([Text("a"), Finished(reason)]) + writer.end())
    assert final.status == status
    assert (final.incomplete_details and final.incomplete_details.reason) == why


def test_a_stream_that_another_began_goes_on_in_its_last_item() -> None:
    first, second = encoder(), encoder()
    sent = first.encode([Reasoning("hm"), Text("Hello ")])
    second.resume(sent)
    stream = sent + second.encode([Text("world"), Finished("stop")]) + second.end()
    final = as_their_client_reads(stream)
    assert final.output_text == "Hello world"
    assert [one.type for one in final.output] == ["reasoning", "message"]


def test_their_client_raises_on_a_broken_stream() -> None:
    writer = encoder()
    body = writer.encode([Text("a")]) + writer.fail(ClientError(502, "gone", code="upstream_reset"))
    for told in payloads(body):
        STRICT.validate_python(told, strict=True)

    def answer(request):
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="k", http_client=http, max_retries=0)
    with client, pytest.raises(openai.APIError, match="gone"):
        for _ in client.responses.create(model="m", input="x", stream=True):
            pass


def test_whole_answers_there_and_back() -> None:
    answer = Answer(
        "resp_1", "m", 7,
        (Choice("hi", "hm", "s", (CallPart("t", "f", '{"a":1}'),), "tool_calls",
                {"annotations": [NOTE]}),),
        Usage(prompt=9, completion=5, cached=2, cache_written=3, reasoning=1),
    )  # fmt: skip
    body = orjson.loads(RESPONSES.write_answer(answer))
    TheirResponse.model_validate(body, strict=True)
    assert RESPONSES.read_answer(body) == answer


@pytest.mark.parametrize(
    ("body", "kind"),
    [([], Kind.PROTOCOL), ({}, Kind.EMPTY),
     ({"status": "failed", "error": {"message": "x"}}, Kind.ERROR_FRAME)],
)  # fmt: skip
def test_what_is_no_answer(body, kind: Kind) -> None:
    with pytest.raises(UpstreamFailure) as failed:
        RESPONSES.read_answer(body)
    assert failed.value.kind is kind


def test_errors_are_openais() -> None:
    assert RESPONSES.read_error(529, b"").kind is Kind.OVERLOADED
    told = orjson.loads(RESPONSES.write_error(ClientError(400, "bad", param="input")))
    assert told["error"]["param"] == "input"
