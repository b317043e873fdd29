"""Prompt-cache marks: wherever a client puts one, the provider hears of it, and of how long."""

from __future__ import annotations

import pytest

from proxy.dialects.registry import dialect

IMAGE = "data:image/png;base64,iVBORw0KGgo="
FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT = {
    "model": "m",
    "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": HOUR},
              {"type": "function", "function": {"name": "g", "cache_control": FIVE}}],
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": HOUR}]},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": IMAGE}, "cache_control": FIVE},
            {"type": "text", "text": "q"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "r", "cache_control": FIVE},
        {"role": "user", "content": "next", "cache_control": FIVE},
    ],
}  # fmt: skip
MESSAGES = {
    "model": "m", "max_tokens": 9,
    "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": HOUR},
              {"name": "g", "input_schema": {"type": "object"}, "cache_control": FIVE}],
    "system": [{"type": "text", "text": "s", "cache_control": HOUR}],
    "messages": [
        {"role": "user", "content": [
            {"type": "image", "cache_control": FIVE,
             "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
            {"type": "text", "text": "q"}]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "r", "cache_control": FIVE},
            {"type": "text", "text": "next", "cache_control": FIVE}]},
    ],
}  # fmt: skip
CLIENTS = {"openai": CHAT, "anthropic": MESSAGES}


@pytest.mark.parametrize("client", CLIENTS)
def test_claude_hears_of_every_mark(client: str) -> None:
    request = dialect(client).parse(CLIENTS[client])
    told = dialect("anthropic").render(request, "claude-sonnet-4-5").body
    assert [tool["cache_control"] for tool in told["tools"]] == [HOUR, FIVE]
    assert told["system"] == [{"type": "text", "text": "s", "cache_control": HOUR}]
    picture, words = told["messages"][0]["content"]
    assert picture["cache_control"] == FIVE
    assert "cache_control" not in words
    result, following = told["messages"][2]["content"]
    assert result == {"type": "tool_result", "tool_use_id": "c1", "content": "r",
                      "cache_control": FIVE}  # fmt: skip
    assert following == {"type": "text", "text": "next", "cache_control": FIVE}


@pytest.mark.parametrize("client", CLIENTS)
def test_bedrock_hears_of_every_mark(client: str) -> None:
    request = dialect(client).parse(CLIENTS[client])
    told = dialect("bedrock").render(request, "anthropic.claude-sonnet-4-5").body
    five, hour = {"type": "default"}, {"type": "default", "ttl": "1h"}
    points = [tool.get("cachePoint") for tool in told["toolConfig"]["tools"]]
    assert points == [None, hour, None, five]
    assert told["system"] == [{"text": "s"}, {"cachePoint": hour}]
    assert [next(iter(block)) for block in told["messages"][0]["content"]] == [
        "image", "cachePoint", "text"]  # fmt: skip
    assert [next(iter(block)) for block in told["messages"][2]["content"]] == [
        "toolResult", "cachePoint", "text", "cachePoint"]  # fmt: skip
    again = dialect("bedrock").render(dialect("bedrock").parse(told), "anthropic.claude-sonnet-4-5")
    assert again.body == told


def test_claude_behind_openais_format_hears_of_them_too() -> None:
    request = dialect("anthropic").parse(MESSAGES)
    told = dialect("openai").render(request, "anthropic/claude-sonnet-4.5").body
    assert [tool["cache_control"] for tool in told["tools"]] == [HOUR, FIVE]
    system, asked, _, result, following = told["messages"]
    assert system["content"][0]["cache_control"] == HOUR
    assert asked["content"][0]["cache_control"] == FIVE
    assert result["content"] == [{"type": "text", "text": "r", "cache_control": FIVE}]
    assert following["content"][0]["cache_control"] == FIVE


@pytest.mark.parametrize("name", ["openai", "responses", "gemini", "ollama", "cohere"])
@pytest.mark.parametrize("client", CLIENTS)
def test_nobody_else_sees_one(client: str, name: str) -> None:
    rendered = dialect(name).render(dialect(client).parse(CLIENTS[client]), "model")
    assert "cache_control" not in str(rendered.body)
    assert "cachePoint" not in str(rendered.body)


def test_a_model_without_marks_gets_no_points() -> None:
    request = dialect("openai").parse(CHAT)
    assert "cachePoint" not in str(dialect("bedrock").render(request, "meta.llama3").body)
    nova = dialect("bedrock").render(request, "amazon.nova-pro-v1:0").body
    assert "cachePoint" in str(nova["system"])
    assert "cachePoint" not in str(nova["toolConfig"])
