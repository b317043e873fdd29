"""Names of tools and ids of calls that another provider would refuse."""

from __future__ import annotations

import re

import orjson
import pytest

from proxy.chat import (
    CallPart,
    ChatRequest,
    Finished,
    Message,
    ResultPart,
    TextPart,
    Tool,
    ToolCall,
)
from proxy.dialects.assemble import assemble
from proxy.dialects.fitting import Renaming, asked, fitted, renamed
from proxy.dialects.registry import dialect

LONG = "mcp__" + "n" * 100
DOTTED = "files.read/all:now"
TAKES = {
    "openai": r"[a-zA-Z0-9_-]{1,64}", "responses": r"[a-zA-Z0-9_-]{1,64}",
    "anthropic": r"[a-zA-Z0-9_-]{1,64}", "bedrock": r"[a-zA-Z0-9_-]{1,64}",
    "gemini": r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", "cohere": r"[a-zA-Z0-9_-]{1,64}",
}  # fmt: skip


def conversation(*names: str) -> ChatRequest:
    return ChatRequest(
        model="m",
        messages=(
            Message("user", (TextPart("hi"),)),
            Message("assistant", tuple(CallPart(f"id-{n}", n, "{}") for n in names)),
            *(Message("tool", (ResultPart(f"id-{n}", (), name=n),)) for n in names),
        ),
        tools=tuple(Tool(n) for n in names),
        tool_choice=f"function:{names[0]}",
    )


@pytest.mark.parametrize("name", TAKES)
def test_what_does_not_fit_is_told_alike_everywhere(name: str) -> None:
    told = fitted(conversation(LONG, DOTTED, "9 lives", "plain_one"), name)
    names = [tool.name for tool in told.tools]
    assert all(re.fullmatch(TAKES[name], one) for one in names)
    assert len(set(names)) == 4
    assert names[3] == "plain_one"
    assert told.tool_choice == f"function:{names[0]}"
    assert [part.name for part in told.messages[1].parts] == names
    assert [one.parts[0].name for one in told.messages[2:]] == names


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_ids_that_differ_by_a_mark_stay_apart(name: str) -> None:
    calls = (CallPart("a.b", "f", "{}"), CallPart("a:b", "f", "{}"), CallPart("toolu_1", "f", "{}"))
    results = tuple(ResultPart(one.id, ()) for one in calls)
    asking = ChatRequest("m", (Message("assistant", calls), Message("tool", results)))
    turn, answer = fitted(asking, name).messages
    ids = [part.id for part in turn.parts]
    assert len(set(ids)) == 3
    assert ids[2] == "toolu_1"
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)
    assert [part.call_id for part in answer.parts] == ids


def test_a_long_id_is_cut_where_openai_counts() -> None:
    asking = ChatRequest("m", (Message("assistant", (CallPart("x" * 90, "f", "{}"),)),))
    assert len(fitted(asking, "openai").messages[0].parts[0].id) == 40


@pytest.mark.parametrize("name", ["ollama", "completions"])
def test_who_takes_anything_gets_it(name: str) -> None:
    request = conversation(LONG)
    assert fitted(request, name) is request


def test_nothing_is_made_anew_without_calls() -> None:
    request = ChatRequest("m", (Message("user", (TextPart("hi"),)),))
    assert fitted(request, "anthropic") is request


CLIENTS = {
    "openai": [{"type": "function", "function": {"name": DOTTED}}],
    "anthropic": [{"name": DOTTED, "type": "custom", "input_schema": {"type": "object"}}],
    "responses": [{"type": "function", "name": DOTTED, "parameters": {}}],
}


@pytest.mark.parametrize("client", CLIENTS)
def test_the_client_hears_its_own_name(client: str) -> None:
    tools = [*CLIENTS[client], {"type": "web_search"}]
    body = {"model": "m", "max_tokens": 9, "input": "hi", "tools": tools,
            "messages": [{"role": "user", "content": "hi"}]}  # fmt: skip
    names = asked(body, "anthropic")
    told = fitted(dialect(client).parse(body), "anthropic").tools[0].name
    assert names == {told: DOTTED}
    events = [ToolCall(0, "t", told), ToolCall(0, arguments="{}"), Finished("tool_calls")]
    (choice,) = renamed(assemble(events), names).choices
    assert choice.calls[0].name == DOTTED
    inner = dialect(client).encoder(id="c", model="m", created=1, include_usage=False)
    stream = Renaming(inner, names).encode(events)
    assert orjson.dumps(DOTTED) in stream
    assert told.encode() not in stream


def test_a_tool_that_takes_text_keeps_its_mark() -> None:
    body = {"model": "m", "input": "hi", "tools": [{"type": "custom", "name": DOTTED}]}
    told = fitted(dialect("responses").parse(body), "openai").tools[0].name
    assert asked(body, "openai") == {told: f"custom__{DOTTED}"}


@pytest.mark.parametrize(
    "body", [{}, {"tools": None}, {"tools": [{"type": "function", "function": {"name": "f"}}]}]
)
def test_names_that_fit_need_no_way_back(body) -> None:
    assert asked(body, "anthropic") == {}
