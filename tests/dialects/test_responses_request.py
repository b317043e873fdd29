"""Responses requests in neutral form, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import TypeAdapter

from proxy.chat import (
    CallPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    ResultPart,
    TextPart,
    Tool,
)
from proxy.dialects.responses import Responses
from proxy.errors import ClientError
from tests.dialects.requests import requests, whole

RESPONSES = Responses()
THEIRS = TypeAdapter(ResponseCreateParamsBase)


def user(*parts, **fields) -> ChatRequest:
    asked = tuple(TextPart(one) if isinstance(one, str) else one for one in parts or ("hi",))
    return ChatRequest("m", (Message("user", asked),), **fields)


def render(request: ChatRequest, model: str = "gpt-4o"):
    rendered = RESPONSES.render(request, model)
    assert rendered.path == "/responses"
    RESPONSES.check(rendered.body)
    whole(THEIRS.validate_python(rendered.body))
    return rendered


def parse(given="hi", **fields) -> ChatRequest:
    body = {"model": "m", "input": given, **fields}
    RESPONSES.check(body)
    return RESPONSES.parse(body)


def loose(messages):
    """The same turns, pictures without their detail, and as the API wants them."""
    return tuple(
        replace(one, parts=tuple(
            replace(part, detail="auto") if isinstance(part, ImagePart) else part
            for part in one.parts
        ))
        for one in messages
    )  # fmt: skip


@settings(deadline=None)
@given(requests())
def test_what_is_rendered_means_the_same(request) -> None:
    rendered = render(request)
    assert rendered.dropped == ()
    again = RESPONSES.parse(rendered.body)
    assert again.messages == loose(request.messages)
    assert again.max_tokens == max(16, request.max_tokens)
    assert tuple(replace(one, strict=None) for one in again.tools) == request.tools
    same = {"messages": (), "max_tokens": 0, "tools": (), "include_usage": False, "model": "m"}
    assert replace(again, **same) == replace(request, **same)


def test_what_the_items_mean() -> None:
    said = parse(
        [
            {"role": "developer", "content": "be brief"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
                {"type": "input_file", "file_id": "f"},
                {"type": "input_file", "file_url": "https://a.test/x.pdf"},
            ]},
            {"type": "reasoning", "id": "rs", "encrypted_content": "gAAAA",
             "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "role": "assistant", "id": "msg", "status": "completed",
             "content": [{"type": "output_text", "text": "hi", "annotations": []}]},
            {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "u", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "t", "output": "ok"},
            {"type": "function_call_output", "call_id": "u",
             "output": [{"type": "input_text", "text": "ok"}]},
            {"type": "web_search_call", "id": "ws"},
        ],
        instructions="be kind",
    )  # fmt: skip
    assert said.messages == (
        Message("system", (TextPart("be kind"),)),
        Message("developer", (TextPart("be brief"),)),
        Message("user", (
            TextPart("see"), ImagePart(media_type="image/png", data="aGk=", detail="low"),
            FilePart("file", file_id="f"), FilePart("file", url="https://a.test/x.pdf"),
        )),
        Message("assistant", (
            ReasoningPart("hm", "gAAAA"), TextPart("hi"), CallPart("t", "f", "{}"),
            CallPart("u", "g", "{}"),
        )),
        Message("tool", (ResultPart("t", (TextPart("ok"),)),)),
        Message("tool", (ResultPart("u", (TextPart("ok"),)),)),
    )  # fmt: skip
    assert said.ignored == ("input.web_search_call",)


def test_what_the_parameters_mean() -> None:
    said = parse(
        tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
               {"type": "web_search"}],
        tool_choice={"type": "function", "name": "f"},
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "x", "schema": {}}, "verbosity": "low"},
        max_output_tokens=20, top_logprobs=2, store=True, user="u",
        include=["reasoning.encrypted_content", "web_search_call.action.sources"],
        truncation="auto", metadata={"a": "b"},
    )  # fmt: skip
    assert said.tools == (Tool("f", parameters={"type": "object"}, strict=True),)
    assert (said.tool_choice, said.reasoning_effort, said.max_tokens) == ("function:f", "low", 20)
    assert said.response_format == {
        "type": "json_schema", "json_schema": {"name": "x", "schema": {}},
    }  # fmt: skip
    assert (said.logprobs, said.top_logprobs, said.user) == (True, 2, "u")
    assert set(said.ignored) == {
        "tools.web_search", "include.web_search_call.action.sources", "text.verbosity",
        "truncation", "metadata",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt", "background"])
def test_what_needs_a_memory_is_refused_in_plain_words(name: str) -> None:
    body = {"model": "m", "input": "x", name: True if name == "background" else "resp_1"}
    RESPONSES.check(body)  # a provider that speaks this format may know it
    with pytest.raises(ClientError) as refused:
        RESPONSES.parse(body)
    assert (refused.value.status, refused.value.param) == (400, name)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"stream": "yes"}, "stream"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"text": "json"}, "text"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_a_wrong_request_names_its_parameter(fields, param: str) -> None:
    with pytest.raises(ClientError) as refused:
        RESPONSES.check({"model": "m", "input": "x", **fields})
    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
         "input[0].content[0].text"),
        ({"input": [{"type": "function_call"}]}, "input[0].name"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_names_its_place(fields, param: str) -> None:
    body = {"model": "m", "input": "x", **fields}
    RESPONSES.check(body)
    with pytest.raises(ClientError) as refused:
        RESPONSES.parse(body)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("fields", "told", "dropped"),
    [
        ({"stop": ("a",), "seed": 1, "top_k": 5}, {}, ("stop", "seed", "top_k")),
        ({"n": 1}, {}, ()),
        ({"max_tokens": 3}, {"max_output_tokens": 16}, ()),
        ({"reasoning_effort": "low"}, {}, ("reasoning_effort",)),
        ({"reasoning_budget": 5000}, {}, ("reasoning_effort",)),
        ({"response_format": {"type": "json_object"}},
         {"text": {"format": {"type": "json_object"}}}, ()),
        ({"logprobs": True, "top_logprobs": 2},
         {"include": ["message.output_text.logprobs"], "top_logprobs": 2}, ()),
        ({"extra": {"metadata": {"a": "b"}, "verbosity": "low", "odd": 1}},
         {"metadata": {"a": "b"}, "text": {"verbosity": "low"}}, ("odd",)),
    ],
)  # fmt: skip
def test_parameters_are_fitted_or_named(fields, told, dropped) -> None:
    rendered = render(user(**fields))
    assert rendered.dropped == dropped
    assert {name: rendered.body[name] for name in told} == told
    assert rendered.body.keys() - told.keys() == {"model", "input", "store"}


def test_models_that_reason_keep_their_sealed_thoughts() -> None:
    said = user(reasoning_budget=5000, temperature=0.5)
    rendered = render(said, "gpt-5-mini")
    assert rendered.body["reasoning"] == {"effort": "medium"}
    assert rendered.body["include"] == ["reasoning.encrypted_content"]
    assert rendered.dropped == ("temperature",)
    thoughts = (ReasoningPart("a", "gAAAAx"), ReasoningPart("b", "other"), TextPart("c"))
    sent = RESPONSES.render(replace(said, messages=(Message("assistant", thoughts),)), "gpt-5")
    assert [one.get("encrypted_content") for one in sent.body["input"]] == ["gAAAAx", None]
