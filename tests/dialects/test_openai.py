"""Chat and text completions: what is a token, what is an error, and the way there and back."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.chat import (
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
    is_token,
)
from proxy.dialects.assemble import assemble, events_of
from proxy.dialects.registry import dialect, spoken
from proxy.errors import ClientError, Kind, UpstreamFailure

CHAT = dialect("openai")


def event(**fields) -> bytes:
    return b"data: " + orjson.dumps({"id": "c", "model": "m", "created": 1, **fields}) + b"\n\n"


def delta(reason=None, **fields) -> bytes:
    return event(choices=[{"index": 0, "delta": fields, "finish_reason": reason}])


def read(*raw: bytes):
    return [one for frame in CHAT.decoder().feed(b"".join(raw)) for one in frame.events]


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (delta(role="assistant", content=""), [Opened("c", "m", 1)]),
        (delta(role="assistant", content=None), [Opened("c", "m", 1)]),
        (delta(content=""), []),
        (delta(content="hi"), [Text("hi")]),
        (delta(role="assistant", content="hi"), [Text("hi")]),
        (delta(reasoning_content="hm"), [Reasoning("hm")]),
        (delta(reasoning="hm"), [Reasoning("hm")]),
        (delta(refusal="no"), [Text("no")]),
        (delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                        {"type": "text", "text": "hi"}]), [Reasoning("hm"), Text("hi")]),
        (delta(tool_calls=[{"index": 1, "id": "t", "function": {"name": "f", "arguments": ""}}]),
         [ToolCall(1, "t", "f", "")]),
        (delta(tool_calls=[{"id": "t", "function": {"name": "f", "arguments": {"a": 1}}}]),
         [ToolCall(0, "t", "f", '{"a":1}')]),
        (delta(function_call={"name": "f", "arguments": "{"}), [ToolCall(0, "", "f", "{")]),
        (delta("stop"), [Finished("stop")]),
        (delta("end_turn"), [Finished("stop")]),
        (delta("max_tokens"), [Finished("length")]),
        (event(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 4}),
         [Spent(Usage(3, 4))]),
        (event(choices=[], usage=None), []),
        (event(choices=[], x_groq={"usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
         [Spent(Usage(3, 4))]),
        (delta("sensitive"), [Finished("content_filter")]),
        (delta("abort"), [Failed("the answer ended with abort", "", "abort")]),
        (delta("error", content="a"),
         [Text("a"), Failed("the answer ended with error", "", "error")]),
        (event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop",
                         "usage": {"prompt_tokens": 3, "completion_tokens": 4}}]),
         [Finished("stop"), Spent(Usage(3, 4))]),
        (event(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 4,
                                  "prompt_tokens_details": {"cache_write_tokens": 5}}),
         [Spent(Usage(9, 4, cache_written=5))]),
        (event(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 4,
                                  "prompt_tokens_details": {"cached_tokens": 8,
                                                            "cache_write_tokens": 8}}),
         [Spent(Usage(9, 4, cached=8, cache_written=1))]),
        (event(error={"message": "broke", "code": 529}), [Failed("broke", "", "529", 529)]),
        (b'event: error\ndata: {"message": "broke"}\n\n', [Failed("broke")]),
        (b": ping\n\n", []),
        (b"data: {broken\n\n", []),
        (b"data: [DONE]\n\n", [Done()]),
    ],
)  # fmt: skip
def test_what_an_event_means(raw: bytes, meaning: list[object]) -> None:
    assert read(raw) == meaning


@pytest.mark.parametrize(
    ("one", "token"),
    [(Text("a"), True), (Text(""), False), (Reasoning("a"), True), (Opened("c"), False),
     (ToolCall(0, "t", "f"), True), (ToolCall(0), False), (Spent(Usage()), False),
     (Failed("x"), False), (Finished("stop"), False), (Done(), False)],
)  # fmt: skip
def test_what_counts_as_a_first_token(one, token: bool) -> None:
    assert is_token(one) is token


words = st.text(min_size=1, max_size=12)
spoken_events = st.lists(
    st.one_of(
        words.map(Text),
        words.map(Reasoning),
        st.tuples(st.integers(0, 2), words).map(lambda t: ToolCall(t[0], f"t{t[0]}", "f", t[1])),
    ),
    min_size=1,
    max_size=12,
)


@given(spoken_events, st.integers(1, 200))
def test_encoding_and_decoding_say_the_same(said, size: int) -> None:
    usage = Usage(prompt=7, completion=5, cached=2, reasoning=1)
    encoder = CHAT.encoder(id="c", model="m", created=1, include_usage=True)
    stream = encoder.encode([*said, Finished("stop"), Spent(usage)]) + encoder.end()
    for chunk in stream.split(b"\n\n")[:-2]:
        ChatCompletionChunk.model_validate(orjson.loads(chunk[6:]), strict=True)
    decoder = CHAT.decoder()
    found = [
        one
        for start in range(0, len(stream), size)
        for frame in decoder.feed(stream[start : start + size])
        for one in frame.events
    ]
    again = assemble(found)
    first = assemble([*said, Finished("stop"), Spent(usage)])
    assert again.choices == first.choices
    assert again.usage == usage
    body = orjson.loads(CHAT.write_answer(again))
    ChatCompletion.model_validate(body, strict=True)
    assert CHAT.read_answer(body).choices == again.choices
    assert assemble(events_of(again)).choices == again.choices


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"x","code":"context_length_exceeded"}}', Kind.CONTEXT_LENGTH),
        (400, b'{"error":{"message":"prompt is too long: 9 > 8"}}', Kind.CONTEXT_LENGTH),
        (400, b'{"error":{"message":"x","code":"content_filter"}}', Kind.CONTENT_FILTER),
        (400, b'{"error":{"message":"bad temperature"}}', Kind.REFUSED),
        (400, b'{"code":"invalid-argument","error":"Incorrect API key provided."}',
         Kind.KEY_REFUSED),
        (400, b'{"error":{"message":"No such model","code":"model_not_found"}}',
         Kind.MODEL_UNKNOWN),
        (400, b'{"error":{"message":"Too long.","type":"too_many_prompt_tokens","code":400}}',
         Kind.CONTEXT_LENGTH),
        (400, b'{"error":{"message":"input length and `max_tokens` exceed context limit: 9 > 8"}}',
         Kind.CONTEXT_LENGTH),
        (401, b"", Kind.KEY_REFUSED),
        (402, b'{"error":{"message":"Insufficient Balance"}}', Kind.KEY_REFUSED),
        (403, b"<html>no</html>", Kind.KEY_REFUSED),
        (404, b'{"detail":"Not Found"}', Kind.MODEL_UNKNOWN),
        (408, b"", Kind.TIMEOUT),
        (409, b"", Kind.CONFLICT),
        (413, b'{"error":{"message":"Request too large","code":"rate_limit_exceeded"}}',
         Kind.RATE_LIMITED),
        (422, b"[]", Kind.REFUSED),
        (429, b'{"error":"slow down"}', Kind.RATE_LIMITED),
        (500, b"\xff\xfe", Kind.SERVER),
        (503, b"", Kind.OVERLOADED),
        (504, b"", Kind.TIMEOUT),
        (529, b"", Kind.OVERLOADED),
    ],
)  # fmt: skip
def test_errors_are_understood(status: int, body: bytes, kind: Kind) -> None:
    assert CHAT.read_error(status, body).kind is kind


def test_a_page_of_html_has_no_words_for_the_client() -> None:
    assert CHAT.read_error(502, b"<html>secret backend</html>").message == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [([], Kind.PROTOCOL), ({"error": {"message": "x"}}, Kind.ERROR_FRAME), ({}, Kind.EMPTY),
     ({"choices": []}, Kind.EMPTY),
     ({"choices": [{"message": {"content": "a"}, "finish_reason": "error"}]}, Kind.ERROR_FRAME)],
)  # fmt: skip
def test_what_is_no_answer(body, kind: Kind) -> None:
    with pytest.raises(UpstreamFailure) as failed:
        CHAT.read_answer(body)
    assert failed.value.kind is kind


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": 3}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": {}}, "messages"),
        ({"model": "m", "messages": [3]}, "messages[0]"),
        ({"model": "m", "messages": [{"role": "x", "content": ""}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "user", "content": [{}]}]},
         "messages[0].content[0]"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": "yes"}, "stream"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0},
         "max_tokens"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "stop": [1]}, "stop"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{}]}, "tools"),
    ],
)  # fmt: skip
def test_a_wrong_request_names_its_parameter(body, param: str) -> None:
    with pytest.raises(ClientError) as refused:
        CHAT.check(body)
    assert (refused.value.status, refused.value.param) == (400, param)


def test_text_completions_have_their_own_shape() -> None:
    plain = dialect("completions")
    encoder = plain.encoder(id="c", model="m", created=1, include_usage=False)
    stream = encoder.encode([Text("once"), Finished("length")]) + encoder.end()
    assert b'"object":"text_completion"' in stream
    found = [one for frame in plain.decoder().feed(stream) for one in frame.events]
    assert found == [Text("once"), Finished("length"), Done()]
    with pytest.raises(ClientError) as refused:
        plain.check({"model": "m"})
    assert refused.value.param == "prompt"


ODDS = {"tokens": ["Hi", " you"], "token_logprobs": [-0.5, -1.0], "text_offset": [0, 2],
        "top_logprobs": [{"Hi": -0.5, "Yo": -2.0}, {}]}  # fmt: skip


def test_a_completions_odds_are_a_chats_and_the_reverse() -> None:
    plain = dialect("completions")
    body = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "text": "Hi you", "logprobs": ODDS, "finish_reason": "stop"},
        {"index": 1, "text": "Yo", "logprobs": None, "finish_reason": "length"}]}  # fmt: skip
    answer = plain.read_answer(body)
    content = answer.choices[0].extra["logprobs"]["content"]
    assert [(one["token"], one["logprob"]) for one in content] == [("Hi", -0.5), (" you", -1.0)]
    assert [top["token"] for top in content[0]["top_logprobs"]] == ["Hi", "Yo"]
    told = orjson.loads(plain.write_answer(answer))
    Completion.model_validate(told, strict=True)
    assert [one["logprobs"] for one in told["choices"]] == [ODDS, None]
    assert orjson.loads(CHAT.write_answer(answer))["choices"][0]["logprobs"]["content"] == content


def test_a_stream_of_completions_tells_odds_with_their_words() -> None:
    plain = dialect("completions")
    chat = plain.read_answer({"choices": [{"text": "Hi you", "logprobs": ODDS}]}).choices[0].extra
    first, second = chat["logprobs"]["content"]
    events = [Text("Hi"), Extra("logprobs", {"content": [first]}), Text("odd", 1), Text(" you"),
              Extra("logprobs", {"content": [second]}), Finished("stop")]  # fmt: skip
    encoder = plain.encoder(id="c", model="m", created=1, include_usage=False)
    stream = encoder.encode(events) + encoder.end()
    chunks = [orjson.loads(one[6:]) for one in stream.split(b"\n\n")[:-2]]
    found = [one["choices"][0] for one in chunks]
    assert [one["text"] for one in found] == ["Hi", "odd", " you", ""]
    assert [one["logprobs"] and one["logprobs"]["text_offset"] for one in found] == [
        [0], None, [2], None]  # fmt: skip
    again = [one for frame in plain.decoder().feed(stream) for one in frame.events]
    assert assemble(again).choices[0].extra == chat


def test_a_provider_speaks_the_clients_dialect_where_it_knows_it() -> None:
    assert spoken("openai", "completions") == "completions"
    assert spoken("openai", "openai") == "openai"


usual = st.tuples(
    st.one_of(st.text(), st.sampled_from(['","refusal":"no', '"', "\\", '"},"x":{"content":"y'])),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from(["content", "content", "content", "refusal", "reasoning"]),
)


@settings(deadline=None)
@given(st.lists(usual, max_size=12))
def test_what_is_learned_of_a_stream_changes_nothing(pieces) -> None:
    raw = [
        event(choices=[{"index": index, "delta": {field: text}, "finish_reason": None}])
        for text, index, field in pieces
    ]
    one_by_one = [found for chunk in raw for found in read(chunk)]
    assert read(*raw) == one_by_one
    means = {"content": Text, "refusal": Text, "reasoning": Reasoning}
    assert one_by_one == [means[field](text, index) for text, index, field in pieces if text]


NOTE = {"type": "url_citation", "url_citation": {
    "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 1,
}}  # fmt: skip
TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}


def test_what_has_no_field_of_its_own_arrives_too() -> None:
    said = [
        Reasoning("hm"), Reasoning("", signature="sig"), Text("a"),
        Extra("logprobs", {"content": [TOKEN], "refusal": None}),
        Extra("annotations", [NOTE]), Text("b"),
        Extra("logprobs", {"content": [TOKEN], "refusal": None}),
        ToolCall(0, "t", "f", "{}", signature="thought"), Finished("tool_calls"),
    ]  # fmt: skip
    encoder = CHAT.encoder(id="c", model="m", created=1, include_usage=False)
    stream = encoder.encode(said) + encoder.end()
    for chunk in stream.split(b"\n\n")[:-2]:
        ChatCompletionChunk.model_validate(orjson.loads(chunk[6:]), strict=True)
    again = assemble(read(stream))
    assert again.choices == assemble(said).choices
    choice = again.choices[0]
    assert choice.extra == {
        "logprobs": {"content": [TOKEN, TOKEN], "refusal": None}, "annotations": [NOTE],
    }  # fmt: skip
    assert (choice.reasoning_signature, choice.calls[0].signature) == ("sig", "thought")
    body = orjson.loads(CHAT.write_answer(again))
    ChatCompletion.model_validate(body, strict=True)
    assert CHAT.read_answer(body).choices == again.choices
    assert assemble(events_of(again)).choices == again.choices


def test_sources_told_beside_the_choices_are_kept_and_cited() -> None:
    results = [{"title": "A", "url": "https://a.test", "date": None}]
    beside = {"citations": ["https://a.test"], "search_results": results}
    note = {"url": "https://a.test", "title": "A", "start_index": 0, "end_index": 0}
    notes = [{"type": "url_citation", "url_citation": note}]
    first = {"index": 0, "delta": {"content": "hi"}}
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    found = read(event(choices=[first], **beside), event(choices=[last], **beside))
    assert found == [
        Text("hi"), Extra("citations", ["https://a.test"]), Extra("search_results", results),
        Extra("annotations", notes), Finished("stop"),
    ]  # fmt: skip
    encoder = CHAT.encoder(id="c", model="m", created=1, include_usage=False)
    stream = encoder.encode(found) + encoder.end()
    told = [orjson.loads(chunk[6:]) for chunk in stream.split(b"\n\n")[:-2]]
    for chunk in told:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    assert [one["citations"] for one in told if "citations" in one] == [["https://a.test"]]
    assert [one["search_results"] for one in told if "search_results" in one] == [results]
    whole = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], **beside}
    body = orjson.loads(CHAT.write_answer(CHAT.read_answer(whole)))
    ChatCompletion.model_validate({**body, "id": "c"}, strict=True)
    assert body["search_results"] == results
    assert body["choices"][0]["message"]["annotations"] == notes
