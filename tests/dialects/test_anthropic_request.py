"""Messages requests in neutral form, and back; and what becomes of other formats' parameters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase
from hypothesis import given, settings
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
from proxy.dialects.anthropic import Anthropic
from proxy.dialects.anthropic_models import traits
from proxy.dialects.anthropic_parse import check_count
from proxy.dialects.anthropic_shapes import ANSWER_TOOL
from proxy.dialects.openai import OpenAI
from proxy.errors import ClientError
from tests.dialects.requests import requests, whole

MESSAGES = Anthropic()
THEIRS = TypeAdapter(MessageCreateParamsBase)
OLD, NEW = "claude-3-5-sonnet-20241022", "claude-opus-4-7"
THINKS = "claude-sonnet-4-20250514"


def user(*parts, **fields) -> ChatRequest:
    asked = tuple(TextPart(one) if isinstance(one, str) else one for one in parts or ("hi",))
    return ChatRequest("m", (Message("user", asked),), **fields)


def render(request: ChatRequest, model: str = OLD):
    rendered = MESSAGES.render(request, model)
    assert rendered.path == "/messages"
    MESSAGES.check(rendered.body)
    whole(THEIRS.validate_python(rendered.body))
    return rendered


def parse(*messages, **fields) -> ChatRequest:
    body = {"model": "m", "max_tokens": 9, "messages": [*messages], **fields}
    MESSAGES.check(body)
    return MESSAGES.parse(body)


@settings(deadline=None)
@given(requests())
def test_what_is_rendered_means_the_same(request) -> None:
    rendered = render(request)
    assert rendered.dropped == ()
    again = MESSAGES.parse(rendered.body)
    called = [part for one in request.messages for part in one.parts if isinstance(part, CallPart)]
    if not request.tools and called:
        assert again.tool_choice == "none"
        again = replace(again, tools=(), tool_choice=None)
    assert again.messages == request.messages
    assert replace(again, messages=(), include_usage=False, model="m") == replace(
        request, messages=(), include_usage=False
    )


@settings(deadline=None)
@given(requests())
def test_what_another_formats_client_says_arrives(request) -> None:
    body = OpenAI().render(request, "m").body
    rendered = render(OpenAI().parse(body))
    again = MESSAGES.parse(rendered.body)
    assert again.messages == request.messages


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
         TextPart("hi", cache_mark="5m")),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
         ImagePart(media_type="image/png", data="aGk=")),
        ({"type": "image", "source": {"type": "url", "url": "https://a.test/x"}},
         ImagePart("https://a.test/x")),
        ({"type": "document", "title": "a",
          "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}},
         FilePart("file", "application/pdf", "aGk=", name="a")),
        ({"type": "document", "source": {"type": "url", "url": "https://a.test/x"}},
         FilePart("file", url="https://a.test/x")),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}},
         FilePart("file", file_id="f")),
        ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
         FilePart("file", "text/plain", "aGk=")),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, ReasoningPart("hm", "s")),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
         CallPart("t", "f", '{"a":1}')),
        ({"type": "search_result", "source": "s", "title": "t",
          "content": [{"type": "text", "text": "x"}]}, TextPart("t (s)\nx")),
    ],
)  # fmt: skip
def test_what_a_block_means(given, understood) -> None:
    assert parse({"role": "user", "content": [given]}).messages[0].parts == (understood,)


def test_results_become_turns_of_their_own_and_what_has_no_place_is_named() -> None:
    said = parse(
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "no"},
            {"type": "tool_result", "tool_use_id": "u", "content": [{"type": "text", "text": "y"}]},
            {"type": "text", "text": "so?"},
            {"type": "container_upload", "file_id": "f"},
        ]},
        system=[{"type": "text", "text": "be kind"}],
        tools=[{"type": "web_search_20250305", "name": "web_search"},
               {"name": "f", "input_schema": {"type": "object"}}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        mcp_servers=[{"url": "x"}],
        metadata={"user_id": "u"},
        thinking={"type": "enabled", "budget_tokens": 3000},
    )  # fmt: skip
    assert said.messages == (
        Message("system", (TextPart("be kind"),)),
        Message("tool", (ResultPart("t", (TextPart("no"),), error=True),)),
        Message("tool", (ResultPart("u", (TextPart("y"),)),)),
        Message("user", (TextPart("so?"),)),
    )
    assert said.tools == (Tool("f", parameters={"type": "object"}),)
    assert (said.tool_choice, said.parallel_tool_calls) == ("required", False)
    assert (said.user, said.reasoning_budget) == ("u", 3000)
    assert set(said.ignored) == {
        "mcp_servers", "tools.web_search_20250305", "content.container_upload",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["Invalid content"]}, "messages.0.role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]},
         "messages.0.content.0.text"),
        ({"system": 3}, "system"),
        ({"system": ["x"]}, "system.0"),
        ({"stream": "yes"}, "stream"),
        ({"stop_sequences": [1]}, "stop_sequences"),
        ({"tools": ["x"]}, "tools.0"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"thinking": "yes"}, "thinking"),
        ({"temperature": "warm"}, "temperature"),
    ],
)  # fmt: skip
def test_a_wrong_request_names_its_parameter(fields, param: str) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], **fields}
    with pytest.raises(ClientError) as refused:
        MESSAGES.check(body)
    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"input_schema": {}}]}, "tools.0"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]},
         "messages.0.content.0.source"),
        ({"messages": [{"role": "user", "content": [{"type": "document"}]}]},
         "messages.0.content.0.source"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]},
         "messages.0.content.0.name"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_names_its_place(fields, param: str) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], **fields}
    MESSAGES.check(body)
    with pytest.raises(ClientError) as refused:
        MESSAGES.parse(body)
    assert refused.value.param == param


def test_a_count_of_tokens_needs_no_limit() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    check_count(body)
    assert MESSAGES.parse(body).max_tokens is None


def test_a_limit_is_always_sent() -> None:
    assert render(user()).body["max_tokens"] == 8192
    assert render(user(), THINKS).body["max_tokens"] == 32000
    assert render(user(max_tokens=7)).body["max_tokens"] == 7


def test_system_words_go_to_the_front_and_turns_alternate() -> None:
    said = ChatRequest("m", (
        Message("system", (TextPart("one"),)),
        Message("assistant", (TextPart("hello "),)),
        Message("user", (TextPart("a"),)),
        Message("developer", (TextPart("two"),)),
        Message("user", (TextPart(" "), TextPart("b"),)),
        Message("assistant", (CallPart("t", "f", ""),)),
        Message("tool", (ResultPart("t", ()),)),
        Message("user", (TextPart("c"),)),
        Message("assistant", (ReasoningPart("unsigned"), TextPart("so "))),
    ))  # fmt: skip
    body = render(said).body
    assert [one["text"] for one in body["system"]] == ["one", "two"]
    turns = body["messages"]
    assert [one["role"] for one in turns] == ["user", "assistant"] * 3
    assert [one["text"] for one in turns[2]["content"]] == ["a", "b"]
    assert [one["type"] for one in turns[4]["content"]] == ["tool_result", "text"]
    assert turns[5]["content"] == "so"
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]


@pytest.mark.parametrize(
    ("fields", "told", "dropped"),
    [
        ({"temperature": 1.5}, {"temperature": 1}, ("temperature",)),
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ("top_p",)),
        ({"top_p": 0.9, "top_k": 5}, {"top_p": 0.9, "top_k": 5}, ()),
        ({"stop": ("a", "\n")}, {"stop_sequences": ["a"]}, ("stop",)),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}, ()),
        ({"seed": 1, "n": 2, "logprobs": True}, {}, ("seed", "n", "logprobs")),
        ({"n": 1, "logprobs": False}, {}, ()),
        ({"presence_penalty": 0, "logit_bias": {}, "top_logprobs": 0}, {}, ()),
        ({"extra": {"store": False, "service_tier": "auto", "modalities": ["text"]}}, {}, ()),
        ({"extra": {"prediction": {}}}, {}, ("prediction",)),
        ({"response_format": {"type": "text"}}, {}, ()),
        ({"reasoning_effort": "none"}, {}, ()),
    ],
)
def test_parameters_are_fitted_or_named(fields, told, dropped) -> None:
    rendered = render(user(**fields))
    assert rendered.dropped == dropped
    assert {name: rendered.body.get(name) for name in told} == told
    assert rendered.body.keys() - told.keys() == {"model", "max_tokens", "messages"}


def test_thinking_by_budget_on_older_models_and_by_effort_on_newer() -> None:
    asked = user(reasoning_effort="low", temperature=0.5)
    older, newer = render(asked, THINKS), render(asked, NEW)
    assert older.body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert newer.body["thinking"]["type"] == "adaptive"
    assert newer.body["output_config"] == {"effort": "low"}
    assert older.dropped == newer.dropped == ("temperature",)
    by_budget = render(user(reasoning_budget=5000), NEW)
    assert by_budget.body["output_config"] == {"effort": "medium"}
    as_theirs = render(user(extra={"thinking": {"type": "enabled", "budget_tokens": 2000}}), THINKS)
    assert as_theirs.body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert as_theirs.dropped == ()


def test_no_thinking_where_it_would_be_refused() -> None:
    assert render(user(reasoning_effort="high", max_tokens=1500), THINKS).dropped == (
        "reasoning_effort",
    )
    tool = Tool("f")
    forced = user(reasoning_effort="high", tools=(tool,), tool_choice="required")
    assert render(forced, THINKS).dropped == ("reasoning_effort",)
    assert render(forced, NEW).dropped == ()
    lost = ChatRequest("m", (
        Message("assistant", (ReasoningPart("hm"), CallPart("t", "f", "{}"))),
        Message("tool", (ResultPart("t", (TextPart("ok"),)),)),
    ), tools=(tool,), reasoning_effort="high")  # fmt: skip
    assert render(lost, THINKS).dropped == ("reasoning_effort",)
    kept = replace(lost, messages=(
        Message("assistant", (ReasoningPart("hm", "sig"), CallPart("t", "f", "{}"))),
        lost.messages[1],
    ))  # fmt: skip
    body = render(kept, THINKS).body
    assert body["thinking"]["budget_tokens"] == 16384
    assert body["messages"][1]["content"][0]["signature"] == "sig"


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
          "additionalProperties": False}  # fmt: skip
OPEN = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}


def formed(schema):
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


def test_a_schema_is_native_or_a_forced_tool_or_words() -> None:
    native = render(user(response_format=formed(CLOSED)), NEW).body
    assert native["output_config"]["format"] == {"type": "json_schema", "schema": CLOSED}
    for model, schema in ((OLD, CLOSED), (NEW, OPEN)):
        body = render(user(response_format=formed(schema)), model).body
        assert body["tools"][0]["name"] == ANSWER_TOOL
        assert body["tool_choice"] == {"type": "tool", "name": ANSWER_TOOL}
    listed = render(user(response_format=formed({"type": "array"})), OLD).body
    assert '{"type":"array"}' in listed["system"]
    assert "JSON object" in render(user(response_format={"type": "json_object"})).body["system"]


def test_a_schema_beside_tools_or_thoughts() -> None:
    tool = Tool("f", parameters={"type": "object"})
    asked = user(response_format=formed(OPEN), tools=(tool,))
    body = render(asked).body
    assert body["tool_choice"] == {"type": "any"}
    assert [one["name"] for one in body["tools"]] == ["f", ANSWER_TOOL]
    called = render(replace(asked, tool_choice="function:f")).body
    assert called["tool_choice"] == {"type": "tool", "name": "f"}
    thought = render(user(response_format=formed(OPEN), reasoning_effort="low"), THINKS).body
    assert thought["tool_choice"] == {"type": "auto"}
    assert ANSWER_TOOL in thought["system"]


def test_parallel_calls_and_forced_tools() -> None:
    tool = Tool("f")
    alone = render(user(tools=(tool,), parallel_tool_calls=False)).body
    assert alone["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    unforced = render(user(tools=(tool,), tool_choice="function:f"), "claude-fable-5-1")
    assert unforced.body["tool_choice"] == {"type": "auto"}
    assert unforced.dropped == ("tool_choice",)


@pytest.mark.parametrize(
    ("model", "adaptive", "samples", "max_tokens"),
    [
        ("claude-3-opus-20240229", False, True, 4096),
        ("claude-3-5-sonnet-latest", False, True, 8192),
        ("claude-3-7-sonnet-20250219", False, True, 32000),
        ("claude-sonnet-4@20250514", False, True, 32000),
        ("anthropic/claude-sonnet-4.5", False, True, 32000),
        ("eu.anthropic.claude-opus-4-1-20250805-v1:0", False, True, 32000),
        ("claude-sonnet-4-6", True, True, 32000),
        ("claude-opus-4-7", True, False, 32000),
        ("claude-haiku-5-5", True, False, 32000),
        ("claude", True, False, 32000),
        ("kimi-k2", False, True, 32000),
    ],
)
def test_a_models_traits_are_read_off_its_name(model, adaptive, samples, max_tokens) -> None:
    found = traits(model)
    assert (found.adaptive, found.samples, found.max_tokens) == (adaptive, samples, max_tokens)


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 3000}}, 3000),
        ({"thinking": {"type": "adaptive"}}, 16384),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, 2048),
        ({"output_config": {"effort": "max"}}, 32768),
    ],
)
def test_an_effort_asked_for_is_a_budget_that_may_be_passed_over(fields, budget) -> None:
    said = parse({"role": "user", "content": "hi"}, **fields)
    assert (said.reasoning_effort, said.reasoning_budget) == (None, budget)
    chat = OpenAI()
    assert "reasoning_effort" not in chat.render(said, "gpt-4o").body
    assert ("reasoning_effort" in chat.render(said, "gpt-5").body) is (budget is not None)
