"""Chat and text completion requests in neutral form, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.chat import (
    CallPart,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    ResultPart,
    TextPart,
    Tool,
)
from proxy.dialects.completions import Completions
from proxy.dialects.openai import OpenAI
from proxy.errors import ClientError
from tests.dialects.requests import requests

CHAT = OpenAI()
TEXT = Completions()


def parse(*messages, **fields):
    body = {"model": "m", "messages": [*messages], **fields}
    CHAT.check(body)
    return CHAT.parse(body)


def part(**fields):
    return parse({"role": "user", "content": [fields]}).messages[0].parts


@settings(deadline=None)
@given(
    requests(),
    st.fixed_dictionaries(
        {},
        optional={
            "seed": st.integers(0, 9),
            "stop": st.just(("a", "b")),
            "n": st.integers(1, 3),
            "top_k": st.integers(1, 50),
            "logprobs": st.booleans(),
            "top_logprobs": st.integers(0, 5),
            "logit_bias": st.just({"5": -100}),
            "presence_penalty": st.floats(-2, 2),
            "reasoning_effort": st.sampled_from(["low", "high"]),
            "response_format": st.just({"type": "json_object"}),
            "parallel_tool_calls": st.booleans(),
            "user": st.just("u"),
            "extra": st.just({"metadata": {"a": "b"}, "unheard_of": [1]}),
        },
    ),
)
def test_what_is_rendered_means_the_same(request, more) -> None:
    if not request.tools:
        more.pop("parallel_tool_calls", None)
    request = replace(request, **more)
    rendered = CHAT.render(request, "m")
    assert (rendered.path, rendered.dropped) == ("/chat/completions", ())
    CHAT.check(rendered.body)
    assert CHAT.parse(rendered.body) == request


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
         TextPart("hi", cache_mark="5m")),
        ({"type": "image_url", "image_url": "https://a.test/x"}, ImagePart("https://a.test/x")),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
         ImagePart(media_type="image/png", data="aGk=", detail="low")),
        ({"type": "image_url", "image_url": {"url": "data:image/svg+xml,hi"}},
         ImagePart(media_type="image/svg+xml", data="aGk=")),
        ({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
         FilePart("audio", "audio/mpeg", "aGk=")),
        ({"type": "file", "file": {"file_id": "f1"}}, FilePart("file", file_id="f1")),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=",
                                   "filename": "a.pdf"}},
         FilePart("file", "application/pdf", "aGk=", name="a.pdf")),
        ({"type": "document_url", "document_url": "https://a.test/x.pdf"},
         FilePart("file", url="https://a.test/x.pdf")),
    ],
)  # fmt: skip
def test_what_a_part_means(given, understood) -> None:
    assert part(**given) == (understood,)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"type": "video_url", "video_url": {"url": "x"}}, "messages[0].content[0]"),
        ({"type": "image_url", "image_url": {}}, "messages[0].content[0].image_url.url"),
        ({"type": "image_url"}, "messages[0].content[0]"),
        ({"type": "input_audio", "input_audio": {}}, "messages[0].content[0].input_audio"),
        ({"type": "file", "file": {}}, "messages[0].content[0].file"),
    ],
)
def test_a_part_that_cannot_be_understood_names_its_place(given, param: str) -> None:
    with pytest.raises(ClientError) as refused:
        part(**given)
    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 3}}]},
         "tools[0].function.parameters"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
        ({"logprobs": 3}, "logprobs"),
    ],
)  # fmt: skip
def test_a_parameter_that_cannot_be_understood_is_named(fields, param: str) -> None:
    with pytest.raises(ClientError) as refused:
        parse({"role": "user", "content": "x"}, **fields)
    assert refused.value.param == param


def test_an_assistant_turn_holds_thought_text_and_calls() -> None:
    said = parse(
        {"role": "assistant", "content": "hi", "reasoning_content": "hm",
         "tool_calls": [{"id": "t", "type": "function",
                         "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "t", "content": [{"type": "text", "text": "ok"}]},
    )  # fmt: skip
    assert said.messages[0].parts == (
        ReasoningPart("hm"), TextPart("hi"), CallPart("t", "f", "{}"),
    )  # fmt: skip
    assert said.messages[1] == Message("tool", (ResultPart("t", (TextPart("ok"),)),))


def test_proofs_that_a_client_kept_go_back() -> None:
    said = parse(
        {"role": "assistant", "content": None, "reasoning_content": "hm",
         "reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "sig"}],
         "tool_calls": [{"id": "t", "type": "function",
                         "function": {"name": "f", "arguments": "{}"},
                         "extra_content": {"google": {"thought_signature": "proof"}}}]},
    )  # fmt: skip
    assert said.messages[0].parts == (
        ReasoningPart("hm", "sig"), CallPart("t", "f", "{}", "proof"),
    )  # fmt: skip
    thought = CHAT.render(said, "deepseek-chat").body["messages"][0]
    assert (thought["reasoning_content"], thought["reasoning_details"][0]["signature"]) == (
        "hm", "sig",
    )  # fmt: skip
    called = CHAT.render(said, "gemini-3-pro").body["messages"][0]["tool_calls"][0]
    assert called["extra_content"] == {"google": {"thought_signature": "proof"}}
    plain = CHAT.render(said, "llama-3").body["messages"][0]
    assert plain.keys() == {"role", "content", "tool_calls"}  # others refuse what they do not know
    assert plain["tool_calls"][0].keys() == {"id", "type", "function"}


@pytest.mark.parametrize("kind", ["auto", "none", "required"])
def test_a_choice_may_be_an_object(kind: str) -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    request = parse({"role": "user", "content": "hi"}, tools=[tool], tool_choice={"type": kind})
    assert (request.tool_choice, request.extra) == (kind, None)


@pytest.mark.parametrize(
    ("fields", "effort", "budget", "extra"),
    [
        ({"reasoning": {"effort": "low"}}, "low", None, None),
        ({"reasoning": {"max_tokens": 2000}}, None, 2000, None),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, "high", None, None),
        ({"reasoning": {"exclude": True}}, None, None, {"reasoning": {"exclude": True}}),
        ({"reasoning": None}, None, None, None),
    ],
)
def test_thinking_as_openrouters_clients_ask_for_it(fields, effort, budget, extra) -> None:
    request = parse({"role": "user", "content": "hi"}, **fields)
    assert (request.reasoning_effort, request.reasoning_budget) == (effort, budget)
    assert request.extra == extra


def test_a_long_name_of_a_user_becomes_a_digest() -> None:
    said = parse({"role": "user", "content": "x"}, user="u" * 65)
    short = CHAT.render(said, "m").body["user"]
    assert len(short) == 32
    assert CHAT.render(replace(said, user="u" * 66), "m").body["user"] != short
    assert CHAT.render(replace(said, user="u" * 64), "m").body["user"] == "u" * 64


def test_functions_of_old_are_tools() -> None:
    said = parse(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "ok"},
        functions=[{"name": "f"}],
        function_call={"name": "f"},
    )
    assert said.tools == (Tool("f"),)
    assert said.tool_choice == "function:f"
    call, result = said.messages[0].parts[0], said.messages[1].parts[0]
    assert isinstance(call, CallPart)
    assert isinstance(result, ResultPart)
    assert call.id == result.call_id


def test_tools_of_other_kinds_stay_with_openais_format() -> None:
    custom = {"type": "custom", "custom": {"name": "c"}}
    function = {"type": "function", "function": {"name": "f"}}
    said = parse({"role": "user", "content": "x"}, tools=[custom, function])
    assert said.tools == (Tool("f"),)
    assert CHAT.render(said, "m").body["tools"] == [function, custom]


def test_openais_reasoning_models_are_spared_what_they_refuse() -> None:
    said = replace(
        parse({"role": "developer", "content": "x"}, temperature=0.5, max_tokens=9, stop="a"),
        reasoning_budget=5000,
    )
    own = CHAT.render(said, "gpt-5-mini")
    assert own.dropped == ("temperature", "stop")
    assert own.body["max_completion_tokens"] == 9
    assert own.body["reasoning_effort"] == "medium"
    assert own.body["messages"][0]["role"] == "developer"
    other = CHAT.render(said, "llama-3")
    assert other.dropped == ("reasoning_effort",)
    assert other.body["max_tokens"] == 9
    assert other.body["messages"][0]["role"] == "system"


def test_a_picture_from_a_tool_follows_in_a_turn_of_its_own() -> None:
    picture = ImagePart(media_type="image/png", data="aGk=")
    said = replace(
        parse({"role": "user", "content": "x"}),
        messages=(
            Message("tool", (ResultPart("t", (picture,)),)),
            Message("tool", (ResultPart("u", (TextPart("ok"),)),)),
            Message("assistant", (TextPart("done"),)),
        ),
    )
    turns = CHAT.render(said, "gpt-4o").body["messages"]
    assert [turn["role"] for turn in turns] == ["tool", "tool", "user", "assistant"]
    assert turns[2]["content"][1]["image_url"]["url"] == "data:image/png;base64,aGk="


def test_cache_marks_go_only_where_they_are_read() -> None:
    said = parse({"role": "user", "content": [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]})  # fmt: skip
    assert CHAT.render(said, "gpt-4o").body["messages"][0]["content"] == "x"
    marked = CHAT.render(said, "anthropic/claude-sonnet-4").body["messages"][0]["content"]
    assert marked[0]["cache_control"] == {"type": "ephemeral"}


def test_a_completion_is_a_chat_of_one_turn() -> None:
    body = {"model": "m", "prompt": "once", "max_tokens": 5, "logprobs": 2, "echo": True}
    TEXT.check(body)
    said = TEXT.parse(body)
    assert said.messages == (Message("user", (TextPart("once"),)),)
    assert (said.logprobs, said.top_logprobs, said.ignored) == (True, 2, ("echo",))
    again = TEXT.render(said, "m")
    assert again.path == "/completions"
    assert again.body == {"model": "m", "prompt": "once", "max_tokens": 5, "logprobs": 2}
    with pytest.raises(ClientError) as refused:
        TEXT.parse({"model": "m", "prompt": [[1, 2]]})
    assert refused.value.param == "prompt"


def test_a_chat_told_as_a_completion_says_what_it_lost() -> None:
    said = parse(
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "hi"},
        tools=[{"type": "function", "function": {"name": "f"}}],
        response_format={"type": "json_object"},
    )
    told = TEXT.render(said, "m")
    assert told.body["prompt"] == "be kind\n\nhi"
    assert told.dropped == ("tools", "response_format")
