"""What holds for every foreign format: what is told and read again is the same."""

from __future__ import annotations

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
    Finished,
    ImagePart,
    Message,
    Reasoning,
    ResultPart,
    Spent,
    Text,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from proxy.dialects.assemble import assemble, events_of
from proxy.dialects.registry import dialect
from proxy.errors import ClientError, UpstreamFailure

FOREIGN = ["ollama", "gemini", "cohere", "bedrock"]
words = st.text(min_size=1, max_size=12)
pieces = st.lists(st.one_of(words.map(Text), words.map(Reasoning)), min_size=1, max_size=8)
calls = st.lists(
    st.tuples(st.sampled_from(["look", "leap"]), st.dictionaries(words, words, max_size=2)),
    max_size=3,
)


def told(name: str):
    return dialect(name).encoder(id="c", model="m", created=1, include_usage=True)


def cut_and_read(name: str, stream: bytes, size: int):
    decoder = dialect(name).decoder()
    frames = [f for i in range(0, len(stream), size) for f in decoder.feed(stream[i : i + size])]
    frames += decoder.close()
    assert b"".join(frame.raw for frame in frames) == stream
    return [event for frame in frames for event in frame.events]


@pytest.mark.parametrize("name", FOREIGN)
@given(said=pieces, called=calls, length=st.booleans(), size=st.integers(1, 60))
def test_an_answer_told_and_read_again_is_the_same(name, said, called, length, size) -> None:
    events = list(said)
    for index, (function, arguments) in enumerate(called):
        text = orjson.dumps(arguments).decode()
        half = len(text) // 2
        events.append(ToolCall(index, f"t{index}", function, text[:half]))
        events.append(ToolCall(index, arguments=text[half:]))
    reason = "length" if length else "tool_calls" if called else "stop"
    usage = Usage(prompt=70, completion=50, cached=20 if name != "ollama" else 0)
    events += [Finished(reason), Spent(usage)]
    encoder = told(name)
    stream = b"".join(encoder.encode([event]) for event in events) + encoder.end()
    first = assemble(events)
    again = assemble(cut_and_read(name, stream, size))
    assert again.usage == usage
    assert again.choices == first.choices
    whole = orjson.loads(dialect(name).write_answer(first))
    answer = dialect(name).read_answer(whole)
    assert answer.choices == first.choices
    assert answer.usage == usage
    encoder = told(name)
    stream = encoder.encode(events_of(answer)) + encoder.end()
    assert assemble(cut_and_read(name, stream, size)).choices == first.choices


@pytest.mark.parametrize("name", FOREIGN)
def test_a_broken_answer_says_so(name: str) -> None:
    encoder = told(name)
    stream = encoder.encode([Text("a")]) + encoder.fail(ClientError(503, "it broke"))
    events = cut_and_read(name, stream, 7)
    assert isinstance(events[-1], Failed)
    assert events[-1].message == "it broke"
    assert not [one for one in events if isinstance(one, Finished | Done)]
    reading = dialect(name).read_error(503, dialect(name).write_error(ClientError(503, "broke")))
    assert reading.message == "broke"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_resumed_stream_is_not_opened_again(name: str) -> None:
    begun, resumed = told(name), told(name)
    first = begun.encode([Text("a")])
    resumed.resume(b"")
    events = cut_and_read(name, first + resumed.encode([Text("b")]) + resumed.end(), 9)
    assert "".join(one.text for one in events if isinstance(one, Text)) == "ab"
    assert sum(isinstance(one, Finished) for one in events) == 1


FULL = ChatRequest(
    model="m",
    messages=(
        Message("system", (TextPart("Be brief."),)),
        Message("user", (TextPart("What is it?"), ImagePart(media_type="image/png",
                                                            data="iVBORw0KGgo="))),
        Message("assistant", (TextPart("I look."), CallPart("t1", "look", '{"at":"it"}'))),
        Message("tool", (ResultPart("t1", (TextPart("a cat"),)),)),
        Message("assistant", (TextPart("A cat."),)),
        Message("user", (TextPart("Sure?"),)),
    ),
    stream=True,
    tools=(Tool("look", "Looks.", {"type": "object", "properties": {}}),),
    max_tokens=9,
    temperature=0.5,
    stop=("end",),
    include_usage=True,
)  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_request_told_and_read_again_is_the_same(name: str) -> None:
    rendered = dialect(name).render(FULL, "m")
    assert rendered.dropped == ()
    body = {"model": "m", "stream": True, **orjson.loads(orjson.dumps(rendered.body))}
    dialect(name).check(body)
    again = dialect(name).parse(body)
    assert plain(again) == plain(FULL)


def plain(request: ChatRequest):
    """What every format can tell: images as data, results without their function's name."""
    messages = []
    for message in request.messages:
        for part in message.parts:
            match part:
                case ImagePart():
                    data = part.data or part.url.partition(",")[2]
                    messages.append((message.role, "image", data))
                case ResultPart():
                    messages.append((message.role, part.call_id, part.content, part.error))
                case _:
                    messages.append((message.role, part))
    fields = (request.tools, request.max_tokens, request.temperature, request.stop, request.stream)
    return messages, fields


@pytest.mark.parametrize("name", FOREIGN)
@given(noise=st.binary(max_size=80), size=st.integers(1, 9))
def test_noise_is_no_answer_and_no_crash(name, noise, size) -> None:
    decoder = dialect(name).decoder()
    try:
        frames = [f for i in range(0, len(noise), size) for f in decoder.feed(noise[i : i + size])]
        frames += decoder.close()
    except UpstreamFailure:
        return
    assert b"".join(frame.raw for frame in frames) == noise


def test_what_has_no_field_of_its_own_is_kept_in_whole_answers() -> None:
    events = [Text("a"), Extra("annotations", [1]), Extra("annotations", [2]), Extra("x", "y")]
    answer = assemble([*events, Finished("stop")])
    assert answer.choices[0].extra == {"annotations": [1, 2], "x": "y"}
    assert assemble(events_of(answer)) == answer


LOGPROBS = {"content": [{"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [
    {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
    {"token": "e", "logprob": -2.0, "bytes": [101]}]}], "refusal": None}  # fmt: skip
OLLAMA_LOGPROBS = {"message": {"content": "é"}, "logprobs": [{"token": "é", "logprob": -0.5,
    "top_logprobs": [{"token": "é", "logprob": -0.5}, {"token": "e", "logprob": -2}]}]}  # fmt: skip
GEMINI_LOGPROBS = {"candidates": [{"content": {"parts": [{"text": "é"}]}, "logprobsResult": {
    "chosenCandidates": [{"token": "é", "logProbability": -0.5}], "topCandidates": [
        {"candidates": [{"token": "é", "logProbability": -0.5},
                        {"token": "e", "logProbability": -2}]}]}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told"), [("ollama", OLLAMA_LOGPROBS), ("gemini", GEMINI_LOGPROBS)]
)
def test_probabilities_are_told_as_openai_tells_them(name: str, told) -> None:
    choice = dialect(name).read_answer(told).choices[0]
    assert choice.extra == {"logprobs": LOGPROBS}
    line = orjson.dumps(told) + b"\n"
    stream = line if name == "ollama" else b"data: " + line + b"\n"
    events = cut_and_read(name, stream, 9)
    assert Extra("logprobs", LOGPROBS) in events
    asked = ChatRequest("m", (), logprobs=True, top_logprobs=2)
    rendered = dialect(name).render(asked, "m")
    assert rendered.dropped == ()
    fields = rendered.body if name == "ollama" else rendered.body["generationConfig"]
    assert 2 in fields.values()
