"""Signed and encrypted thoughts go through every format and come back to their provider whole."""

from __future__ import annotations

import orjson
import pytest

from proxy.chat import REDACTED, Extra, Finished, Opened, Reasoning, Text, ToolCall
from proxy.dialects.assemble import assemble
from proxy.dialects.registry import dialect
from tests.dialects.recorded import payloads

TOLD = [
    Opened("m", "claude", 1),
    Reasoning("first "),
    Reasoning("thought"),
    Reasoning("", signature="proof"),
    Extra(REDACTED, ["hidden1"]),
    Extra(REDACTED, ["hidden2"]),
    Text("hello"),
    ToolCall(0, "t1", "look", '{"a":1}'),
    Finished("tool_calls"),
]
BLOCKS = [
    {"type": "thinking", "thinking": "first thought", "signature": "proof"},
    {"type": "redacted_thinking", "data": "hidden1"},
    {"type": "redacted_thinking", "data": "hidden2"},
    {"type": "text", "text": "hello"},
    {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}},
]


def again(client: str, body: dict) -> dict:
    """What a client that keeps a whole answer sends back: the model's turn, in its own format."""
    if client == "openai":
        return {"messages": [*ASKED, body["choices"][0]["message"]]}
    if client == "anthropic":
        turn = {"role": "assistant", "content": body["content"]}
        return {"max_tokens": 9, "messages": [*ASKED, turn]}
    return {"input": [*ASKED, *body["output"]]}


def gathered(client: str) -> dict:
    """What a client puts together of the stream: a response comes whole in its last event."""
    encoder = dialect(client).encoder(id="m", model="claude", created=1, include_usage=True)
    stream = encoder.encode(TOLD[:5]) + encoder.encode(TOLD[5:]) + encoder.end()
    if client == "responses":
        return payloads(stream.decode())[-1]["response"]
    decoder = dialect(client).decoder()
    frames = [*decoder.feed(stream), *decoder.close()]
    told = assemble(one for frame in frames for one in frame.events)
    return orjson.loads(dialect(client).write_answer(told))


ASKED = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("client", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_come_back_to_anthropic_as_it_told_them(client: str, streamed: bool) -> None:
    whole = orjson.loads(dialect(client).write_answer(assemble(TOLD)))
    sent = again(client, gathered(client) if streamed else whole)
    asked = dialect(client).parse({"model": "claude-opus-4-6", **sent})
    turns = dialect("anthropic").render(asked, "claude-opus-4-6").body["messages"]
    assert turns[1] == {"role": "assistant", "content": BLOCKS}


def test_a_bedrock_turn_keeps_them_too() -> None:
    body = orjson.loads(dialect("bedrock").write_answer(assemble(TOLD)))
    content = body["output"]["message"]["content"]
    assert {"reasoningContent": {"redactedContent": "hidden1"}} in content
    back = dialect("bedrock").parse(
        {"messages": [{"role": "assistant", "content": content}], "model": "claude"}
    )
    again = dialect("bedrock").render(back, "anthropic.claude-opus-4-6-v1:0").body
    assert again["messages"][-1]["content"] == content


def test_proofs_of_several_thoughts_are_not_mixed_up() -> None:
    told = [Reasoning("one", signature="p1"), Text("a"), Reasoning("two", signature="p2")]
    choice = assemble(told).choices[0]
    assert choice.reasoning == "onetwo"
    assert choice.reasoning_signature == ""
    encoder = dialect("anthropic").encoder(id="m", model="c", created=1, include_usage=True)
    stream = encoder.encode(told[:1]) + encoder.encode(told[2:])
    assert stream.count(b'"type":"thinking","thinking":""') == 2
    detail = {"type": "reasoning.text", "text": ""}
    message = {
        "role": "assistant",
        "content": "a",
        "reasoning_content": "onetwo",
        "reasoning_details": [{**detail, "signature": "p1"}, {**detail, "signature": "p2"}],
    }
    asked = dialect("openai").parse({"model": "m", "messages": [*ASKED, message]})
    assert [(one.text, one.signature) for one in asked.messages[1].parts[:1]] == [("onetwo", "")]


def test_pictures_that_a_model_draws_reach_a_chat_client() -> None:
    url = "data:image/png;base64,aGk="
    picture = {"type": "image_url", "image_url": {"url": url}}
    parts = [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]
    said = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    answer = dialect("gemini").read_answer(said)
    whole = orjson.loads(dialect("openai").write_answer(answer))
    assert whole["choices"][0]["message"]["images"] == [picture]
    frames = dialect("gemini").decoder().feed(b"data: " + orjson.dumps(said) + b"\r\n\r\n")
    encoder = dialect("openai").encoder(id="m", model="c", created=1, include_usage=False)
    assert b'"images":[{"type":"image_url"' in encoder.encode(frames[0].events)
