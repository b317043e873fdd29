"""Recorded traffic between formats: answers to every client, requests to every provider."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from proxy.chat import CallPart, ChatRequest, FilePart, ResultPart, TextPart
from proxy.dialects.assemble import assemble, events_of
from proxy.dialects.content import words_of
from proxy.dialects.registry import dialect
from proxy.errors import ClientError
from tests.dialects.recordings import WIRE, body_of, decoded, recorded, said_by, said_in

pytestmark = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")

PROVIDERS = {
    "gemini": (("gemini", "vertex"), ("generate",)),
    "ollama": (("ollama",), ("chat",)),
    "cohere": (("cohere",), ("chat",)),
    "bedrock": (("bedrock",), ("converse",)),
}
CLIENTS = {
    "openai": (("openai", "azure", "openrouter"), ("chat",)),
    "anthropic": (("anthropic",), ("messages",)),
    "responses": (("openai", "xai"), ("responses",)),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_is_the_same_for_every_client(provider: str, client: str) -> None:
    told = 0
    for one in recorded(*PROVIDERS[provider]):
        if one["path"] == "/v1/chat":  # Cohere's first interface is not spoken
            continue
        if one["stream"]:
            events = decoded(provider, body_of(one), 1 << 30)
        else:
            answer = dialect(provider).read_answer(orjson.loads(one["response_body"]))
            events = events_of(answer)
        encoder = dialect(client).encoder(id="c", model="m", created=1, include_usage=True)
        stream = b"".join(encoder.encode([event]) for event in events) + encoder.end()
        assert said_by(decoded(client, stream, 1 << 30)) == said_by(events), one["id"]
        whole = orjson.loads(dialect(client).write_answer(assemble(events)))
        assert said_in(dialect(client).read_answer(whole)) == said_by(events), one["id"]
        told += 1
    assert told >= 9


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_request_is_the_same_for_every_provider(provider: str, client: str) -> None:
    told = 0
    for one in recorded(*CLIENTS[client]):
        if one["request_body_truncated"] or not one["request_body"].startswith("{"):
            continue
        body = orjson.loads(one["request_body"])
        try:
            dialect(client).check(body)
            request = dialect(client).parse(body)
        except ClientError:
            continue  # refused before anything is rendered
        rendered = dialect(provider).render(request, "m")
        again = dialect(provider).parse({"model": "m", **orjson.loads(orjson.dumps(rendered.body))})
        assert said_in_request(again) == said_in_request(request), one["id"]
        assert [tool.name for tool in again.tools][: len(request.tools)] == [
            tool.name for tool in request.tools
        ] or request.tool_choice not in (None, "auto", "required"), one["id"]
        streamed = dialect(provider).render(replace(request, stream=True), "m")
        plain = dialect(provider).render(replace(request, stream=False), "m")
        assert streamed != plain
        told += 1
    assert told >= 40


def said_in_request(request: ChatRequest):
    """Its words, calls and results, whoever says them, whatever stands between."""
    words, calls, results = [], [], []
    for message in request.messages:
        for part in message.parts:
            match part:
                case TextPart(text=text):
                    words.append(text.strip())
                case FilePart():
                    words.append(words_of(part) or "")
                case CallPart():
                    calls.append((part.name, orjson.loads(part.arguments or "{}")))
                case ResultPart():
                    text = "".join(one.text for one in part.content if isinstance(one, TextPart))
                    results.append(text.strip())
    found = "\n".join(words)
    for mark in ("[image", "[file", "[audio", "Answer with one JSON"):
        found = "\n".join(line for line in found.split("\n") if not line.startswith(mark))
    kept = [line.strip() for line in found.split("\n") if line.strip() not in ("", ".")]
    return sorted(kept), calls, [one.replace("(nothing)", "") for one in results]
