"""Calls asked for as JSON by a schema, and read from it however the stream is cut."""

from __future__ import annotations

import orjson
import pytest

from proxy.chat import Finished, Text, ToolCall
from proxy.dialects.registry import CALLS_BY_SCHEMA, dialect

OPENAI = dialect("openai")
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"$ref": "#/$defs/City"}},
    "required": ["city"],
    "$defs": {"City": {"type": "string"}},
}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}},
    {"type": "function", "function": {"name": "clock"}},
]
ARGUMENTS = '{"city": "a } \\" { \\\\", "deep": {"b": [{}, "\\u20ac"]}}'
CALL = f'{{\n "call_function" : "weather",\n  "arguments": {ARGUMENTS}\n}}\n'


def rendered(choice, **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": TOOLS, **fields}
    if choice is not None:
        body["tool_choice"] = choice
    return CALLS_BY_SCHEMA.render(OPENAI.parse(body), "m")


def sse(*deltas, finish: str = "stop", ident: str = "chatcmpl-1") -> bytes:
    events = [{"id": ident, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    told = [b"data: %b\n\n" % orjson.dumps(event) for event in events]
    return b"".join([*told, b"data: [DONE]\n\n"])


def events_of(stream: bytes, size: int = 1 << 20):
    decoder = CALLS_BY_SCHEMA.decoder()
    cuts = [stream[start : start + size] for start in range(0, len(stream), size)]
    frames = [frame for cut in cuts for frame in decoder.feed(cut)] + decoder.close()
    assert b"".join(frame.raw for frame in frames) == stream
    return [event for frame in frames for event in frame.events]


def test_a_named_tool_becomes_its_schema_and_its_definitions_the_roots() -> None:
    given = rendered({"type": "function", "function": {"name": "weather"}})
    schema = given.body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["call_function"] == {"const": "weather"}
    assert schema["properties"]["arguments"]["required"] == ["city"]
    assert schema["$defs"] == {"City": {"type": "string"}}
    assert "$defs" not in schema["properties"]["arguments"]
    assert not given.body.keys() & {"tools", "tool_choice"}
    assert given.dropped == ()


def test_any_of_several_tools_is_a_choice_of_schemas() -> None:
    schema = rendered("required").body["response_format"]["json_schema"]["schema"]
    names = [one["properties"]["call_function"]["const"] for one in schema["anyOf"]]
    assert names == ["weather", "clock"]


def test_the_model_is_told_what_its_tools_are_for() -> None:
    weather = {
        "name": "weather",
        "description": "What it is like outside.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"description": "its name"}, "day": True},
        },
    }
    tools = [{"type": "function", "function": weather}, TOOLS[1]]
    told = rendered("required", tools=tools).body["messages"]
    assert [one["role"] for one in told] == ["system", "user"]
    assert told[0]["content"].endswith(
        "Functions:\n- weather(city: its name, day): What it is like outside.\n- clock()"
    )
    named = {"type": "function", "function": {"name": "clock"}}
    system = {"role": "system", "content": "Be brief."}
    turns = [system, {"role": "user", "content": "hi"}]
    told = rendered(named, tools=tools, messages=turns).body["messages"]
    words = "".join(part["text"] for part in told[0]["content"])
    assert "weather" not in words
    assert words.endswith("- clock()\n\nBe brief.")
    assert [one["role"] for one in told] == ["system", "user"]


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_a_call_that_may_be_made_or_not_is_dropped_and_told(choice) -> None:
    asked = {"type": "json_object"}
    given = rendered(choice, response_format=asked)
    assert given.dropped == (() if choice == "none" else ("tools",))
    assert len(given.body["messages"]) == 1
    assert given.body["response_format"] == asked
    assert not given.body.keys() & {"tools", "tool_choice"}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
@pytest.mark.parametrize("piece", [1, 2, 5, 1000])
def test_cuts_do_not_matter(size: int, piece: int) -> None:
    deltas = [{"content": CALL[at : at + piece]} for at in range(0, len(CALL), piece)]
    events = events_of(sse({"role": "assistant", "content": ""}, *deltas), size)
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert calls[0].name == "weather"
    assert calls[0].id.startswith("call_")
    assert {call.id for call in calls[1:]} <= {""}
    assert "".join(call.arguments for call in calls) == ARGUMENTS
    assert not any(isinstance(event, Text) and event.text for event in events)
    assert [e.reason for e in events if isinstance(e, Finished)] == ["tool_calls"]


@pytest.mark.parametrize(
    "text",
    ["Hello.", "{", '{"firsttoken', '{"other": 1}', '{"call_function": 5}', "", " \n",
     '{"call_function": "' + "x" * 500, '{"call_function": "weather", "arguments": 1}'],
)  # fmt: skip
def test_what_is_no_call_stays_text(text: str) -> None:
    events = events_of(sse(*({"content": letter} for letter in text)))
    assert "".join(event.text for event in events if isinstance(event, Text)) == text
    assert [e.reason for e in events if isinstance(e, Finished)] == ["stop"]


def test_no_two_answers_calls_have_the_same_id() -> None:
    role = {"role": "assistant", "content": None}
    one, other = (
        [event.id for event in events_of(stream) if isinstance(event, ToolCall)]
        for stream in (sse(role, {"content": CALL}, ident=ident) for ident in ("a1", "a2"))
    )
    assert one[0]
    assert one[0] != other[0]


def test_a_call_that_was_cut_says_so() -> None:
    events = events_of(sse({"content": CALL[:60]}, finish="length"))
    assert any(isinstance(event, ToolCall) for event in events)
    assert [e.reason for e in events if isinstance(e, Finished)] == ["length"]


@pytest.mark.parametrize(("text", "called"), [(CALL, True), ("Hello.", False)])
def test_a_whole_answer_is_read_alike(text: str, called: bool) -> None:
    message = {"role": "assistant", "content": text}
    (choice,) = CALLS_BY_SCHEMA.read_answer(
        {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    ).choices
    if called:
        assert (choice.calls[0].name, choice.calls[0].arguments) == ("weather", ARGUMENTS)
        assert (choice.text, choice.finish) == ("", "tool_calls")
    else:
        assert (choice.calls, choice.text, choice.finish) == ((), text, "stop")
