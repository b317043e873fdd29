"""Answers in Bedrock's Converse format, from events and answers."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.chat import (
    REDACTED,
    Answer,
    Choice,
    Event,
    Extra,
    Finished,
    FinishReason,
    Json,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.content import json_object
from proxy.dialects.dialect import Encoder
from proxy.dialects.eventstream import frame
from proxy.errors import ClientError

_WORDS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}
_EXCEPTIONS = {
    400: "validationException",
    429: "throttlingException",
    503: "serviceUnavailableException",
}


class BedrockEncoder(Encoder):
    """Events of a Converse stream. A block ends where another begins."""

    __slots__ = ("_block", "_calls", "_index", "_opened", "_reason", "_usage")

    def __init__(self) -> None:
        self._opened = False
        self._block = ""
        self._calls: dict[int, int] = {}  # content blocks by call
        self._index = -1
        self._reason: FinishReason = "stop"
        self._usage: Usage | None = None

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        out: list[bytes] = []
        for event in events:
            match event:
                case Text(text=text) if text:
                    self._begin("text", None, out)
                    out.append(_delta({"text": text}, self._index))
                case Reasoning(text=text, signature=signature) if text or signature:
                    self._begin("thought", None, out)
                    if text:
                        out.append(_delta({"reasoningContent": {"text": text}}, self._index))
                    if signature:
                        out.append(
                            _delta({"reasoningContent": {"signature": signature}}, self._index)
                        )
                case Extra(field=field, value=thoughts) if field == REDACTED:
                    self._hide(thoughts, out)
                case ToolCall():
                    if event.id or event.name:
                        call = {"toolUseId": event.id, "name": event.name}
                        self._begin(f"call {event.index} {event.id}", {"toolUse": call}, out)
                        self._calls[event.index] = self._index
                    if event.arguments:
                        block = self._calls.get(event.index, self._index)
                        out.append(_delta({"toolUse": {"input": event.arguments}}, block))
                case Finished(reason=reason):
                    self._reason = reason
                case Spent(usage=usage):
                    self._usage = usage
                case _:
                    pass
        return b"".join(out)

    def _hide(self, thoughts: list[str], out: list[bytes]) -> None:
        for hidden in thoughts:
            self._close(out)
            self._begin("hidden", None, out)
            out.append(_delta({"reasoningContent": {"redactedContent": hidden}}, self._index))

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume."""
        self._opened = True

    def end(self) -> bytes:
        """See Encoder.end."""
        out: list[bytes] = []
        self._open(out)
        self._close(out)
        out.append(_event("messageStop", {"stopReason": _WORDS[self._reason]}))
        if self._usage is not None:
            out.append(_event("metadata", {"usage": usage_json(self._usage)}))
        return b"".join(out)

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        kind = _EXCEPTIONS.get(error.status, "internalServerException")
        headers = {":exception-type": kind, ":content-type": "application/json"}
        payload = orjson.dumps({"message": error.message})
        return frame({**headers, ":message-type": "exception"}, payload)

    def _open(self, out: list[bytes]) -> None:
        if not self._opened:
            self._opened = True
            out.append(_event("messageStart", {"role": "assistant"}))

    def _begin(self, block: str, start: Json | None, out: list[bytes]) -> None:
        if block != self._block:
            self._open(out)
            self._close(out)
            self._block = block
            self._index += 1
            if start is not None:
                told = {"contentBlockIndex": self._index, "start": start}
                out.append(_event("contentBlockStart", told))

    def _close(self, out: list[bytes]) -> None:
        if self._block:
            self._block = ""
            out.append(_event("contentBlockStop", {"contentBlockIndex": self._index}))


def _delta(delta: Json, block: int) -> bytes:
    return _event("contentBlockDelta", {"contentBlockIndex": block, "delta": delta})


def _event(kind: str, payload: Json) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, orjson.dumps(payload))


def usage_json(usage: Usage) -> Json:
    """The reverse of reading: what the cache held is told apart."""
    return {
        "inputTokens": usage.prompt - usage.cached - usage.cache_written,
        "outputTokens": usage.completion,
        "totalTokens": usage.total,
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.cache_written,
    }


def answer_json(answer: Answer) -> Json:
    """A whole answer. There is one choice."""
    choice = answer.choices[0] if answer.choices else Choice()
    content: list[Json] = []
    if choice.reasoning:
        thought = {"text": choice.reasoning}
        if choice.reasoning_signature:
            thought["signature"] = choice.reasoning_signature
        content.append({"reasoningContent": {"reasoningText": thought}})
    content.extend(
        {"reasoningContent": {"redactedContent": hidden}}
        for hidden in (choice.extra or {}).get(REDACTED) or ()
    )
    if choice.text:
        content.append({"text": choice.text})
    for one in choice.calls:
        call = {"toolUseId": one.id, "name": one.name, "input": json_object(one.arguments)}
        content.append({"toolUse": call})
    told: Json = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _WORDS[choice.finish or "stop"],
    }
    if answer.usage is not None:
        told["usage"] = usage_json(answer.usage)
    return told
