"""What no client and no provider should send: answered with a clear error, never with a crash."""

from __future__ import annotations

import copy

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.chat import Answer, Choice, Spent, Usage
from proxy.dialects import eventstream
from proxy.dialects.registry import dialect
from proxy.errors import ClientError, UpstreamFailure

JUNK = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", [], [None], ["x"], [{}], [[]], {}, {"type": 3}, {"x": []}]
)
CALL = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
BODIES = {
    "openai": {
        "model": "m", "stream": True, "stream_options": {"include_usage": True}, "stop": ["a"],
        "messages": [
            {"role": "system", "content": "x"},
            {"role": "user", "name": "n", "content": [
                {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
                {"type": "file", "file": {"file_data": "data:a/b;base64,aGk=", "filename": "f"}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "h",
             "reasoning_details": [{"type": "reasoning.text", "text": "h", "signature": "s"}]},
            {"role": "tool", "tool_call_id": "t", "content": [{"type": "text", "text": "x"}]},
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "x"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": 1}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "max_tokens": 5,
        "functions": [{"name": "f"}], "temperature": 1, "top_logprobs": 1, "n": 1, "user": "u",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    },
    "completions": {"model": "m", "prompt": ["x"], "stop": "a", "logprobs": 1, "max_tokens": 3},
    "anthropic": {
        "model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "x"}], "stream": True,
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "url", "url": "https://a.test"}},
                {"type": "document", "title": "t", "source": {"type": "text", "data": "x"}},
                {"type": "search_result", "source": "s", "content": [{"type": "text"}]},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "x", "signature": "s"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "is_error": True,
                 "content": [{"type": "text", "text": "x"}]},
            ]},
        ],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2000}, "metadata": {"user_id": "u"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
        "stop_sequences": ["a"], "temperature": 0.5,
    },
    "responses": {
        "model": "m", "instructions": "x", "stream": True, "max_output_tokens": 5,
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "x"},
                {"type": "input_image", "image_url": "https://a.test", "detail": "low"},
                {"type": "input_file", "file_data": "data:a/b;base64,aGk=", "filename": "f"},
            ]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}],
             "content": [{"type": "reasoning_text", "text": "x"}], "encrypted_content": "gAAAA"},
            {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "t", "output": "x"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "f"}, "include": ["x"], "user": "u",
        "text": {"format": {"type": "json_schema", "name": "x", "schema": {}}},
        "reasoning": {"effort": "low"}, "top_logprobs": 2,
    },
}  # fmt: skip
MODELS = {"openai": "gpt-5", "completions": "m", "anthropic": "claude-sonnet-4", "responses": "o3"}
STREAMS = {
    "openai": [
        {"id": "c", "model": "m", "created": 1, "choices": [{"index": 0, "delta": {
            "role": "assistant", "content": [{"type": "thinking", "thinking": [{"text": "x"}]}],
            "reasoning_details": [{"signature": "s"}], "tool_calls": [{"index": 0, **CALL}],
            "annotations": [{"type": "url_citation", "url_citation": {"url": "x"}}]},
            "logprobs": {"content": [{"token": "x"}]}, "finish_reason": "stop"}],
         "citations": ["x"], "search_results": [{"url": "x"}], "usage": {"prompt_tokens": 1,
         "prompt_tokens_details": {"cached_tokens": 1}}, "x_groq": {"usage": {}}},
        {"choices": [{"index": 0, "delta": {"content": "x"}}]},
        {"error": {"message": "x", "code": 500, "type": "x"}},
    ],
    "anthropic": [
        {"type": "message_start", "message": {"id": "a", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0,
         "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_start", "index": 1,
         "content_block": {"type": "text", "text": "x", "citations": [{"url": "x"}]}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": 1,
         "delta": {"type": "citations_delta", "citation": {"url": "x"}}},
        {"type": "content_block_delta", "index": 2,
         "delta": {"type": "thinking_delta", "thinking": "x"}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
         "usage": {"output_tokens": 1, "output_tokens_details": {"thinking_tokens": 1}}},
        {"type": "error", "error": {"type": "x", "message": "x"}},
    ],
    "responses": [
        {"type": "response.created", "response": {"id": "r", "model": "m", "created_at": 1}},
        {"type": "response.output_item.added", "output_index": 0,
         "item": {"type": "function_call", "call_id": "t", "name": "f", "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
        {"type": "response.output_item.done", "output_index": 0,
         "item": {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"}},
        {"type": "response.output_item.done", "output_index": 1,
         "item": {"type": "reasoning", "encrypted_content": "x"}},
        {"type": "response.output_text.delta", "output_index": 2, "delta": "x", "logprobs": [{}]},
        {"type": "response.output_text.annotation.added",
         "annotation": {"type": "url_citation", "url": "x"}},
        {"type": "response.failed", "response": {"error": {"message": "x", "code": "x"}}},
        {"type": "response.completed", "response": {"status": "completed",
         "incomplete_details": {"reason": "x"}, "usage": {"input_tokens": 1,
         "input_tokens_details": {"cached_tokens": 1}}}},
        {"type": "error", "message": "x", "code": "x"},
    ],
}  # fmt: skip
ANSWERS = {
    "openai": {"id": "c", "created": 1, "choices": [{"index": 0, "finish_reason": "stop",
               "message": {"content": "x", "tool_calls": [CALL],
                           "annotations": [{"type": "url_citation", "url_citation": {}}]},
               "logprobs": {"content": []}}], "usage": {"prompt_tokens": 1}, "citations": ["x"]},
    "completions": {"choices": [{"text": "x", "finish_reason": "stop"}], "usage": {}},
    "anthropic": {"id": "a", "content": [
        {"type": "text", "text": "x", "citations": [{"url": "x"}]},
        {"type": "thinking", "thinking": "x", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}],
        "stop_reason": "tool_use", "usage": {"input_tokens": 1}},
    "responses": {"id": "r", "created_at": 1, "status": "completed", "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "x",
                                         "annotations": [{"type": "url_citation"}]}]},
        {"type": "reasoning", "summary": [{"text": "x"}], "content": [{"text": "x"}]},
        {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"}],
        "usage": {"input_tokens": 1}},
}  # fmt: skip


def places(value, path=()):
    """The path to everything inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))


def spoilt(whole, spoils):
    whole = copy.deepcopy(whole)
    for path, junk in spoils:
        inner = whole
        try:
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]]  # gone where its parent was spoilt
            inner[path[-1]] = copy.deepcopy(junk)
        except (KeyError, IndexError, TypeError):
            continue  # spoilt already
    return whole


def spoils(whole):
    return st.lists(st.tuples(st.sampled_from(list(places(whole))), JUNK), min_size=1, max_size=3)


@pytest.mark.parametrize("name", BODIES)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_spoilt_request_is_refused_or_understood(name: str, data) -> None:
    body = spoilt(BODIES[name], data.draw(spoils(BODIES[name])))
    spoken = dialect(name)
    try:
        spoken.check(body)
        request = spoken.parse(body)
    except ClientError as refused:
        assert refused.status == 400
        assert refused.param
        return
    for target, model in MODELS.items():
        orjson.dumps(dialect(target).render(request, model).body)


@pytest.mark.parametrize("name", STREAMS)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_spoilt_stream_is_read_without_a_crash(name: str, data) -> None:
    events = [spoilt(one, data.draw(spoils(one))) for one in STREAMS[name]]
    raw = b"".join(
        b"event: %b\ndata: %b\n\n" % (str(one.get("type")).encode(), orjson.dumps(one))
        for one in events
    ).replace(b"event: None\n", b"")
    frames = dialect(name).decoder().feed(raw)
    assert b"".join(frame.raw for frame in frames) == raw
    for target in ("openai", "anthropic", "responses", "completions"):
        encoder = dialect(target).encoder(id="a", model="m", created=1, include_usage=True)
        for frame in frames:
            encoder.encode(frame.events)
        encoder.end()


@pytest.mark.parametrize("name", ANSWERS)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_spoilt_answer_is_a_failure_or_an_answer(name: str, data) -> None:
    body = spoilt(ANSWERS[name], data.draw(spoils(ANSWERS[name])))
    try:
        answer = dialect(name).read_answer(body)
    except UpstreamFailure:
        return
    for target in ("openai", "anthropic", "responses", "completions"):
        assert isinstance(orjson.loads(dialect(target).write_answer(answer)), dict)


@pytest.mark.parametrize("much", [1.8446744073709552e19, 1e300])
@pytest.mark.parametrize("name", ["bedrock", "cohere"])
def test_counts_that_no_client_could_read_are_as_good_as_none(name: str, much: float) -> None:
    said = Answer("i", "m", 1, (Choice("hi"),), Usage(3, 2))
    body = orjson.loads(dialect(name).write_answer(said))
    place = body["usage"] if name == "bedrock" else body["usage"]["tokens"]
    place["inputTokens" if name == "bedrock" else "input_tokens"] = much
    answer = dialect(name).read_answer(body)
    assert answer.choices[0].text == "hi"
    assert answer.usage is None
    spoken = {"usage": body["usage"]}
    event = (
        eventstream.frame(
            {":event-type": "metadata", ":message-type": "event"}, orjson.dumps(spoken)
        )
        if name == "bedrock"
        else b"data: %b\n\n" % orjson.dumps({"type": "message-end", "delta": spoken})
    )
    (read,) = dialect(name).decoder().feed(event)
    assert not any(isinstance(one, Spent) for one in read.events)
