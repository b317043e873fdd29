"""Recorded exchanges, where they lie beside the checkout, and what both readings of one yield."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import orjson
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.chat import Failed, Finished, Reasoning, Spent, Text, ToolCall
from proxy.dialects.registry import dialect

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"
SIZES = [0, 1, 7, 64, 1 << 30]  # 0: an event at a time


@dataclass
class Said:
    """What an answer says. calls: name and parsed arguments; tokens: prompt, completion."""

    text: str = ""
    thought: str = ""
    calls: list = field(default_factory=list)
    finish: str | None = None
    tokens: tuple[int, int] | None = None
    failed: bool = False


@cache
def recorded(providers: tuple[str, ...], kinds: tuple[str, ...], status: int = 200) -> list[dict]:
    found = []
    for provider in providers:
        for path in sorted((WIRE / provider).glob(f"*-{status}-*.json")):
            one = orjson.loads(path.read_bytes())
            if one["kind"] in kinds:
                found.append(one)
    return found


def body_of(one: dict) -> bytes:
    if one.get("response_body_b64"):
        return base64.b64decode(one["response_body_b64"])
    return one["response_body"].encode()


def arguments(text: str):
    return orjson.loads(text) if text else {}


def decoded(name: str, body: bytes, size: int):
    """Every event of a stream that comes in pieces of this size; its bytes are all there."""
    if size:
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
    else:
        pieces = [frame.raw for frame in dialect(name).decoder().feed(body)]
        pieces.append(body[sum(map(len, pieces)) :])
    decoder = dialect(name).decoder()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.close()
    assert b"".join(frame.raw for frame in frames) == body
    return [event for frame in frames for event in frame.events]


def said_by(events) -> Said:
    said = Said()
    calls: dict[int, list[str]] = {}
    for event in events:
        match event:
            case Text(text=text):
                said.text += text
            case Reasoning(text=text):
                said.thought += text
            case ToolCall():
                call = calls.setdefault(event.index, ["", "", ""])
                call[0] += event.id
                call[1] += event.name
                call[2] += event.arguments
            case Finished(reason=reason):
                said.finish = reason
            case Spent(usage=usage):
                said.tokens = (usage.prompt, usage.completion)
            case Failed():
                said.failed = True
    assert all(call[0] for call in calls.values())
    said.calls = [(call[1], arguments(call[2])) for _, call in sorted(calls.items())]
    return said


def said_in(answer) -> Said:
    choice = answer.choices[0]
    assert all(call.id for call in choice.calls)
    tokens = answer.usage and (answer.usage.prompt, answer.usage.completion)
    calls = [(call.name, arguments(call.arguments)) for call in choice.calls]
    return Said(choice.text, choice.reasoning, calls, choice.finish, tokens)


def check_chunks(events) -> None:
    """What an OpenAI client reads of these events fits the openai package's types."""
    encoder = dialect("openai").encoder(id="c", model="m", created=1, include_usage=True)
    stream = encoder.encode(events) + encoder.end()
    for chunk in stream.split(b"\n\n")[:-2]:
        ChatCompletionChunk.model_validate(orjson.loads(chunk[6:]), strict=True)


def check_completion(answer) -> None:
    """The same for a whole answer."""
    body = orjson.loads(dialect("openai").write_answer(answer))
    ChatCompletion.model_validate(body, strict=True)
