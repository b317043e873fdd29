"""Every recorded stream, through the relay, as each client's format tells it."""

from __future__ import annotations

import pytest
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from proxy.chat import Failed, Finished, Reasoning, Spent, Text, ToolCall
from proxy.dialects.registry import dialect
from tests.dialects.recorded import payloads
from tests.dialects.recordings import WIRE, body_of, decoded, recorded
from tests.upstream.test_translated_tokens import relayed

pytestmark = pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")

STRICT = {
    "openai": TypeAdapter(ChatCompletionChunk),
    "anthropic": TypeAdapter(RawMessageStreamEvent),
    "responses": TypeAdapter(ResponseStreamEvent),
}
# kind of recording -> its dialect; a chat is OpenAI's but at these
KINDS = {"chat": "openai", "messages": "anthropic", "responses": "responses",
         "generate": "gemini", "converse": "bedrock"}  # fmt: skip
CHATS = {"ollama": "ollama", "cohere": "cohere"}
LONGEST_BYTES = 12_000  # of a stream here; the whole of them passes too, in 12 s of CPU


def streams():
    for folder in sorted(path.name for path in WIRE.iterdir() if path.is_dir()):
        for one in recorded((folder,), tuple(KINDS)):
            spoken = KINDS[one["kind"]]
            if one["kind"] == "chat":
                spoken = CHATS.get(folder, spoken)
            body = body_of(one) if one["stream"] else b""
            if body and len(body) <= LONGEST_BYTES and one["path"] != "/v1/chat":
                yield one["id"], spoken, body


def gist(events) -> dict:
    """What these events say: text, thought, calls with their arguments as written, the end."""
    said = {"text": "", "thought": "", "calls": {}, "finish": None, "tokens": None}
    for event in events:
        match event:
            case Text(text=text):
                said["text"] += text
            case Reasoning(text=text):
                said["thought"] += text
            case ToolCall():
                name, arguments = said["calls"].get(event.index, ("", ""))
                said["calls"][event.index] = (name + event.name, arguments + event.arguments)
            case Finished(reason=reason):
                said["finish"] = reason
            case Spent(usage=usage):
                said["tokens"] = (usage.prompt, usage.completion)
    said["calls"] = [call for _, call in sorted(said["calls"].items())]
    if said["calls"] and said["finish"] == "stop":
        said["finish"] = "tool_calls"  # what OpenAI calls stop where a call was demanded by name
    return said


@pytest.mark.parametrize("client", sorted(STRICT))
def test_what_was_recorded_reaches_every_client(client: str) -> None:
    told = 0
    for name, spoken, body in streams():
        events = decoded(spoken, body, 1 << 30)
        first = gist(events)
        several = any(getattr(event, "choice", 0) for event in events)
        broken = any(isinstance(event, Failed) for event in events)
        if broken or several or first["finish"] is None or spoken == client:
            continue
        size = (7, 64, 1 << 20)[told % 3]
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        if told % 3 == 2:  # an event at a time: the way it comes from a provider
            pieces = [frame.raw for frame in dialect(spoken).decoder().feed(body)]
        sent, kept = relayed(client, spoken, pieces)
        assert sent == kept, name
        for event in payloads(sent.decode()):
            STRICT[client].validate_python(event, strict=True)
        found = gist(decoded(client, sent, 1 << 30))
        if first["tokens"] is None:
            del first["tokens"], found["tokens"]  # some clients are always told a number
        assert found == first, name
        told += 1
    assert told > 120
