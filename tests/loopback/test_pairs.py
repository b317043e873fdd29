"""Every client's format through the running proxy to every provider's format, and back."""

from __future__ import annotations

import http.client

import orjson
import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from proxy.chat import Finished, Spent, Text, ToolCall, Usage
from proxy.dialects.assemble import assemble
from proxy.dialects.registry import dialect
from proxy.errors import ClientError
from tests.dialects.recorded import WIRE, payloads
from tests.dialects.recorded import recorded as all_recorded
from tests.dialects.recordings import decoded, said_by, said_in
from tests.loopback.test_dialects import ENV, Scripted

pytestmark = pytest.mark.loopback

TOOL = {"name": "look", "description": "looks", "input_schema": {"type": "object"}}
CLIENTS = {
    "openai": ("/v1/chat/completions", {
        "messages": [{"role": "user", "content": "hi"}],
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": "look"}}],
    }),
    "anthropic": ("/v1/messages", {
        "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100, "tools": [TOOL],
    }),
    "responses": ("/v1/responses", {
        "input": "hi", "tools": [{"type": "function", "name": "look", "parameters": {}}],
    }),
}  # fmt: skip
STRICT = {
    "openai": TypeAdapter(ChatCompletionChunk),
    "anthropic": TypeAdapter(RawMessageStreamEvent),
    "responses": TypeAdapter(ResponseStreamEvent),
}
WHOLE = {"openai": ChatCompletion, "anthropic": AnthropicMessage, "responses": Response}
PROVIDERS = ["openai", "anthropic", "responses", "gemini", "ollama", "cohere", "bedrock"]
EVERY = pytest.mark.parametrize(
    ("client", "provider"), [(one, two) for one in CLIENTS for two in PROVIDERS]
)
EVENTS = [Text("Hello "), Text("wörld"), ToolCall(0, "t1", "look", '{"at":"it"}'),
          Finished("tool_calls"), Spent(Usage(7, 5))]  # fmt: skip


@pytest.fixture(scope="module")
def scripted():
    one = Scripted()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture(scope="module")
def proxy(proxy_process, scripted):
    text = "[local]\nenabled = false\n"
    for name in PROVIDERS:
        known = "kin" if name == "openai" else name  # OpenAI itself speaks Responses too
        text += f'[[provider]]\nname = "{known}"\ndialect = "{name}"\n'
        text += f'base_url = "{scripted.base_url}"\n'
        text += 'region = "us-east-1"\n' if name == "bedrock" else ""
        text += f'[[route]]\nname = "to-{name}"\ntargets = ["{known}/the-model"]\ncache = false\n'
    return proxy_process(text, env={**ENV, "ANTHROPIC_API_KEY": "key-anthropic"})


def ask(proxy, client: str, provider: str, *, stream: bool):
    """(status, body) of this client's request for a route to this provider."""
    path, body = CLIENTS[client]
    body = {**body, "model": f"to-{provider}", "stream": stream}
    if not stream:
        body.pop("stream_options", None)
    connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=20)
    connection.request("POST", path, orjson.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def told_to(client: str, data: bytes):
    """What the client reads of a stream, every event of which is valid."""
    for event in payloads(data.decode()):
        STRICT[client].validate_python(event, strict=True)
    return said_by(decoded(client, data, 1 << 30))


@EVERY
def test_a_stream_says_the_same(proxy, scripted, client: str, provider: str) -> None:
    encoder = dialect(provider).encoder(id="c", model="m", created=1, include_usage=True)
    scripted.will_say(provider, encoder.encode(EVENTS) + encoder.end(), 7, stream=True)
    status, data = ask(proxy, client, provider, stream=True)
    assert status == 200, data
    said = told_to(client, data)
    assert (said.text, said.calls) == ("Hello wörld", [("look", {"at": "it"})])
    assert (said.finish, said.tokens) == ("tool_calls", (7, 5))


@EVERY
def test_a_whole_answer_says_the_same(proxy, scripted, client: str, provider: str) -> None:
    scripted.will_say(provider, dialect(provider).write_answer(assemble(EVENTS)), 99, stream=False)
    status, data = ask(proxy, client, provider, stream=False)
    assert status == 200, data
    told = orjson.loads(data)
    WHOLE[client].model_validate(told, strict=True)
    said = said_in(dialect(client).read_answer(told))
    assert (said.text, said.calls) == ("Hello wörld", [("look", {"at": "it"})])
    assert (said.finish, said.tokens) == ("tool_calls", (7, 5))


@EVERY
def test_a_refusal_is_told_in_the_clients_format(proxy, scripted, client, provider) -> None:
    words = "that cannot be answered here"
    body = dialect(provider).write_error(ClientError(400, words))
    scripted.will_say(provider, body, 99, stream=False)
    scripted.status = 400
    status, data = ask(proxy, client, provider, stream=True)
    assert status == 400
    told = orjson.loads(data)
    assert told["error"]["message"] == words
    assert (told.get("type") == "error") is (client == "anthropic")


@pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")
@pytest.mark.parametrize("size", [1 << 20, 64])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("provider", "kind"),
    [("openai", "chat"), ("anthropic", "messages"), ("responses", "responses")],
)
def test_recorded_streams_pass(proxy, scripted, client, provider, kind, size) -> None:
    played = 0
    for one in all_recorded(kind):
        body = one["response_body"].encode()
        foreign = one["provider"] in ("cohere", "ollama")
        if foreign or not one["stream"] or one["error_in_stream"] or len(body) > 60_000:
            continue
        events = decoded(provider, body, 1 << 30)
        if any(getattr(event, "choice", 0) for event in events):
            continue  # several choices, of which other formats have one
        first = said_by(events)
        if first.finish is None or not (first.text or first.calls or first.thought):
            continue  # cut off by its recorder
        scripted.will_say(provider, body, size, stream=True)
        status, data = ask(proxy, client, provider, stream=True)
        assert status == 200, (one["id"], data)
        played += 1
        if client == provider:  # byte for byte; an end mark is put where a provider forgot it
            assert data.removesuffix(b"data: [DONE]\n\n") == body.removesuffix(
                b"data: [DONE]\n\n"
            ), one["id"]
            continue
        said = told_to(client, data)
        assert (said.text, said.thought, said.calls) == (
            first.text, first.thought, first.calls,
        ), one["id"]  # fmt: skip
        if played >= 40:
            break
    assert played > 30
