"""Answers in Cohere's v2 format, from events and answers."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.chat import (
    Answer,
    Choice,
    Event,
    Finished,
    FinishReason,
    Json,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.dialect import Encoder
from proxy.errors import ClientError

_WORDS: dict[FinishReason, str] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
}


class CohereEncoder(Encoder):
    """Named events. A block ends where another begins; reason and counts come at the end."""

    __slots__ = ("_block", "_id", "_index", "_opened", "_reason", "_usage")

    def __init__(self, *, id: str) -> None:
        self._id = id
        self._opened = False
        self._block = ""  # text, thinking, or call and its number
        self._index = -1
        self._reason: FinishReason = "stop"
        self._usage: Usage | None = None

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        out: list[bytes] = []
        for event in events:
            match event:
                case Text(text=text) if text:
                    self._begin("text", {"content": {"type": "text", "text": ""}}, out)
                    out.append(self._delta("content", {"content": {"text": text}}, self._index))
                case Reasoning(text=text) if text:
                    block = {"content": {"type": "thinking", "thinking": ""}}
                    self._begin("thinking", block, out)
                    out.append(self._delta("content", {"content": {"thinking": text}}, self._index))
                case ToolCall():
                    self._call(event, out)
                case Finished(reason=reason):
                    self._reason = reason
                case Spent(usage=usage):
                    self._usage = usage
                case _:
                    pass
        return b"".join(out)

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume."""
        self._opened = True

    def end(self) -> bytes:
        """See Encoder.end."""
        out: list[bytes] = []
        self._open(out)
        self._close(out)
        delta: Json = {"finish_reason": _WORDS[self._reason]}
        if self._usage is not None:
            delta["usage"] = usage_json(self._usage)
        out.append(_event({"type": "message-end", "delta": delta}))
        out.append(b"data: [DONE]\n\n")
        return b"".join(out)

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        delta = {"finish_reason": "ERROR", "error": error.message}
        return _event({"type": "message-end", "delta": delta})

    def _open(self, out: list[bytes]) -> None:
        if not self._opened:
            self._opened = True
            message = {"role": "assistant", "content": [], "tool_calls": [], "citations": []}
            start = {"id": self._id, "type": "message-start", "delta": {"message": message}}
            out.append(_event(start))

    def _begin(self, block: str, message: Json, out: list[bytes]) -> None:
        if block != self._block:
            self._open(out)
            self._close(out)
            self._block = block
            self._index += 1
            out.append(self._part("content-start", message, self._index))

    def _call(self, event: ToolCall, out: list[bytes]) -> None:
        self._open(out)
        block = f"call {event.index}"
        if event.id or event.name:
            self._close(out)
            self._block = block
            function = {"name": event.name, "arguments": event.arguments}
            call = {"id": event.id, "type": "function", "function": function}
            out.append(self._part("tool-call-start", {"tool_calls": call}, event.index))
        else:
            call = {"function": {"arguments": event.arguments}}
            out.append(self._delta("tool-call", {"tool_calls": call}, event.index))

    def _close(self, out: list[bytes]) -> None:
        if self._block:
            kind, _, number = self._block.partition(" ")
            name = "tool-call-end" if kind == "call" else "content-end"
            index = int(number) if number else self._index
            out.append(_event({"type": name, "index": index}))
            self._block = ""

    def _delta(self, kind: str, message: Json, index: int) -> bytes:
        return self._part(f"{kind}-delta", message, index)

    def _part(self, name: str, message: Json, index: int) -> bytes:
        return _event({"type": name, "index": index, "delta": {"message": message}})


def _event(told: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (told["type"].encode(), orjson.dumps(told))


def usage_json(usage: Usage) -> Json:
    """Cohere's counts, with nothing billed apart."""
    told = {"input_tokens": usage.prompt, "output_tokens": usage.completion}
    tokens = {**told, "reasoning_tokens": usage.reasoning}
    return {"billed_units": told, "tokens": tokens, "cached_tokens": usage.cached}


def answer_json(answer: Answer) -> Json:
    """A whole answer. There is one choice."""
    choice = answer.choices[0] if answer.choices else Choice()
    content: list[Json] = []
    if choice.reasoning:
        content.append({"type": "thinking", "thinking": choice.reasoning})
    if choice.text:
        content.append({"type": "text", "text": choice.text})
    message: Json = {"role": "assistant", "content": content}
    if choice.calls:
        message["tool_calls"] = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.name, "arguments": one.arguments},
            }
            for one in choice.calls
        ]
    reason = _WORDS[choice.finish or "stop"]
    told: Json = {"id": answer.id, "message": message, "finish_reason": reason}
    if answer.usage is not None:
        told["usage"] = usage_json(answer.usage)
    return told
