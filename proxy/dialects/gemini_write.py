"""Responses in Gemini's format, from events and answers."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.chat import (
    Answer,
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
from proxy.dialects.content import json_object
from proxy.dialects.dialect import Encoder
from proxy.errors import ClientError

_WORDS: dict[FinishReason, str] = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}


class GeminiEncoder(Encoder):
    """Events of a stream with alt=sse. Calls are told whole; reasons and counts at the end."""

    __slots__ = ("_calls", "_head", "_reasons", "_usage")

    def __init__(self, *, id: str, model: str) -> None:
        self._head = orjson.dumps({"responseId": id, "modelVersion": model})[:-1]
        self._calls: dict[tuple[int, int], list[str]] = {}
        self._reasons: dict[int, FinishReason] = {}
        self._usage: Usage | None = None

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        out: list[bytes] = []
        for event in events:
            match event:
                case Text(text=text, choice=choice):
                    out.append(self._chunk([candidate_json([{"text": text}], choice)]))
                case Reasoning(text=text, choice=choice) if text:
                    part = {"text": text, "thought": True}
                    out.append(self._chunk([candidate_json([part], choice)]))
                case ToolCall():
                    key = (event.choice, event.index)
                    call = self._calls.setdefault(key, ["", "", "", ""])
                    call[0] = call[0] or event.id
                    call[1] = call[1] or event.name
                    call[2] += event.arguments
                    call[3] = call[3] or event.signature
                case Finished(reason=reason, choice=choice):
                    self._reasons[choice] = reason
                case Spent(usage=usage):
                    self._usage = usage
                case _:
                    pass
        return b"".join(out)

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume: nothing opens a stream of responses."""

    def end(self) -> bytes:
        """See Encoder.end."""
        last = []
        for choice in sorted({0, *self._reasons, *(choice for choice, _ in self._calls)}):
            calls = [
                call_json(*one) for (of, _), one in sorted(self._calls.items()) if of == choice
            ]
            last.append(candidate_json(calls, choice, self._reasons.get(choice, "stop")))
        return self._chunk(last, self._usage)

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        return b"data: %b\r\n\r\n" % orjson.dumps(error_json(error))

    def _chunk(self, candidates: list[Json], usage: Usage | None = None) -> bytes:
        rest: Json = {"candidates": candidates}
        if usage is not None:
            rest["usageMetadata"] = usage_json(usage)
        return b"data: %b,%b\r\n\r\n" % (self._head, orjson.dumps(rest)[1:])


def candidate_json(parts: list[Json], choice: int, reason: FinishReason | None = None) -> Json:
    """One candidate of a response."""
    told: Json = {"content": {"parts": parts, "role": "model"}, "index": choice}
    if reason is not None:
        told["finishReason"] = _WORDS.get(reason, "STOP")
    return told


def call_json(id: str, name: str, arguments: str, signature: str = "") -> Json:
    """A call as a part."""
    part: Json = {"functionCall": {"id": id, "name": name, "args": json_object(arguments)}}
    if signature:
        part["thoughtSignature"] = signature
    return part


def usage_json(usage: Usage) -> Json:
    """The reverse of usage_of."""
    return {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.completion - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cached,
        "totalTokenCount": usage.total,
    }


_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_json(error: ClientError) -> Json:
    """Google's error object."""
    word = _STATUS.get(error.status, "INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
    return {"error": {"code": error.status, "message": error.message, "status": word}}


def answer_json(answer: Answer) -> Json:
    """A whole response."""
    candidates = []
    for index, choice in enumerate(answer.choices):
        parts: list[Json] = []
        if choice.reasoning:
            parts.append({"text": choice.reasoning, "thought": True})
        if choice.text:
            parts.append({"text": choice.text})
        parts.extend(
            call_json(one.id, one.name, one.arguments, one.signature) for one in choice.calls
        )
        candidates.append(candidate_json(parts, index, choice.finish or "stop"))
    told: Json = {"responseId": answer.id, "modelVersion": answer.model, "candidates": candidates}
    if answer.usage is not None:
        told["usageMetadata"] = usage_json(answer.usage)
    return told
