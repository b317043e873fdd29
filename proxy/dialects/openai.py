"""OpenAI chat completions: what clients send and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from proxy.chat import (
    REDACTED,
    Answer,
    Choice,
    Done,
    Event,
    Extra,
    Failed,
    Finished,
    Json,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.assemble import assemble
from proxy.dialects.checks import check_chat
from proxy.dialects.chunks import ChunkDecoder, answer_choices, read_delta
from proxy.dialects.citations import SOURCES, read_sources
from proxy.dialects.content import made_up_id
from proxy.dialects.dialect import Encoder
from proxy.dialects.openai_parse import parse_chat
from proxy.dialects.openai_render import render_chat
from proxy.dialects.shapes import (
    PLAIN,
    error_json,
    finish_of,
    read_error,
    usage_json,
    usage_of,
    write_error,
)
from proxy.errors import ClientError

_MESSAGE_EXTRAS = ("annotations", "images")  # told as fields of the message
_AFTER_WORD = b'"},"finish_reason":null}]}\n\n'


class ChunkEncoder(Encoder):
    """Chat chunks from events. The id, model and created of a stream never change."""

    __slots__ = ("_before", "_head", "_id", "_opened", "_usage", "_wants_usage")

    def __init__(self, *, id: str, model: str, created: int, include_usage: bool) -> None:
        fields = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._id = id
        self._head = orjson.dumps(fields)[:-1]
        self._before = b'data: %b,"choices":[{"index":0,"delta":{"content":' % self._head
        self._wants_usage = include_usage
        self._usage: Usage | None = None
        self._opened = False

    def encode(self, events: Sequence[Event]) -> bytes:
        """See Encoder.encode."""
        out: list[bytes] = []
        for event in events:
            if type(event) is Text and self._opened and not event.choice:
                words = orjson.dumps(event.text)
                out.append(b'%b%b},"finish_reason":null}]}\n\n' % (self._before, words))
                continue
            if not self._opened and not isinstance(event, Spent | Done | Failed):
                self._opened = True
                out.append(self._chunk({"role": "assistant", "content": ""}, 0))
            match event:
                case Text(text=text, choice=choice):
                    out.append(self._chunk({"content": text}, choice))
                case Reasoning(choice=choice):
                    out.append(self._chunk(_thought(event.text, event.signature), choice))
                case Extra():
                    self._extra(event, out)
                case ToolCall():
                    out.append(self._chunk({"tool_calls": [self._call(event)]}, event.choice))
                case Finished(reason=reason, choice=choice):
                    out.append(self._chunk({}, choice, reason))
                case Spent(usage=usage):
                    self._usage = usage
                case _:
                    pass
        return out[0] if len(out) == 1 else b"".join(out)

    def _extra(self, event: Extra, out: list[bytes]) -> None:
        field, value, choice = event.field, event.value, event.choice
        if field in _MESSAGE_EXTRAS:
            out.append(self._chunk({field: value}, choice))
        elif field == REDACTED:
            out.append(self._chunk({"reasoning_details": _hidden(value)}, choice))
        elif field == "logprobs":
            out.append(self._chunk({}, choice, logprobs=value))
        elif field in SOURCES:
            out.append(self._chunk({}, choice)[:-3])
            out.append(b',"%b":%b}\n\n' % (field.encode(), orjson.dumps(value)))

    def around(self, event: Event) -> tuple[bytes, bytes] | None:
        """See Encoder.around."""
        if not self._opened:
            return None
        if type(event) is Text:
            return self._before + b'"', _AFTER_WORD
        field = b'data: %b,"choices":[{"index":0,"delta":{"reasoning_content":"'
        return field % self._head, _AFTER_WORD

    def resume(self, sent: bytes) -> None:
        """See Encoder.resume."""
        self._opened = True

    def end(self) -> bytes:
        """See Encoder.end."""
        last = b""
        if self._wants_usage and self._usage is not None:
            usage = orjson.dumps(usage_json(self._usage))
            last = b'data: %b,"choices":[],"usage":%b}\n\n' % (self._head, usage)
        return last + b"data: [DONE]\n\n"

    def fail(self, error: ClientError) -> bytes:
        """See Encoder.fail."""
        return b"data: %b\n\n" % orjson.dumps(error_json(error))

    def _call(self, call: ToolCall) -> Json:
        function: Json = {"arguments": call.arguments}
        shown: Json = {"index": call.index, "function": function}
        if call.id or call.name:
            call_id = call.id or made_up_id(self._id, call.choice, call.index)
            shown = {"index": call.index, "id": call_id, "type": "function", "function": function}
            function["name"] = call.name
        return _signed(shown, call.signature)

    def _chunk(
        self, delta: Json, choice: int, reason: str | None = None, logprobs: Any = None
    ) -> bytes:
        told: Json = {"index": choice, "delta": delta, "finish_reason": reason}
        if logprobs is not None:
            told["logprobs"] = logprobs
        return b'data: %b,"choices":[%b]}\n\n' % (self._head, orjson.dumps(told))


def _thought(text: str, signature: str) -> Json:
    """What was thought; with the proof that its provider wants back, as OpenRouter tells it."""
    told: Json = {"reasoning_content": text} if text or not signature else {}
    if signature:
        detail = {"type": "reasoning.text", "text": text, "signature": signature}
        told["reasoning_details"] = [detail]
    return told


def _hidden(thoughts: list[str]) -> list[Json]:
    """Thoughts that their provider encrypted, as OpenRouter tells them."""
    return [{"type": "reasoning.encrypted", "data": one} for one in thoughts]


def _signed(call: Json, signature: str) -> Json:
    if signature:
        call["extra_content"] = {"google": {"thought_signature": signature}}
    return call


class OpenAI:
    """Chat completions."""

    name = "openai"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = PLAIN

    check = staticmethod(check_chat)
    parse = staticmethod(parse_chat)
    render = staticmethod(render_chat)
    decoder = ChunkDecoder
    encoder = ChunkEncoder

    def read_answer(self, body: Any) -> Answer:
        """See Dialect.read_answer."""
        choices = answer_choices(body)
        sources: list[Event] = []
        read_sources(body, sources)
        return Answer(
            str(body.get("id") or ""),
            str(body.get("model") or ""),
            body["created"] if isinstance(body.get("created"), int) else 0,
            tuple(_read_choice(choice, sources) for choice in choices),
            usage_of(body.get("usage")),
        )

    def write_answer(self, answer: Answer) -> bytes:
        """See Dialect.write_answer."""
        body: Json = {
            "id": answer.id,
            "object": "chat.completion",
            "created": answer.created,
            "model": answer.model,
            "choices": [
                {
                    "index": index,
                    "message": _message(choice, answer.id),
                    "logprobs": (choice.extra or {}).get("logprobs"),
                    "finish_reason": choice.finish or "stop",
                }
                for index, choice in enumerate(answer.choices)
            ],
        }
        if answer.usage is not None:
            body["usage"] = usage_json(answer.usage)
        extra = (answer.choices[0].extra if answer.choices else None) or {}
        body.update({name: extra[name] for name in SOURCES if name in extra})
        return orjson.dumps(body)

    read_error = staticmethod(read_error)
    write_error = staticmethod(write_error)


def _read_choice(choice: Json, sources: list[Event]) -> Choice:
    events = [*sources]
    message = choice.get("message")
    if isinstance(message, dict):
        read_delta(message, 0, events)
        for place, call in enumerate(one for one in events if isinstance(one, ToolCall)):
            call.index = place  # what a whole answer numbers is no guide
    if choice.get("logprobs"):
        events.append(Extra("logprobs", choice["logprobs"]))
    return replace(assemble(events).choices[0], finish=finish_of(choice.get("finish_reason")))


def _message(choice: Choice, answer: str) -> Json:
    message: Json = {"role": "assistant", "content": choice.text or None, "refusal": None}
    if choice.reasoning or choice.reasoning_signature:
        message.update(_thought(choice.reasoning, choice.reasoning_signature))
    extra = choice.extra or {}
    if REDACTED in extra:
        details = [*message.get("reasoning_details", ()), *_hidden(extra[REDACTED])]
        message["reasoning_details"] = details
    message.update({name: extra[name] for name in _MESSAGE_EXTRAS if extra.get(name)})
    if choice.calls:
        message["tool_calls"] = [
            _signed(
                {
                    "id": call.id or made_up_id(answer, place),
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                },
                call.signature,
            )
            for place, call in enumerate(choice.calls)
        ]
    elif not choice.text:
        message["content"] = ""
    return message
